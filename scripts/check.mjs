// Everything a change must pass, in order: `npm run check`. Stops at the first step that fails; the last line is always
// `N passed, N failed`, tests counted one by one and every other step as one.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const node = process.execPath;
const steps = [
  ["format", node, ["node_modules/@biomejs/biome/bin/biome", "format", "."]],
  ["lint", node, ["node_modules/@biomejs/biome/bin/biome", "lint", "--error-on-warnings", "."]],
  ["build", node, ["scripts/build.mjs"]],
  // Tests and examples are no part of the build; their types, and the calls they expect not to compile, are checked here.
  ["types", node, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.tests.json"]],
  ["layers", node, ["scripts/check-layers.mjs"]],
  ["docs", node, ["scripts/check-docs.mjs"]],
  ["tests", node, ["scripts/test.mjs"]],
];

/** Runs a step, passing its output on and keeping the end of it. */
const run = (command, args) =>
  new Promise((done) => {
    let tail = "";
    const child = spawn(command, args, { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
    child.stdout.on("data", (d) => {
      process.stdout.write(d);
      tail = (tail + d).slice(-2000);
    });
    child.on("close", (code) => done({ code, tail }));
  });

let passed = 0;
let failed = 0;
for (const [name, command, args] of steps) {
  const started = Date.now();
  console.log(`\n== ${name}`);
  const { code, tail } = await run(command, args);
  const counted = name === "tests" ? /(\d+) passed, (\d+) failed/g : undefined;
  const counts = counted && [...tail.matchAll(counted)].at(-1);
  if (counts) {
    passed += Number(counts[1]);
    failed += Number(counts[2]);
    if (code !== 0 && counts[2] === "0") failed++;
  } else if (code === 0) passed++;
  else failed++;
  console.log(
    `== ${name} ${code === 0 ? "ok" : "FAILED"} ${((Date.now() - started) / 1000).toFixed(1)} s`,
  );
  if (code !== 0) break;
}
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
