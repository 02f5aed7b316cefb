/** Looking into a kernel from the command line: watched tensors, prints of the device, wrong elements, and what a compiler refuses. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pythonAvailable } from "@opentrn/nki";
import type { RunReport } from "@opentrn/runtime";
import { afterAll, describe, expect, test } from "vitest";
import { trn } from "./testing.ts";

const folder = mkdtempSync(join(tmpdir(), "opentrn-"));
afterAll(() => rmSync(folder, { recursive: true }));
const put = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const header = "import nki\nimport nki.isa as nisa\nimport nki.language as nl\n\n";
const kernel = put(
  "scale.py",
  `${header}@nki.jit
def scale(a):
    out = nl.ndarray(a.shape, dtype=a.dtype, buffer=nl.shared_hbm)
    for i in range(2):
        t = nl.ndarray((2, 2), dtype=nl.float32, buffer=nl.sbuf, name="tile")
        nisa.dma_copy(dst=t, src=a[2 * i : 2 * i + 2, :])
        u = nl.ndarray((2, 2), dtype=nl.float32, buffer=nl.sbuf)
        nisa.activation(dst=u, data=t, op=nl.copy, scale=2.0 if i == 0 else 3.0)
        nl.device_print("scaled", u)
        nisa.dma_copy(dst=out[2 * i : 2 * i + 2, :], src=u)
    return out
`,
);
const reference = put(
  "reference.ts",
  "export const twice = (a: { data: Float64Array }) => a.data.map((x) => 2 * x);\n",
);
const run = (...more: string[]) =>
  trn(["run", `${kernel}:scale`, "--arg", "a=4x2:float32:arange", "--no-timing", ...more]);
const report = async (...more: string[]): Promise<RunReport> =>
  JSON.parse((await run(...more, "--json")).out) as RunReport;

describe.skipIf(!pythonAvailable())("trn run", () => {
  test("--watch by name: every write, in order", async () => {
    const { watch } = await report("--watch", "tile");
    expect(watch).toMatchObject({ count: 2, omitted: 0 });
    expect(watch?.writes).toMatchObject([
      { instruction: "dma_copy", file: kernel, line: 10, slice: "tile[0:2, 0:2]", mean: 1.5 },
      { instruction: "dma_copy", line: 10, min: 4, max: 7, nan: 0, values: [4, 5, 6, 7] },
    ]);
    const { out } = await run("--watch", "tile");
    expect(out).toContain(
      " watch    2 writes\n          scale.py:10 dma_copy  tile[0:2, 0:2]\n            min 0  max 3  mean 1.5  [0 1 2 3]\n",
    );
  });

  test("--watch by the line that makes the tensor, or by one that writes it", async () => {
    for (const line of ["scale.py:11", "scale.py:12"]) {
      const { watch } = await report("--watch", line);
      expect(watch?.writes.map((w) => [w.instruction, w.max])).toEqual([
        ["activation", 6],
        ["activation", 21],
      ]);
    }
    const both = await report("--watch", "tile", "--watch", "out");
    expect(both.watch?.writes.map((w) => w.line)).toEqual([10, 14, 10, 14]);
  });

  test("--watch of what is not there lists what is", async () => {
    const wrong = await run("--watch", "tyle");
    expect(wrong.code).toBe(2);
    expect(wrong.err).toMatch(/--watch tyle names no tensor; there are out, a, .*tile/);
    expect((await run("--watch", "scale.py:1")).err).toMatch(/makes or writes no tensor/);
    expect((await run("--watch", "tile", "--timing-only")).code).toBe(2);
  });

  test("a failing check names the instructions behind the first wrong element", async () => {
    const check = ["--check", `${reference}:twice`];
    const { outputs } = await report(...check);
    const first = outputs[0]?.check?.first_wrong;
    expect(first).toMatchObject({ index: [2, 0], got: 12, expected: 8 });
    expect(first?.written_by).toMatchObject([
      { instruction: "dma_copy", line: 14, space: "hbm", element: 0 },
      { instruction: "activation", file: kernel, line: 12, space: "sbuf", made_at: { line: 11 } },
    ]);
    const { code, out } = await run(...check);
    expect(code).toBe(1);
    expect(out).toMatch(
      /\[2, 0\] got 12, expected 8\n +written by dma_copy scale.py:14 .*\[2:4, 0:2\] in hbm\n +copied from activation scale.py:12 .*\[0:2, 0:2\] in sbuf\n/,
    );
  });

  test("device_print shows rows of values", async () => {
    const { prints } = await report();
    expect(prints.map((p) => [p.prefix, p.dtype, p.shape, p.values])).toEqual([
      ["scaled", "float32", [2, 2], [0, 2, 4, 6]],
      ["scaled", "float32", [2, 2], [12, 15, 18, 21]],
    ]);
    const { out } = await run();
    expect(out).toContain(
      " print    scaled float32[2,2]\n            [0 2]\n            [4 6]\n print    scaled float32[2,2]\n            [12 15]\n",
    );
  });

  test("not-a-number stays visible in JSON", async () => {
    const file = put(
      "nan.py",
      `${header}@nki.jit
def nan(a):
    t = nl.load(a)
    nisa.activation(dst=t, data=t, op=nl.log)
    nl.device_print("t", t)
    out = nl.ndarray(a.shape, dtype=a.dtype, buffer=nl.shared_hbm, name="out")
    nl.store(out, t)
    return out
`,
    );
    const argv = ["run", `${file}:nan`, "--arg", "a=1x2:float32:full(-1)", "--watch", "out"];
    const { prints, watch } = JSON.parse((await trn([...argv, "--json"])).out) as RunReport;
    expect(prints[0]?.values).toEqual(["NaN", "NaN"]);
    expect(watch?.writes[0]).toMatchObject({ nan: 2, min: "NaN", values: ["NaN", "NaN"] });
    expect((await trn(argv)).out).toMatch(/\[NaN NaN\][\s\S]*2 NaN {2}\[NaN NaN\]/);
  });
});

describe.skipIf(!pythonAvailable())("what the compiler refuses", () => {
  const bad = put(
    "bad.py",
    `${header}@nki.jit
def bad(a, *, n=1):
    out = nl.ndarray(a.shape, dtype=a.dtype, buffer=nl.shared_hbm)
    for t in [nl.load(a) for _ in range(n)]:
        nl.store(out, t)
    return out
`,
  );
  const argv = ["run", `${bad}:bad`, "--arg", "a=2x2:float32:ones", "--no-timing"];

  test("is a warning of the run, at the user's line", async () => {
    const { code, out } = await trn([...argv, "--json"]);
    expect(code).toBe(0);
    expect((JSON.parse(out) as RunReport).warnings).toMatchObject([
      { rule: "lint keyword-only", file: bad, line: 6 },
      { rule: "lint comprehension", file: bad, line: 8 },
    ]);
    expect((await report()).warnings).toEqual([]);
  });

  test("is an error with --strict", async () => {
    const { code, out, err } = await trn([...argv, "--strict", "--json"]);
    expect(code).toBe(2);
    expect(JSON.parse(out)).toMatchObject({
      error: { category: "invalid program", rule: "lint keyword-only", file: bad, line: 6 },
    });
    expect(err).toMatch(/and 1 more; trn lint lists all\) \(.*bad.py:6\)\n$/);
    expect((await run("--strict")).code).toBe(0);
  });

  test("trn lint lists it without running anything", async () => {
    const found = await trn(["lint", bad]);
    expect(found.code).toBe(1);
    expect(found.out).toMatch(/bad.py:6:1: .*\n.*bad.py:8:14: .*\n2 findings\n/);
    const json = JSON.parse((await trn(["lint", `${bad}:bad`, "--json"])).out) as object;
    expect(json).toMatchObject({ kernel: "bad", warnings: [{ line: 6 }, { line: 8 }] });
    expect(await trn(["lint", kernel])).toMatchObject({ code: 0, out: "0 findings\n" });
    expect(await trn(["lint", join(folder, "none.py")])).toMatchObject({ code: 2 });
  });
});
