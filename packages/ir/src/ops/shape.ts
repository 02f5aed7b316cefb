/** broadcast_in_dim, reshape, transpose, slice, concatenate: operations that only move elements to fixed places. */
import { reduce } from "../build/contraction.ts";
import * as b from "../build/shape.ts";
import { constant } from "../build/sources.ts";
import { operation } from "../define.ts";
import { copy, dense, offsetAt, otherDims, pick, range, stridesOf } from "../indexing.ts";
import { allocate } from "../storage.ts";
import { printType, sameShape, sizeOf, tensor } from "../types.ts";
import { inRange, length, list, unique } from "./dims.ts";

export const broadcastInDim = operation({
  name: "broadcast_in_dim",
  summary: "Repeats along new dimensions and along dimensions of size 1.",
  operands: [{ name: "operand", takes: "any" }],
  attrs: { broadcast_dimensions: { kind: "ints" }, shape: { kind: "shape" } },
  constraints: {
    C1: {
      says: "broadcast_dimensions has an entry for every dimension of the operand",
      broken: ({ operands: [x], attrs: a }) =>
        length("broadcast_dimensions", a.broadcast_dimensions, x!.shape.length),
    },
    C2: {
      says: "the entries are dimensions of the result",
      broken: ({ attrs: a }) =>
        inRange("broadcast_dimensions", a.broadcast_dimensions, a.shape.length),
    },
    C3: {
      says: "no dimension of the result is named twice",
      broken: ({ attrs: a }) => unique("broadcast_dimensions", a.broadcast_dimensions),
    },
    C4: {
      says: "a dimension of the operand has size 1 or the size it has in the result",
      broken: ({ operands: [x], attrs: { broadcast_dimensions: dims, shape } }) => {
        const d = x!.shape.findIndex((n, i) => n !== 1 && n !== shape[dims[i]!]);
        return d < 0
          ? undefined
          : `dimension ${d} of ${printType(x!)} goes to dimension ${dims[d]} of ${list(shape)}`;
      },
    },
  },
  infer: ({ operands: [x], attrs: { shape } }) => [{ shape, dtype: x!.dtype }],
  evaluate: ([x], { operands, attrs: a, results: [type], arithmetic }) => {
    const out = allocate(type!, arithmetic);
    const from = operands[0]!.shape;
    const steps = stridesOf(from);
    const strides = a.shape.map((_, d) => {
      const i = a.broadcast_dimensions.indexOf(d);
      return i < 0 || from[i] === 1 ? 0 : steps[i]!;
    });
    copy(a.shape, out, dense(a.shape), x!, { offset: 0, strides });
    return [out];
  },
  moves: true,
  gradient: ({ operands: [x], attrs: { broadcast_dimensions: dims, shape }, cotangent: g }) => {
    const from = x!.type.shape;
    const kept = dims.filter((d, i) => from[i] === shape[d]);
    const summed = reduce(g, "add", otherDims(shape.length, kept));
    // The sum has the kept dimensions in the result's order; put them in the operand's, then its ones back.
    const order = kept.map((d) => kept.filter((k) => k < d).length);
    return [b.reshape(b.transpose(summed, order), from)];
  },
});

export const reshape = operation({
  name: "reshape",
  summary: "The same elements in row-major order under another shape.",
  operands: [{ name: "operand", takes: "any" }],
  attrs: { shape: { kind: "shape" } },
  constraints: {
    C1: {
      says: "the result has as many elements as the operand",
      broken: ({ operands: [x], attrs: { shape } }) =>
        sizeOf(shape) === sizeOf(x!.shape)
          ? undefined
          : `${printType(x!)} has ${sizeOf(x!.shape)} elements, ${list(shape)} has ${sizeOf(shape)}`,
    },
  },
  infer: ({ operands: [x], attrs: { shape } }) => [{ shape, dtype: x!.dtype }],
  evaluate: ([x]) => [x!.slice()],
  moves: true,
  gradient: ({ operands: [x], cotangent: g }) => [b.reshape(g, x!.type.shape)],
});

export const transpose = operation({
  name: "transpose",
  summary: "Dimension d of the result is dimension permutation[d] of the operand.",
  operands: [{ name: "operand", takes: "any" }],
  attrs: { permutation: { kind: "ints" } },
  constraints: {
    C1: {
      says: "permutation names every dimension of the operand once",
      broken: ({ operands: [x], attrs: { permutation: p } }) =>
        length("permutation", p, x!.shape.length) ??
        inRange("permutation", p, x!.shape.length) ??
        unique("permutation", p),
    },
  },
  infer: ({ operands: [x], attrs: { permutation } }) => [
    { shape: pick(x!.shape, permutation), dtype: x!.dtype },
  ],
  evaluate: ([x], { operands, attrs: { permutation }, results: [type], arithmetic }) => {
    const out = allocate(type!, arithmetic);
    const strides = pick(stridesOf(operands[0]!.shape), permutation);
    copy(type!.shape, out, dense(type!.shape), x!, { offset: 0, strides });
    return [out];
  },
  moves: true,
  gradient: ({ attrs: { permutation: p }, cotangent: g }) => [
    b.transpose(
      g,
      range(p.length).map((d) => p.indexOf(d)),
    ),
  ],
});

