/**
 * Row norm and fp32 matmul in one kernel, as the kda-for-trainium operator kernels do it: rmsnorm(x [+ z]) x w with the weights kept
 * in SBUF, and rmsnorm(x x w + z). `norm`: rows are scaled before the multiplication or, `after`, its result is. `split` multiplies
 * bf16 parts. `together`: a weight tile is used for that many column chunks before the next one.
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
import { multiply, type Parts, type Split, sliced, split } from "./halves.ts";

const [P, CHUNK] = [128, 512];

interface Style {
  readonly after: boolean;
  /** `psum`: bf16 parts are made of the transposed tile in PSUM itself. */
  readonly split: "no" | "sbuf" | "psum";
  readonly allProducts: boolean;
  readonly together: number;
  /** A residual is added and the norm has weights. */
  readonly residual: boolean;
}

const column = (): Tensor => sbuf([P, 1], "float32");

function tensorTensor(a: Tensor, b: Tensor, op: typeof nl.add | typeof nl.multiply): Tensor {
  const dst = sbuf(b.shape, "float32");
  nisa.tensorTensor({ dst, data1: a, data2: b, op });
  return dst;
}

/** 1 / rms of each row. */
function inverseRms(x: Tensor, epsilon: boolean): Tensor {
  const n = x.shape[1]!;
  const [squares, sum, inverse] = [sbuf(x.shape, "float32"), column(), column()];
  nisa.activation({ dst: squares, op: nl.square, data: x, scale: 1 });
  nisa.tensorReduce({ dst: sum, op: nl.add, data: squares, axis: [1] });
  if (!epsilon) {
    nisa.activation({ dst: inverse, op: nl.rsqrt, data: sum, scale: 1 / n });
    return inverse;
  }
  const mean = column();
  nisa.tensorScalar({
    dst: mean,
    data: sum,
    op0: nl.multiply,
    operand0: 1 / n,
    op1: nl.add,
    operand1: 1e-5,
    engine: "vector",
  });
  nisa.activation({ dst: inverse, op: nl.rsqrt, data: mean, scale: 1 });
  return inverse;
}

function scaleInto(dst: Tensor, x: Tensor, by: Tensor): void {
  nisa.tensorScalar({ dst, data: x, op0: nl.multiply, operand0: by, engine: "vector" });
}

function scaled(x: Tensor, by: Tensor): Tensor {
  const dst = sbuf(x.shape, "float32");
  scaleInto(dst, x, by);
  return dst;
}

/** A row on all partitions. */
function spread(row: Tensor, n: number): Tensor {
  const tile = sbuf([P, n], "float32");
  nisa.dmaCopy({ dst: tile, src: row.broadcast(0, P), ...ring });
  return tile;
}

const partTiles = (shape: readonly number[], style: Style): Parts =>
  style.split === "no" ? [sbuf(shape, "float32")] : [0, 1].map(() => sbuf(shape, "bfloat16"));

/** The weights, [P, K / P, N], or their bf16 parts; `scale` [K, 1] is multiplied in. */
function weights(w: Tensor, scale: Tensor | undefined, style: Style): Parts {
  const [K, N] = w.shape as [number, number];
  const parts = partTiles([P, K / P, N], style);
  for (const k of range(K / P)) {
    const view = w.slice(at(k, P));
    const dst = sliced(parts, ":", k);
    const gain = scale && fetch(scale.slice(at(k, P)), ring);
    if (style.split === "no" && !gain) {
      nisa.dmaCopy({ dst: dst[0]!, src: view, ...ring });
      continue;
    }
    const loaded = fetch(view, ring);
    if (style.split === "no") scaleInto(dst[0]!, loaded, gain!);
    else split(gain ? scaled(loaded, gain) : loaded, dst[0]!, dst[1]!, "residual", k);
  }
  return parts;
}

/** Rows transposed tile by tile, [P, K / P, P]. */
function turned(x: Tensor, eye: Tensor, style: Style): Parts {
  const K = x.shape[1]!;
  const parts = partTiles([P, K / P, P], style);
  for (const k of range(K / P)) {
    const tile = x.slice(":", at(k, P));
    if (style.split === "no") turn(tile, eye, parts[0]!.slice(":", k), evictor(k));
    else {
      const source = style.split === "psum" ? psum([P, P]) : sbuf([P, P], "float32");
      if (style.split === "psum")
        nisa.ncMatmul({
          dst: source,
          stationary: tile,
          moving: eye,
          isTranspose: true,
          isMovingOnezero: true,
        });
      else turn(tile, eye, source, evictor(k));
      split(
        source,
        parts[0]!.slice(":", k),
        parts[1]!.slice(":", k),
        "residual" satisfies Split,
        k,
      );
    }
  }
  return parts;
}

