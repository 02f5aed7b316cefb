/**
 * The starting kernels of NKIBench (AccelOpt), made by the compiler from NumPy: column groups of 1024 outermost, lhs tiles loaded and
 * transposed again for each of them, element-wise work in chunks of 512 columns.
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
  type Row,
  range,
  ring,
  sbuf,
  share,
  size,
} from "./case.ts";

const [P, CHUNK, GROUP, TURNED] = [128, 512, 1024, 8];
const CHUNKS = GROUP / CHUNK;

/** `tiles` consecutive row tiles of lhs [M, K] from `first`, each turned to [K, 128]. */
function turnedRows(lhs: Tensor, first: number, tiles: number, eye: Tensor): Tensor {
  const pack = sbuf([lhs.shape[1]!, tiles, P], lhs.dtype);
  for (const i of range(tiles))
    turn(fetch(lhs.slice(at(first + i, P)), ring), eye, pack.slice(":", i), evictor(i));
  return pack;
}

/** One chunk of 512 columns through PSUM. */
function product(stationary: Tensor, moving: Tensor, into: Tensor, turnOf: number): void {
  const bank = psum([P, CHUNK]);
  nisa.ncMatmul({ dst: bank, stationary, moving });
  nisa.tensorCopy({ dst: into, src: bank, engine: evictor(turnOf) });
}

const bmm = kernel("nki_bench_bmm", (lhs: Tensor, rhs: Tensor, identity: Tensor) => {
  const [B, M] = lhs.shape as [number, number];
  const N = rhs.shape[2]!;
  const result = output([B, M, N], lhs.dtype);
  const eye = fetch(identity, ring);
  for (const b of share(B))
    for (const g of range(N / GROUP)) {
      const held = fetch(rhs.slice(b, ":", at(g, GROUP)), ring);
      for (const first of range(M / P / TURNED)) {
        const pack = turnedRows(lhs.slice(b), first * TURNED, TURNED, eye);
        for (const i of range(TURNED)) {
          const wide = sbuf([P, GROUP], lhs.dtype);
          for (const c of range(CHUNKS))
            product(
              pack.slice(":", i),
              held.slice(":", at(c, CHUNK)),
              wide.slice(":", at(c, CHUNK)),
              c,
            );
          const rows = at(first * TURNED + i, P);
          nisa.dmaCopy({ dst: result.slice(b, rows, at(g, GROUP)), src: wide, ...ring });
        }
      }
    }
  return result;
});

const matmul = kernel("nki_bench_matmul", (lhs: Tensor, rhs: Tensor, identity: Tensor) => {
  const [M, K] = lhs.shape as [number, number];
  const N = rhs.shape[1]!;
  const result = output([M, N], lhs.dtype);
  const eye = fetch(identity, ring);
  const steps = range(K / P);
  for (const g of share(N / GROUP)) {
    const held = steps.map((k) => fetch(rhs.slice(at(k, P), at(g, GROUP)), ring));
    for (const m of range(M / P)) {
      const turned = sbuf([P, K / P, P], lhs.dtype);
      for (const w of range(K / GROUP)) {
        const wide = fetch(lhs.slice(at(m, P), at(w, GROUP)), ring);
        for (const i of range(TURNED)) {
          const k = w * TURNED + i;
          turn(wide.slice(":", at(i, P)), eye, turned.slice(":", k), evictor(i));
        }
      }
      const wide = sbuf([P, GROUP], lhs.dtype);
      for (const c of range(CHUNKS)) {
        const bank = psum([P, CHUNK]);
        for (const k of steps)
          nisa.ncMatmul({
            dst: bank,
            stationary: turned.slice(":", k),
            moving: held[k]!.slice(":", at(c, CHUNK)),
          });
        nisa.tensorCopy({ dst: wide.slice(":", at(c, CHUNK)), src: bank, engine: evictor(c) });
      }
      nisa.dmaCopy({ dst: result.slice(at(m, P), at(g, GROUP)), src: wide, ...ring });
    }
  }
  return result;
});

