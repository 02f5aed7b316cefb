/**
 * The kernels that `trn bench` measures against the NumPy peer: inputs of a real size and of a small one for tests, what they should
 * compute, and how exactly.
 */
import { Random } from "@opentrn/base";
import { chipNamed } from "@opentrn/chips";
import { bytesOf, type DType, decode } from "@opentrn/numerics";
import {
  loadArgument,
  readArgument,
  runProgram,
  type TensorData,
  valuesOf,
} from "@opentrn/runtime";
import type { Kernel } from "opentrn";
import type { Array64 } from "../../examples/references.ts";
import { fp8Mlp } from "./fp8-mlp.ts";
import { gqaAttention } from "./gqa-attention.ts";
import { gqaAttentionBackward } from "./gqa-attention-backward.ts";
import { moeBlockwise } from "./moe-blockwise.ts";
import { mxMatmul } from "./mx-matmul.ts";
import * as references from "./references.ts";
import { rmsNormQkv } from "./rmsnorm-qkv.ts";

export type Inputs = Readonly<Record<string, TensorData>>;

export interface BenchKernel {
  readonly name: string;
  readonly chip: string;
  readonly kernel: Kernel;
  /** Inputs of a real size, and what they are. */
  readonly real: () => Inputs;
  readonly size: string;
  readonly small: () => Inputs;
  /** Outputs in float64. */
  readonly reference: (inputs: Inputs) => readonly Array64[];
  /** |output - float64| <= atol + rtol |float64|; u16 = 2^-8 is the largest relative error of one rounding to bf16. */
  readonly tolerance: { readonly rtol: number; readonly atol: number; readonly why: string };
}

/** Tensors as `trn run --arg` would make them. */
function inputs(texts: Readonly<Record<string, string>>): Record<string, TensorData> {
  return Object.fromEntries(
    Object.entries(texts).map(([name, text]) => {
      const value = loadArgument(readArgument(`${name}=${text}`), 0);
      if (value.kind !== "tensor") throw new TypeError(`${name} is no tensor`);
      return [name, value.tensor] as const;
    }),
  );
}

const array64 = ({ shape, dtype, bytes }: TensorData): Array64 => ({
  shape,
  data: Float64Array.from(valuesOf({ shape, dtype, bytes })),
});
const as64 = (tensors: Inputs): Record<string, Array64> =>
  Object.fromEntries(Object.entries(tensors).map(([n, t]) => [n, array64(t)]));

const attention = (heads: number, groups: number, seq: number): Record<string, TensorData> =>
  inputs({
    q: `${heads}x${seq}x128:bfloat16:normal`,
    k: `${groups}x${seq}x128:bfloat16:normal`,
    v: `${groups}x${seq}x128:bfloat16:normal`,
  });

/** The forward kernel's results are the backward kernel's inputs. */
function backward(heads: number, groups: number, seq: number): Inputs {
  const forward = attention(heads, groups, seq);
  const program = gqaAttention.build({ chip: chipNamed("trn2"), inputs: forward });
  const [out, lse] = runProgram(program, forward, { time: false }).outputs!;
  return {
    ...forward,
    ...inputs({ dout: `${heads}x${seq}x128:bfloat16:normal` }),
    out: out!,
    lse: lse!,
  };
}

const mlp = (tokens: number, width: number, hidden: number): Inputs =>
  inputs({
    x: `${tokens}x${width}:bfloat16:normal`,
    wGate: `${width}x${hidden}:float8_e4m3:normal(0,16)`,
    wUp: `${width}x${hidden}:float8_e4m3:normal(0,16)`,
    wDown: `${hidden}x${width}:float8_e4m3:normal(0,16)`,
    sGate: `${hidden}:float32:uniform(0.001,0.003)`,
    sUp: `${hidden}:float32:uniform(0.001,0.003)`,
    sDown: `${width}:float32:uniform(0.001,0.003)`,
  });

/** Packed weights of finite random bits, and scales between 2^-8 and 2^-4. */
function mx(tokens: number, features: number, columns: number): Inputs {
  const random = new Random(7);
  const [chunks, dtype] = [features / 512, "float8_e4m3fn_x4" as const];
  const bytes = new Uint8Array(features * columns);
  // The largest exponent is left out: it holds NaN.
  for (let i = 0; i < bytes.length; i++) bytes[i] = random.below(0x70) | (random.below(2) << 7);
  const scale = Uint8Array.from({ length: chunks * 16 * columns }, () => 119 + random.below(5));
  return {
    ...inputs({ x: `${tokens}x${features}:bfloat16:normal` }),
    w: { shape: [chunks, 128, columns], dtype, bytes },
    scale: { shape: [chunks, 16, columns], dtype: "uint8", bytes: scale },
  };
}

/** The packed weights as numbers: feature 512 c + 4 p + j. */
function unpack({ w, scale }: Inputs): Array64 {
  const [chunks, , columns] = w!.shape as [number, number, number];
  const data = new Float64Array(chunks * 512 * columns);
  for (let k = 0; k < chunks * 512; k++)
    for (let n = 0; n < columns; n++) {
      const value = decode(w!.bytes[((k >> 2) * columns + n) * 4 + (k & 3)]!, "float8_e4m3fn");
      data[k * columns + n] = value * 2 ** (scale!.bytes[(k >> 5) * columns + n]! - 127);
    }
  return { shape: [chunks * 512, columns], data };
}