/** Multiplies and hands each chunk of columns, in PSUM, to `use`. */
function products(
  left: Parts,
  right: Parts,
  style: Style,
  use: (c: number, bank: Tensor) => void,
): void {
  const [steps, N] = right[0]!.shape.slice(1) as [number, number];
  for (const first of range(N / CHUNK / style.together)) {
    const chunks = range(style.together).map((i) => first * style.together + i);
    const banks = chunks.map(() => psum([P, CHUNK]));
    for (const k of range(steps))
      for (const [i, c] of chunks.entries())
        multiply(
          banks[i]!,
          sliced(left, ":", k),
          sliced(right, ":", k, at(c, CHUNK)),
          style.allProducts,
        );
    for (const [i, c] of chunks.entries()) use(c, banks[i]!);
  }
}

const normFirst = kernel(
  "rmsnorm_matmul",
  (x: Tensor, w: Tensor, z: Tensor, gain: Tensor, identity: Tensor, style: Style) => {
    const [M, K] = x.shape as [number, number];
    const N = w.shape[1]!;
    const result = output([M, N], x.dtype);
    const eye = fetch(identity, ring);
    const gains = style.residual && !style.after ? spread(gain.reshape([1, K]), K) : undefined;
    const kept = weights(w, style.residual && style.after ? gain : undefined, style);
    for (const m of share(M / P)) {
      const loaded = fetch(x.slice(at(m, P)), ring);
      const rows = style.residual
        ? tensorTensor(loaded, fetch(z.slice(at(m, P)), ring), nl.add)
        : loaded;
      const inverse = inverseRms(rows, style.residual);
      const normed = style.after ? rows : scaled(rows, inverse);
      const left = turned(gains ? tensorTensor(normed, gains, nl.multiply) : normed, eye, style);
      products(left, kept, style, (c, bank) => {
        const tile = sbuf([P, CHUNK], "float32");
        if (style.after)
          nisa.tensorScalar({
            dst: tile,
            data: bank,
            op0: nl.multiply,
            operand0: inverse,
            engine: "vector",
          });
        else nisa.tensorCopy({ dst: tile, src: bank, engine: evictor(c) });
        nisa.dmaCopy({ dst: result.slice(at(m, P), at(c, CHUNK)), src: tile, ...ring });
      });
    }
    return result;
  },
);

const normLast = kernel(
  "matmul_add_rmsnorm",
  (x: Tensor, w: Tensor, z: Tensor, gain: Tensor, identity: Tensor, style: Style) => {
    const M = x.shape[0]!;
    const N = w.shape[1]!;
    const result = output([M, N], x.dtype);
    const eye = fetch(identity, ring);
    const gains = spread(gain.reshape([1, N]), N);
    const kept = weights(w, undefined, style);
    for (const m of share(M / P)) {
      const left = turned(fetch(x.slice(at(m, P)), ring), eye, style);
      const sum = sbuf([P, N], "float32");
      products(left, kept, style, (c, bank) => {
        const more = fetch(z.slice(at(m, P), at(c, CHUNK)), ring);
        nisa.tensorTensor({
          dst: sum.slice(":", at(c, CHUNK)),
          data1: bank,
          data2: more,
          op: nl.add,
        });
      });
      const normed = scaled(sum, inverseRms(sum, true));
      const out = tensorTensor(normed, gains, nl.multiply);
      nisa.dmaCopy({ dst: result.slice(at(m, P)), src: out, ...ring });
    }
    return result;
  },
);

const launch =
  (of: typeof normFirst, residual: boolean): Case =>
  (row) => {
    const [M, K, N] = ["M", "K", "N"].map((n) => size(row, n)) as [number, number, number];
    const { dtype, settings } = row;
    const style: Style = {
      after: settings["norm"] === "after",
      split: (settings["split"] ?? "no") as Style["split"],
      allProducts: setting(row, "products", 3) === 4,
      together: setting(row, "together", 1),
      residual,
    };
    const width = of === normLast ? N : K;
    return [
      {
        kernel: of,
        inputs: {
          x: { shape: [M, K], dtype },
          w: { shape: [K, N], dtype },
          z: { shape: [M, width], dtype },
          gain: { shape: [width, 1], dtype },
          identity: { shape: [P, P], dtype },
        },
        args: { style },
      },
    ];
  };

export const cases = {
  rmsnormMatmul: launch(normFirst, false),
  addRmsnormMatmul: launch(normFirst, true),
  matmulAddRmsnorm: launch(normLast, true),
};
