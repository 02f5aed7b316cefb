/** Calls of one instruction with one thing wrong (or nothing): what the builder says must be what the rules say one by one. */
import { OpenTrnError, Random } from "@opentrn/base";
import type { Chip } from "@opentrn/chips";
import {
  type AccessPattern,
  type AnyInstruction,
  type AttrSpec,
  defaultOf,
  type Operand,
  type OperandSpec,
  ProgramBuilder,
  type Space,
} from "@opentrn/isa";
import { dtypeNames } from "@opentrn/numerics";
import { drawAttr } from "./draw-attr.ts";
import { fuzzChips } from "./fuzz-chips.ts";
import { drawOperands } from "./operand-shapes.ts";
import { brokenRules, type Draft } from "./rule-oracle.ts";
import { dtypesOf, type Form } from "./shape-parts.ts";

type TileForm = Extract<Form, { readonly shape: readonly number[] }>;
const spaces: readonly Space[] = ["sbuf", "psum", "hbm"];

/** What is done to one tile before it is declared. */
interface Twist {
  readonly shape?: (shape: readonly number[], r: Random) => number[];
  readonly dtype?: true;
  readonly space?: true;
  readonly start?: true;
  readonly offset?: true;
  readonly stride?: true;
  readonly unwritten?: true;
  readonly dynamic?: true;
}

const twists: readonly Twist[] = [
  { shape: (s, r) => s.with(r.below(s.length), 1 + r.below(130)) },
  { shape: (s) => [...s, 1] },
  { shape: (s) => [s[0]!, 1, 1, 1, 1, ...s.slice(1)] },
  { dtype: true },
  { space: true },
  { start: true },
  { offset: true },
  { stride: true },
  { unwritten: true },
  { dynamic: true },
];

class Drafting {
  readonly unwritten = new Set<number>();
  readonly builder: ProgramBuilder;
  private readonly r: Random;
  private readonly chip: Chip;

  constructor(r: Random, chip: Chip) {
    this.r = r;
    this.chip = chip;
    this.builder = new ProgramBuilder({ name: "rules", chip });
  }

  tile(spec: OperandSpec, form: TileForm, t: Twist): AccessPattern {
    const { r } = this;
    const dtype = t.dtype
      ? r.pick(dtypeNames)
      : (form.dtype ?? r.pick(spec.dtypes ?? dtypesOf(this.chip)));
    const space = t.space ? r.pick(spaces) : r.pick(spec.spaces.length > 0 ? spec.spaces : spaces);
    const shape = t.shape ? t.shape(form.shape, r) : form.shape;
    const onChip = space !== "hbm";
    const partition = !onChip
      ? 0
      : t.start
        ? r.below(Math.max(1, 129 - shape[0]!))
        : (form.start ?? 0);
    const dims: [number, number][] = [];
    let stride = 1;
    for (const n of [...shape].reverse()) {
      dims.unshift([stride, n]);
      stride *= n;
    }
    const row = onChip ? shape.slice(1).reduce((a, b) => a * b, 1) : stride;
    if (onChip) dims[0] = [t.stride ? r.below(3) : 1, shape[0]!];
    const kind = t.unwritten ? "internal" : "input";
    const size = onChip ? [Math.min(128, partition + shape[0]!), row] : [row];
    const storage = this.builder.declare({ name: space, space, kind, dtype, shape: size });
    if (t.unwritten) this.unwritten.add(storage);
    const offset = t.offset ? r.below(3) - 1 : 0;
    const plain = { storage, dtype, partition, offset, dims };
    return t.dynamic ? { ...plain, dynamic: this.dynamic(shape[0]!) } : plain;
  }

  private dynamic(rows: number): NonNullable<AccessPattern["dynamic"]> {
    const { r, builder } = this;
    const kind = r.pick(["scalar", "vector", "indirect"] as const);
    const partition = r.pick([0, 0, 32, 5]);
    const P = Math.min(rows, 128 - partition);
    const shape = [partition + P, 40];
    const storage = builder.declare({
      name: "index",
      space: "sbuf",
      kind: "input",
      dtype: r.pick(["uint32", "int32"] as const),
      shape,
    });
    const { dtype } = builder.storages[storage]!;
    const columns = kind === "indirect" ? 40 : 1;
    const dims = [
      [1, kind === "scalar" ? 1 : P],
      [1, columns],
    ] as const;
    return { kind, stride: 0, limit: 1, index: { storage, dtype, partition, offset: 0, dims } };
  }
}

