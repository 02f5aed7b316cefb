/** What a model costs on a chip without running it: compile, time every distinct module once, and add up. */
import type { Chip } from "@opentrn/chips";
import {
  type CompileOptions,
  checkMemory,
  compile,
  type Module,
  memoryOf,
  type Plan,
  type PlanMemory,
  type PlanTime,
  timePlan,
} from "@opentrn/compiler";
import { type Func, type Operation, sizeOf, type Value } from "@opentrn/ir";
import type { ModelConfig } from "@opentrn/models";
import { bytesOf } from "@opentrn/numerics";
import { type Cost, costOf } from "../prices/cost.ts";
import type { PriceTerm } from "../prices/price.ts";
import { describe } from "./describe.ts";
import { type Phase, type PhaseRequest, phaseOf } from "./phase.ts";

export interface CostModelOptions {
  readonly chip: Chip;
  /** Data-parallel copies on the chip, which share its HBM. */
  readonly replicas?: number;
  /** Products of 16-bit operands in fp8. */
  readonly fp8?: boolean;
  readonly instance?: string;
  readonly term?: PriceTerm;
  readonly onPass?: NonNullable<CompileOptions["onPass"]>;
  readonly onProgress?: (text: string) => void;
}

/** One distinct module: what it is, how often it runs, what it takes and what it could take at best. */
export interface ModuleCost {
  readonly name: string;
  readonly template: string;
  readonly what: string;
  readonly calls: number;
  readonly ns: number;
  readonly totalNs: number;
  /** Share of the whole. */
  readonly share: number;
  readonly flops: number;
  /** Bytes of its inputs and outputs: the least it can move. */
  readonly leastBytes: number;
  readonly movedBytes: number;
  /** The longer of FLOPs at the peak of the core and `leastBytes` at the core's share of HBM bandwidth. */
  readonly boundNs: number;
  readonly boundBy: "compute" | "memory";
  readonly bottleneck: string;
  readonly instructions: number;
}

export interface ModelCost {
  readonly plan: Plan;
  readonly time: PlanTime;
  readonly memory: PlanMemory;
  readonly hbmLimit: number;
  readonly modules: readonly ModuleCost[];
  /** 0 where nothing says what a token is. */
  readonly tokens: number;
  readonly stepNs: number;
  /** Sum of the modules' bounds. */
  readonly boundNs: number;
  /** FLOPs of the model over what the core could do in `stepNs`. */
  readonly mfu: number;
  readonly modelFlops: number;
  readonly tokensPerSecond: number;
  readonly cost?: Cost;
  readonly compileMs: number;
}

/** Compiles and costs one phase of a model. Stops with `capacity` when it does not fit HBM, `unsupported here` for what is not lowered. */
export const costModel = (
  config: ModelConfig,
  phaseName: string,
  options: CostModelOptions & PhaseRequest,
): ModelCost => costPhase(phaseOf(phaseName, config, options), advice(phaseName), options);

/** The same for any function. */
export const costFunction = (fn: Func, options: CostModelOptions): ModelCost =>
  costPhase({ fn, tokens: 0 }, "Make its tensors smaller.", options);

function costPhase(
  phase: Pick<Phase, "fn" | "tokens"> & Partial<Phase>,
  wayOut: string,
  options: CostModelOptions,
): ModelCost {
  const { chip, replicas = 1, onProgress } = options;
  const started = performance.now();
  const hbmLimit = chip.hbm.bytes.value / Math.max(1, Math.min(replicas, chip.cores.value));
  const plan = compile(phase.fn, {
    chip,
    fp8: options.fp8 ?? false,
    ...(options.onPass ? { onPass: options.onPass } : {}),
    onModule: (name, done, of) => onProgress?.(`compiling ${name}, ${done + 1} of ${of}`),
    onBuffers: (buffers) => checkMemory(buffers, hbmLimit, wayOut),
  });
  const memory = memoryOf(plan);
  const time = timePlan(plan, (name, done, of) =>
    onProgress?.(`timing ${name}, ${done + 1} of ${of}`),
  );
  const stepNs = time.totalNs;
  const tokensPerSecond = (phase.tokens * 1e9) / stepNs;
  const cost =
    phase.tokens === 0
      ? undefined
      : costOf({
          chip,
          tokensPerSecond,
          cores: 1,
          ...(options.instance === undefined ? {} : { instance: options.instance }),
          ...(options.term === undefined ? {} : { term: options.term }),
        });
  const flops = phase.flops ?? time.flops;
  const modules = moduleCosts(plan, time, chip);
  return {
    plan,
    time,
    memory,
    hbmLimit,
    modules,
    tokens: phase.tokens,
    stepNs,
    boundNs: modules.reduce((n, m) => n + m.boundNs * m.calls, 0),
    mfu: flops / (chip.peakTflops.bf16.value * 1e3) / stepNs,
    modelFlops: flops,
    tokensPerSecond,
    ...(cost ? { cost } : {}),
    compileMs: performance.now() - started,
  };
}

const advice = (phase: string): string =>
  phase === "train"
    ? "Use a smaller --batch (with --accumulate), a shorter --seq, --recompute, or more --cores."
    : "Use a smaller --batch or a shorter --seq.";

/** Every module, the costliest first. */
function moduleCosts(plan: Plan, time: PlanTime, chip: Chip): readonly ModuleCost[] {
  // TFLOP/s are thousands of operations a nanosecond.
  const peak = chip.peakTflops.bf16.value * 1e3;
  const bandwidth = chip.hbm.bytesPerNs.value / chip.cores.value;
  return time.modules
    .map(({ module, calls, timeline, totalNs }): ModuleCost => {
      const m = plan.modules[module]!;
      const leastBytes = ends(m);
      const compute = timeline.flops / peak;
      const memory = leastBytes / bandwidth;
      return {
        name: m.name,
        template: m.template,
        what: describe(m),
        calls,
        ns: timeline.totalNs,
        totalNs,
        share: totalNs / time.totalNs,
        flops: timeline.flops,
        leastBytes,
        movedBytes: timeline.hbm.readBytes + timeline.hbm.writeBytes,
        boundNs: Math.max(compute, memory),
        boundBy: compute > memory ? "compute" : "memory",
        bottleneck: timeline.bottleneck,
        instructions: m.program.starts.length,
      };
    })
    .sort((a, b) => b.totalNs - a.totalNs);
}

const bytes = (v: Value): number => sizeOf(v.type.shape) * bytesOf(v.type.dtype);

/** Bytes of what goes in and comes out; of a tensor that is only looked up, what is found. */
function ends({ group }: Module): number {
  const users = new Map<Value, Operation[]>();
  for (const op of group.body)
    for (const v of op.operands) users.set(v, [...(users.get(v) ?? []), op]);
  const read = group.params.map((v) => {
    const found = users.get(v) ?? [];
    const lookedUp = found.every((op) => lookups.has(op.name) && op.operands[0] === v);
    return lookedUp ? found.reduce((n, op) => n + bytes(op.results[0]!), 0) : bytes(v);
  });
  return [...read, ...group.results.map(bytes)].reduce((n, b) => n + b, 0);
}

/** Operations that read a part of their first operand. */
const lookups = new Set(["gather", "dynamic_slice", "slice"]);
