/**
 * Every example: where its kernels are, which reference says what they compute, inputs of a real size for the demo and of a small one
 * for tests. Inputs are written as `trn run --arg` takes them.
 */
import type { Kernel } from "opentrn";
import { tensorAdd } from "./01-tensor-add.ts";
import { matmulHoisted, matmulPipelined, matmulResident, matmulTiled } from "./02-matmul.ts";
import { softmax } from "./03-softmax.ts";
import { rmsNorm } from "./04-rmsnorm.ts";
import { flashAttention } from "./05-flash-attention.ts";
import { transformerBlock } from "./06-transformer-block.ts";

/** |result - float64| <= atol + rtol * |float64|, and where the figures come from. u16 = 2^-8 and u32 = 2^-24 are the largest relative errors of one rounding to bf16 and fp32. */
export interface Allowance {
  readonly rtol: number;
  readonly atol: number;
  readonly why: string;
}

export interface Example {
  /** File name without its ending: `05-flash-attention.py` and `.ts` issue the same instructions. */
  readonly file: string;
  readonly title: string;
  /** Python function; the TypeScript export is the same in camelCase. */
  readonly name: string;
  readonly kernel: Kernel;
  /** Export of references.ts. */
  readonly reference: string;
  readonly tolerance: Allowance;
  /** Inputs of a real size. */
  readonly args: Readonly<Record<string, string>>;
  /** Inputs for tests, small enough for the reference meanings. */
  readonly small: Readonly<Record<string, string>>;
  /** Shown by `npm run demo:kernels`. */
  readonly demo?: true;
}

const matrix = (rows: number, columns: number, values = "normal"): string =>
  `${rows}x${columns}:bfloat16:${values}`;
const matmulArgs = { a: matrix(2048, 2048), b: matrix(2048, 2048) };
const matmulSmall = { a: matrix(256, 256), b: matrix(256, 1024) };

/** Weights are drawn so that activations keep their size. */
const block = (seq: number, width: number, hidden: number): Readonly<Record<string, string>> => {
  const weight = (rows: number, columns: number): string =>
    matrix(rows, columns, `normal(0, ${(1 / Math.sqrt(rows)).toFixed(4)})`);
  return {
    x: matrix(seq, width),
    norm1: `${width}:bfloat16:uniform(0.5, 1.5)`,
    wq: weight(width, width),
    wk: weight(width, width),
    wv: weight(width, width),
    wo: weight(width, width),
    norm2: `${width}:bfloat16:uniform(0.5, 1.5)`,
    gate: weight(width, hidden),
    up: weight(width, hidden),
    down: weight(hidden, width),
  };
};

const matmul = (name: string, kernel: Kernel, title: string): Example => ({
  file: "02-matmul",
  title,
  name,
  kernel,
  reference: "matmul",
  tolerance: {
    rtol: 2 ** -8,
    atol: 2 ** -11,
    why: "one rounding of the sum to bf16 (u16); fp32 sums of K = 2048 products err by about 4 sqrt(K) u32 of their size, 45",
  },
  args: matmulArgs,
  small: matmulSmall,
});

export const examples: readonly Example[] = [
  {
    file: "01-tensor-add",
    title: "tensor add",
    name: "tensor_add",
    kernel: tensorAdd,
    reference: "tensorAdd",
    tolerance: { rtol: 2 ** -24, atol: 0, why: "one rounding to fp32 (u32)" },
    args: { a: "4096x2048:float32:normal", b: "4096x2048:float32:normal" },
    small: { a: "300x512:float32:normal", b: "300x512:float32:normal" },
  },
  matmul("matmul_tiled", matmulTiled, "matmul, every tile from HBM"),
  matmul("matmul_hoisted", matmulHoisted, "matmul, left operand read once"),
  matmul("matmul_resident", matmulResident, "matmul, both operands read once"),
  matmul("matmul_pipelined", matmulPipelined, "matmul, TensorE never waits"),
  {
    file: "03-softmax",
    title: "row softmax",
    name: "softmax",
    kernel: softmax,
    reference: "softmax",
    tolerance: {
      rtol: 2 ** -16,
      atol: 0,
      why: "x - max up to 40 rounds to 40 u32, which exp turns into a relative error; the running row sum adds about 4 sqrt(columns) u32",
    },
    args: { x: "4096x2048:float32:normal(0, 4)" },
    small: { x: "200x512:float32:normal(0, 4)" },
  },
  {
    file: "04-rmsnorm",
    title: "RMSNorm",
    name: "rms_norm",
    kernel: rmsNorm,
    reference: "rmsNorm",
    tolerance: {
      rtol: 1.01 * 2 ** -8,
      atol: 0,
      why: "one rounding to bf16 (u16); everything before it is fp32",
    },
    args: { x: matrix(4096, 4096), weight: "4096:bfloat16:uniform(0.5, 1.5)" },
    small: { x: matrix(200, 512), weight: "512:bfloat16:uniform(0.5, 1.5)" },
  },
  {
    file: "05-flash-attention",
    title: "causal flash attention",
    name: "flash_attention",
    kernel: flashAttention,
    reference: "causalAttention",
    tolerance: {
      rtol: 2 ** -7,
      atol: 2 ** -8,
      why: "weights round to bf16, the same ones above and below the fraction line: at most u16 (sum of w |v| + |out|), with sum of w |v| about 1; the result rounds once more (u16 |out|)",
    },
    args: { q: matrix(2048, 128), k: matrix(2048, 128), v: matrix(2048, 128) },
    // Three blocks of keys, so that sums are corrected.
    small: { q: matrix(768, 128), k: matrix(768, 128), v: matrix(768, 128), block: "256" },
    demo: true,
  },
  {
    file: "06-transformer-block",
    title: "transformer block",
    name: "transformer_block",
    kernel: transformerBlock,
    reference: "transformerBlock",
    tolerance: {
      rtol: 2 ** -7,
      atol: 2 ** -5,
      why: "eight values on the way are bf16 (norms, q, k, v, weights, heads, gate, result), each adding noise of 2^-9 of its size; together about 2^-8 of the result's size, 1.2, and the largest of 400,000 normal errors is 5 deviations",
    },
    args: block(512, 768, 2048),
    small: block(256, 256, 512),
    demo: true,
  },
];
