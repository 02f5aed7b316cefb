// The package graph of docs/architecture.md: dependencies point downward only, every import is declared, a package is entered
// through its index, versions are pinned, and TypeScript's references say the same as package.json.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
// A package may depend on packages of lower levels only.
const levels = {
  "@opentrn/base": 0,
  "@opentrn/numerics": 1,
  "@opentrn/chips": 1,
  "@opentrn/trace": 1,
  "@opentrn/isa": 2,
  "@opentrn/fast": 3,
  "@opentrn/device": 4,
  "@opentrn/ir": 4,
  "@opentrn/nki": 5,
  "@opentrn/compiler": 5,
  "@opentrn/runtime": 6,
  "@opentrn/models": 7,
  "@opentrn/train": 8,
  opentrn: 9,
  "@opentrn/cli": 10,
};
const problems = [];
const json = (path) => JSON.parse(readFileSync(path, "utf8"));
const rootPackage = json(join(root, "package.json"));
const ours = (name) => name === "opentrn" || name.startsWith("@opentrn/");

function* files(folder) {
  for (const e of readdirSync(folder, { withFileTypes: true }))
    if (e.isDirectory()) yield* files(join(folder, e.name));
    else if (/\.m?ts$/.test(e.name)) yield join(folder, e.name);
}

/** Specifiers of static imports, re-exports and dynamic imports of literals. */
const specifiers = (source) => [
  ...[...source.matchAll(/^\s*(?:import|export)\s[^;"'`]*?from\s+"([^"]+)"/gm)].map((m) => m[1]),
  ...[...source.matchAll(/^\s*import\s+"([^"]+)"/gm)].map((m) => m[1]),
  ...[...source.matchAll(/\bimport\(\s*"([^"]+)"\s*\)/g)].map((m) => m[1]),
];
const packageOf = (s) => (s.startsWith("@") ? s.split("/", 2).join("/") : s.split("/", 1)[0]);

function checkManifest(folder, manifest) {
  const { name, dependencies = {} } = manifest;
  const level = levels[name];
  if (level === undefined) {
    problems.push(`${folder}: ${name} has no level; add it to scripts/check-layers.mjs`);
    return;
  }
  for (const [dep, version] of Object.entries(dependencies)) {
    if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
      problems.push(`${folder}: ${dep} is "${version}"; pin an exact version`);
    if (ours(dep) && !(levels[dep] < level))
      problems.push(`${folder}: ${name} may not depend on ${dep}, which is not below it`);
  }
  if (Object.keys(manifest.exports ?? {}).join() !== ".")
    problems.push(`${folder}: exports more than its index`);
  const config = json(join(root, folder, "tsconfig.json"));
  const referenced = (config.references ?? []).map(
    (r) => json(join(root, folder, r.path, "package.json")).name,
  );
  const wanted = Object.keys(dependencies).filter(ours);
  for (const dep of wanted)
    if (!referenced.includes(dep))
      problems.push(`${folder}: tsconfig.json does not reference ${dep}`);
  for (const dep of referenced)
    if (!wanted.includes(dep))
      problems.push(`${folder}: tsconfig.json references ${dep}, package.json does not`);
}

function checkImports(folder, manifest) {
  const source = join(root, folder, "src");
  const tools = Object.keys(rootPackage.devDependencies);
  for (const file of files(source)) {
    const test = /\.(test|fixture)\.ts$/.test(file) || /\/testing\.ts$/.test(file);
    const where = relative(root, file);
    for (const s of specifiers(readFileSync(file, "utf8"))) {
      if (s.startsWith("node:")) continue;
      if (s.startsWith(".")) {
        const target = resolve(dirname(file), s);
        if (!test && !target.startsWith(`${source}/`) && !s.includes("generated"))
          problems.push(`${where}: ${s} leaves the package`);
        continue;
      }
      const dep = packageOf(s);
      if (ours(dep) && s !== dep) problems.push(`${where}: ${s} goes past the index of ${dep}`);
      if (dep === manifest.name) problems.push(`${where}: imports its own package by name`);
      else if (!(dep in (manifest.dependencies ?? {})) && !(test && tools.includes(dep)))
        problems.push(`${where}: ${dep} is not declared in ${folder}/package.json`);
    }
  }
}

let packages = 0;
for (const group of ["packages", "apps"])
  for (const name of readdirSync(join(root, group))) {
    const folder = join(group, name);
    if (!existsSync(join(root, folder, "package.json"))) continue;
    const manifest = json(join(root, folder, "package.json"));
    packages++;
    checkManifest(folder, manifest);
    checkImports(folder, manifest);
  }
for (const [dep, version] of Object.entries(rootPackage.devDependencies))
  if (!/^\d/.test(version))
    problems.push(`package.json: ${dep} is "${version}"; pin an exact version`);

for (const p of problems) console.error(p);
console.log(`layers: ${packages} packages, ${problems.length} problems`);
process.exitCode = problems.length === 0 ? 0 : 1;
