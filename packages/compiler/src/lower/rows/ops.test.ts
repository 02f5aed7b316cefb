/** Every element-by-element operation in every type, on the chip and by the interpreter, within bounds.ts. */
import { Random } from "@opentrn/base";
import { chipNamed } from "@opentrn/chips";
import * as ir from "@opentrn/ir";
import { bytesOf, decode, dtypeInfo, encode } from "@opentrn/numerics";
import { expect, test } from "vitest";
import { compareGroup } from "../../testing.ts";
import { type Bound, bounds } from "./bounds.ts";

const { func, tensor } = ir;
const [trn1, trn2, trn3] = ["trn1", "trn2", "trn3"].map(chipNamed);

const { negate, abs, sign, add: plus, subtract, multiply, divide, maximum, minimum } = ir;
const { exponential, log, sqrt, rsqrt, tanh, logistic, sine, cosine } = ir;
const unary = { negate, abs, sign };
const functions = { exponential, log, sqrt, rsqrt, tanh, logistic, sine, cosine };
const binary = { add: plus, subtract, multiply, divide, maximum, minimum };

const isFloat = (d: ir.ElementType): boolean => dtypeInfo[d].kind === "float";
const isNumber = (d: ir.ElementType): boolean => d !== "bool_";

/** The largest and least numbers of a type. */
function edges(d: ir.ElementType): readonly number[] {
  if (isFloat(d)) return [0, 1, -1, 0.5, -2.75, 3, 1e-3, -1e3, 1e30, Infinity, -Infinity, NaN];
  if (d === "bool_") return [0, 1];
  const bits = 8 * bytesOf(d);
  return d.startsWith("int")
    ? [0, 1, -1, 7, -7, 2 ** (bits - 1) - 1, -(2 ** (bits - 1))]
    : [0, 1, 7, 2 ** bits - 1, 2 ** (bits - 1)];
}

const holds = (x: number, d: ir.ElementType): number => decode(encode(x, d), d);

/** Edges in every pairing, then numbers of all sizes. */
function values(d: ir.ElementType, n: number, seed: number, inner: boolean): number[] {
  const random = new Random(seed);
  const e = edges(d);
  return Array.from({ length: n }, (_, i) => {
    if (i < e.length ** 2) {
      const x = inner ? e[i % e.length]! : e[Math.floor(i / e.length)]!;
      return isFloat(d) ? holds(x, d) : x;
    }
    if (d === "bool_") return random.uniform() < 0.5 ? 0 : 1;
    if (isFloat(d)) return holds((random.uniform() - 0.5) * 2 ** (12 * random.uniform() - 6), d);
    const [least, most] = [Math.min(...e), Math.max(...e)];
    const wide = Math.floor(least + random.uniform() * (most - least));
    return i % 2 === 0 ? wide : (wide % 100) | 0;
  });
}

const shape = [19, 23] as const;
const count = 19 * 23;
const types = ir.elementTypes.filter((d) => d !== "float8_e8m0fnu");

/** The chip with the type: trn3 has them all. */
const chipFor = (d: ir.ElementType) => ((dtypeInfo[d].since ?? 2) > 3 ? trn3! : trn2!);

const x = (d: ir.ElementType) => ({ x: tensor(shape, d) });
const xy = (d: ir.ElementType) => ({ x: tensor(shape, d), y: tensor(shape, d) });

type Case = readonly [name: string, fn: ir.Func, bound: Bound, dtype: ir.ElementType];
const cases: Case[] = [];
const exact: Bound = { float32: 0, narrow: 0 };
const boundOf = (name: string, d: ir.ElementType): Bound => (isFloat(d) ? bounds[name]! : exact);