/** Scores of the whole batch take 512 KiB a partition, more than SBUF has: the compiler spills them to HBM, a chunk at a time. */
const bmmSoftmax = kernel("nki_bench_bmm_softmax", (lhs: Tensor, rhs: Tensor, identity: Tensor) => {
  const [B, M] = lhs.shape as [number, number];
  const N = rhs.shape[2]!;
  const result = output([B, M, N], lhs.dtype);
  const eye = fetch(identity, ring);
  const chunks = range(N / CHUNK);
  for (const b of share(B)) {
    const spilled = nl.ndarray([M / P, chunks.length, P, CHUNK], {
      dtype: "float32",
      buffer: "private_hbm",
    });
    const most = range(M / P).map(() => sbuf([P, chunks.length], "float32"));
    for (const g of range(N / GROUP)) {
      const held = fetch(rhs.slice(b, ":", at(g, GROUP)), ring);
      for (const first of range(M / P / TURNED)) {
        const pack = turnedRows(lhs.slice(b), first * TURNED, TURNED, eye);
        for (const i of range(TURNED))
          for (const k of range(CHUNKS)) {
            const [m, c] = [first * TURNED + i, g * CHUNKS + k];
            const score = sbuf([P, CHUNK], "float32");
            product(pack.slice(":", i), held.slice(":", at(k, CHUNK)), score, k);
            nisa.tensorReduce({
              dst: most[m]!.slice(":", [c, c + 1]),
              op: nl.maximum,
              data: score,
              axis: [1],
            });
            nisa.dmaCopy({ dst: spilled.slice(m, c), src: score, ...ring });
          }
      }
    }
    for (const m of range(M / P)) {
      const column = (): Tensor => sbuf([P, 1], "float32");
      const [maximum, bias, sum, inverse] = [column(), column(), column(), column()];
      nisa.tensorReduce({ dst: maximum, op: nl.maximum, data: most[m]!, axis: [1] });
      nisa.tensorScalar({
        dst: bias,
        data: maximum,
        op0: nl.multiply,
        operand0: -1,
        engine: "vector",
      });
      const sums = sbuf([P, chunks.length], "float32");
      const weights = chunks.map((c) => {
        const weight = sbuf([P, CHUNK], "float32");
        const data = fetch(spilled.slice(m, c), ring);
        nisa.activation({ dst: weight, op: nl.exp, data, bias, scale: 1 });
        nisa.tensorReduce({
          dst: sums.slice(":", [c, c + 1]),
          op: nl.add,
          data: weight,
          axis: [1],
        });
        return weight;
      });
      nisa.tensorReduce({ dst: sum, op: nl.add, data: sums, axis: [1] });
      nisa.reciprocal({ dst: inverse, data: sum });
      for (const g of range(N / GROUP)) {
        const wide = sbuf([P, GROUP], lhs.dtype);
        for (const k of range(CHUNKS))
          nisa.tensorScalar({
            dst: wide.slice(":", at(k, CHUNK)),
            data: weights[g * CHUNKS + k]!,
            op0: nl.multiply,
            operand0: inverse,
            engine: "vector",
          });
        nisa.dmaCopy({ dst: result.slice(b, at(m, P), at(g, GROUP)), src: wide, ...ring });
      }
    }
  }
  return result;
});

type Op = "multiply" | "add" | "subtract";

/** One AdamW step on a chunk: seven multiplications or additions by a constant, six by a tensor, a root and a reciprocal. */
function step(theta: Tensor, g: Tensor, m: Tensor, v: Tensor, result: Tensor): void {
  const like = (): Tensor => sbuf(g.shape, g.dtype);
  const by = (data: Tensor, operand0: number, op: Op, engine: "vector" | "scalar") => {
    const dst = like();
    if (engine === "scalar") nisa.activation({ dst, op: nl.copy, data, scale: operand0 });
    else nisa.tensorScalar({ dst, data, op0: nl[op], operand0, engine });
    return dst;
  };
  const of = (data1: Tensor, data2: Tensor, op: Op, dst = like()) => {
    nisa.tensorTensor({ dst, data1, data2, op: nl[op] });
    return dst;
  };
  const decayed = of(theta, by(theta, 1e-5, "multiply", "scalar"), "subtract");
  const mean = of(by(m, 0.9, "multiply", "scalar"), by(g, 0.1, "multiply", "scalar"), "add");
  const rate = by(mean, 0.01, "multiply", "scalar");
  const square = of(by(g, 0.001, "multiply", "scalar"), g, "multiply");
  const variance = of(by(v, 0.999, "multiply", "scalar"), square, "add");
  const root = like();
  nisa.activation({ dst: root, op: nl.sqrt, data: variance, scale: 1000 });
  const inverse = like();
  nisa.reciprocal({ dst: inverse, data: by(root, 1e-8, "add", "vector") });
  of(decayed, of(rate, inverse, "multiply"), "subtract", result);
}

const adamw = kernel("nki_bench_adamw", (theta: Tensor, g: Tensor, m: Tensor, v: Tensor) => {
  const [M, N] = theta.shape as [number, number];
  const result = output([M, N], theta.dtype);
  for (const i of share(Math.ceil(M / P)))
    for (const j of range(N / GROUP)) {
      const part = (t: Tensor): Tensor => t.slice([i * P, Math.min(M, (i + 1) * P)], at(j, GROUP));
      const [a, b, c, d] = [theta, g, m, v].map((t) => fetch(part(t), ring));
      const wide = sbuf(a!.shape, theta.dtype);
      for (const k of range(CHUNKS)) {
        const chunk = (t: Tensor | undefined): Tensor => t!.slice(":", at(k, CHUNK));
        step(chunk(a), chunk(b), chunk(c), chunk(d), chunk(wide));
      }
      nisa.dmaCopy({ dst: part(result), src: wide, ...ring });
    }
  return result;
});

const identity = (row: Row) => ({ shape: [P, P], dtype: row.dtype });

const batched =
  (of: typeof bmm): Case =>
  (row) => {
    const [B, M, K, N] = [size(row, "B"), size(row, "M"), size(row, "K"), size(row, "N")];
    const { dtype } = row;
    return [
      {
        kernel: of,
        inputs: {
          lhs: { shape: [B, M, K], dtype },
          rhs: { shape: [B, K, N], dtype },
          identity: identity(row),
        },
      },
    ];
  };

export const cases = {
  bmm: batched(bmm),
  bmmSoftmax: batched(bmmSoftmax),
  matmul: ((row) => {
    const [M, K, N] = [size(row, "M"), size(row, "K"), size(row, "N")];
    const { dtype } = row;
    return [
      {
        kernel: matmul,
        inputs: {
          lhs: { shape: [M, K], dtype },
          rhs: { shape: [K, N], dtype },
          identity: identity(row),
        },
      },
    ];
  }) as Case,
  adamw: ((row) => {
    const spec = { shape: [size(row, "M"), size(row, "N")], dtype: row.dtype };
    return [{ kernel: adamw, inputs: { theta: spec, g: spec, m: spec, v: spec } }];
  }) as Case,
};
