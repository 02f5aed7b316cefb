/**
 * A pre-norm transformer block in bf16 with fp32 sums: y = x + attention(rmsnorm(x)), out = y + swiglu(rmsnorm(y)).
 * Tokens lie on partitions where rows are normalised, rotated and soft-maxed; features lie on partitions where TensorE contracts over
 * them, so activations are transposed once on the way into each group of matmuls and never on the way out.
 */
import { kernel, nisa, nl, type Range, type Tensor } from "opentrn";

const P = 128;
/** Columns of one PSUM bank in fp32, and of one matmul. */
const BANK = 512;
const EPSILON = 1e-6;
const TWO_PI = 2 * Math.PI;
/** Logarithm of the base of the rotary frequencies. */
const LOG_THETA = Math.log(10000);

const tile = (shape: readonly number[], dtype: "float32" | "bfloat16"): Tensor =>
  nl.ndarray(shape, { dtype });
const psum = (shape: readonly number[], dtype: "float32" | "bfloat16" = "float32"): Tensor =>
  nl.ndarray(shape, { dtype, buffer: nl.psum });
const rowsOf = (i: number): Range => [i * P, (i + 1) * P];

/** A matrix [n, columns] of HBM in SBUF as [128, n/128, columns]. */
function load(source: Tensor): Tensor {
  const [n, columns] = source.shape as [number, number];
  const dst = nl.ndarray([P, n / P, columns], { dtype: source.dtype });
  for (let i = 0; i < n / P; i++)
    nisa.dmaCopy({ dst: dst.slice(":", i), src: source.slice(rowsOf(i)) });
  return dst;
}

/** A vector of HBM on every partition. */
function loadRow(source: Tensor): Tensor {
  const n = source.size;
  const dst = nl.ndarray([P, n], { dtype: source.dtype });
  nisa.dmaCopy({ dst, src: source.reshape([1, n]).broadcast(0, P) });
  return dst;
}

/** bf16 rows x / rms(x) * weight. */
function normalise(x: Tensor, weight: Tensor, epsilon: Tensor): Tensor {
  const n = x.shape[1]!;
  const [squares, result] = [tile([P, n], "float32"), tile([P, n], "bfloat16")];
  const [sum, inverse] = [tile([P, 1], "float32"), tile([P, 1], "float32")];
  nisa.activation({
    dst: squares,
    op: nl.square,
    data: x,
    reduceOp: nl.add,
    reduceRes: sum,
    reduceCmd: "reset_reduce",
  });
  nisa.activation({ dst: inverse, op: nl.rsqrt, data: sum, scale: 1 / n, bias: epsilon });
  nisa.scalarTensorTensor({
    dst: result,
    data: x,
    op0: nl.multiply,
    operand0: inverse,
    op1: nl.multiply,
    operand1: weight,
  });
  return result;
}

/** Transposes bf16 tokens [128, n] into columns `at` of dst [128, n/128, tokens], four blocks to a PSUM bank. */
function turn(dst: Tensor, source: Tensor, at: Range): void {
  for (const blocks of nl.tiles(source.shape[1]! / P, 4)) {
    const count = blocks[1] - blocks[0];
    const turned = psum([P, count, P], "bfloat16");
    for (let i = 0; i < count; i++)
      nisa.ncTranspose({
        dst: turned.slice(":", i),
        data: source.slice(":", rowsOf(blocks[0] + i)),
      });
    nisa.tensorCopy({ dst: dst.slice(":", blocks, at), src: turned, engine: "scalar" });
  }
}

/** left[:, :, rows].T @ right[:, :, columns] in PSUM, contracted over the first two dimensions. */
function product(left: Tensor, rows: Range, right: Tensor, columns: Range): Tensor {
  const sums = psum([rows[1] - rows[0], columns[1] - columns[0]]);
  for (let k = 0; k < left.shape[1]!; k++)
    nisa.ncMatmul({
      dst: sums,
      stationary: left.slice(":", k, rows),
      moving: right.slice(":", k, columns),
      accumulate: k > 0,
    });
  return sums;
}

/** sin(2 pi (turns + phase)): whole turns are taken off first, because ScalarE's sine is right from -pi to pi. */
function wave(turns: Tensor, phase: number): Tensor {
  const [shifted, part] = [tile(turns.shape, "float32"), tile(turns.shape, "float32")];
  const whole = nl.ndarray(turns.shape, { dtype: "int32" });
  nisa.tensorScalar({ dst: shifted, data: turns, op0: nl.add, operand0: phase });
  nisa.tensorCopy({ dst: whole, src: shifted, engine: "vector" });
  nisa.tensorTensor({ dst: part, data1: shifted, data2: whole, op: nl.subtract });
  const result = tile(turns.shape, "float32");
  nisa.activation({ dst: result, op: nl.sin, data: part, scale: TWO_PI });
  return result;
}

