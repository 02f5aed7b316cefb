/** Spreads work over VectorE, ScalarE and GpSimd: an operation that several can do goes where it is done first. */
import type { Chip, EngineFacts } from "@opentrn/chips";
import { bytesOf, type DType, isFloat } from "@opentrn/numerics";
import type { View } from "../../emit/view.ts";

export type ComputeEngine = "vector" | "scalar" | "gpsimd";

/** One way to do something: nanoseconds of its engine, and the instructions. */
export interface Way {
  readonly engine: ComputeEngine;
  readonly ns: number;
  /** What it takes of a second engine, where it is two instructions. */
  readonly also?: { readonly engine: ComputeEngine; readonly ns: number };
  readonly emit: () => void;
}

/** Two instructions wait for each other: they must be done earlier by what they take. */
const PATIENCE = 1;

const narrow = (d: DType): boolean => bytesOf(d) <= 2 && isFloat(d);
const inner = (v: View): boolean => {
  const last = v.pattern.dims.findLast((d, i) => i > 0 && d[1] > 1);
  return last === undefined || last[0] === 1;
};

/** Elements a cycle of VectorE's one-stream forms; the records in isa say the same in full. */
function oneStream(facts: EngineFacts, views: readonly View[], wide: number): number {
  const psum = views.some((v) => v.space === "psum");
  if (views.every((v) => narrow(v.dtype)))
    return Math.min(facts.narrowWidth.value, psum ? 2 : views.every(inner) ? 4 : 2);
  return psum ? 1 : wide;
}

export class Engines {
  readonly chip: Chip;
  private readonly busy: Record<ComputeEngine, number> = { vector: 0, scalar: 0, gpsimd: 0 };

  constructor(chip: Chip) {
    this.chip = chip;
  }

  private ns(engine: ComputeEngine, elements: number, rate: number, pointers = false): number {
    const f = this.chip.engines[engine];
    const cycles = elements / rate + f.fixedCycles.value + (pointers ? f.pointerCycles.value : 0);
    return Math.max(cycles, f.minimumCycles.value) / f.clockGHz.value;
  }

  /** tensor_scalar and the like on VectorE. */
  scalarForm(views: readonly View[], pointers = false): number {
    const f = this.chip.engines.vector;
    return this.ns(
      "vector",
      views[0]!.free,
      oneStream(f, views, f.narrowWidth.value / 2),
      pointers,
    );
  }

  /** tensor_copy on VectorE. */
  copyForm(views: readonly View[]): number {
    const f = this.chip.engines.vector;
    return this.ns("vector", views[0]!.free, oneStream(f, views, 1));
  }

  /** Two whole tiles on VectorE or GpSimd; `halved` for 16-bit floats. */
  twoTiles(engine: "vector" | "gpsimd", views: readonly View[]): number {
    const f = this.chip.engines[engine];
    const psum = views.some((v) => v.space === "psum");
    const half = views.every((v) => v.dtype === "bfloat16" || v.dtype === "float16");
    const wide = engine === "vector" ? Math.max(1, f.narrowWidth.value / 2) : 1;
    return this.ns(engine, views[0]!.free, psum ? 1 : (wide * (half ? 2 : 1)) / 2);
  }

  /** One element a cycle. */
  plain(engine: ComputeEngine, view: View, pointers = false, factor = 1): number {
    return this.ns(engine, view.free * factor, 1, pointers);
  }

  /** Forgets what was done: the next work waits for it, so that it is no reason to leave an engine alone. */
  rest(): void {
    this.busy.vector = this.busy.scalar = this.busy.gpsimd = 0;
  }

  /** Reading accumulators out. */
  readOut(engine: "vector" | "scalar"): number {
    const f = this.chip.engines[engine];
    return f.minimumCycles.value / f.clockGHz.value;
  }

  /** Does it in the way that is finished first. */
  run(ways: readonly Way[]): void {
    const best = ways.reduce((a, b) => (this.finish(b) < this.finish(a) ? b : a));
    this.busy[best.engine] += best.ns;
    if (best.also) this.busy[best.also.engine] += best.also.ns;
    best.emit();
  }

  private finish({ engine, ns, also }: Way): number {
    const end = this.busy[engine] + ns;
    if (!also) return end;
    const both =
      also.engine === engine ? end + also.ns : Math.max(end, this.busy[also.engine] + also.ns);
    return both + PATIENCE * (ns + also.ns);
  }
}
