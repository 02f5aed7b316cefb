/** The memory of a Program and its cores made ready to run, for all that run them: one thread, or several that share the memory. */
import { loadKernels } from "@opentrn/fast";
import type { Program } from "@opentrn/isa";
import type { Placement } from "../placement/index.ts";
import { bindingBytes, widen } from "./binding-bytes.ts";
import { type Core, prepareCore } from "./core.ts";
import { type MapOptions, MemoryMap } from "./memory-map.ts";
import type { Carry } from "./resident-tensors.ts";

export interface PrepareOptions {
  /** Use the WebAssembly kernels where they exist (default), or the reference meanings only. */
  readonly fast?: boolean;
  /** False keeps narrow floats in fp32, so that rounding can be told from wrong algorithms. Default true. */
  readonly preciseFp?: boolean;
  /** Seed of the engines' generators. */
  readonly seed?: number;
  /** Stops a run-time loop that never ends; default 100 million executed instructions. */
  readonly maxSteps?: number;
  /** Outputs that become inputs after each `execute`: a step's new parameters are the next step's. */
  readonly carry?: readonly Carry[];
}

/** Lays out the memories of a Program. */
export const mapFor = (
  program: Program,
  placement: Placement,
  options: PrepareOptions,
  memory: Pick<MapOptions, "shared" | "memory"> = {},
): MemoryMap =>
  new MemoryMap(program, placement, {
    bindingBytes:
      options.fast === false ? new Array<number>(program.cores).fill(0) : bindingBytes(program),
    wide: options.preciseFp === false,
    ...memory,
  });

/** Binds the instructions of the cores named; their kernels use the map's memory. */
export function prepareCores(
  program: Program,
  map: MemoryMap,
  options: PrepareOptions,
  cores: readonly number[],
): readonly Core[] {
  const wide = options.preciseFp === false;
  const calls = program.classes.map((c) => (wide ? widen(c.call, map) : c.call));
  return cores.map((core) => {
    const kernels =
      options.fast === false ? undefined : loadKernels(map.memory, { scratch: map.scratch[core]! });
    return prepareCore(program, map, core, calls, kernels?.exports);
  });
}
