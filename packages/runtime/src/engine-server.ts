/**
 * The engine as a child of a Python process: takes traced kernels and input bytes on one stream and answers on another. One request
 * at a time; Programs stay prepared, so that a second call of a kernel only runs. python/nki/_engine.py is the other end.
 */
import { OpenTrnError } from "@opentrn/base";
import { checkRaces, type Executable, place, prepare, timeline } from "@opentrn/device";
import type { Program } from "@opentrn/isa";
import {
  FrameReader,
  frame,
  frameKind,
  messageFrame,
  type TracedOutput,
  TraceReceiver,
} from "@opentrn/nki";
import { bytesOf } from "@opentrn/numerics";
import { printedText } from "./engine/printed-text.ts";
import { timeReport } from "./report/time-report.ts";
import { evaluateSoFar } from "./run/evaluate-so-far.ts";
import { elementCount } from "./tensors/tensor.ts";

type Message = Readonly<Record<string, unknown>>;

interface Kept {
  readonly program: Program;
  readonly outputs: readonly TracedOutput[];
  /** Made for a run; dropped when others need the memory. */
  prepared?: { readonly key: string; readonly executable: Executable } | undefined;
  /** Instruction order of the last run, for Programs with run-time loops. */
  executed?: readonly Uint32Array[] | undefined;
}

/** Prepared Programs kept in memory at once. */
const MAX_PREPARED = 4;

export class EngineServer {
  private readonly write: (bytes: Uint8Array) => void;
  private readonly frames: FrameReader;
  private receiver = new TraceReceiver();
  private refused = false;
  private readonly programs = new Map<number, Kept>();
  private nextProgram = 1;
  /** Inputs of the call whose kernel is being traced; sent only when the kernel looks at a tensor. */
  private traceInputs: readonly Uint8Array[] = [];
  private request: { readonly message: Message; readonly inputs: Uint8Array[] } | undefined;

  constructor(write: (bytes: Uint8Array) => void) {
    this.write = write;
    this.frames = new FrameReader({
      records: (words) => {
        this.receiver.records(words);
        this.refuse();
      },
      message: (m) => this.attempt(() => this.message(m)),
      bytes: (data) => this.attempt(() => this.input(data)),
    });
  }

  /** Bytes that Python sent. */
  push(piece: Uint8Array): void {
    this.frames.push(piece);
  }

  private attempt(step: () => void): void {
    try {
      step();
    } catch (e) {
      const error =
        e instanceof OpenTrnError
          ? e
          : new OpenTrnError(e instanceof Error ? (e.stack ?? e.message) : String(e), {
              category: "internal",
            });
      const at = error.at;
      const lines = this.programs.get(this.request?.message["program"] as number)?.program.lines;
      const line = lines?.find((l) => l.file === at?.file && l.line === at.line);
      this.request = undefined;
      this.send({ type: "error", ...error.toJSON(), function: line?.function ?? null });
    }
  }

  private send(message: unknown): void {
    this.write(messageFrame(message));
  }

  /** Tells Python of a broken rule while it is still tracing, once. */
  private refuse(): boolean {
    const report = this.receiver.report();
    if (report && !this.refused) this.send(report);
    this.refused = report !== undefined;
    return this.refused;
  }

  private message(m: Message): void {
    const handler = this.handlers[m["type"] as string];
    if (handler === undefined)
      throw new OpenTrnError(`the engine does not know the request ${m["type"]}`, {
        category: "internal",
      });
    handler(m);
  }

  private readonly handlers: Readonly<Record<string, (m: Message) => void>> = {
    begin: (m) => {
      const limit = m["max_instructions"];
      const preciseFp = m["precise"] !== false;
      this.traceInputs = [];
      this.receiver = new TraceReceiver({
        evaluate: evaluateSoFar(() => this.traceInputs, { preciseFp }),
        ...(typeof limit === "number" ? { maxInstructions: limit } : {}),
      });
      this.refused = false;
      this.receiver.begin(m);
      this.refuse();
    },
    end: (m) => this.traced(m),
    run: (m) => this.withInputs(m),
    value: (m) => this.withInputs(m),
    time: (m) => this.time(this.kept(m["program"])),
    forget: (m) => {
      this.programs.delete(m["program"] as number);
    },
  };

