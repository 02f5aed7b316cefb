/** Rules that many instructions state in the same words. Each function makes one rule from operand or attribute names. */
import { type AluName, aluOp, isBitvec, isFloat, isInteger, isReduction } from "@opentrn/numerics";
import type { AnyCall, Tile } from "../define.ts";
import { isColumn, sameSize } from "./shapes.ts";

/** A rule of any instruction that has the operands it names. */
export interface SharedRule {
  readonly says: string;
  readonly broken: (call: AnyCall) => string | undefined;
}

export const listed = (names: readonly string[]): string =>
  names.length < 2 ? names.join() : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
const found = (call: AnyCall, names: readonly string[]): [string, Tile][] =>
  names.flatMap((n) => {
    const t = call.tile[n];
    return t ? [[n, t] as [string, Tile]] : [];
  });

/** The first of the named tiles for which `wrong` says something. */
const firstWrong = (
  call: AnyCall,
  names: readonly string[],
  wrong: (t: Tile) => string | undefined,
): string | undefined => {
  for (const [name, t] of found(call, names)) {
    const why = wrong(t);
    if (why !== undefined) return `${name} ${why}`;
  }
  return undefined;
};

export const sameSizes = (...names: readonly string[]): SharedRule => ({
  says: `${listed(names)} have the same partitions and elements per partition`,
  broken: (call) => sameSize(Object.fromEntries(found(call, names))),
});

/** The named operands, where they are tiles, are [P, 1] beside `tile`. */
export const columns = (tile: string, ...names: readonly string[]): SharedRule => ({
  says: `${listed(names)} ${names.length === 1 ? "holds" : "hold"} one value a partition of ${tile}`,
  broken: (call) => {
    const partitions = call.tile[tile]!.partitions;
    for (const [name, t] of found(call, names)) {
      const why = isColumn(name, t, partitions);
      if (why) return why;
    }
    return undefined;
  },
});

export const onePsumInput = (a: string, b: string): SharedRule => ({
  says: `at most one of ${a} and ${b} is in PSUM`,
  broken: ({ tile }) =>
    tile[a]?.space === "psum" && tile[b]?.space === "psum"
      ? `${a} and ${b} are both in psum; copy one to sbuf`
      : undefined,
});

/** For instructions that also run on other engines; those of GpSimd alone name their spaces. */
export const gpsimdReach: SharedRule = {
  says: "GpSimd does not reach PSUM",
  broken: (call) =>
    call.engine === "gpsimd"
      ? firstWrong(call, Object.keys(call.tile), (t) =>
          t.space === "psum" ? "is in psum and this runs on gpsimd; copy it to sbuf" : undefined,
        )
      : undefined,
};

export const sameType = (a: string, b: string): SharedRule => ({
  says: `${a} and ${b} have the same data type`,
  broken: ({ tile }) => {
    const [x, y] = [tile[a], tile[b]];
    return x && y && x.dtype !== y.dtype
      ? `${a} is ${x.dtype} and ${b} is ${y.dtype}; convert one`
      : undefined;
  },
});

const typed = (
  says: string,
  ok: (t: Tile) => boolean,
  way: string,
  names: readonly string[],
): SharedRule => ({
  says: `${listed(names)} ${names.length === 1 ? "is" : "are"} ${says}`,
  broken: (call) => firstWrong(call, names, (t) => (ok(t) ? undefined : `is ${t.dtype}; ${way}`)),
});
export const float32Tiles = (...names: readonly string[]): SharedRule =>
  typed("float32 where a tensor", (t) => t.dtype === "float32", "make it float32", names);
export const floatTiles = (...names: readonly string[]): SharedRule =>
  typed("of a floating-point type", (t) => isFloat(t.dtype), "convert it", names);

const op = (call: AnyCall, name: string): AluName | undefined =>
  call.attr[name] as AluName | undefined;

/** Attributes that must be arithmetic ALU operations. */
export const arithmetic = (...names: readonly string[]): SharedRule => ({
  says: `${listed(names)} ${names.length === 1 ? "is an arithmetic operation" : "are arithmetic operations"}`,
  broken: (call) => {
    for (const n of names) {
      const o = op(call, n);
      if (o && isBitvec(o)) return `${n} is ${o}; bitwise operations run with tensor_scalar`;
    }
    return undefined;
  },
});

