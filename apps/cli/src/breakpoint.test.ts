/** `breakpoint()` in a kernel of `trn run`: the debugger reads the user's standard input and shows real values. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pythonAvailable } from "@opentrn/nki";
import { afterAll, expect, test } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "opentrn-"));
afterAll(() => rmSync(folder, { recursive: true }));

test.skipIf(!pythonAvailable())("breakpoint() shows the values of tensors", () => {
  const file = join(folder, "stops.py");
  writeFileSync(
    file,
    `import nki
import nki.language as nl

@nki.jit
def stops(a):
    t = nl.load(a)
    breakpoint()
    out = nl.ndarray(a.shape, dtype=a.dtype, buffer=nl.shared_hbm)
    nl.store(out, t)
    return out
`,
  );
  const bin = join(import.meta.dirname, "../bin/trn.mjs");
  const argv = [bin, "run", `${file}:stops`, "--arg", "a=1x3:float32:arange", "--json"];
  const done = spawnSync(process.execPath, argv, {
    input: "p t\nc\n",
    encoding: "utf8",
  });
  expect(done.stderr).toContain("(Pdb) NkiTensor((1, 3), float32, sbuf)\n[[0 1 2]]\n");
  expect(done.status, done.stderr).toBe(0);
  expect(JSON.parse(done.stdout)).toMatchObject({ kernel: "stops" });
});
