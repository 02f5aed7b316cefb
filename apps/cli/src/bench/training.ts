/** Training and decoding of a 10 M Llama on the virtual chip against eager PyTorch on the CPU: the same model, types and two threads. */
import { readFileSync } from "node:fs";
import { chipNamed } from "@opentrn/chips";
import {
  type ComputeType,
  defaultAdamW,
  initialise,
  type ModelConfig,
  parseConfig,
} from "@opentrn/models";
import { hostThreads } from "@opentrn/runtime";
import { engineNamed, freshState } from "@opentrn/train";
import { repositoryFile } from "../repository.ts";
import { median } from "./measure.ts";
import type { Peer } from "./numpy.ts";
import { type Bench, CannotMeasure } from "./rows.ts";
import { type TorchFigures, torchTraining } from "./torch.ts";

const CONFIG = "bench/llama_10m.json";
const BATCH = 8;
const SEQUENCE = 256;
const THREADS = 2;
const STEPS = 5;
const TOKENS = 64;

const model = (): ModelConfig => parseConfig(readFileSync(repositoryFile(CONFIG), "utf8"));
const placement = (cores: number) => ({
  chip: chipNamed("trn2"),
  cores,
  stochasticRounding: false,
  fp8: false,
  seed: 0,
});

/** Token ids that differ from call to call. */
function* ids(config: ModelConfig): Generator<number, never> {
  for (let n = 1; ; n = (Math.imul(n, 1103515245) + 12345) >>> 0)
    yield (n >>> 8) % config.vocabSize;
}

const take = (from: Generator<number, never>, count: number): Int32Array =>
  Int32Array.from({ length: count }, () => from.next().value);

/** Tokens a second of whole steps on two cores; the first step is not counted. */
async function trainingRate(computeDtype: ComputeType): Promise<number> {
  const config = model();
  const shape = { batch: BATCH, sequence: SEQUENCE, accumulate: 1 };
  const request = { config, computeDtype, optimizer: defaultAdamW, clip: 1, shape };
  const engine = await engineNamed("chip").training(request, placement(THREADS), () => {});
  try {
    await engine.load(freshState(config, 0));
    const random = ids(config);
    const seconds: number[] = [];
    for (let step = 0; step <= STEPS; step++) {
      const batch = {
        tokens: take(random, BATCH * SEQUENCE),
        labels: take(random, BATCH * SEQUENCE),
      };
      const started = performance.now();
      await engine.step([batch], { step, learningRate: 3e-4 });
      seconds.push((performance.now() - started) / 1000);
    }
    return (BATCH * SEQUENCE) / median(seconds.slice(1));
  } finally {
    await engine.close();
  }
}

/** Tokens a second, one sequence, with keys and values kept. */
async function decodingRate(computeDtype: ComputeType): Promise<number> {
  const config = model();
  const parameters = initialise(config, 0);
  const request = { config, parameters, computeDtype, context: SEQUENCE };
  const engine = await engineNamed("chip").decoding(request, placement(1), () => {});
  try {
    await engine.prefill(Int32Array.of(1));
    const random = ids(config);
    const seconds: number[] = [];
    for (let n = 0; n < TOKENS; n++) {
      const started = performance.now();
      await engine.decode(random.next().value);
      seconds.push((performance.now() - started) / 1000);
    }
    return 1 / median(seconds.slice(3));
  } finally {
    await engine.close();
  }
}

let torch: Peer<TorchFigures> | undefined;

function peer(): TorchFigures {
  torch ??= torchTraining({ config: CONFIG, batch: BATCH, seq: SEQUENCE, threads: THREADS });
  if ("figures" in torch) return torch.figures;
  throw new CannotMeasure(torch.missing);
}

const whole = (x: number): string => x.toFixed(0);

/** Which of PyTorch's figures is the peer of each compute type: bfloat16 is autocast over fp32 weights. */
const rows = (dtype: "bfloat16" | "float32"): readonly Bench[] => [
  {
    name: `training of a 10 M Llama in ${dtype} against PyTorch`,
    unit: "x",
    target: 0.5,
    higher: true,
    measure: async () => {
      const theirs = peer();
      const ours = await trainingRate(dtype);
      const { tokensPerSecond } = theirs.train[dtype];
      return {
        value: ours / tokensPerSecond,
        note: `${whole(ours)} tokens/s on ${Math.min(THREADS, hostThreads())} threads, torch ${theirs.torch} eager ${whole(tokensPerSecond)} on ${theirs.threads} with ${theirs.capability}; bound by matmul, 128-bit multiply-adds here`,
      };
    },
  },
  {
    name: `decoding with a 10 M Llama in ${dtype} against PyTorch`,
    unit: "x",
    target: 0.5,
    higher: true,
    measure: async () => {
      const theirs = peer();
      const ours = await decodingRate(dtype);
      const { tokensPerSecond } = theirs.decode[dtype];
      return {
        value: ours / tokensPerSecond,
        note: `${whole(ours)} tokens/s on one thread, torch ${theirs.torch} eager ${whole(tokensPerSecond)} on ${theirs.threads}; bound by moving all weights once a token`,
      };
    },
  },
];

/** A minute or two; only `trn bench --train` runs them. */
export const trainingBenches: readonly Bench[] = [...rows("bfloat16"), ...rows("float32")];