  /** Waits for the inputs that follow a request, then does it. */
  private withInputs(m: Message): void {
    this.request = { message: m, inputs: [] };
    if (m["inputs"] === 0) this.proceed();
  }

  private proceed(): void {
    const { message, inputs } = this.request!;
    if (message["type"] === "run") {
      this.run();
      return;
    }
    this.request = undefined;
    if (inputs.length > 0) this.traceInputs = inputs;
    // After a refusal Python has the refusal to read.
    if (!this.refused) this.send(this.receiver.value(message));
  }

  private traced(m: Message): void {
    const early = this.refused;
    this.receiver.end(m);
    if (early || this.refuse()) return;
    const { program, outputs } = this.receiver;
    const id = this.nextProgram++;
    this.programs.set(id, { program: program!, outputs });
    this.receiver = new TraceReceiver();
    this.send({
      type: "traced",
      program: id,
      instructions: program!.starts.length,
      warnings: program!.warnings,
    });
  }

  private kept(id: unknown): Kept {
    const found = this.programs.get(id as number);
    if (found) return found;
    throw new OpenTrnError(`the engine has no Program ${id}`, { category: "internal" });
  }

  private input(data: Uint8Array): void {
    if (this.request === undefined) return;
    this.request.inputs.push(data);
    if (this.request.inputs.length === this.request.message["inputs"]) this.proceed();
  }

  private run(): void {
    const { message, inputs } = this.request!;
    const kept = this.kept(message["program"]);
    const wide = message["precise"] === false;
    const executable = this.prepare(kept, wide, (message["seed"] as number | undefined) ?? 0);
    const outcome = executable.run(inputs);
    this.request = undefined;
    kept.executed = outcome.executed;
    const floats = new Set(message["floats"] as readonly number[] | undefined);
    const outputs = kept.outputs.map((o, n) => {
      const at = kept.program.outputs.indexOf(o.storage);
      return floats.has(n)
        ? floatBytes(executable, at, o)
        : outcome.outputs[at]!.subarray(
            o.offset,
            o.offset + elementCount(o.shape) * bytesOf(o.dtype),
          );
    });
    const changed = outcome.inputsAfter.flatMap((after, n) => (same(after, inputs[n]!) ? [] : [n]));
    this.send({ type: "result", changed, prints: outcome.prints.map(printedText) });
    for (const o of outputs) this.write(frame(frameKind.bytes, o));
    for (const n of changed) this.write(frame(frameKind.bytes, outcome.inputsAfter[n]!));
  }

  private prepare(kept: Kept, wide: boolean, seed: number): Executable {
    const key = `${wide} ${seed}`;
    if (kept.prepared?.key === key) return kept.prepared.executable;
    const holding = [...this.programs.values()].filter((k) => k.prepared);
    if (holding.length >= MAX_PREPARED) holding[0]!.prepared = undefined;
    checkRaces(kept.program);
    const executable = prepare(kept.program, place(kept.program), { preciseFp: !wide, seed });
    kept.prepared = { key, executable };
    return executable;
  }

  private time(kept: Kept): void {
    const timed = timeline(kept.program, place(kept.program), { executed: kept.executed });
    this.send({ type: "time", time: timeReport(timed), mfu: timed.mfu, mbu: timed.mbu });
  }
}

/** An output as fp32: for callers without the narrow type, or before rounding when narrow types are kept wide. */
function floatBytes(executable: Executable, at: number, o: TracedOutput): Uint8Array {
  const from = o.offset / bytesOf(o.dtype);
  const values = executable.outputValues(at).slice(from, from + elementCount(o.shape));
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
