/** `trn compile`: a model lowered to instructions, timed and costed without being run. */
import { readFileSync } from "node:fs";
import { OpenTrnError } from "@opentrn/base";
import { chipNamed } from "@opentrn/chips";
import { link, passes, pythonFile } from "@opentrn/compiler";
import { listing, place, timeline } from "@opentrn/device";
import { parse, print } from "@opentrn/ir";
import { printProgram, saveProgram } from "@opentrn/isa";
import { type ComputeType, computeTypes, type ModelConfig } from "@opentrn/models";
import { readChipFile, writeFileAtomic, writeNpy } from "@opentrn/runtime";
import {
  type CostModelOptions,
  costFunction,
  costModel,
  loadConfig,
  type ModelCost,
  type PriceTerm,
  priceTerms,
} from "@opentrn/train";
import type { TypedCompileOptions } from "../compile-options.ts";
import { exitCode } from "../failure.ts";
import type { Io } from "../io.ts";
import { Progress } from "../progress.ts";
import { type CompileTitle, compileReport, memoryReport } from "../terminal/compile-report.ts";

const stages = [...passes.map((p) => p.name), "program", "timeline", "memory"];
const forms = ["nki", "program"] as const;

const wrong = (rule: string, message: string): never => {
  throw new OpenTrnError(message, { category: "bad input", rule });
};

function whole(name: string, text: string): number {
  const n = Number(text);
  if (!(Number.isSafeInteger(n) && n > 0))
    wrong(name, `${name} is ${JSON.stringify(text)}; it takes a whole number from 1`);
  return n;
}

function oneOf<T extends string>(name: string, value: string, known: readonly T[]): T {
  if (!(known as readonly string[]).includes(value))
    wrong(name, `${name} is ${value}; choose ${known.join(", ")}`);
  return value as T;
}

export async function compileCommand(
  model: string,
  options: TypedCompileOptions,
  io: Io,
): Promise<number> {
  const { show } = options;
  if (show !== undefined) oneOf("--show", show, stages);
  const emit = options.emit === undefined ? undefined : oneOf("--emit", options.emit, forms);
  if (emit && options.out === undefined) wrong("--out", `--emit ${emit} needs --out FILE`);
  const rows = whole("--modules", options.modules);
  const progress = new Progress(io);
  let shown = "";
  const common: CostModelOptions = {
    chip: options.chip ? readChipFile(options.chip) : chipNamed(options.target),
    replicas: whole("--replicas", options.replicas),
    fp8: options.fp8 ?? false,
    ...(options.instance === undefined ? {} : { instance: options.instance }),
    ...(options.term === undefined
      ? {}
      : { term: oneOf<PriceTerm>("--term", options.term, priceTerms) }),
    onPass: (name, fn) => {
      if (name === show) shown = print(fn);
    },
    onProgress: (text) => progress.say(text),
  };
  let made: { readonly title: CompileTitle; readonly cost: ModelCost };
  try {
    made = model.endsWith(".ir") ? costText(model, common) : costOfModel(model, options, common);
  } finally {
    progress.done();
  }
  const { title, cost } = made;
  if (emit) write(cost, emit, options.out!, io);
  if (show === "program") shown = printProgram(link(cost.plan));
  if (show === "timeline") shown = linkedTimeline(cost);
  if (show === "memory") shown = memoryReport(cost, io.colours);
  if (options.json) io.out(`${JSON.stringify(costJson(title, cost))}\n`);
  else if (show !== undefined) io.out(shown.endsWith("\n") ? shown : `${shown}\n`);
  else io.out(compileReport(title, cost, rows, io.colours));
  return exitCode.passed;
}

/** A function of the IR in its text form. */
function costText(path: string, common: CostModelOptions) {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (e) {
    return wrong("file", `${path} cannot be read: ${(e as Error).message}`);
  }
  const fn = parse(text, path);
  return { title: { model: fn.name, target: common.chip.name }, cost: costFunction(fn, common) };
}

function costOfModel(model: string, options: TypedCompileOptions, common: CostModelOptions) {
  const base = loadConfig(model);
  const config: ModelConfig = options.layers
    ? { ...base, layers: whole("--layers", options.layers) }
    : base;
  const [batch, seq] = [whole("--batch", options.batch), whole("--seq", options.seq)];
  const { phase } = options;
  const cost = costModel(config, phase, {
    ...common,
    batch,
    seq,
    computeDtype: oneOf<ComputeType>("--compute-dtype", options.computeDtype, computeTypes),
    recompute: options.recompute ?? false,
  });
  return { title: { model, phase, batch, seq, target: common.chip.name }, cost };
}

/** When every instruction of the linked Program runs. */
function linkedTimeline({ plan }: ModelCost): string {
  const program = link(plan);
  return listing(timeline(program, place(program)));
}

/** Writes the compiled function; constants of an NKI file lie beside it as .npy. */
function write(cost: ModelCost, form: (typeof forms)[number], out: string, io: Io): void {
  if (form === "program") {
    writeFileAtomic(out, saveProgram(link(cost.plan)));
    io.err(`${out}: the linked Program; trn run ${out} runs it\n`);
    return;
  }
  const { text, kernel, constants } = pythonFile(cost.plan);
  writeFileAtomic(out, new TextEncoder().encode(text));
  for (const { name, storage } of constants)
    writeFileAtomic(
      `${out}.${name}.npy`,
      writeNpy({ dtype: storage.dtype, shape: storage.shape, bytes: storage.data! }),
    );
  io.err(`${out}: NKI for ${kernel}; trn run ${out}:${kernel} runs it\n`);
}

/** The stable form of the report (docs/report.md). */
function costJson(title: object, c: ModelCost): unknown {
  return {
    ...title,
    time_ns: c.stepNs,
    bound_ns: c.boundNs,
    mfu: c.mfu,
    model_flops: c.modelFlops,
    tokens: c.tokens,
    tokens_per_second: c.tokensPerSecond,
    ...(c.cost
      ? {
          cost: {
            instance: c.cost.instance,
            usd_per_hour: c.cost.price.usdPerHour.value,
            term: c.cost.price.term,
            usd_per_million_tokens: c.cost.usdPerMillionTokens,
          },
        }
      : {}),
    hbm: {
      peak_bytes: c.memory.peakBytes,
      limit_bytes: c.hbmLimit,
      read_bytes: c.time.hbm.readBytes,
      write_bytes: c.time.hbm.writeBytes,
    },
    instructions: c.time.instructions,
    calls: c.plan.calls.length,
    compile_ms: c.compileMs,
    modules: c.modules.map((m) => ({
      name: m.name,
      template: m.template,
      what: m.what,
      calls: m.calls,
      ns: m.ns,
      total_ns: m.totalNs,
      share: m.share,
      flops: m.flops,
      least_bytes: m.leastBytes,
      moved_bytes: m.movedBytes,
      bound_ns: m.boundNs,
      bound_by: m.boundBy,
      bottleneck: m.bottleneck,
      instructions: m.instructions,
    })),
  };
}
