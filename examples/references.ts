/** What each example should compute, in float64 on the inputs as the chip stores them. Row-major `Float64Array`s with a shape. */

export interface Array64 {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

const array = (...shape: number[]): Array64 => ({
  shape,
  data: new Float64Array(shape.reduce((a, b) => a * b, 1)),
});

/** The shape of a matrix. */
const sizes = (m: Array64): readonly [rows: number, columns: number] => [
  m.shape[0]!,
  m.shape[1] ?? 1,
];

export function transpose(a: Array64): Array64 {
  const [rows, columns] = sizes(a);
  const t = array(columns, rows);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) t.data[j * rows + i] = a.data[i * columns + j]!;
  return t;
}

/** a @ b for a [m, k] and b [k, n]. */
export function multiply(a: Array64, b: Array64): Array64 {
  const [m, k] = sizes(a);
  const [, n] = sizes(b);
  const c = array(m, n);
  for (let i = 0; i < m; i++) {
    const row = c.data.subarray(i * n, (i + 1) * n);
    for (let p = 0; p < k; p++) {
      const x = a.data[i * k + p]!;
      if (x === 0) continue;
      const other = b.data.subarray(p * n, (p + 1) * n);
      for (let j = 0; j < n; j++) row[j]! += x * other[j]!;
    }
  }
  return c;
}

const combine = (a: Array64, b: Array64, f: (x: number, y: number) => number): Array64 => ({
  shape: a.shape,
  data: a.data.map((x, i) => f(x, b.data[i]!)),
});

export const add = (a: Array64, b: Array64): Array64 => combine(a, b, (x, y) => x + y);

export const tensorAdd = (a: Array64, b: Array64): Array64 => add(a, b);

/** a.T @ b. */
export const matmul = (a: Array64, b: Array64): Array64 => multiply(transpose(a), b);

export function softmax(x: Array64): Array64 {
  const [rows, columns] = sizes(x);
  const out = array(rows, columns);
  for (let i = 0; i < rows; i++) {
    const row = x.data.subarray(i * columns, (i + 1) * columns);
    const top = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
    let sum = 0;
    for (const v of row) sum += Math.exp(v - top);
    for (let j = 0; j < columns; j++) out.data[i * columns + j] = Math.exp(row[j]! - top) / sum;
  }
  return out;
}

export function rmsNorm(x: Array64, weight: Array64, epsilon = 1e-6): Array64 {
  const [rows, columns] = sizes(x);
  const out = array(rows, columns);
  for (let i = 0; i < rows; i++) {
    const at = i * columns;
    let squares = 0;
    for (let j = 0; j < columns; j++) squares += x.data[at + j]! ** 2;
    const scale = 1 / Math.sqrt(squares / columns + epsilon);
    for (let j = 0; j < columns; j++) out.data[at + j] = x.data[at + j]! * scale * weight.data[j]!;
  }
  return out;
}

/** softmax(q k^T / sqrt(d)) v over the keys up to each query; q, k, v [seq, d]. */
export function causalAttention(q: Array64, k: Array64, v: Array64): Array64 {
  const [seq, d] = sizes(q);
  const out = array(seq, d);
  const weights = new Float64Array(seq);
  for (let i = 0; i < seq; i++) {
    let top = Number.NEGATIVE_INFINITY;
    for (let j = 0; j <= i; j++) {
      let dot = 0;
      for (let c = 0; c < d; c++) dot += q.data[i * d + c]! * k.data[j * d + c]!;
      weights[j] = dot / Math.sqrt(d);
      top = Math.max(top, weights[j]!);
    }
    let sum = 0;
    for (let j = 0; j <= i; j++) {
      weights[j] = Math.exp(weights[j]! - top);
      sum += weights[j]!;
    }
    for (let j = 0; j <= i; j++) {
      const w = weights[j]! / sum;
      for (let c = 0; c < d; c++) out.data[i * d + c]! += w * v.data[j * d + c]!;
    }
  }
  return out;
}

/** Columns `[from, from + width)`. */
function columnsOf(m: Array64, from: number, width: number): Array64 {
  const [rows, columns] = sizes(m);
  const out = array(rows, width);
  for (let i = 0; i < rows; i++)
    out.data.set(m.data.subarray(i * columns + from, i * columns + from + width), i * width);
  return out;
}

/** Rotary embedding of [seq, d]: at position p, halves (x1, x2) turn by the angles p / 10000^(2 j / d). */
function rotate(x: Array64): Array64 {
  const [seq, d] = sizes(x);
  const half = d / 2;
  const out = array(seq, d);
  for (let i = 0; i < seq; i++)
    for (let j = 0; j < half; j++) {
      const [x1, x2] = [x.data[i * d + j]!, x.data[i * d + half + j]!];
      const angle = i / 10000 ** (j / half);
      out.data[i * d + j] = x1 * Math.cos(angle) - x2 * Math.sin(angle);
      out.data[i * d + half + j] = x2 * Math.cos(angle) + x1 * Math.sin(angle);
    }
  return out;
}

/** Pre-norm transformer block: x + attention(norm(x)), then + SwiGLU MLP of its norm. Heads are `head` wide. */
export function transformerBlock(
  x: Array64,
  norm1: Array64,
  wq: Array64,
  wk: Array64,
  wv: Array64,
  wo: Array64,
  norm2: Array64,
  gate: Array64,
  up: Array64,
  down: Array64,
  head = 128,
): Array64 {
  const [seq, width] = sizes(x);
  const h = rmsNorm(x, norm1);
  const [q, k, v] = [multiply(h, wq), multiply(h, wk), multiply(h, wv)];
  const attended = array(seq, width);
  for (let from = 0; from < width; from += head) {
    const part = causalAttention(
      rotate(columnsOf(q, from, head)),
      rotate(columnsOf(k, from, head)),
      columnsOf(v, from, head),
    );
    for (let i = 0; i < seq; i++)
      attended.data.set(part.data.subarray(i * head, (i + 1) * head), i * width + from);
  }
  const y = add(x, multiply(attended, wo));
  const h2 = rmsNorm(y, norm2);
  const gated = combine(
    multiply(h2, gate),
    multiply(h2, up),
    (g, u) => (g / (1 + Math.exp(-g))) * u,
  );
  return add(y, multiply(gated, down));
}
