/**
 * gelu(x @ w + bias) with lhsT [K, M], rhs [K, N], bias [1, N] in one kernel (`fused`, with the ScalarE function; `taylor`, with the
 * tanh formula in steps) and in two (`unfused`: the product to HBM, then gelu over it).
 * What the old compiler makes of loads inside loops is not published. That it keeps rhs in SBUF when it fits is derived: at bf16,
 * K 512, N 2048, reloading it would need 605 GB/s from DMA engines that move 435.
 */
import { type Kernel, kernel, nisa, nl, type Tensor } from "opentrn";
import { at, type Case, evictor, fetch, output, psum, range, sbuf, size, spread } from "./case.ts";

const [P, TN] = [128, 512];
/** Bytes a partition that rhs may take and leave room for the rest. */
const RESIDENT = 160 * 1024;

/** Row tiles of rhs in one transfer where it does not stay: one a transfer would be bound by issuing them, at 2.4 ms for 1.55 (bf16, K 4096). */
const TOGETHER = 4;

type Finish = (sums: Tensor) => Tensor;

/** x * (1 + tanh(...)) / 2 in the nine instructions that the formula is written as. */
function taylor(x: Tensor): Tensor {
  const like = (): Tensor => sbuf(x.shape, x.dtype);
  const [square, cube, inner, sigmoid, twice, half, shifted, result] = Array.from(
    { length: 8 },
    like,
  );
  nisa.tensorTensor({ dst: square!, data1: x, data2: x, op: nl.multiply });
  nisa.tensorTensor({ dst: cube!, data1: square!, data2: x, op: nl.multiply });
  nisa.tensorScalar({
    dst: cube!,
    data: cube!,
    op0: nl.multiply,
    operand0: 0.044715,
    engine: "vector",
  });
  nisa.tensorTensor({ dst: inner!, data1: x, data2: cube!, op: nl.add });
  nisa.tensorScalar({
    dst: inner!,
    data: inner!,
    op0: nl.multiply,
    operand0: 0.79788456,
    engine: "vector",
  });
  nisa.activation({ dst: sigmoid!, op: nl.sigmoid, data: inner!, scale: 2 });
  nisa.tensorScalar({
    dst: twice!,
    data: sigmoid!,
    op0: nl.multiply,
    operand0: 2,
    op1: nl.add,
    operand1: -1,
    engine: "vector",
  });
  nisa.tensorScalar({ dst: half!, data: x, op0: nl.multiply, operand0: 0.5, engine: "vector" });
  nisa.tensorScalar({ dst: shifted!, data: twice!, op0: nl.add, operand0: 1, engine: "vector" });
  nisa.tensorTensor({ dst: result!, data1: half!, data2: shifted!, op: nl.multiply });
  return result!;
}

function gelu(x: Tensor): Tensor {
  const result = sbuf(x.shape, x.dtype);
  nisa.activation({ dst: result, op: nl.gelu, data: x });
  return result;
}

/** Column tile `n` of rhs [K, N], `TOGETHER` row tiles a transfer: [128, TOGETHER, 512] each. */
function columns(rhs: Tensor, n: number): Tensor[] {
  const [K, N] = rhs.shape as [number, number];
  const tiles = rhs.reshape([K / P, P, N]).permute([1, 0, 2]);
  return nl.tiles(K / P, TOGETHER).map((rows) => fetch(tiles.slice(":", rows, at(n, TN))));
}

const gemm = (name: string, finish: Finish): Kernel =>
  kernel(name, (lhsT: Tensor, rhs: Tensor, bias: Tensor) => {
    const [K, M] = lhsT.shape as [number, number];
    const N = rhs.shape[1]!;
    const { dtype } = lhsT;
    const result = output([M, N], dtype);
    const steps = range(K / P);
    const bytes = dtype === "float32" ? 4 : 2;
    const resident = (K / P) * N * bytes <= RESIDENT;
    const right = resident ? steps.map((k) => fetch(rhs.slice(at(k, P)))) : [];
    const ones = nl.ones([1, P], { dtype });
    const biases = fetch(bias);
    for (const m of range(M / P)) {
      const left = sbuf([P, K / P, P], dtype);
      nisa.dmaCopy({
        dst: left,
        src: lhsT
          .reshape([K / P, P, M])
          .permute([1, 0, 2])
          .slice(":", ":", at(m, P)),
      });
      for (const n of range(N / TN)) {
        const sums = psum([P, TN]);
        const streamed = resident ? [] : columns(rhs, n);
        for (const k of steps) {
          const moving = resident
            ? right[k]!.slice(":", at(n, TN))
            : streamed[Math.floor(k / TOGETHER)]!.slice(":", k % TOGETHER);
          nisa.ncMatmul({ dst: sums, stationary: left.slice(":", k), moving });
        }
        const x = sbuf([P, TN], dtype);
        nisa.tensorCopy({ dst: x, src: sums, engine: evictor(n) });
        const all = spread(biases.slice(":", at(n, TN)), ones);
        nisa.tensorTensor({ dst: x, data1: x, data2: all, op: nl.add });
        nisa.dmaCopy({ dst: result.slice(at(m, P), at(n, TN)), src: finish(x) });
      }
    }
    return result;
  });

const plain = gemm("gemm", (x) => x);
const fused = gemm("fused_mlp_pwl", gelu);
const steps = gemm("fused_mlp_taylor", taylor);

const elementwise = kernel("gelu", (y: Tensor) => {
  const [M, N] = y.shape as [number, number];
  const result = output([M, N], y.dtype);
  for (const m of range(M / P))
    for (const n of range(N / TN)) {
      const place = (t: Tensor): Tensor => t.slice(at(m, P), at(n, TN));
      nisa.dmaCopy({ dst: place(result), src: gelu(fetch(place(y))) });
    }
  return result;
});

const launch =
  (kernels: readonly Kernel[]): Case =>
  (row) => {
    const [M, K, N] = [size(row, "M"), size(row, "K"), size(row, "N")];
    const { dtype } = row;
    const matmul = {
      lhsT: { shape: [K, M], dtype },
      rhs: { shape: [K, N], dtype },
      bias: { shape: [1, N], dtype },
    };
    return kernels.map((k) => ({
      kernel: k,
      inputs: k === elementwise ? { y: { shape: [M, N], dtype } } : matmul,
    }));
  };

export const cases = {
  fused: launch([fused]),
  taylor: launch([steps]),
  unfused: launch([plain, elementwise]),
};