/** A call of `op` with at most one twist. */
function draft(r: Random, op: AnyInstruction, chip: Chip): { d: Draft; builder: ProgramBuilder } {
  const work = new Drafting(r, chip);
  const drawn = drawOperands(r, op, chip);
  const specs = Object.entries(op.operands as Record<string, OperandSpec>);
  const victim = specs.length > 0 ? r.pick(specs)[0] : "";
  const what = r.below(8);
  const operands: Record<string, Operand | undefined> = {};
  for (const [name, spec] of specs) {
    const form = drawn.forms[name];
    if (name === victim && what === 0) {
      const other: readonly (Operand | undefined)[] = [
        undefined,
        { kind: "float", value: r.below(4) },
        { kind: "register", register: 0 },
        { kind: "tile", pattern: work.tile(spec, { shape: [1, 1] }, {}) },
      ];
      operands[name] = r.pick(other);
    } else if (spec.register && spec.spaces.length === 0 && !(spec.scalar && r.below(2)))
      operands[name] = { kind: "register", register: r.below(4) };
    else if (form === undefined) continue;
    else if ("value" in form) operands[name] = { kind: "float", value: form.value };
    else {
      const twist = name === victim && what >= 4 ? r.pick(twists) : {};
      operands[name] = { kind: "tile", pattern: work.tile(spec, form, twist) };
    }
  }
  const attrs: Record<string, unknown> = {};
  const names = Object.entries(op.attrs as Record<string, AttrSpec>);
  const changed = what === 1 && names.length > 0 ? r.pick(names)[0] : undefined;
  for (const [name, spec] of names) {
    const given = drawn.attrs && name in drawn.attrs ? drawn.attrs[name] : undefined;
    const value =
      name === changed || !(drawn.attrs && name in drawn.attrs) ? drawAttr(r, spec) : given;
    attrs[name] = value ?? defaultOf(spec) ?? (spec.kind === "int" ? 0 : undefined);
  }
  const { builder, unwritten } = work;
  return { d: { op, operands, attrs, chip, storages: builder.storages, unwritten }, builder };
}

/** What the builder makes of the draft: the rule it names, or undefined when it takes it. */
function verdict(builder: ProgramBuilder, d: Draft): string | undefined {
  try {
    builder.emit(d.op, d.operands, d.attrs);
    return undefined;
  } catch (e) {
    if (e instanceof OpenTrnError && e.rule?.startsWith(`${d.op.name} `))
      return e.rule.slice(d.op.name.length + 1);
    throw e;
  }
}

export type Verdict = "accepted" | "one rule" | "several rules" | "does not fit";

/**
 * One draw: what kind it was. Throws when the builder disagrees with the rules: takes a call that breaks one, refuses one that breaks
 * none, names a rule that holds, or ends in another kind of error.
 */
export function tryRules(op: AnyInstruction, seed: number, draw: number): Verdict {
  const r = new Random(Math.imul((seed ^ draw) + op.name.length * 7919, 0x9e3779b1) ^ draw);
  const chip = r.pick(fuzzChips);
  let made: ReturnType<typeof draft>;
  try {
    made = draft(r, op, chip);
  } catch (e) {
    if (e instanceof OpenTrnError && e.rule?.startsWith("ndarray")) return "does not fit";
    throw e;
  }
  const broken = brokenRules(made.d);
  const said = verdict(made.builder, made.d);
  const agree = said === undefined ? broken.length === 0 : broken.includes(said);
  if (!agree)
    throw new Error(
      `${op.name} on ${chip.name}: the builder says ${said ?? "nothing"}, broken are ${broken.join(", ") || "none"} (seed ${seed}, draw ${draw})\n${JSON.stringify({ operands: made.d.operands, attrs: made.d.attrs })}`,
    );
  return broken.length === 0 ? "accepted" : broken.length === 1 ? "one rule" : "several rules";
}
