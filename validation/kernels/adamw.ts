/**
 * One AdamW step on fp32 tensors [M, N], as the kda-for-trainium operator kernels do it: four loads, two ScalarE and four VectorE
 * instructions and a store a chunk. `rows` walks tiles of 128 rows; `flat` gives each partition one contiguous part of the tensor
 * and walks it in chunks.
 */
import { kernel, nisa, nl, type Tensor } from "opentrn";
import { type Case, fetch, output, ring, sbuf, setting, share, size } from "./case.ts";

const P = 128;
const decay = { theta: 0.99999, v: 999, m: 9, step: 0.001 };

function update(theta: Tensor, g: Tensor, m: Tensor, v: Tensor): Tensor {
  const like = (): Tensor => sbuf(g.shape, g.dtype);
  const [square, variance, inverse, mean, step, result] = Array.from({ length: 6 }, like);
  nisa.activation({ dst: square!, op: nl.square, data: g });
  nisa.scalarTensorTensor({
    dst: variance!,
    data: v,
    op0: nl.multiply,
    operand0: decay.v,
    op1: nl.add,
    operand1: square!,
  });
  nisa.activation({ dst: inverse!, op: nl.rsqrt, data: variance! });
  nisa.scalarTensorTensor({
    dst: mean!,
    data: m,
    op0: nl.multiply,
    operand0: decay.m,
    op1: nl.add,
    operand1: g,
  });
  nisa.scalarTensorTensor({
    dst: step!,
    data: mean!,
    op0: nl.multiply,
    operand0: decay.step,
    op1: nl.multiply,
    operand1: inverse!,
  });
  nisa.scalarTensorTensor({
    dst: result!,
    data: theta,
    op0: nl.multiply,
    operand0: decay.theta,
    op1: nl.subtract,
    operand1: step!,
  });
  return result!;
}

const rows = kernel("adamw_rows", (theta: Tensor, g: Tensor, m: Tensor, v: Tensor) => {
  const [M, N] = theta.shape as [number, number];
  const result = output([M, N], theta.dtype);
  for (const i of share(Math.ceil(M / P))) {
    const part = (t: Tensor): Tensor => t.slice([i * P, Math.min(M, (i + 1) * P)]);
    const [a, b, c, d] = [theta, g, m, v].map((t) => fetch(part(t), ring));
    nisa.dmaCopy({ dst: part(result), src: update(a!, b!, c!, d!), ...ring });
  }
  return result;
});

const flat = kernel(
  "adamw_flat",
  (theta: Tensor, g: Tensor, m: Tensor, v: Tensor, chunkSize: number) => {
    const [M, N] = theta.shape as [number, number];
    const chunks = (M * N) / P / chunkSize;
    const result = output([P, chunks, chunkSize], theta.dtype);
    for (const i of share(chunks)) {
      const part = (t: Tensor): Tensor => t.reshape([P, chunks, chunkSize]).slice(":", i);
      const [a, b, c, d] = [theta, g, m, v].map((t) => fetch(part(t), ring));
      nisa.dmaCopy({ dst: part(result), src: update(a!, b!, c!, d!), ...ring });
    }
    return result;
  },
);

const inputs = (row: Parameters<Case>[0]) => {
  const spec = { shape: [size(row, "M"), size(row, "N")], dtype: row.dtype };
  return { theta: spec, g: spec, m: spec, v: spec };
};

export const cases = {
  rows: ((row) => [{ kernel: rows, inputs: inputs(row) }]) as Case,
  flat: ((row) => [
    { kernel: flat, inputs: inputs(row), args: { chunkSize: setting(row, "chunkSize", 1024) } },
  ]) as Case,
};