export const slice = operation({
  name: "slice",
  summary: "Elements start, start + stride, ... below limit of every dimension.",
  operands: [{ name: "operand", takes: "any" }],
  attrs: {
    start_indices: { kind: "ints" },
    limit_indices: { kind: "ints" },
    strides: { kind: "ints" },
  },
  constraints: {
    C1: {
      says: "start_indices, limit_indices and strides have an entry for every dimension",
      broken: ({ operands: [x], attrs: a }) =>
        length("start_indices", a.start_indices, x!.shape.length) ??
        length("limit_indices", a.limit_indices, x!.shape.length) ??
        length("strides", a.strides, x!.shape.length),
    },
    C2: {
      says: "0 <= start <= limit <= size in every dimension",
      broken: ({ operands: [x], attrs: { start_indices: s, limit_indices: l } }) => {
        const d = x!.shape.findIndex((n, i) => s[i]! < 0 || s[i]! > l[i]! || l[i]! > n);
        return d < 0 ? undefined : `${s[d]} to ${l[d]} of dimension ${d} of ${printType(x!)}`;
      },
    },
    C3: {
      says: "strides are at least 1",
      broken: ({ attrs: { strides } }) =>
        strides.every((s) => s > 0)
          ? undefined
          : `strides ${list(strides)}; reverse by transposing indices instead`,
    },
  },
  infer: ({ operands: [x], attrs: { start_indices: s, limit_indices: l, strides } }) => [
    { shape: s.map((at, d) => Math.ceil((l[d]! - at) / strides[d]!)), dtype: x!.dtype },
  ],
  evaluate: ([x], { operands, attrs: a, results: [type], arithmetic }) => {
    const out = allocate(type!, arithmetic);
    const steps = stridesOf(operands[0]!.shape);
    const from = {
      offset: offsetAt(a.start_indices, steps),
      strides: steps.map((s, d) => s * a.strides[d]!),
    };
    copy(type!.shape, out, dense(type!.shape), x!, from);
    return [out];
  },
  moves: true,
  gradient: ({ operands: [x], results: [y], attrs: a, cotangent: g }) => {
    const zero = constant(tensor([], g.type.dtype), 0);
    const covered = y!.type.shape.map((n, d) => (n === 0 ? 0 : (n - 1) * a.strides[d]! + 1));
    return [
      b.pad(g, zero, {
        low: a.start_indices,
        high: x!.type.shape.map((n, d) => n - a.start_indices[d]! - covered[d]!),
        interior: a.strides.map((s) => s - 1),
      }),
    ];
  },
});

export const concatenate = operation({
  name: "concatenate",
  summary: "The operands one after the other along one dimension.",
  operands: [{ name: "inputs", takes: "any", variadic: true }],
  attrs: { dimension: { kind: "int" } },
  constraints: {
    C1: {
      says: "there is at least one operand",
      broken: ({ operands }) => (operands.length > 0 ? undefined : "none was given"),
    },
    C2: {
      says: "dimension is a dimension of the operands",
      broken: ({ operands: [x], attrs: { dimension } }) =>
        inRange("dimension", [dimension], x!.shape.length),
    },
    C3: {
      says: "the operands have one element type, and one shape but for that dimension",
      broken: ({ operands: [first, ...rest], attrs: { dimension } }) => {
        const but = (shape: readonly number[]) => shape.with(dimension, 0);
        const other = rest.find(
          (t) =>
            t.dtype !== first!.dtype ||
            t.shape.length !== first!.shape.length ||
            !sameShape(but(t.shape), but(first!.shape)),
        );
        return other && `${printType(first!)} with ${printType(other)} along ${dimension}`;
      },
    },
  },
  infer: ({ operands, attrs: { dimension } }) => [
    {
      shape: operands[0]!.shape.with(
        dimension,
        operands.reduce((n, t) => n + t.shape[dimension]!, 0),
      ),
      dtype: operands[0]!.dtype,
    },
  ],
  evaluate: (inputs, { operands, attrs: { dimension }, results: [type], arithmetic }) => {
    const out = allocate(type!, arithmetic);
    const strides = stridesOf(type!.shape);
    let offset = 0;
    for (const [i, { shape }] of operands.entries()) {
      copy(shape, out, { offset, strides }, inputs[i]!, dense(shape));
      offset += shape[dimension]! * strides[dimension]!;
    }
    return [out];
  },
  moves: true,
  gradient: ({ operands, attrs: { dimension }, cotangent: g, needs }) => {
    let at = 0;
    return operands.map((x, i) => {
      const start = at;
      at += x.type.shape[dimension]!;
      return needs[i]
        ? b.slice(g, {
            start: g.type.shape.map((_, d) => (d === dimension ? start : 0)),
            limit: g.type.shape.with(dimension, at),
          })
        : undefined;
    });
  },
});
