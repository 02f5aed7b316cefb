// Documentation that can be checked is: links lead somewhere, commands and options that are shown exist, every dependency is
// listed with its version, and generated pages are what the generator would write now.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { generatedDocs } from "./generate-docs.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const problems = [];

function* markdown(folder) {
  for (const e of readdirSync(folder, { withFileTypes: true })) {
    if (e.name === "node_modules" || e.name === "dist" || e.name.startsWith(".")) continue;
    const path = join(folder, e.name);
    if (e.isDirectory()) yield* markdown(path);
    else if (e.name.endsWith(".md")) yield path;
  }
}

/** GitHub's anchor of a heading. */
const anchor = (heading) =>
  heading
    .trim()
    .toLowerCase()
    .replace(/[`*]/g, "")
    .replace(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");
const anchors = (text) => [...text.matchAll(/^#{1,6}\s+(.+)$/gm)].map((m) => anchor(m[1]));

function checkLinks(path, text) {
  const prose = text.replace(/```[\s\S]*?```/g, "").replace(/`[^`\n]*`/g, "");
  for (const [, target] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/i.test(target)) continue;
    const [file, hash] = target.split("#", 2);
    const to = file === "" ? path : resolve(dirname(path), decodeURIComponent(file));
    if (!to.startsWith(root))
      problems.push(`${relative(root, path)}: ${target} leaves the repository`);
    else if (!existsSync(to)) problems.push(`${relative(root, path)}: ${target} does not exist`);
    else if (hash && to.endsWith(".md") && !anchors(readFileSync(to, "utf8")).includes(hash))
      problems.push(`${relative(root, path)}: ${target} has no such heading`);
  }
}

/** Names of subcommands and options, read from the command line's own definition. */
async function commands() {
  const { commandLine } = await import("../apps/cli/dist/main.js");
  const quiet = {
    out: () => {},
    err: () => {},
    colours: { isColorSupported: false, bold: (s) => s },
  };
  const trn = commandLine(quiet, () => {});
  const options = (c) => c.options.flatMap((o) => [o.short, o.long]).filter(Boolean);
  return new Map([
    // `trn --json` in prose stands for every command that has it.
    ["", [...options(trn), ...trn.commands.flatMap(options), "--help", "-h"]],
    ...trn.commands.map((c) => [c.name(), [...options(c), "--help", "-h"]]),
  ]);
}

function checkCommands(path, text, known) {
  // A command may go on over lines that end in a backslash.
  for (const line of text.replace(/\\\n/g, " ").split("\n")) {
    for (const [, call] of line.matchAll(/(?:^|[\s`$(])trn((?:\s+[^\s`|]+)+)/g)) {
      const words = call.trim().split(/\s+/);
      const name = words.find((w) => !w.startsWith("-")) ?? "";
      if (!known.has(name)) continue;
      const own = name === "python" ? words.slice(0, 1) : words;
      for (const w of own) {
        const option = /^(--[a-z][a-z-]*)/.exec(w)?.[1];
        if (option && !known.get(name).includes(option))
          problems.push(`${relative(root, path)}: trn ${name} has no option ${option}`);
      }
    }
  }
}

function checkDependencies() {
  const path = join(root, "docs/dependencies.md");
  const text = existsSync(path) ? readFileSync(path, "utf8") : "";
  const manifests = ["."];
  for (const group of ["packages", "apps"])
    manifests.push(...readdirSync(join(root, group)).map((n) => join(group, n)));
  const used = new Map();
  for (const folder of manifests) {
    const file = join(root, folder, "package.json");
    if (!existsSync(file)) continue;
    const { dependencies = {}, devDependencies = {} } = JSON.parse(readFileSync(file, "utf8"));
    for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies }))
      if (name !== "opentrn" && !name.startsWith("@opentrn/")) used.set(name, version);
  }
  for (const [name, version] of used)
    if (!text.includes(`| ${name} | ${version} |`))
      problems.push(`docs/dependencies.md: no row for ${name} ${version}`);
  for (const [, name] of text.matchAll(/^\| ([@\w/.-]+) \| \d/gm))
    if (!used.has(name)) problems.push(`docs/dependencies.md: ${name} is no dependency any more`);
}

const known = await commands();
let pages = 0;
for (const path of markdown(root)) {
  const text = readFileSync(path, "utf8");
  pages++;
  checkLinks(path, text);
  checkCommands(path, text, known);
}
checkDependencies();
for (const [name, text] of Object.entries(await generatedDocs())) {
  const path = join(root, name);
  if (!existsSync(path) || readFileSync(path, "utf8") !== text)
    problems.push(`${name} is out of date; run npm run generate-docs`);
}
for (const p of problems) console.error(p);
console.log(`docs: ${pages} pages, ${problems.length} problems`);
process.exitCode = problems.length === 0 ? 0 : 1;
