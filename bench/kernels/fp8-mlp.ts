/**
 * SwiGLU MLP in fp8: out = (silu(x wGate) * (x wUp)) wDown for bf16 x [tokens, hidden] and float8_e4m3 weights with one fp32 scale for
 * every output column. Activations are quantised with fixed scales; TensorE multiplies two fp8 rows a cycle (double_row), so that
 * the contraction runs over pairs of 128 features. Hidden features lie on partitions, tokens in the free dimension.
 */
import { kernel, nisa, nl, type Range, type Tensor } from "opentrn";
import { BANK, hbm, load, P, psum, rowsOf, sbuf } from "./tiles.ts";

/** Largest finite float8_e4m3. */
const LARGEST = 240;

/** dst = clip(data * factor) in fp8, as two instructions: what overflowed would be infinite. */
function quantise(dst: Tensor, data: Tensor, factor: number): void {
  const clipped = sbuf(data.shape);
  nisa.tensorScalar({
    dst: clipped,
    data,
    op0: nl.multiply,
    operand0: factor,
    op1: nl.minimum,
    operand1: LARGEST,
  });
  nisa.tensorScalar({ dst, data: clipped, op0: nl.maximum, operand0: -LARGEST });
}

/** left[:, :, rows].T @ right[:, :, columns] of fp8 tiles, two chunks of the contraction an instruction. */
function product(left: Tensor, rows: Range, right: Tensor, columns: Range): Tensor {
  const sums = psum([rows[1] - rows[0], columns[1] - columns[0]]);
  for (let k = 0; k < left.shape[1]!; k += 2)
    nisa.ncMatmul({
      dst: sums,
      stationary: left.slice(":", [k, k + 2], rows),
      moving: right.slice(":", [k, k + 2], columns),
      accumulate: k > 0,
      perfMode: "double_row",
    });
  return sums;
}

/** A vector of n scales, one a partition: [128, n / 128]. */
function loadScales(source: Tensor): Tensor {
  const dst = sbuf([P, source.size / P]);
  nisa.dmaCopy({ dst, src: source.reshape([source.size / P, P]).permute([1, 0]) });
  return dst;
}

export const fp8Mlp = kernel(
  "fp8_mlp",
  (
    x: Tensor,
    wGate: Tensor,
    wUp: Tensor,
    wDown: Tensor,
    sGate: Tensor,
    sUp: Tensor,
    sDown: Tensor,
    xScale: number = 1 / 32,
    middleScale: number = 1 / 8,
  ) => {
    const [tokens, width] = x.shape as [number, number];
    const hidden = wGate.shape[1]!;
    const out = hbm([tokens, width], x.dtype);
    const [gates, ups, downs] = [load(wGate), load(wUp), load(wDown)];
    const [scaleGate, scaleUp] = [loadScales(sGate), loadScales(sUp)];
    const scaleDown = sbuf([P, width]);
    nisa.dmaCopy({ dst: scaleDown, src: sDown.reshape([1, width]).broadcast(0, P) });
    // What turns sums of quantised products back, with the next quantisation folded in.
    const [openScale, upScale, downScale] = [scaleGate, scaleUp, scaleDown].map((s) =>
      sbuf(s.shape),
    );
    for (const [dst, data, operand0] of [
      [openScale!, scaleGate, xScale],
      [upScale!, scaleUp, xScale / middleScale],
      [downScale!, scaleDown, middleScale],
    ] as const)
      nisa.tensorScalar({ dst, data, op0: nl.multiply, operand0 });

    for (const group of nl.tiles(tokens, BANK)) {
      const size = group[1] - group[0];
      const quantised = sbuf([P, width / P, size], "float8_e4m3");
      for (let c = 0; c < width / P; c++) {
        const turned = sbuf([P, size], x.dtype);
        nisa.dmaTranspose({ dst: turned, src: x.slice(group, rowsOf(c)) });
        quantise(quantised.slice(":", c), turned, 1 / xScale);
      }
      const gated = sbuf([P, hidden / P, size], "float8_e4m3");
      for (let f = 0; f < hidden / P; f++) {
        const column: Range = [f, f + 1];
        const [open, raised] = [sbuf([P, size]), sbuf([P, size])];
        nisa.activation({
          dst: open,
          op: nl.silu,
          data: product(gates, rowsOf(f), quantised, [0, size]),
          scale: openScale!.slice(":", column),
        });
        nisa.scalarTensorTensor({
          dst: raised,
          data: product(ups, rowsOf(f), quantised, [0, size]),
          op0: nl.multiply,
          operand0: upScale!.slice(":", column),
          op1: nl.multiply,
          operand1: open,
        });
        quantise(gated.slice(":", f), raised, 1);
      }
      for (let i = 0; i < size / P; i++) {
        const result = sbuf([P, width], x.dtype);
        for (const part of nl.tiles(width, BANK))
          nisa.tensorTensor({
            dst: result.slice(":", part),
            data1: product(gated, rowsOf(i), downs, part),
            data2: downScale!.slice(":", part),
            op: nl.multiply,
          });
        nisa.dmaCopy({ dst: out.slice([group[0] + i * P, group[0] + (i + 1) * P]), src: result });
      }
    }
    return out;
  },
);
