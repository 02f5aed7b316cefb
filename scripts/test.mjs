// All tests: vitest, then the Python package's own under every Python that is there (none: said so, and Pyodide's tests in
// vitest cover the package). The last line is `N passed, N failed, N skipped`.
import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const total = { passed: 0, failed: 0, skipped: 0 };

/** Passes output on as it comes; returns it whole with the exit code. */
const run = (command, args, env = {}) =>
  new Promise((done) => {
    let text = "";
    const child = spawn(command, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const take = (to) => (d) => {
      to.write(d);
      text += d;
    };
    child.stdout.on("data", take(process.stdout));
    child.stderr.on("data", take(process.stderr));
    child.on("error", () => done({ code: 1, text }));
    child.on("close", (code) => done({ code, text }));
  });

// A log keeps every control character, so colours are for terminals only.
const colours = process.stdout.isTTY ? {} : { NO_COLOR: "1", FORCE_COLOR: "0" };
const vitest = await run(
  process.execPath,
  ["node_modules/vitest/vitest.mjs", "run", "--reporter=dot", ...process.argv.slice(2)],
  colours,
);
// biome-ignore lint/suspicious/noControlCharactersInRegex: terminal colours are control characters.
const plain = vitest.text.replace(/\u001b\[[0-9;]*m/g, "");
const line = /^\s*Tests\s+(.*)$/m.exec(plain)?.[1] ?? "";
for (const what of ["passed", "failed", "skipped"])
  total[what] += Number(new RegExp(`(\\d+) ${what}`).exec(line)?.[1] ?? 0);
if (vitest.code !== 0 && total.failed === 0) total.failed++;

const python = "python3";
const folder = "python/tests";
if (process.argv.length > 2) console.log("python tests: skipped, only some tests were asked for");
else if (!existsSync(`${root}${folder}`)) console.log("python tests: none");
else if (spawnSync(python, ["--version"]).status !== 0)
  console.log(
    "python tests: skipped, no python3 on the path (the same package is tested in Pyodide)",
  );
else {
  const { code, text } = await run(python, ["-m", "unittest", "discover", "-s", folder], {
    PYTHONPATH: `${root}python`,
  });
  const ran = Number(/^Ran (\d+) tests?/m.exec(text)?.[1] ?? 0);
  const bad = /FAILED \((.*)\)/.exec(text)?.[1] ?? "";
  const of = (what) => Number(new RegExp(`${what}=(\\d+)`).exec(bad)?.[1] ?? 0);
  const skipped = Number(/skipped=(\d+)/.exec(text)?.[1] ?? 0);
  const failed = code === 0 ? 0 : Math.max(1, of("failures") + of("errors"));
  total.passed += Math.max(0, ran - failed - skipped);
  total.failed += failed;
  total.skipped += skipped;
}
console.log(`\ntests: ${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed === 0 ? 0 : 1;
