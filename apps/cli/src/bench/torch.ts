/** PyTorch on the CPU as the peer of training and decoding: bench/torch_train.py, run once a benchmark where Python has torch. */
import { repositoryFile } from "../repository.ts";
import { type Peer, runPython } from "./numpy.ts";

export interface TorchTraining {
  readonly seconds: number;
  readonly tokensPerSecond: number;
  readonly firstLoss: number;
  readonly lastLoss: number;
}

/** What bench/torch_train.py prints; `bfloat16` is autocast over fp32 weights in training, bfloat16 weights in decoding. */
export interface TorchFigures {
  readonly torch: string;
  readonly threads: number;
  /** Widest vector instructions that PyTorch found, e.g. `AVX512`. */
  readonly capability: string;
  readonly parameters: number;
  readonly batch: number;
  readonly seq: number;
  readonly train: Readonly<Record<"float32" | "bfloat16", TorchTraining>>;
  readonly decode: Readonly<
    Record<"float32" | "bfloat16", { readonly seconds: number; readonly tokensPerSecond: number }>
  >;
}

export interface TorchOptions {
  /** A Hugging Face `config.json` of a Llama, relative to the repository. */
  readonly config: string;
  readonly batch: number;
  readonly seq: number;
  readonly threads: number;
  readonly steps?: number;
  readonly tokens?: number;
}

/** Eager PyTorch's training and decoding speed; the Python is OPENTRN_PYTHON_BIN or python3. */
export function torchTraining(o: TorchOptions): Peer<TorchFigures> {
  const args = [
    ...["--config", repositoryFile(o.config)],
    ...["--batch", String(o.batch)],
    ...["--seq", String(o.seq)],
    ...["--threads", String(o.threads)],
    ...["--steps", String(o.steps ?? 10)],
    ...["--tokens", String(o.tokens ?? 200)],
  ];
  return runPython<TorchFigures>("bench/torch_train.py", args);
}
