/** A compiled function written as NKI Python and run by the Python host gives the bytes of the linked Program. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chipNamed } from "@opentrn/chips";
import { bytesOfTensor, compile, link, pythonFile } from "@opentrn/compiler";
import * as ir from "@opentrn/ir";
import { saveProgram } from "@opentrn/isa";
import { forward, presetConfig } from "@opentrn/models";
import { writeNpy } from "@opentrn/runtime";
import { expect, test } from "vitest";
import { trn } from "./testing.ts";

const { func, tensor } = ir;

const tables = func(
  "embed",
  { table: tensor([90, 640]), ids: tensor([640], "int32"), w: tensor([384, 640]) },
  ({ table, ids, w }) => {
    const rows = ir.takeRows(table, ids);
    const y = ir.dotGeneral(rows, w, { contracting: [[1], [1]], dtype: "float32" });
    return [ir.transpose(y, [1, 0]), ir.addRows(table, ids, rows)];
  },
);
const model = forward(
  { ...presetConfig("tiny-llama"), layers: 1 },
  { batch: 2, seq: 130, computeDtype: "bfloat16", weightDtype: "float32" },
).fn;

const cases: Readonly<Record<string, ir.Func>> = {
  "embedding, product, scatter": tables,
  "a layer of a Llama with its embedding and logits": model,
};

/** Files of small numbers for every parameter, as `NAME=@FILE` under the names that `nameOf` gives. */
function files(folder: string, fn: ir.Func): (nameOf: (name: string) => string) => string[] {
  const paths = fn.params.map((v, i) => {
    const { shape, dtype } = v.type;
    const n = ir.sizeOf(shape);
    const data =
      dtype === "int32"
        ? Int32Array.from({ length: n }, (_, k) => (k * 31) % 90)
        : Float32Array.from({ length: n }, (_, k) => Math.sin(k * (i + 1)) / 8);
    const path = join(folder, `${i}.npy`);
    writeFileSync(path, writeNpy({ dtype, shape, bytes: bytesOfTensor({ type: v.type, data }) }));
    return [ir.parameterName(v), path] as const;
  });
  return (nameOf) => paths.flatMap(([name, path]) => ["--arg", `${nameOf(name)}=@${path}`]);
}

test.each(Object.entries(cases))(
  "%s",
  async (_, fn) => {
    const plan = compile(fn, { chip: chipNamed("trn2") });
    const { text, kernel, constants } = pythonFile(plan);
    expect(constants).toEqual([]);
    const folder = mkdtempSync(join(tmpdir(), "opentrn-"));
    const [python, program] = [join(folder, "made.py"), join(folder, "made.otrn")];
    writeFileSync(python, text);
    writeFileSync(program, saveProgram(link(plan)));
    const args = files(folder, fn);
    const hashes = async (file: string, given: string[]): Promise<readonly unknown[]> => {
      const { code, out, err } = await trn(["run", file, ...given, "--json"]);
      expect(err).toBe("");
      expect(code).toBe(0);
      const report = JSON.parse(out) as { outputs: readonly { sha256: string }[] };
      return report.outputs.map((o) => o.sha256);
    };
    const expected = await hashes(
      program,
      args((name) => name),
    );
    expect(expected).toHaveLength(fn.results.length);
    const found = await hashes(
      `${python}:${kernel}`,
      args((name) => name.replaceAll(".", "_")),
    );
    expect(found).toEqual(expected);
    // Straight-line text would be several times as long.
    expect(text).toMatch(/for i in range/);
  },
  60_000,
);
