/** One Program as a Python function over HBM tensors: allocations, then its instructions with loops found again. */
import {
  type AnyInstruction,
  type AttrSpec,
  type DecodedInstruction,
  decodeInstruction,
  defaultOf,
  type Operand,
  type OperandSpec,
  type Program,
  type Storage,
} from "@opentrn/isa";
import type { Affine, LoopVariable } from "./affine.ts";
import { affineText } from "./affine.ts";
import { type Place, patternNumbers, patternShape, patternText } from "./operand.ts";
import { Interned, type Node, roll, type Statement } from "./roll.ts";

/** Names of Python enumerations, by attribute. */
const enumerations: Readonly<Record<string, string>> = {
  engine: "engine",
  dge_mode: "dge_mode",
  oob_mode: "oob_mode",
  reduce_cmd: "reduce_cmd",
  perf_mode: "matmul_perf_mode",
};

/** Integer attributes that loops may step through. */
const stepped = new Set(["offset"]);

export interface KernelText {
  readonly lines: readonly string[];
  /** Constants that the function takes as arguments, after its inputs and outputs. */
  readonly constants: readonly Storage[];
}

/** The function `name(inputs..., outputs..., constants...)` of a Program. */
export function kernelText(
  name: string,
  program: Program,
  inputNames: readonly string[],
  outputNames: readonly string[],
): KernelText {
  const places = new Map<number, Place>();
  const storages = program.storages;
  program.inputs.forEach((id, i) => {
    places.set(id, { storage: storages[id]!, name: inputNames[i]! });
  });
  program.outputs.forEach((id, i) => {
    places.set(id, { storage: storages[id]!, name: outputNames[i]! });
  });
  const constants = storages.filter((s) => s.kind === "constant");
  const own: string[] = [];
  const used = new Set([...inputNames, ...outputNames]);
  for (const s of storages) {
    if (places.has(s.id)) continue;
    const given = identifier(s.name, used);
    used.add(given);
    places.set(s.id, { storage: s, name: given });
    if (s.kind === "constant") continue;
    const buffer = s.space === "hbm" ? "private_hbm" : s.space;
    own.push(
      `    ${given} = nl.ndarray((${tuple(s.shape)}), dtype=nl.${s.dtype}, buffer=nl.${buffer})`,
    );
  }
  const place = (id: number): Place => places.get(id)!;
  const shapes = new Interned();
  const samples = new Map<number, DecodedInstruction>();
  const statements = Array.from(program.starts, (_, i): Statement => {
    const one = decodeInstruction(program, i);
    const shape = shapes.of(shapeOf(one));
    if (!samples.has(shape)) samples.set(shape, one);
    return { kind: "statement", shape, numbers: numbersOf(one) };
  });
  const params = [...inputNames, ...outputNames, ...constants.map((s) => place(s.id).name)];
  return {
    lines: [
      `def ${name}(${params.join(", ")}):`,
      ...own,
      ...render(roll(statements, shapes), samples, place, []),
    ],
    constants,
  };
}

const tuple = (shape: readonly number[]): string =>
  shape.length === 1 ? `${shape[0]},` : shape.join(", ");

/** A name that Python takes and nobody else has. */
export function identifier(name: string, used: ReadonlySet<string>): string {
  const plain = name.replace(/\W+/g, "_").replace(/^(\d)/, "_$1") || "t";
  let made = plain;
  for (let n = 1; used.has(made); n++) made = `${plain}_${n}`;
  return made;
}

const tiles = (i: DecodedInstruction): readonly Operand[] =>
  Object.keys(i.op.operands).flatMap((name) => i.operands[name] ?? []);

/** Immediates are numbers of the shape: they hardly ever step. */
function shapeOf(i: DecodedInstruction): string {
  const operands = Object.keys(i.op.operands).map((name) => {
    const o = i.operands[name];
    if (!o) return "-";
    if (o.kind === "tile") return patternShape(o.pattern);
    return o.kind === "register" ? `r${o.register}` : `${o.kind}${o.value}`;
  });
  const attrs = Object.keys(i.op.attrs)
    .filter((name) => !stepped.has(name))
    .map((name) => String(i.attrs[name]));
  return `${i.op.name}|${operands.join("|")}|${attrs.join("|")}`;
}