for (const d of types) {
  const add = (name: string, fn: ir.Func): void => {
    cases.push([`${name} ${d}`, fn, boundOf(name.split(" ")[0]!, d), d]);
  };
  if (isNumber(d)) {
    for (const [name, f] of Object.entries(unary))
      add(
        name,
        func("f", x(d), ({ x }) => [f(x)]),
      );
    for (const [name, f] of Object.entries(binary))
      add(
        name,
        func("f", xy(d), ({ x, y }) => [f(x, y)]),
      );
    add(
      "add number",
      func("f", x(d), ({ x }) => [ir.add(x, 3)]),
    );
    add(
      "subtract from number",
      func("f", x(d), ({ x }) => [ir.subtract(3, x)]),
    );
    add(
      "divide by number",
      func("f", x(d), ({ x }) => [ir.divide(x, 3)]),
    );
  }
  if (isFloat(d)) {
    for (const [name, f] of Object.entries(functions))
      add(
        name,
        func("f", x(d), ({ x }) => [f(x)]),
      );
    add(
      "power",
      func("f", xy(d), ({ x, y }) => [ir.power(x, y)]),
    );
    add(
      "power of number",
      func("f", x(d), ({ x }) => [ir.power(x, 3)]),
    );
  } else {
    add(
      "and",
      func("f", xy(d), ({ x, y }) => [ir.and(x, y), ir.or(x, y), ir.not(x)]),
    );
  }
  add(
    "compare",
    func("f", xy(d), ({ x, y }) => ir.directions.map((k) => ir.compare(x, y, k))),
  );
  add(
    "select",
    func("f", { ...xy(d), p: tensor(shape, "bool_") }, ({ x, y, p }) => [
      ir.select(p, x, y),
      ir.select(p, x, 1),
      ir.select(p, 1, y),
    ]),
  );
  add(
    "convert",
    func("f", x(d), ({ x }) =>
      types
        .filter((t) => t !== d && ((dtypeInfo[t].since ?? 2) <= 3 || (dtypeInfo[d].since ?? 2) > 3))
        .map((t) => ir.convert(x, t)),
    ),
  );
}

/** Distance of neighbouring numbers of the type at that size. */
function unit(size: number, d: ir.ElementType): number {
  const { mantissa = 0, exponent = 8 } = dtypeInfo[d];
  const least = 2 - 2 ** (exponent - 1);
  const e = size > 0 ? Math.max(Math.floor(Math.log2(size)), least) : least;
  return 2 ** (e - mantissa);
}

/** The first element that is out of bounds, in words. */
function fault(
  chip: readonly number[],
  wanted: readonly number[],
  bound: Bound,
  d: ir.ElementType,
) {
  const most = d === "float32" ? bound.float32 : bound.narrow;
  for (const [i, w] of wanted.entries()) {
    const c = chip[i]!;
    if (c === w || (Number.isNaN(c) && Number.isNaN(w))) continue;
    const at = Math.max(Math.abs(w), bound.floor ?? 0);
    const off = Math.abs(c - w) / unit(at, d);
    if (!(off <= most)) return `element ${i}: chip ${c}, interpreter ${w}, ${off} units`;
  }
  return undefined;
}

test.each(cases)("%s", (_, fn, bound, d) => {
  const inputs = Object.fromEntries(
    fn.params.map((v, i) => [ir.parameterName(v), values(v.type.dtype, count, i + 1, i % 2 === 0)]),
  );
  const { module, results } = compareGroup(fn, inputs, { chip: chipFor(d) });
  expect(module.template).toBe("rows");
  for (const r of results)
    expect(fault(r.chip, r.interpreter, bound, r.type.dtype)).toBeUndefined();
});

test.each(["divide", "cosine"])("the bound of %s is not for nothing", (name) => {
  const found = cases.filter(([n]) => n.startsWith(`${name} float32`));
  const faults = found.flatMap(([, fn]) => {
    const inputs = { x: values("float32", count, 1, true), y: values("float32", count, 2, false) };
    const given = Object.fromEntries(
      fn.params.map((v) => [ir.parameterName(v), inputs[ir.parameterName(v) as "x"]]),
    );
    return compareGroup(fn, given).results.map((r) =>
      fault(r.chip, r.interpreter, exact, "float32"),
    );
  });
  expect(faults.some((f) => f !== undefined)).toBe(true);
});

test("NeuronCore-v2 takes no bias numbers and no ScalarE tensor_scalar", () => {
  const fn = func("f", x("float32"), ({ x }) => [ir.subtract(3, ir.multiply(ir.add(x, 2), 0.3))]);
  const { results } = compareGroup(fn, {}, { chip: trn1! });
  expect(fault(results[0]!.chip, results[0]!.interpreter, exact, "float32")).toBeUndefined();
});
