/**
 * One rank whose cores run in other threads, as the thread sees it that brings them together: the shared memory with its tensors, and the
 * meetings. Instructions are bound and run by hosted-core.ts over the same memory.
 */
import type { Program } from "@opentrn/isa";
import { contextOf, indicesOf, meetingsAmong } from "../execute/core-context.ts";
import type { PrintedTensor, Runner } from "../execute/core-run.ts";
import type { ExecuteOutcome, Started } from "../execute/executable.ts";
import type { Launch } from "../execute/meet.ts";
import type { Meeting } from "../execute/meeting.ts";
import { mapFor, type PrepareOptions } from "../execute/prepare-cores.ts";
import { ResidentTensors, type TensorRef } from "../execute/resident-tensors.ts";
import type { Placement } from "../placement/index.ts";

/** Where a core stopped in its thread: at a meeting or at its end. */
export interface Stop {
  /** Position among the core's instructions. */
  readonly at: number;
  readonly prints: readonly PrintedTensor[];
  /** At the end: instruction indices executed, of Programs with run-time loops. */
  readonly executed: Uint32Array | undefined;
}

interface RemoteCore {
  readonly indices: Uint32Array;
  readonly meetings: ReadonlyMap<number, Meeting>;
  readonly launch: { rank: number; ranks: number };
}

/** A core's way through its instructions; the thread that runs it reports each stop to `arrive`. */
export class RemoteRun implements Runner {
  /** Whether the core steps over a meeting before it goes on. */
  passing = false;
  executed: Uint32Array | undefined;
  private at = 0;
  private readonly core: RemoteCore;
  private readonly prints: PrintedTensor[];

  constructor(core: RemoteCore, prints: PrintedTensor[]) {
    this.core = core;
    this.prints = prints;
  }

  get done(): boolean {
    return this.at >= this.core.indices.length;
  }

  get meeting(): Meeting {
    return this.core.meetings.get(this.at)!;
  }

  index(): number {
    const { indices } = this.core;
    return indices[Math.min(this.at, indices.length - 1)]!;
  }

  pass(): void {
    this.passing = true;
  }

  arrive(stop: Stop): void {
    this.passing = false;
    this.at = stop.at;
    this.executed = stop.executed;
    this.prints.push(...stop.prints);
  }
}

export class RemoteRank {
  /** Shared with the threads that run the cores. */
  readonly memory: WebAssembly.Memory;
  private readonly program: Program;
  private readonly tensors: ResidentTensors;
  private readonly cores: readonly RemoteCore[];

  constructor(program: Program, placement: Placement, options: PrepareOptions = {}) {
    this.program = program;
    const map = mapFor(program, placement, options, { shared: true });
    this.memory = map.memory;
    this.tensors = new ResidentTensors(program, map, options.carry ?? []);
    this.cores = Array.from({ length: program.cores }, (_, n) => {
      const context = contextOf(program, map, n);
      const indices = indicesOf(program, n);
      return {
        indices,
        meetings: meetingsAmong(program, context, indices),
        launch: context.launch,
      };
    });
    this.tensors.storeConstants();
  }

  write(tensor: TensorRef, data: Uint8Array): void {
    this.tensors.write(tensor, data);
  }

  read(tensor: TensorRef): Uint8Array {
    return this.tensors.read(tensor);
  }

  copy(from: TensorRef, to: TensorRef): void {
    this.tensors.copy(from, to);
  }

  /** Cores at their first instruction, as rank `rank` of `ranks`; `finish` carries outputs over to inputs. */
  start(rank: number, ranks: number): Started<ExecuteOutcome, RemoteRun> {
    this.tensors.checkWritten();
    const prints: PrintedTensor[] = [];
    const runs = this.cores.map((core) => {
      Object.assign(core.launch, { rank, ranks });
      return new RemoteRun(core, prints);
    });
    const launch: Launch<RemoteRun> = { program: this.program, rank, ranks, runs };
    return {
      launch,
      finish: () => {
        this.tensors.carry();
        const traces = runs.map((r) => r.executed ?? new Uint32Array());
        return { prints, executed: runs.some((r) => r.executed) ? traces : undefined };
      },
    };
  }
}
