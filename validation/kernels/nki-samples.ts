/**
 * Kernels of nki-samples whose tests assert a time: RMSNorm with the QKV projection, one tile of rows at a time with all weights resident,
 * and adaptive average pooling, which loads the region of each output by itself.
 */
import { kernel, nisa, nl, type Tensor } from "opentrn";
import { at, type Case, fetch, output, psum, range, sbuf, size } from "./case.ts";

const [P, CHUNK] = [128, 512];

const rmsnormQkv = kernel(
  "allocated_fused_rms_norm_qkv",
  (hidden: Tensor, weights: Tensor, identity: Tensor) => {
    const [rows, width] = hidden.shape as [number, number];
    const columns = weights.shape[1]!;
    const { dtype } = hidden;
    const result = output([rows, columns], dtype);
    const eye = fetch(identity);
    const held = range(width / P).map((k) => fetch(weights.slice(at(k, P))));
    for (const r of range(rows / P)) {
      const x = fetch(hidden.slice(at(r, P)));
      const squares = sbuf([P, width], "float32");
      const [sum, mean, scale] = range(3).map(() => sbuf([P, 1], "float32"));
      nisa.activation({
        dst: squares,
        op: nl.square,
        data: x,
        reduceOp: nl.add,
        reduceRes: sum!,
        reduceCmd: "reset_reduce",
      });
      nisa.tensorScalar({
        dst: mean!,
        data: sum!,
        op0: nl.multiply,
        operand0: 1 / width,
        op1: nl.add,
        operand1: 1e-6,
        engine: "vector",
      });
      nisa.activation({ dst: scale!, op: nl.rsqrt, data: mean! });
      const [normed, turned] = [sbuf([P, width], dtype), sbuf([P, width], dtype)];
      for (const c of range(width / CHUNK)) {
        const part = at(c, CHUNK);
        nisa.tensorScalar({
          dst: normed.slice(":", part),
          data: x.slice(":", part),
          op0: nl.multiply,
          operand0: scale!,
          engine: "vector",
        });
        const bank = psum([P, CHUNK]);
        for (const j of range(CHUNK / P))
          nisa.ncMatmul({
            dst: bank.slice(":", at(j, P)),
            stationary: normed.slice(":", at((c * CHUNK) / P + j, P)),
            moving: eye,
            isMovingOnezero: true,
          });
        nisa.tensorCopy({ dst: turned.slice(":", part), src: bank, engine: "vector" });
      }
      const bank = psum([P, columns]);
      for (const k of range(width / P))
        nisa.ncMatmul({
          dst: bank,
          stationary: turned.slice(":", at(k, P)),
          moving: held[k]!,
        });
      const tile = sbuf([P, columns], dtype);
      nisa.tensorCopy({ dst: tile, src: bank, engine: "vector" });
      nisa.dmaCopy({ dst: result.slice(at(r, P)), src: tile });
    }
    return result;
  },
);

const averagePool = kernel("adaptive_avg_pool2d", (image: Tensor, out: number) => {
  const [planes, H, W] = image.shape as [number, number, number];
  const tile = Math.min(planes, P);
  const result = output([planes, out, out], image.dtype);
  const region = (i: number, n: number): [number, number] => [
    Math.floor((i * n) / out),
    Math.ceil(((i + 1) * n) / out),
  ];
  for (const t of range(planes / tile)) {
    const pooled = sbuf([tile, out, out], image.dtype);
    for (const i of range(out))
      for (const j of range(out)) {
        const [top, bottom] = region(i, H);
        const [left, right] = region(j, W);
        const total = nl.zeros([tile, 1], { dtype: "float32" });
        const step = (from: number, to: number): [number, number][] =>
          range(Math.ceil((to - from) / P)).map((k) => [
            from + k * P,
            Math.min(to, from + (k + 1) * P),
          ]);
        for (const y of step(top, bottom))
          for (const x of step(left, right)) {
            const sum = sbuf([tile, 1], "float32");
            const part = fetch(image.slice(at(t, tile), y, x));
            nisa.tensorReduce({ dst: sum, op: nl.add, data: part, axis: [1, 2] });
            nisa.tensorTensor({ dst: total, data1: total, data2: sum, op: nl.add });
          }
        nisa.tensorScalar({
          dst: pooled.slice(":", i, [j, j + 1]),
          data: total,
          op0: nl.multiply,
          operand0: 1 / ((bottom - top) * (right - left)),
          engine: "vector",
        });
      }
    nisa.dmaCopy({ dst: result.slice(at(t, tile)), src: pooled });
  }
  return result;
});

export const cases = {
  rmsnormQkv: ((row) => {
    const { dtype } = row;
    const width = size(row, "hidden");
    return [
      {
        kernel: rmsnormQkv,
        inputs: {
          hidden: { shape: [size(row, "batch") * size(row, "seqlen"), width], dtype },
          weights: { shape: [width, size(row, "d_out")], dtype },
          identity: { shape: [P, P], dtype },
        },
      },
    ];
  }) as Case,
  averagePool: ((row) => [
    {
      kernel: averagePool,
      inputs: {
        image: {
          shape: [size(row, "n") * size(row, "c"), size(row, "h"), size(row, "w")],
          dtype: row.dtype,
        },
      },
      args: { out: size(row, "out") },
    },
  ]) as Case,
};
