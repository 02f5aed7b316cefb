/** Instructions to words and back, driven by their records. */
import { OpenTrnError } from "@opentrn/base";
import { activationNames, aluNames, bitsOfF32, f32OfBits } from "@opentrn/numerics";
import type { AnyInstruction, AttrSpec } from "../define.ts";
import { opcodeOf, opOf } from "../ops/table.ts";
import type { Operand } from "./pattern.ts";
import type { DecodedInstruction, Program } from "./program.ts";
import { WordReader, WordWriter } from "./words.ts";

const MAX_LIST = 4096;

/** Words of one attribute; enumerations travel as positions in their table, an absent ALU operation as -1. */
function writeAttr(w: WordWriter, op: AnyInstruction, name: string, value: unknown): void {
  const spec = op.attrs[name] as AttrSpec;
  const v = value ?? defaultOf(spec);
  switch (spec.kind) {
    case "bool":
      w.words.push(v ? 1 : 0);
      return;
    case "tristate":
      w.words.push(v === undefined ? -1 : v ? 1 : 0);
      return;
    case "int":
      w.words.push(wholeNumber(v, op, name));
      return;
    case "float":
      if (typeof v !== "number") throw wrongValue(`${op.name}: ${name}`, v, "a number");
      w.words.push(bitsOfF32(v) | 0);
      return;
    case "enum":
      w.words.push(position(spec.values, v as string, op, name));
      return;
    case "alu":
      w.words.push(
        v === undefined && spec.optional ? -1 : position(aluNames, v as string, op, name),
      );
      return;
    case "activation":
      w.words.push(position(activationNames, v as string, op, name));
      return;
    case "ints": {
      const list = (v ?? []) as readonly number[];
      w.words.push(list.length, ...list.map((n) => wholeNumber(n, op, name)));
      return;
    }
  }
}

const wrongValue = (name: string, v: unknown, wanted: string): OpenTrnError =>
  new OpenTrnError(`${name} is ${v === undefined ? "missing" : String(v)}; pass ${wanted}`, {
    category: "invalid program",
  });

/** What a word of the stream can hold, bit patterns of 32 unsigned bits included. */
function wholeNumber(v: unknown, op: AnyInstruction, name: string): number {
  if (Number.isInteger(v) && (v as number) >= -(2 ** 31) && (v as number) < 2 ** 32)
    return v as number;
  throw wrongValue(`${op.name}: ${name}`, v, "a 32-bit integer");
}

function position(values: readonly string[], v: string, op: AnyInstruction, name: string): number {
  const i = values.indexOf(v);
  if (i < 0)
    throw new OpenTrnError(
      `${op.name}: ${name} is ${String(v)}; choose one of ${values.join(", ")}`,
      {
        category: "invalid program",
      },
    );
  return i;
}

export const defaultOf = (spec: AttrSpec): unknown => {
  if (spec.kind === "enum") return spec.default ?? spec.values[0];
  if (spec.kind === "bool") return spec.default ?? false;
  if (spec.kind === "ints") return spec.default ?? [];
  if (spec.kind === "activation" || spec.kind === "tristate") return undefined;
  return spec.default;
};

function readAttr(r: WordReader, spec: AttrSpec): unknown {
  switch (spec.kind) {
    case "bool":
      return r.next() !== 0;
    case "tristate": {
      const v = r.next();
      return v === -1 ? undefined : v !== 0;
    }
    case "int":
      return r.next();
    case "float":
      return f32OfBits(r.next());
    case "enum":
      return spec.values[r.count(spec.values.length - 1, "enumeration value")];
    case "alu": {
      const i = r.next();
      if (i === -1 && spec.optional) return undefined;
      if (i === -1) throw wrongValue("an ALU operation", undefined, "one of nki.language's");
      const name = aluNames[i];
      if (name === undefined)
        throw new OpenTrnError(`ALU operation number ${i} does not exist`, {
          category: "invalid program",
        });
      return name;
    }
    case "activation":
      return activationNames[r.count(activationNames.length - 1, "activation function")];
    case "ints": {
      const n = r.count(MAX_LIST, "list length");
      return Array.from({ length: n }, () => r.next());
    }
  }
}

/** The words of one instruction. */
export function encodeInstruction(
  op: AnyInstruction,
  line: number,
  operands: Readonly<Record<string, Operand | undefined>>,
  attrs: Readonly<Record<string, unknown>>,
): number[] {
  const w = new WordWriter();
  w.words.push(opcodeOf(op), line);
  for (const name in op.operands) w.operand(operands[name]);
  for (const name in op.attrs) writeAttr(w, op, name, attrs[name]);
  return w.words;
}

/** Reads the instruction at the reader, which stands on its opcode. */
export function readInstruction(r: WordReader, index: number): DecodedInstruction {
  const op = opOf(r.next());
  const line = r.next();
  const operands: Record<string, Operand | undefined> = {};
  for (const name in op.operands) operands[name] = r.operand();
  const attrs: Record<string, unknown> = {};
  for (const name in op.attrs) attrs[name] = readAttr(r, op.attrs[name]);
  return { index, op, line, operands, attrs };
}

/** Words from attribute `name` (included) to the end of the instruction. */
export function wordsFrom(i: DecodedInstruction, name: string): number {
  const names = Object.keys(i.op.attrs);
  let n = 0;
  for (const later of names.slice(names.indexOf(name))) {
    const v = i.attrs[later];
    n += Array.isArray(v) ? 1 + v.length : 1;
  }
  return n;
}

export const decodeInstruction = (program: Program, index: number): DecodedInstruction =>
  readInstruction(new WordReader(program.words, program.starts[index]!), index);
