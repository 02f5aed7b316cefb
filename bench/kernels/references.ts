/** What the kernels of this folder should compute, in float64 on the inputs as the chip stores them. */
import { decode, encode } from "@opentrn/numerics";
import { type Array64, multiply, rmsNorm, transpose } from "../../examples/references.ts";

type Inputs = Readonly<Record<string, Array64>>;

const made = (shape: readonly number[]): Array64 => ({
  shape,
  data: new Float64Array(shape.reduce((a, b) => a * b, 1)),
});
const map = (a: Array64, f: (x: number, i: number) => number): Array64 => ({
  shape: a.shape,
  data: a.data.map(f),
});

/** Matrix `i` of a stack. */
function matrix(a: Array64, i: number): Array64 {
  const shape = a.shape.slice(-2);
  const size = shape[0]! * shape[1]!;
  return { shape, data: a.data.subarray(i * size, (i + 1) * size) };
}

/** Causal weights exp(scores - lse) and lse of one head. */
function causal(q: Array64, k: Array64): { readonly weights: Array64; readonly lse: Float64Array } {
  const [seq, d] = q.shape as [number, number];
  const scores = multiply(q, transpose(k));
  const lse = new Float64Array(seq);
  for (let i = 0; i < seq; i++) {
    const row = scores.data.subarray(i * seq, (i + 1) * seq);
    row.forEach((s, j) => {
      row[j] = j <= i ? s / Math.sqrt(d) : Number.NEGATIVE_INFINITY;
    });
    const top = row.reduce((a, b) => Math.max(a, b));
    lse[i] = top + Math.log(row.reduce((sum, s) => sum + Math.exp(s - top), 0));
    row.forEach((s, j) => {
      row[j] = Math.exp(s - lse[i]!);
    });
  }
  return { weights: scores, lse };
}

export function gqaAttention({ q, k, v }: Inputs): Array64[] {
  const [heads, seq] = q!.shape as [number, number];
  const [out, lse] = [made(q!.shape), made([heads, seq])];
  for (let h = 0; h < heads; h++) {
    const group = Math.floor((h * k!.shape[0]!) / heads);
    const one = causal(matrix(q!, h), matrix(k!, group));
    lse.data.set(one.lse, h * seq);
    matrix(out, h).data.set(multiply(one.weights, matrix(v!, group)).data);
  }
  return [out, lse];
}

export function gqaAttentionBackward({ q, k, v, dout }: Inputs): Array64[] {
  const [heads, seq, d] = q!.shape as [number, number, number];
  const [dq, dk, dv] = [made(q!.shape), made(k!.shape), made(v!.shape)];
  const addTo = (a: Array64, b: Array64, factor: number): void => {
    b.data.forEach((x, i) => {
      a.data[i]! += factor * x;
    });
  };
  for (let h = 0; h < heads; h++) {
    const group = Math.floor((h * k!.shape[0]!) / heads);
    const [queries, keys, values, upstream] = [
      matrix(q!, h),
      matrix(k!, group),
      matrix(v!, group),
      matrix(dout!, h),
    ];
    const { weights } = causal(queries, keys);
    const gradient = multiply(upstream, transpose(values));
    for (let i = 0; i < seq; i++) {
      const [w, g] = [weights, gradient].map((m) => m.data.subarray(i * seq, (i + 1) * seq));
      const delta = g!.reduce((sum, x, j) => sum + x * w![j]!, 0);
      g!.forEach((x, j) => {
        g![j] = (w![j]! * (x - delta)) / Math.sqrt(d);
      });
    }
    addTo(matrix(dv, group), multiply(transpose(weights), upstream), 1);
    addTo(matrix(dk, group), multiply(transpose(gradient), queries), 1);
    addTo(matrix(dq, h), multiply(gradient, keys), 1);
  }
  return [dq, dk, dv];
}

export const rmsNormQkv = ({ x, weight, wqkv }: Inputs): Array64[] => [
  multiply(rmsNorm(x!, weight!), wqkv!),
];

const silu = (x: number): number => x / (1 + Math.exp(-x));
const fp8 = (x: number): number => {
  const clipped = Math.min(240, Math.max(-240, x));
  return decode(encode(clipped, "float8_e4m3"), "float8_e4m3");
};

/** Activations quantised as the kernel quantises them. */
export function fp8Mlp({ x, wGate, wUp, wDown, sGate, sUp, sDown }: Inputs): Array64[] {
  const [xScale, middleScale] = [1 / 32, 1 / 8];
  const columnsTimes = (a: Array64, s: Array64, factor: number): Array64 =>
    map(a, (v, i) => v * factor * s.data[i % s.data.length]!);
  const quantised = map(x!, (v) => fp8(v / xScale));
  const gates = columnsTimes(multiply(quantised, wGate!), sGate!, xScale);
  const ups = columnsTimes(multiply(quantised, wUp!), sUp!, xScale);
  const gated = map(gates, (g, i) => fp8((silu(g) * ups.data[i]!) / middleScale));
  return [columnsTimes(multiply(gated, wDown!), sDown!, middleScale)];
}

/** x in MXFP8 by the OCP rule: blocks of 32 features share 2^(floor(log2 of the largest) - 7), which keeps all below 448. */
function mxfp8(x: Array64): Array64 {
  const result = map(x, (v) => v);
  for (let at = 0; at < x.data.length; at += 32) {
    const block = result.data.subarray(at, at + 32);
    const top = block.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    const scale = 2 ** (Math.floor(Math.log2(top)) - 7);
    block.forEach((v, i) => {
      block[i] = decode(encode(v / scale, "float8_e4m3fn"), "float8_e4m3fn") * scale;
    });
  }
  return result;
}

/** `w` holds the weights as numbers, [features, columns]. */
export const mxMatmul = ({ x, w }: Inputs): Array64[] => [multiply(mxfp8(x!), w!)];

export function moeBlockwise(inputs: Inputs): Array64[] {
  const { x, gateUp, down, positions, experts, affinities } = inputs;
  const [rows, width] = x!.shape as [number, number];
  const hidden = gateUp!.shape[3]!;
  const out = made([rows, width]);
  positions!.data.forEach((row, n) => {
    const affinity = affinities!.data[n]!;
    if (affinity === 0) return;
    const expert = experts!.data[Math.floor(n / positions!.shape[1]!)]!;
    const first = { ...gateUp!, shape: [-1, width, 2 * hidden] };
    const token = { shape: [1, width], data: x!.data.subarray(row * width, (row + 1) * width) };
    const both = multiply(token, matrix(first, expert)).data;
    const gated = Float64Array.from(
      { length: hidden },
      (_, i) => silu(both[i]!) * both[hidden + i]!,
    );
    const result = multiply({ shape: [1, hidden], data: gated }, matrix(down!, expert)).data;
    result.forEach((v, i) => {
      out.data[row * width + i]! += affinity * v;
    });
  });
  return [out];
}
