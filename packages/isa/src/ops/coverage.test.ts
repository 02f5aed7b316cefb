/** Every record is complete: rules in words, a source, a cost with its basis, the documented parameters, and a test of every rule. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import type { OperandSpec, Rule } from "../define.ts";
import { instructions, records } from "./table.ts";

const folder = dirname(fileURLToPath(import.meta.url));
const fileOf = (name: string, ending: string): string =>
  join(folder, `${name.replaceAll("_", "-")}${ending}`);
const sentence = /^\S.*[^.\s]$/s;

describe.each(instructions.map((op) => [op.name, op] as const))("%s", (name, op) => {
  const rules = Object.entries(op.rules) as [string, Rule<never, never>][];

  test("says what it is, where that is from, and on which chips", () => {
    expect(op.summary).toMatch(/^.*\.$/s);
    expect(op.source).toMatch(/^NKI API reference, nki\./);
    expect(op.generations.length).toBeGreaterThan(0);
    for (const o of Object.values<OperandSpec>(op.operands)) expect(o.doc).not.toBe("");
  });

  test("numbers its rules from C1 without gaps, each in words", () => {
    if (!op.control) expect(rules.length).toBeGreaterThan(0);
    expect(rules.map(([label]) => label)).toEqual(rules.map((_, i) => `C${i + 1}`));
    for (const [, rule] of rules) expect(rule.says).toMatch(sentence);
  });

  test("has a cost with its basis, or says why not", () => {
    const { cost } = op;
    if (cost.kind === "unknown") expect(cost.why).toMatch(/no figure|not published/);
    else {
      expect(cost.formula).not.toBe("");
      expect(cost.source).not.toBe("");
    }
  });

  test("lists its operands and attributes as parameters, each once", () => {
    const own = [...Object.keys(op.operands), ...Object.keys(op.attrs)];
    expect([...op.params].sort()).toEqual(own.sort());
  });

  test("has a test of every rule in the file beside it", () => {
    expect(existsSync(fileOf(name, ".ts"))).toBe(true);
    const tests = readFileSync(fileOf(name, ".test.ts"), "utf8");
    for (const [label] of rules) expect(tests).toMatch(new RegExp(`test\\("${name} ${label}\\b`));
  });
});

test("every record of this folder is in the table", () => {
  const files = readdirSync(folder).filter(
    (f) =>
      f.endsWith(".ts") &&
      !f.endsWith(".test.ts") &&
      readFileSync(join(folder, f), "utf8").includes("= instruction({"),
  );
  expect(files.sort()).toEqual(
    instructions.map((op) => `${op.name.replaceAll("_", "-")}.ts`).sort(),
  );
});

test("the table's keys are the names in camelCase", () => {
  for (const [key, op] of Object.entries(records))
    expect(key).toBe(op.name.replace(/_([a-z0-9])/g, (_, c: string) => c.toUpperCase()));
});
