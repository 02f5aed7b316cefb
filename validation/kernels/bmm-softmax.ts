/**
 * softmax(lhs x rhs) over the last dimension, [B, M, K] x [B, K, N] with K = 64, fp32, as the kda-for-trainium operator kernels do
 * it: `rowTiles` lhs tiles are transposed, then each row tile is multiplied in chunks of 512 columns, copied to SBUF (`copies`: both
 * engines in turns, or one), and normalised as one row of N. Where the exponential adds its row sums itself (`fusedSum`), the compiler
 * computes every score twice, once for the sums and once for the weights: that kernel's counters show twice the matmuls, copies and
 * bytes read (kda-for-trainium, bmm_softmax_v3_fused_reduce_reject).
 */
import { kernel, nisa, nl, type Tensor } from "opentrn";
import { turn } from "./bmm.ts";
import {
  at,
  type Case,
  evictor,
  fetch,
  output,
  psum,
  range,
  ring,
  sbuf,
  setting,
  share,
  size,
} from "./case.ts";

const [P, CHUNK] = [128, 512];

interface Style {
  /** Row maxima are negated by the reduction itself. */
  readonly negated: boolean;
  /** Who empties PSUM. */
  readonly copies: string;
  /** Who divides by the row sums. */
  readonly norm: string;
  /** exp adds its row sums itself. */
  readonly fusedSum: boolean;
}

/** The weights of one row tile and their inverse sums. */
function weighed(score: Tensor, style: Style): { weights: Tensor; inverse: Tensor } {
  const column = (): Tensor => sbuf([P, 1], "float32");
  const bias = column();
  if (style.negated)
    nisa.tensorReduce({ dst: bias, op: nl.maximum, data: score, axis: [1], negate: true });
  else {
    const most = column();
    nisa.tensorReduce({ dst: most, op: nl.maximum, data: score, axis: [1] });
    nisa.tensorScalar({ dst: bias, data: most, op0: nl.multiply, operand0: -1, engine: "vector" });
  }
  const [weights, sums, inverse] = [sbuf(score.shape, "float32"), column(), column()];
  if (style.fusedSum)
    nisa.activation({
      dst: weights,
      op: nl.exp,
      data: score,
      bias,
      scale: 1,
      reduceOp: nl.add,
      reduceRes: sums,
      reduceCmd: "reset_reduce",
    });
  else {
    nisa.activation({ dst: weights, op: nl.exp, data: score, bias, scale: 1 });
    nisa.tensorReduce({ dst: sums, op: nl.add, data: weights, axis: [1] });
  }
  nisa.reciprocal({ dst: inverse, data: sums });
  return { weights, inverse };
}

function normalised(weights: Tensor, inverse: Tensor, style: Style): Tensor {
  const result = sbuf(weights.shape, "float32");
  if (style.norm === "scalar")
    nisa.activation({ dst: result, op: nl.copy, data: weights, scale: inverse });
  else
    nisa.tensorScalar({
      dst: result,
      data: weights,
      op0: nl.multiply,
      operand0: inverse,
      engine: "vector",
    });
  return result;
}

const bmmSoftmax = kernel(
  "bmm_softmax",
  (lhs: Tensor, rhs: Tensor, identity: Tensor, rowTiles: number, style: Style) => {
    const [B, M, K] = lhs.shape as [number, number, number];
    const N = rhs.shape[2]!;
    const result = output([B, M, N], lhs.dtype);
    const eye = fetch(identity, ring);
    const engine = (c: number) =>
      style.copies === "vector" || style.copies === "scalar" ? style.copies : evictor(c);
    for (const b of share(B))
      for (const pass of style.fusedSum ? ["sums", "weights"] : ["both"]) {
        const held = fetch(rhs.slice(b), ring);
        for (const first of range(M / P / rowTiles)) {
          const pack = sbuf([K, rowTiles * P], lhs.dtype);
          for (const s of range(rowTiles))
            turn(
              fetch(lhs.slice(b, at(first * rowTiles + s, P)), ring),
              eye,
              pack.slice(":", at(s, P)),
              evictor(s),
            );
          for (const s of range(rowTiles)) {
            const score = sbuf([P, N], "float32");
            for (const c of range(N / CHUNK)) {
              const bank = psum([P, CHUNK]);
              nisa.ncMatmul({
                dst: bank,
                stationary: pack.slice(":", at(s, P)),
                moving: held.slice(":", at(c, CHUNK)),
              });
              nisa.tensorCopy({
                dst: score.slice(":", at(c, CHUNK)),
                src: bank,
                engine: engine(c),
              });
            }
            const { weights, inverse } = weighed(score, style);
            if (pass === "sums") continue;
            nisa.dmaCopy({
              dst: result.slice(b, at(first * rowTiles + s, P)),
              src: normalised(weights, inverse, style),
              ...ring,
            });
          }
        }
      }
    return result;
  },
);

const launch: Case = (row) => {
  const [B, M, K, N] = ["B", "M", "K", "N"].map((n) => size(row, n)) as [
    number,
    number,
    number,
    number,
  ];
  const { dtype, settings } = row;
  const style: Style = {
    negated: settings["negated"] !== "no",
    copies: String(settings["copies"] ?? "turns"),
    norm: String(settings["norm"] ?? "vector"),
    fusedSum: settings["fusedSum"] === "yes",
  };
  return [
    {
      kernel: bmmSoftmax,
      inputs: {
        lhs: { shape: [B, M, K], dtype },
        rhs: { shape: [B, K, N], dtype },
        identity: { shape: [P, P], dtype },
      },
      args: { rowTiles: setting(row, "rowTiles", 1), style },
    },
  ];
};

export const cases = { softmax: launch };