/** Rotary tables of `tokens` x 128 positions, [128, tokens, d / 2]: angles position / 10000^(2 j / d). */
function rotaryTables(tokens: number, d: number, positions: Tensor) {
  const frequencies = tile([P, d / 2], "float32");
  nisa.iota({ dst: frequencies, pattern: [[1, d / 2]] });
  const step = (-2 * LOG_THETA) / d;
  nisa.activation({ dst: frequencies, op: nl.exp, data: frequencies, scale: step });
  const turns = tile([P, tokens, d / 2], "float32");
  for (let i = 0; i < tokens; i++)
    nisa.tensorScalar({
      dst: turns.slice(":", i),
      data: frequencies,
      op0: nl.multiply,
      operand0: positions.slice(":", [i, i + 1]),
      op1: nl.multiply,
      operand1: 1 / TWO_PI,
    });
  return { cos: wave(turns, 0.25), sin: wave(turns, 0), minusSin: wave(turns, 0.5) };
}

/** Rotary embedding of projected heads [128, n]: each head's halves (x1, x2) become (x1 cos - x2 sin, x2 cos + x1 sin). */
function rotate(dst: Tensor, x: Tensor, cos: Tensor, sin: Tensor, minusSin: Tensor): void {
  const half = cos.shape[1]!;
  const heads = x.shape[1]! / (2 * half);
  const parts = x.reshape([P, heads, 2, half]);
  const straight = tile([P, heads, 2, half], "float32");
  const crossed = tile([P, heads, 2, half], "float32");
  const each = (t: Tensor) => t.expandDim(1).broadcast(1, heads);
  nisa.tensorTensor({
    dst: straight,
    data1: parts,
    data2: each(cos).expandDim(2).broadcast(2, 2),
    op: nl.multiply,
  });
  for (const [to, from, table] of [
    [0, 1, minusSin],
    [1, 0, sin],
  ] as const)
    nisa.tensorTensor({
      dst: crossed.slice(":", ":", to),
      data1: parts.slice(":", ":", from),
      data2: each(table),
      op: nl.multiply,
    });
  nisa.tensorTensor({
    dst: dst.reshape([P, heads, 2, half]),
    data1: straight,
    data2: crossed,
    op: nl.add,
    engine: "gpsimd",
  });
}

/** Scores of 128 queries q [d, 128] with the first `seen` keys k [d, seq], in PSUM [128, seen]. */
function score(q: Tensor, k: Tensor, seen: number): Tensor {
  const scores = psum([P, seen]);
  for (const keys of nl.tiles(seen, BANK))
    nisa.ncMatmul({
      dst: scores.slice(":", keys),
      stationary: q,
      moving: k.slice(":", keys),
      accumulate: false,
    });
  return scores;
}

/** bf16 causal softmax of scores * scale; queries [128, 1] holds the last key that each query may see. */
function soften(scores: Tensor, queries: Tensor, scale: number): Tensor {
  const { shape } = scores;
  const [masked, weights] = [tile(shape, "float32"), tile(shape, "float32")];
  const [top, shift] = [tile([P, 1], "float32"), tile([P, 1], "float32")];
  const [sum, inverse] = [tile([P, 1], "float32"), tile([P, 1], "float32")];
  nisa.rangeSelect({
    dst: masked,
    onTrueTile: scores,
    compOp0: nl.lessEqual,
    compOp1: nl.lessEqual,
    bound0: queries,
    bound1: queries,
    reduceRes: top,
  });
  nisa.tensorScalar({ dst: shift, data: top, op0: nl.multiply, operand0: -scale });
  nisa.activation({
    dst: weights,
    op: nl.exp,
    data: masked,
    scale,
    bias: shift,
    reduceOp: nl.add,
    reduceRes: sum,
    reduceCmd: "reset_reduce",
  });
  nisa.reciprocal({ dst: inverse, data: sum });
  const shares = tile(shape, "bfloat16");
  nisa.tensorScalar({ dst: shares, data: weights, op0: nl.multiply, operand0: inverse });
  return shares;
}

