/** A compiled function written as NKI Python and run by the Python host gives the bytes of the linked Program. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chipNamed } from "@opentrn/chips";
import { compile, link, pythonFile } from "@opentrn/compiler";
import * as ir from "@opentrn/ir";
import { saveProgram } from "@opentrn/isa";
import { expect, test } from "vitest";
import { trn } from "./testing.ts";

const { func, tensor } = ir;
const bf16 = "bfloat16";

const cases: Readonly<Record<string, readonly [ir.Func, readonly string[]]>> = {
  "embedding, product, scatter": [
    func(
      "embed",
      { table: tensor([90, 640], bf16), ids: tensor([640], "int32"), w: tensor([384, 640], bf16) },
      ({ table, ids, w }) => {
        const rows = ir.takeRows(table, ids);
        const y = ir.dotGeneral(rows, w, { contracting: [[1], [1]], dtype: "float32" });
        return [ir.transpose(y, [1, 0]), ir.addRows(table, ids, rows)];
      },
    ),
    ["table=90x640:bfloat16:normal", "ids=640:int32", "w=384x640:bfloat16:normal"],
  ],
};

test.each(Object.entries(cases))(
  "%s",
  async (_, [fn, given]) => {
    const plan = compile(fn, { chip: chipNamed("trn2") });
    const { text, kernel, constants } = pythonFile(plan);
    expect(constants).toEqual([]);
    const folder = mkdtempSync(join(tmpdir(), "opentrn-"));
    const [python, program] = [join(folder, "made.py"), join(folder, "made.otrn")];
    writeFileSync(python, text);
    writeFileSync(program, saveProgram(link(plan)));
    const args = [...given.flatMap((a) => ["--arg", a]), "--json"];
    const hashes = async (file: string): Promise<readonly unknown[]> => {
      const { code, out, err } = await trn(["run", file, ...args]);
      expect(err).toBe("");
      expect(code).toBe(0);
      const report = JSON.parse(out) as { outputs: readonly { sha256: string }[] };
      return report.outputs.map((o) => o.sha256);
    };
    const expected = await hashes(program);
    expect(expected).toHaveLength(fn.results.length);
    expect(await hashes(`${python}:${kernel}`)).toEqual(expected);
    // Straight-line text would be several times as long.
    expect(text).toMatch(/for i in range/);
  },
  30_000,
);