function numbersOf(i: DecodedInstruction): readonly number[] {
  const own = tiles(i).flatMap((o) => (o.kind === "tile" ? patternNumbers(o.pattern) : []));
  const more = Object.keys(i.op.attrs).flatMap((n) =>
    stepped.has(n) ? [i.attrs[n] as number] : [],
  );
  return [...own, ...more];
}

function render(
  nodes: readonly Node[],
  samples: ReadonlyMap<number, DecodedInstruction>,
  place: (id: number) => Place,
  loops: readonly (LoopVariable & { readonly steps: readonly number[] })[],
): readonly string[] {
  const indent = "    ".repeat(loops.length + 1);
  let from = 0;
  return nodes.flatMap((n) => {
    const width = n.numbers.length;
    // Steps of the loops around, for the numbers of this node.
    const around = loops.map((l) => ({ ...l, steps: l.steps.slice(from, from + width) }));
    from += width;
    if (n.kind === "loop") {
      const name = "ijklmnopqrstuvw"[loops.length] ?? `i${loops.length}`;
      const inner = [...around, { name, count: n.count, steps: n.steps }];
      return [
        `${indent}for ${name} in range(${n.count}):`,
        ...render(n.body, samples, place, inner),
      ];
    }
    const numbers = n.numbers.map(
      (base, i): Affine => ({ base, steps: around.map((l) => l.steps[i]!) }),
    );
    return [`${indent}${callText(samples.get(n.shape)!, numbers, around, place)}`];
  });
}

function callText(
  i: DecodedInstruction,
  numbers: readonly Affine[],
  loops: readonly LoopVariable[],
  place: (id: number) => Place,
): string {
  const { op } = i;
  let from = 0;
  const given = new Map<string, string>();
  const lists = new Map<string, string[]>();
  for (const name of Object.keys(op.operands)) {
    const o = i.operands[name];
    const spec = op.operands[name] as OperandSpec;
    if (!o) continue;
    const count = o.kind === "tile" ? patternNumbers(o.pattern).length : 0;
    const text =
      o.kind === "tile"
        ? patternText(o.pattern, numbers.slice(from, from + count), loops, place)
        : immediateText(o);
    from += count;
    if (spec.list) lists.set(spec.list, [...(lists.get(spec.list) ?? []), text]);
    else given.set(name, text);
  }
  for (const [name, items] of lists) given.set(name, `[${items.join(", ")}]`);
  for (const name of Object.keys(op.attrs)) {
    const spec = op.attrs[name] as AttrSpec;
    const value = i.attrs[name];
    const text = stepped.has(name)
      ? affineText(numbers[from++]!, loops)
      : attrText(op, name, spec, value);
    if (text !== undefined && !isDefault(spec, value)) given.set(name, text);
  }
  const args = [...given].map(([name, text]) => `${name}=${text}`);
  const module = op.module === "nki.collectives" ? "ncc" : "nisa";
  return `${module}.${op.name}(${args.join(", ")})`;
}

const isDefault = (spec: AttrSpec, value: unknown): boolean =>
  JSON.stringify(defaultOf(spec)) === JSON.stringify(value) && spec.kind !== "alu";

function immediateText(o: Operand): string {
  if (o.kind === "register" || o.kind === "tile") throw new Error("no immediate");
  if (o.kind === "int") return String(o.value);
  if (Number.isNaN(o.value)) return 'float("nan")';
  if (!Number.isFinite(o.value)) return o.value > 0 ? 'float("inf")' : 'float("-inf")';
  const text = Object.is(o.value, -0) ? "-0" : String(o.value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

function attrText(
  op: AnyInstruction,
  name: string,
  spec: AttrSpec,
  value: unknown,
): string | undefined {
  if (value === undefined) return undefined;
  switch (spec.kind) {
    case "bool":
    case "tristate":
      return value ? "True" : "False";
    case "alu":
    case "activation":
      return `nl.${value}`;
    case "enum":
      return `nisa.${enumerations[name] ?? name}.${value}`;
    case "ints": {
      const list = value as readonly number[];
      if (name !== "pattern") return `(${list.join(", ")}${list.length === 1 ? "," : ""})`;
      const pairs = Array.from(
        { length: list.length / 2 },
        (_, k) => `[${list[2 * k]}, ${list[2 * k + 1]}]`,
      );
      return `[${pairs.join(", ")}]`;
    }
    default:
      void op;
      return String(value);
  }
}
