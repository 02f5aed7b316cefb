/**
 * Grouped-query attention over the whole sequence in fp32, as the kda-for-trainium operator kernels do it: k is turned once a group,
 * each q tile gets all its scores before the softmax, and the weights are turned to be multiplied by v. `rowTiles` q tiles go through
 * the scores before their outputs are multiplied; `interleaved` multiplies each turned tile at once.
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
import { multiply, type Parts, sliced, split } from "./halves.ts";

const [P, CHUNK] = [128, 512];

interface Style {
  readonly rowTiles: number;
  readonly interleaved: boolean;
  /** The scale is part of the exponential instead of a pass over the scores. */
  readonly foldScale: boolean;
  /** Outputs are divided by the row sums instead of the weights. */
  readonly normLast: boolean;
  /** Scores, then outputs too, from bf16 parts. */
  readonly split: "no" | "scores" | "both";
  /** `copied` scores with or without their maximum taken off, or the exponential of PSUM itself, with the sum apart or by it. */
  readonly scores: "copied" | "no maximum" | "psum" | "psum sum";
}

const column = (): Tensor => sbuf([P, 1], "float32");
const halved = (shape: readonly number[]): Parts => [0, 1].map(() => sbuf(shape, "bfloat16"));

/** `x` itself or its bf16 parts. */
function operand(x: Tensor, halves: boolean): Parts {
  if (!halves) return [x];
  const parts = halved(x.shape);
  split(x, parts[0]!, parts[1]!, "direct", 0);
  return parts;
}

function scaledBy(dst: Tensor, data: Tensor, by: Tensor | number): void {
  nisa.tensorScalar({ dst, data, op0: nl.multiply, operand0: by, engine: "vector" });
}

/** exp of the scores of one q tile [D, P] with all keys, and one over its row sums. */
function weights(q: Parts, keys: Parts, style: Style): readonly [Tensor, Tensor] {
  const [D, N] = keys[0]!.shape as [number, number];
  const scale = 1 / Math.sqrt(D);
  const [exp, sum, inverse] = [sbuf([P, N], "float32"), column(), column()];
  const direct = style.scores.startsWith("psum");
  const score = direct ? undefined : sbuf([P, N], "float32");
  for (const c of range(N / CHUNK)) {
    const bank = psum([P, CHUNK]);
    multiply(bank, q, sliced(keys, ":", at(c, CHUNK)));
    if (score) {
      nisa.tensorCopy({ dst: score.slice(":", at(c, CHUNK)), src: bank, engine: evictor(c) });
      continue;
    }
    const dst = exp.slice(":", at(c, CHUNK));
    if (style.scores === "psum") nisa.activation({ dst, op: nl.exp, data: bank, scale });
    else
      nisa.activation({
        dst,
        op: nl.exp,
        data: bank,
        scale,
        reduceOp: nl.add,
        reduceRes: sum,
        reduceCmd: c === 0 ? "reset_reduce" : "reduce",
      });
  }
  if (score) {
    if (!style.foldScale) scaledBy(score, score, scale);
    const factor = style.foldScale ? scale : 1;
    if (style.scores === "copied") {
      const most = column();
      nisa.tensorReduce({ dst: most, op: nl.maximum, data: score, axis: [1], negate: true });
      const bias = style.foldScale ? column() : most;
      if (style.foldScale) scaledBy(bias, most, scale);
      nisa.activation({ dst: exp, op: nl.exp, data: score, bias, scale: factor });
    } else nisa.activation({ dst: exp, op: nl.exp, data: score, scale: factor });
  }
  if (style.scores !== "psum sum")
    nisa.tensorReduce({ dst: sum, op: nl.add, data: exp, axis: [1] });
  nisa.reciprocal({ dst: inverse, data: sum });
  return [exp, inverse];
}

/** Part of the weights turned, as an operand written to `into`. */
function turnedWeights(tile: Tensor, eye: Tensor, into: Parts, step: number): void {
  if (into.length === 1) {
    turn(tile, eye, into[0]!, evictor(step));
    return;
  }
  const bank = psum([P, P]);
  nisa.ncMatmul({
    dst: bank,
    stationary: tile,
    moving: eye,
    isTranspose: true,
    isMovingOnezero: true,
  });
  split(bank, into[0]!, into[1]!, "direct", step);
}