export const transformerBlock = kernel(
  "transformer_block",
  (
    x: Tensor,
    norm1: Tensor,
    wq: Tensor,
    wk: Tensor,
    wv: Tensor,
    wo: Tensor,
    norm2: Tensor,
    gate: Tensor,
    up: Tensor,
    down: Tensor,
    head: number = P,
  ) => {
    const [seq, width] = x.shape as [number, number];
    const d = head;
    const [tokens, heads, hidden] = [seq / P, width / d, gate.shape[1]! / P];
    const out = nl.ndarray([seq, width], { dtype: x.dtype, buffer: nl.sharedHbm });

    const input = load(x);
    const [scale1, scale2] = [loadRow(norm1), loadRow(norm2)];
    const [query, key, value] = [load(wq), load(wk), load(wv)];
    const [output, gates, ups, downs] = [load(wo), load(gate), load(up), load(down)];
    const epsilon = tile([P, 1], "float32");
    nisa.memset({ dst: epsilon, value: EPSILON });
    // positions[p, i] = p + 128 i: the position of a token, and the last key that it may see.
    const positions = tile([P, tokens], "float32");
    nisa.iota({ dst: positions, pattern: [[P, tokens]], channelMultiplier: 1 });
    const { cos, sin, minusSin } = rotaryTables(tokens, d, positions);

    // Attention: normalise, project, rotate; q and k turn to features on partitions.
    const normal = tile([P, width / P, seq], "bfloat16");
    for (let i = 0; i < tokens; i++)
      turn(normal, normalise(input.slice(":", i), scale1, epsilon), rowsOf(i));
    const q = tile([d, heads, seq], "bfloat16");
    const k = tile([d, heads, seq], "bfloat16");
    const v = tile([P, tokens, width], "bfloat16");
    // A turn is issued one projection late, so that TensorE does not wait for a rotation that has only just begun.
    const turns: (readonly [Tensor, Tensor, Range])[] = [];
    for (let i = 0; i < tokens; i++)
      for (const columns of nl.tiles(width, BANK)) {
        const these = [columns[0] / d, columns[1] / d] as const;
        for (const [weight, turned] of [
          [query, q],
          [key, k],
        ] as const) {
          const sums = product(normal, rowsOf(i), weight, columns);
          const rotated = tile(sums.shape, "bfloat16");
          const [c, s, m] = [cos, sin, minusSin].map((t) => t.slice(":", i));
          rotate(rotated, sums, c!, s!, m!);
          turns.push([turned.slice(":", these), rotated, rowsOf(i)]);
          if (turns.length > 1) turn(...turns.at(-2)!);
        }
        const sums = product(normal, rowsOf(i), value, columns);
        nisa.tensorCopy({ dst: v.slice(":", i, columns), src: sums, engine: "scalar" });
      }
    turn(...turns.at(-1)!);

    // One step is one head of 128 queries; TensorE scores step n, turns the weights of n - 1 and applies those of n - 2.
    const attended = tile([d, heads, seq], "bfloat16");
    const shares: Tensor[] = [];
    const turned: Tensor[] = [];
    const steps = tokens * heads;
    for (let n = 0; n < steps + 2; n++) {
      if (n < steps) {
        const [i, h] = [Math.floor(n / heads), n % heads];
        const scores = score(q.slice(":", h, rowsOf(i)), k.slice(":", h), (i + 1) * P);
        shares.push(soften(scores, positions.slice(":", [i, i + 1]), 1 / Math.sqrt(d)));
      }
      if (n >= 1 && n - 1 < steps) {
        const source = shares[n - 1]!;
        turned.push(tile([P, source.shape[1]! / P, P], "bfloat16"));
        turn(turned[n - 1]!, source, [0, P]);
      }
      if (n >= 2) {
        const [i, h] = [Math.floor((n - 2) / heads), (n - 2) % heads];
        const values = v.slice(":", [0, i + 1]);
        const sums = product(values, [h * d, (h + 1) * d], turned[n - 2]!, [0, P]);
        nisa.tensorCopy({ dst: attended.slice(":", h, rowsOf(i)), src: sums, engine: "vector" });
      }
    }

    // Residual, second norm; again the turn comes one tile late.
    const middle = tile([P, tokens, width], "float32");
    const normal2 = tile([P, width / P, seq], "bfloat16");
    const normals: Tensor[] = [];
    for (let i = 0; i < tokens; i++) {
      for (const columns of nl.tiles(width, BANK))
        nisa.tensorTensor({
          dst: middle.slice(":", i, columns),
          data1: product(attended, rowsOf(i), output, columns),
          data2: input.slice(":", i, columns),
          op: nl.add,
        });
      normals.push(normalise(middle.slice(":", i), scale2, epsilon));
      if (i >= 1) turn(normal2, normals[i - 1]!, rowsOf(i - 1));
    }
    turn(normal2, normals[tokens - 1]!, rowsOf(tokens - 1));

    // SwiGLU with hidden features on partitions, which is how the last matmul wants them; residual.
    const gated = tile([P, hidden, seq], "bfloat16");
    for (const group of nl.tiles(seq, BANK))
      for (let f = 0; f < hidden; f++) {
        const open = tile([P, group[1] - group[0]], "float32");
        const [g, u] = [gates, ups].map((w) => product(w, rowsOf(f), normal2, group));
        nisa.activation({ dst: open, op: nl.silu, data: g! });
        nisa.tensorTensor({
          dst: gated.slice(":", f, group),
          data1: open,
          data2: u!,
          op: nl.multiply,
        });
      }
    for (let i = 0; i < tokens; i++) {
      const row = tile([P, width], "bfloat16");
      for (const columns of nl.tiles(width, BANK))
        nisa.tensorTensor({
          dst: row.slice(":", columns),
          data1: product(gated, rowsOf(i), downs, columns),
          data2: middle.slice(":", i, columns),
          op: nl.add,
        });
      nisa.dmaCopy({ dst: out.slice(rowsOf(i)), src: row });
    }
    return out;
  },
);
