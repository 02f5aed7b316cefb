/** Operations without operands: parameter, constant, iota. */
import { operation } from "../define.ts";
import { stridesOf } from "../indexing.ts";
import { allocate } from "../storage.ts";
import { printType, sizeOf } from "../types.ts";

export const parameter = operation({
  name: "parameter",
  summary: "A named input of a function; the text form shows it in the signature.",
  operands: [],
  attrs: { name: { kind: "string" }, shape: { kind: "shape" }, dtype: { kind: "dtype" } },
  constraints: {
    C1: {
      says: "the name is a letter or underscore, then letters, digits, underscores and dots",
      broken: ({ attrs: { name } }) =>
        /^[A-Za-z_][\w.]*$/.test(name) ? undefined : `"${name}" is not such a name`,
    },
  },
  infer: ({ attrs: { shape, dtype } }) => [{ shape, dtype }],
  evaluate: (_, { results: [type], arithmetic }) => [allocate(type!, arithmetic)],
  gradient: { notDifferentiable: "it is where differentiation ends" },
});

export const constant = operation({
  name: "constant",
  summary: "A tensor of known values: one number for all elements, or all of them.",
  operands: [],
  attrs: { value: { kind: "literal" }, shape: { kind: "shape" }, dtype: { kind: "dtype" } },
  constraints: {
    C1: {
      says: "there is one value, or one for every element",
      broken: ({ attrs: { value, shape, dtype } }) =>
        typeof value === "number" || value.length === sizeOf(shape)
          ? undefined
          : `${value.length} values for ${printType({ shape, dtype })}`,
    },
  },
  infer: ({ attrs: { shape, dtype } }) => [{ shape, dtype }],
  evaluate: (_, { attrs: { value }, results: [type], arithmetic }) => {
    const data = allocate(type!, arithmetic);
    if (typeof value === "number") data.fill(value);
    else data.set(value);
    return [data];
  },
  gradient: { notDifferentiable: "it depends on nothing" },
});

export const iota = operation({
  name: "iota",
  summary: "Counts 0, 1, 2, ... along one dimension.",
  operands: [],
  attrs: {
    iota_dimension: { kind: "int" },
    shape: { kind: "shape" },
    dtype: { kind: "dtype" },
  },
  constraints: {
    C1: {
      says: "iota_dimension is a dimension of the result",
      broken: ({ attrs: { iota_dimension: d, shape } }) =>
        d >= 0 && d < shape.length
          ? undefined
          : `iota_dimension is ${d}, the result has rank ${shape.length}`,
    },
    C2: {
      says: "the result is not i1",
      broken: ({ attrs: { dtype } }) =>
        dtype === "bool_" ? "i1 cannot count; compare an integer iota instead" : undefined,
    },
  },
  infer: ({ attrs: { shape, dtype } }) => [{ shape, dtype }],
  evaluate: (_, { attrs: { iota_dimension: d, shape }, results: [type], arithmetic }) => {
    const data = allocate(type!, arithmetic);
    const step = stridesOf(shape)[d]!;
    for (let i = 0; i < data.length; i++) data[i] = Math.floor(i / step) % shape[d]!;
    return [data];
  },
  gradient: { notDifferentiable: "it depends on nothing" },
});