/** Bitwise operations see bits, so every tile they touch is an integer tile. */
export const bitsOfIntegers = (
  ops: readonly string[],
  ...names: readonly string[]
): SharedRule => ({
  says: "bitwise operations take integer tiles",
  broken: (call) => {
    const bitwise = ops.map((n) => op(call, n)).find((o) => o && isBitvec(o));
    return bitwise === undefined
      ? undefined
      : firstWrong(call, names, (t) =>
          isInteger(t.dtype) ? undefined : `is ${t.dtype} under ${bitwise}; view it as integers`,
        );
  },
});

/** Attributes that must take two operands. */
export const binary = (...names: readonly string[]): SharedRule => ({
  says: `${listed(names)} ${names.length === 1 ? "takes" : "take"} two operands`,
  broken: (call) => {
    for (const n of names) {
      const o = op(call, n);
      if (o && aluOp(o).arity !== 2) return `${n} is ${o}, which takes one operand`;
    }
    return undefined;
  },
});

export const reduction = (name: string): SharedRule => ({
  says: `${name} is a reduction operation`,
  broken: (call) => {
    const o = op(call, name);
    return o === undefined || isReduction(o)
      ? undefined
      : `${name} is ${o}; use add, subtract, multiply, maximum, minimum, a logical or a bitwise one`;
  },
});

/** An attribute that takes a few ALU operations only. */
export const oneOf = (name: string, allowed: readonly AluName[]): SharedRule => ({
  says: `${name} is ${allowed.join(", ")}`,
  broken: (call) => {
    const o = op(call, name);
    return o === undefined || allowed.includes(o) ? undefined : `${name} is ${o}`;
  },
});

const magnitudes: readonly AluName[] = ["abs_max", "abs_min"];
const trn3Unary: readonly AluName[] = ["square", "relu"];

/** Operations that came with NeuronCore-v4 (Neuron SDK 2.30 release notes). */
export const operationsOfTarget = (...names: readonly string[]): SharedRule => ({
  says: "abs_max, abs_min, and square and relu as op0, need NeuronCore-v4",
  broken: (call) => {
    if (call.chip.generation >= 4) return undefined;
    for (const n of names) {
      const o = op(call, n);
      if (o && (magnitudes.includes(o) || trn3Unary.includes(o)))
        return `${n} is ${o} on ${call.chip.name}`;
    }
    return undefined;
  },
});

/** A one-operand operation takes no operand (or 0), a two-operand operation needs one. */
export const operandFits = (attr: string, operand: string): SharedRule => ({
  says: `${operand} is given for a two-operand ${attr}, and left out or 0 for a one-operand one`,
  broken: (call) => {
    const o = op(call, attr);
    const number = call.immediate[operand];
    const given = call.tile[operand] !== undefined || number !== undefined;
    if (o === undefined) return given ? `${operand} is given without ${attr}` : undefined;
    if (aluOp(o).arity === 2)
      return given ? undefined : `${attr} is ${o} and ${operand} is missing`;
    return call.tile[operand] !== undefined || (number ?? 0) !== 0
      ? `${attr} is ${o}, which takes one operand; leave ${operand} out`
      : undefined;
  },
});

/**
 * Where a scattered dst may lie relative to the instruction's input (NKI API reference, tensor indirection; partitions matter for pinned
 * tensors, and all others start at partition 0).
 */
export const scatterFits = (input: string): SharedRule => ({
  says: `the index of an indirect dst starts on the partition of ${input} (of its index for an indirect ${input} in PSUM), and ScalarE scatters into SBUF only`,
  broken: (call) => {
    const [dst, from] = [call.tile["dst"], call.tile[input]];
    if (dst?.dynamic !== "indirect" || !dst.index) return undefined;
    if (call.engine === "scalar" && dst.space === "psum")
      return "dst is an indirect tile in psum and this runs on scalar; use vector";
    const beside = from?.space === "psum" ? from.index : from;
    return beside && beside.startPartition !== dst.index.startPartition
      ? `the index of dst starts at partition ${dst.index.startPartition}, ${input} at ${beside.startPartition}`
      : undefined;
  },
});