const gqa = kernel("gqa", (q: Tensor, k: Tensor, v: Tensor, identity: Tensor, style: Style) => {
  const [N, heads, D] = q.shape as [number, number, number];
  const groups = k.shape[1]!;
  const each = heads / groups;
  const result = output([heads, N, D], q.dtype);
  const eye = fetch(identity, ring);
  const tiles = range(N / P);
  const split2 = style.split === "both";
  for (const g of share(groups)) {
    const turned = sbuf([D, N], "float32");
    for (const t of tiles)
      turn(fetch(k.slice(at(t, P), g), ring), eye, turned.slice(":", at(t, P)), evictor(t));
    const keys = operand(turned, style.split !== "no");
    const values = sbuf([P, N / P, D], "float32");
    for (const t of tiles)
      nisa.dmaCopy({ dst: values.slice(":", t), src: v.slice(at(t, P), g), ...ring });
    const right = operand(values, split2);
    for (const h of range(each))
      for (const block of range(N / P / style.rowTiles)) {
        const shape = [P, style.rowTiles, N / P, P];
        const bank: Parts = split2 ? halved(shape) : [sbuf(shape, "float32")];
        const inverses: Tensor[] = [];
        for (const r of range(style.rowTiles)) {
          const tile = fetch(q.slice(at(block * style.rowTiles + r, P), g * each + h), ring);
          const qTurned = sbuf([D, P], "float32");
          turn(tile, eye, qTurned, evictor(r));
          const [exp, inverse] = weights(operand(qTurned, style.split !== "no"), keys, style);
          const attn = style.normLast ? exp : sbuf([P, N], "float32");
          if (!style.normLast) scaledBy(attn, exp, inverse);
          inverses.push(inverse);
          if (!style.interleaved)
            for (const t of tiles)
              turnedWeights(attn.slice(":", at(t, P)), eye, sliced(bank, ":", r, t), t);
          else {
            const sums = psum([P, D]);
            for (const t of tiles) {
              turnedWeights(attn.slice(":", at(t, P)), eye, sliced(bank, ":", r, t), t);
              multiply(sums, sliced(bank, ":", r, t), sliced(right, ":", t));
            }
            store(sums, undefined, result, g * each + h, block * style.rowTiles + r);
          }
        }
        if (style.interleaved) continue;
        for (const r of range(style.rowTiles)) {
          const sums = psum([P, D]);
          for (const t of tiles) multiply(sums, sliced(bank, ":", r, t), sliced(right, ":", t));
          const by = style.normLast ? inverses[r] : undefined;
          store(sums, by, result, g * each + h, block * style.rowTiles + r);
        }
      }
  }
  return result;
});

function store(
  sums: Tensor,
  by: Tensor | undefined,
  result: Tensor,
  head: number,
  tile: number,
): void {
  const out = sbuf(sums.shape, "float32");
  if (by) scaledBy(out, sums, by);
  else nisa.tensorCopy({ dst: out, src: sums, engine: evictor(tile) });
  nisa.dmaCopy({ dst: result.slice(head, at(tile, P)), src: out, ...ring });
}

export const cases = {
  gqa: ((row) => {
    const [N, heads, groups, D] = ["N", "QH", "KH", "D"].map((n) => size(row, n)) as [
      number,
      number,
      number,
      number,
    ];
    const { dtype, settings } = row;
    const style: Style = {
      rowTiles: setting(row, "rowTiles", 1),
      interleaved: settings["interleaved"] === "yes",
      foldScale: settings["foldScale"] === "yes",
      normLast: settings["normLast"] === "yes",
      split: (settings["split"] ?? "no") as Style["split"],
      scores: (settings["scores"] ?? "copied") as Style["scores"],
    };
    return [
      {
        kernel: gqa,
        inputs: {
          q: { shape: [N, heads, D], dtype },
          k: { shape: [N, groups, D], dtype },
          v: { shape: [N, groups, D], dtype },
          identity: { shape: [P, P], dtype },
        },
        args: { style },
      },
    ];
  }) as Case,
};
