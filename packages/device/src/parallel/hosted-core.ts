/** A core of a rank in a thread of its own, over a memory that others share: bound once, then run from stop to stop. */
import type { Program } from "@opentrn/isa";
import { type Core, resetCore } from "../execute/core.ts";
import { CoreRun, type PrintedTensor } from "../execute/core-run.ts";
import { DEFAULT_MAX_STEPS } from "../execute/executable.ts";
import { mapFor, type PrepareOptions, prepareCores } from "../execute/prepare-cores.ts";
import type { Placement } from "../placement/index.ts";
import type { Stop } from "./remote-rank.ts";

export class HostedCore {
  /** How many instructions run on the fast path. */
  readonly fastCount: number;
  private readonly program: Program;
  private readonly core: Core;
  private readonly seed: number;
  private readonly maxSteps: number;
  private run: CoreRun;
  private prints: PrintedTensor[] = [];

  /** Binds core `number` to `memory`, which a `RemoteRank` of the same Program, placement and options made. */
  constructor(
    program: Program,
    placement: Placement,
    options: PrepareOptions,
    memory: WebAssembly.Memory,
    number: number,
  ) {
    const map = mapFor(program, placement, options, { memory });
    this.program = program;
    this.core = prepareCores(program, map, options, [number])[0]!;
    this.fastCount = this.core.fastCount;
    this.seed = options.seed ?? 0;
    this.maxSteps = options.maxSteps ?? DEFAULT_MAX_STEPS;
    this.run = this.fresh();
  }

  private fresh(): CoreRun {
    this.prints = [];
    return new CoreRun(this.program, this.core, this.prints, this.maxSteps);
  }

  /** Stands at the first instruction. */
  start(rank: number, ranks: number): void {
    resetCore(this.core, this.seed, rank, ranks);
    this.run = this.fresh();
  }

  /** Goes on to the next meeting or the end, over the meeting at hand when `passing`. Throws what instructions throw. */
  advance(passing: boolean): Stop {
    const { run, core } = this;
    if (passing) run.pass();
    run.advance();
    const prints = this.prints.splice(0);
    return { at: run.at, prints, executed: core.looping && run.done ? run.executed() : undefined };
  }
}
