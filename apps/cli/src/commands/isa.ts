/** `trn isa`: every instruction; `trn isa OP`: one in full. All of it is read from the instruction records. */
import { OpenTrnError } from "@opentrn/base";
import { chips } from "@opentrn/chips";
import { carriedOut } from "@opentrn/device";
import { fastInstructions } from "@opentrn/fast";
import {
  type AnyInstruction,
  type AttrSpec,
  instructionNamed,
  instructions,
  type OperandSpec,
  type Rule,
} from "@opentrn/isa";
import { exitCode } from "../failure.ts";
import type { Io } from "../io.ts";
import { table, wrap } from "../terminal/table.ts";
import { testsOf } from "./op-tests.ts";

/** Engines that may run it on any chip that has it, the default of the newest first. */
const enginesOf = (op: AnyInstruction): string[] => [
  ...new Set(
    [...chips]
      .reverse()
      .filter((c) => op.generations.includes(c.generation))
      .flatMap((c) => op.engines(c)),
  ),
];

const hasFastPath = (name: string): boolean => fastInstructions.includes(name);

const rulesOf = (op: AnyInstruction): { label: string; says: string }[] =>
  (Object.entries(op.rules) as [string, Rule<never, never>][]).map(([label, r]) => ({
    label,
    says: r.says,
  }));

/** One instruction as `trn isa --json` gives it. */
export const isaRecord = (op: AnyInstruction): Record<string, unknown> => ({
  name: op.name,
  summary: op.summary,
  source: op.source,
  engines: enginesOf(op),
  generations: op.generations,
  operands: op.operands,
  attributes: op.attrs,
  rules: rulesOf(op),
  cost:
    op.cost.kind === "unknown"
      ? { basis: "unknown", formula: null, why: op.cost.why }
      : { basis: op.cost.basis, formula: op.cost.formula, source: op.cost.source },
  meaning: !op.control || carriedOut.has(op.name),
  control: op.control === true,
  fast: hasFastPath(op.name),
  tests: testsOf(op.name),
});

function find(name: string): AnyInstruction {
  const op = instructionNamed(name) ?? instructionNamed(name.replace(/^(nki\.isa|nisa)\./, ""));
  if (op) return op;
  const near = instructions.map((o) => o.name).filter((n) => n.includes(name.slice(0, 4)));
  throw new OpenTrnError(
    `instruction ${name} is not one we know${near.length > 0 ? `; did you mean ${near.join(", ")}?` : ""}; trn isa lists all ${instructions.length}`,
    { category: "bad input", rule: "instruction" },
  );
}

export function isaCommand(
  name: string | undefined,
  options: { readonly json?: boolean },
  io: Io,
): number {
  const op = name === undefined ? undefined : find(name);
  if (options.json) io.out(`${JSON.stringify(op ? isaRecord(op) : instructions.map(isaRecord))}\n`);
  else if (op) showInstruction(op, io);
  else listInstructions(io);
  return exitCode.passed;
}

function listInstructions(io: Io): void {
  const rows = instructions.map((op) => [
    op.name,
    op.control ? "control" : enginesOf(op).join(" "),
    op.generations.map((g) => `v${g}`).join(" "),
    String(Object.keys(op.rules).length),
    op.cost.kind === "unknown" ? "unknown" : op.cost.basis,
    op.control ? "" : hasFastPath(op.name) ? "yes" : "no",
    String(testsOf(op.name) ?? ""),
  ]);
  io.out(
    table(
      [
        { title: "instruction" },
        { title: "engines" },
        { title: "cores" },
        { title: "rules", right: true },
        { title: "cost" },
        { title: "fast" },
        { title: "tests", right: true },
      ],
      rows,
      io.colours,
    ),
  );
  io.out(io.colours.dim(`${instructions.length} instructions. trn isa NAME shows one in full.\n`));
}

const operandLine = (name: string, o: OperandSpec): string => {
  const forms = [o.scalar ? "number" : "", o.register ? "register" : ""].filter(Boolean);
  const where = [...o.spaces, ...forms].join(" or ");
  return `${name}${o.optional ? "?" : ""}: ${o.role}, ${where}${o.dtypes ? `, ${o.dtypes.join(" ")}` : ""}. ${o.doc}`;
};

const attrLine = (name: string, a: AttrSpec): string =>
  `${name}: ${a.kind === "enum" ? a.values.join(" or ") : a.kind}. ${a.doc}`;

function showInstruction(op: AnyInstruction, io: Io): void {
  const { bold, dim, cyan } = io.colours;
  const para = (text: string): void => io.out(`  ${wrap(text, 80, "    ")}\n`);
  io.out(`${bold(op.name)}  ${dim(`(${op.params.join(", ")})`)}\n${wrap(op.summary, 80)}\n`);
  io.out(`\n${cyan("operands")}\n`);
  for (const [name, o] of Object.entries(op.operands as Record<string, OperandSpec>))
    para(operandLine(name, o));
  const attrs = Object.entries(op.attrs as Record<string, AttrSpec>);
  if (attrs.length > 0) io.out(`\n${cyan("attributes")}\n`);
  for (const [name, a] of attrs) para(attrLine(name, a));
  io.out(`\n${cyan("rules")}\n`);
  for (const { label, says } of rulesOf(op)) para(`${label}  ${says}`);
  io.out(`\n${cyan("cost")}\n`);
  if (op.cost.kind === "unknown") para(`unknown: ${op.cost.why}`);
  else para(`${op.cost.formula} (${op.cost.basis}: ${op.cost.source})`);
  const tests = testsOf(op.name);
  io.out(
    `\n${op.control ? "control flow" : `engines ${enginesOf(op).join(", ")}`}; NeuronCore ${op.generations.map((g) => `v${g}`).join(" ")}; ${
      op.control ? "" : `fast path ${hasFastPath(op.name) ? "yes" : "no"}; `
    }${tests === null ? "" : `${tests} tests`}\n${dim(op.source)}\n`,
  );
}
