import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { pythonAvailable, pythonCommand } from "./cpython.ts";

const root = fileURLToPath(new URL("../../../../", import.meta.url));

test.skipIf(!pythonAvailable())("the Python package passes its own tests", () => {
  // The engine and the generated module are bundled from the sources as they are now.
  const built = spawnSync(process.execPath, ["scripts/build-python.mjs", "--no-snapshot"], {
    cwd: root,
    encoding: "utf8",
  });
  expect(built.status, built.stderr).toBe(0);
  const run = spawnSync(pythonCommand(), ["-m", "unittest", "discover", "-s", "tests"], {
    cwd: `${root}python`,
    encoding: "utf8",
    env: { ...process.env, OPENTRN_NODE: process.execPath, PYTHONDONTWRITEBYTECODE: "1" },
  });
  expect(run.status, run.stderr).toBe(0);
  expect(run.stderr).toMatch(/Ran \d\d+ tests/);
});