/** Every token goes to two experts; positions are sorted by expert, padded to blocks of 128. */
function moe(tokens: number, width: number, hidden: number, count: number): Inputs {
  const random = new Random(11);
  const [positions, experts, affinities]: [number[], number[], number[]] = [[], [], []];
  const chosen = Array.from({ length: tokens }, () => {
    const first = random.below(count);
    return [first, (first + 1 + random.below(count - 1)) % count];
  });
  for (let e = 0; e < count; e++) {
    const mine = chosen.flatMap((pair, token) => (pair.includes(e) ? [token] : []));
    while (mine.length % 128 !== 0) mine.push(tokens);
    for (let at = 0; at < mine.length; at += 128) experts.push(e);
    positions.push(...mine);
    affinities.push(...mine.map((token) => (token < tokens ? 0.25 + random.uniform() / 2 : 0)));
  }
  const tensor = (
    shape: number[],
    dtype: DType,
    values: Int32Array | Float32Array,
  ): TensorData => ({
    shape,
    dtype,
    bytes: new Uint8Array(values.buffer, 0, values.length * bytesOf(dtype)),
  });
  const blocks = experts.length;
  return {
    ...inputs({
      x: `${tokens + 1}x${width}:bfloat16:normal`,
      gateUp: `${count}x${width}x2x${hidden}:bfloat16:normal(0,${1 / Math.sqrt(width)})`,
      down: `${count}x${hidden}x${width}:bfloat16:normal(0,${1 / Math.sqrt(hidden)})`,
    }),
    positions: tensor([blocks, 128], "int32", Int32Array.from(positions)),
    experts: tensor([1, blocks], "int32", Int32Array.from(experts)),
    affinities: tensor([blocks, 128], "float32", Float32Array.from(affinities)),
  };
}

export const benchKernels: readonly BenchKernel[] = [
  {
    name: "GQA flash attention",
    chip: "trn2",
    kernel: gqaAttention,
    real: () => attention(8, 2, 1024),
    size: "8 heads, 2 groups, 1024 x 128, causal",
    small: () => attention(2, 1, 640),
    reference: (i) => references.gqaAttention(as64(i)),
    tolerance: { rtol: 2 ** -7, atol: 2 ** -8, why: "weights and results round to bf16" },
  },
  {
    name: "GQA flash attention backward",
    chip: "trn2",
    kernel: gqaAttentionBackward,
    real: () => backward(4, 1, 512),
    size: "4 heads, 1 group, 512 x 128, causal",
    small: () => backward(2, 1, 256),
    reference: (i) => references.gqaAttentionBackward(as64(i)),
    tolerance: {
      rtol: 2 ** -7,
      atol: 2 ** -6,
      why: "weights, gradients of scores and results round to bf16",
    },
  },
  {
    name: "RMSNorm and QKV",
    chip: "trn2",
    kernel: rmsNormQkv,
    real: () =>
      inputs({
        x: "512x2048:bfloat16:normal",
        weight: "2048:bfloat16:uniform(0.5,1.5)",
        wqkv: "2048x3072:bfloat16:normal(0,0.02)",
      }),
    size: "512 x 2048 to 3072",
    small: () =>
      inputs({
        x: "128x256:bfloat16:normal",
        weight: "256:bfloat16:uniform(0.5,1.5)",
        wqkv: "256x640:bfloat16:normal(0,0.06)",
      }),
    reference: (i) => references.rmsNormQkv(as64(i)),
    tolerance: { rtol: 2 ** -8, atol: 2 ** -7, why: "normalised rows and results round to bf16" },
  },
  {
    name: "fp8 MLP",
    chip: "trn2",
    kernel: fp8Mlp,
    real: () => mlp(512, 1024, 2816),
    size: "512 x 1024, hidden 2816, double_row",
    small: () => mlp(128, 256, 512),
    reference: (i) => references.fp8Mlp(as64(i)),
    tolerance: {
      rtol: 2 ** -8,
      atol: 2 ** -10,
      why: "results round to bf16; a value near a tie of fp8 rounds the other way",
    },
  },
  {
    name: "MX matmul",
    chip: "trn3",
    kernel: mxMatmul,
    real: () => mx(512, 2048, 2048),
    size: "512 x 2048 x 2048, MXFP8 with quantisation",
    small: () => mx(128, 1024, 640),
    reference: (i) => references.mxMatmul({ x: array64(i["x"]!), w: unpack(i) }),
    tolerance: { rtol: 2 ** -8, atol: 2 ** -10, why: "results round to bf16, sums to fp32" },
  },
  {
    name: "MoE block-wise matmul",
    chip: "trn2",
    kernel: moeBlockwise,
    real: () => moe(1024, 1024, 512, 8),
    size: "1024 tokens x 1024, 8 experts of 512, 2 a token",
    small: () => moe(100, 256, 128, 3),
    reference: (i) => references.moeBlockwise(as64(i)),
    tolerance: { rtol: 2 ** -8, atol: 2 ** -7, why: "gated features round to bf16" },
  },
];
