/**
 * Random graphs of operations over random shapes. Their numbers are small whole ones, for which every order of summation gives the same
 * fp32 sum, so that the chip must give exactly what the interpreter gives.
 */
import { Random } from "@opentrn/base";
import { type Chip, chipNamed, fact } from "@opentrn/chips";
import * as ir from "@opentrn/ir";
import { expect, test } from "vitest";
import { compareGroup } from "../../testing.ts";
import { rows } from "./rows.ts";

const trn2 = chipNamed("trn2");
/** With so little SBUF that rows are taken in chunks. */
const small: Chip = {
  ...trn2,
  sbuf: { ...trn2.sbuf, usableBytesPerPartition: fact(6 * 1024, "assumed", "for tests") },
};
const sizes = [1, 1, 2, 3, 5, 7, 16, 33, 130];
/** Of rows that do not fit. */
const wideSizes = [1, 3, 5, 140, 700, 1100, 2000];
const wholeTypes = ["float32", "float32", "bfloat16", "int32"] as const;

class Graph {
  private readonly random: Random;
  private readonly values: ir.Value[] = [];
  private readonly params: ir.Value[] = [];

  private readonly sizes: readonly number[];

  constructor(seed: number) {
    this.random = new Random(seed);
    this.sizes = seed % 2 === 0 ? sizes : wideSizes;
  }

  private int(n: number): number {
    return Math.floor(this.random.uniform() * n);
  }
  private pick<T>(list: readonly T[]): T {
    return list[this.int(list.length)]!;
  }

  private shape(): number[] {
    const rank = this.int(6);
    const made: number[] = [];
    for (let d = 0; d < rank; d++) {
      const n = this.pick(this.sizes);
      made.push(ir.sizeOf(made) * n > 20_000 ? 1 : n);
    }
    return made;
  }

  private parameter(type: ir.TensorType): ir.Value {
    const v = ir.parameter(`p${this.params.length}`, type);
    this.params.push(v);
    return v;
  }

  /** A value of that type: one there is, or a new parameter, perhaps with fewer dimensions and repeated. */
  private like(type: ir.TensorType): ir.Value {
    const same = this.values.filter((v) => ir.sameType(v.type, type));
    if (same.length > 0 && this.int(3) > 0) return this.pick(same);
    const { shape, dtype } = type;
    if (this.int(5) === 0) return ir.constant(type, this.int(7));
    if (this.int(2) === 0 || shape.length === 0) return this.parameter(type);
    const kept = shape.map((_, d) => d).filter(() => this.int(2) === 0);
    const narrow = this.parameter({ shape: kept.map((d) => shape[d]!), dtype });
    return ir.broadcastInDim(narrow, shape, kept);
  }

  /** Keeps numbers small, so that sums stay exact. */
  private bounded(v: ir.Value): ir.Value {
    return ir.maximum(ir.minimum(v, 9), v.type.dtype === "uint8" ? 0 : -9);
  }

  private readonly steps: Readonly<Record<string, (x: ir.Value) => ir.Value | undefined>> = {
    add: (x) => this.bounded(ir.add(x, this.like(x.type))),
    subtract: (x) => this.bounded(ir.subtract(this.like(x.type), x)),
    multiply: (x) => this.bounded(ir.multiply(x, this.like(x.type))),
    scaled: (x) => this.bounded(ir.add(ir.multiply(x, 2), this.like(x.type))),
    maximum: (x) => ir.maximum(x, this.like(x.type)),
    negate: (x) => ir.negate(x),
    abs: (x) => ir.abs(x),
    sign: (x) => ir.sign(x),
    select: (x) => {
      const other = this.like(x.type);
      const how = this.pick(ir.directions);
      return ir.select(ir.compare(x, other, how), this.pick([x, other]), this.like(x.type));
    },
    mask: (x) => ir.convert(ir.not(ir.compare(x, 1, "GT")), x.type.dtype),
    convert: (x) => ir.convert(x, this.pick(wholeTypes)),
    count: (x) => {
      const { shape } = x.type;
      if (shape.length === 0) return undefined;
      const counted = ir.iota(shape, this.int(shape.length), x.type.dtype);
      return ir.add(x, this.bounded(counted));
    },
    sum: (x) => this.reduced(x, "add"),
    most: (x) => this.reduced(x, "maximum"),
    least: (x) => this.reduced(x, "minimum"),
    back: (x) => {
      const dims = this.dims(x);
      const sum = this.bounded(ir.reduce(x, this.pick(["add", "maximum"] as const), dims));
      return this.bounded(ir.subtract(x, ir.broadcastOver(sum, x.type.shape, dims)));
    },
    slice: (x) => {
      const { shape } = x.type;
      if (shape.length === 0) return undefined;
      const start = shape.map((n) => (this.int(3) === 0 ? this.int(n) : 0));
      const strides = shape.map(() => (this.int(4) === 0 ? 2 : 1));
      return ir.slice(x, { start, strides });
    },
    halves: (x) => {
      const d = x.type.shape.findIndex((n) => n > 1);
      if (d < 0) return undefined;
      const n = x.type.shape[d]!;
      const half = Math.floor(n / 2);
      const first = ir.slice(x, { limit: x.type.shape.with(d, half) });
      const second = ir.slice(x, { start: x.type.shape.map((_, i) => (i === d ? half : 0)) });
      return ir.concatenate([ir.negate(second), first], d);
    },
    pad: (x) => {
      if (x.type.shape.length === 0) return undefined;
      const edge = () => x.type.shape.map(() => this.int(3) - 1).map((n) => Math.max(0, n));
      return ir.pad(x, this.int(3), { low: edge(), high: edge() });
    },
    reshape: (x) => {
      const { shape } = x.type;
      const d = shape.findIndex((n) => n > 3 && n % 2 === 0);
      if (d < 0) return ir.reshape(x, [ir.sizeOf(shape)]);
      return ir.reshape(x, shape.toSpliced(d, 1, 2, shape[d]! / 2));
    },
    transpose: (x) => {
      const order = x.type.shape.map((_, d) => d).sort(() => this.random.uniform() - 0.5);
      return ir.transpose(x, order);
    },
  };

  private dims(x: ir.Value): readonly number[] {
    return x.type.shape.map((_, d) => d).filter(() => this.int(2) === 0);
  }
  private reduced(x: ir.Value, body: ir.Body): ir.Value {
    return this.bounded(ir.reduce(x, body, this.dims(x)));
  }

  /** Rows less their sums and extremes, which come after another. */
  private acrossRows(x: ir.Value): ir.Value {
    const last = x.type.shape.length - 1;
    if (last < 0) return x;
    const along = (v: ir.Value) => ir.broadcastOver(v, x.type.shape, [last]);
    const most = ir.subtract(x, along(ir.reduce(x, "maximum", [last])));
    const sum = this.bounded(ir.sum(this.bounded(ir.multiply(most, 2)), [last]));
    return this.bounded(ir.add(most, along(sum)));
  }

  build(): ir.Func {
    const type = { shape: this.shape(), dtype: this.pick(wholeTypes) };
    this.values.push(this.parameter(type));
    if (this.sizes === wideSizes) this.values.push(this.acrossRows(this.values[0]!));
    const length = 2 + this.int(7);
    for (let i = 0; i < length; i++) {
      const x = this.int(4) === 0 ? this.pick(this.values) : this.values.at(-1)!;
      const made = this.steps[this.pick(Object.keys(this.steps))]!(x);
      if (made) this.values.push(made);
    }
    const results = [this.values.at(-1)!];
    while (this.int(3) === 0) results.push(this.pick(this.values));
    return ir.cleanUp(ir.functionOf("fuzz", this.params, results));
  }
}

/** Chosen so that the file takes seconds; more seeds find the same kinds. */
const seeds = Array.from({ length: 300 }, (_, i) => i + 1);
const taken = new Set<number>();

test.each(seeds)("graph %i", (seed) => {
  const fn = new Graph(seed).build();
  const chip = seed % 2 === 0 ? trn2 : small;
  if (fn.body.length === 0 || rows.refuses(fn, chip) !== undefined) return;
  taken.add(seed);
  const inputs = Object.fromEntries(
    fn.params.map((v, i) => {
      const random = new Random(1000 * seed + i);
      const n = ir.sizeOf(v.type.shape);
      return [
        ir.parameterName(v),
        Array.from({ length: n }, () => Math.floor(random.uniform() * 7) - 3),
      ];
    }),
  );
  const { results } = compareGroup(fn, inputs, { chip });
  // Zeros of either sign are equal.
  const plain = (list: readonly number[]) => list.map((x) => x + 0);
  for (const r of results) expect(plain(r.chip), ir.print(fn)).toEqual(plain(r.interpreter));
});

test("most graphs are taken", () => {
  expect(taken.size).toBeGreaterThan(0.7 * seeds.length);
});
