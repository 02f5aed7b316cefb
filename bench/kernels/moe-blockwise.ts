/**
 * Mixture of experts, block-wise: tokens are sorted by expert into blocks of 128 positions, padded so that a block has one expert. For
 * every block the kernel gathers the rows of its tokens (dma_copy by a vector of offsets), fetches the expert's weights by a run-time
 * index, computes (silu(x wGate) * (x wUp)) wDown, weighs it by the token's affinity and adds it to the tokens' rows of the result.
 *
 * x [tokens + 1, width] bf16, whose last row pads; gateUp [experts, width, 2, hidden]; down [experts, hidden, width];
 * positions [blocks, 128] int32 (row of x), experts [1, blocks] int32, affinities [blocks, 128] fp32 (0 for padding).
 * A token occurs at most once in a block, so that rows are added without conflicts. Returns fp32 [tokens + 1, width].
 */
import { kernel, nisa, nl, type Tensor } from "opentrn";
import { BANK, hbm, P, product, rowsOf, sbuf, turn } from "./tiles.ts";

/** Weights [n, columns] of an expert chosen at run time, as [128, n / 128, columns]. */
function loadExpert(weights: Tensor, expert: Tensor): Tensor {
  const [, n, columns] = weights.shape as [number, number, number];
  const dst = sbuf([P, n / P, columns], weights.dtype);
  const chosen = weights.select(0, expert);
  for (let c = 0; c < n / P; c++)
    nisa.dmaCopy({ dst: dst.slice(":", c), src: chosen.slice(rowsOf(c)) });
  return dst;
}

/** fp32 [rows, width] of zeros. */
function zeros(rows: number, width: number): Tensor {
  const [out, tile] = [hbm([rows, width], "float32"), sbuf([P, width])];
  nisa.memset({ dst: tile, value: 0 });
  for (const part of nl.tiles(rows, P))
    nisa.dmaCopy({ dst: out.slice(part), src: tile.slice([0, part[1] - part[0]]) });
  return out;
}

export const moeBlockwise = kernel(
  "moe_blockwise",
  (
    x: Tensor,
    gateUp: Tensor,
    down: Tensor,
    positions: Tensor,
    experts: Tensor,
    affinities: Tensor,
  ) => {
    const [rows, width] = x.shape as [number, number];
    const hidden = gateUp.shape[3]!;
    const blocks = positions.shape[0]!;
    const out = zeros(rows, width);
    const chosen = sbuf([1, blocks], "int32");
    nisa.dmaCopy({ dst: chosen, src: experts });
    for (let b = 0; b < blocks; b++) {
      const [index, affinity] = [sbuf([P, 1], "int32"), sbuf([P, 1])];
      nisa.dmaCopy({ dst: index, src: positions.slice([b, b + 1]).permute([1, 0]) });
      nisa.dmaCopy({ dst: affinity, src: affinities.slice([b, b + 1]).permute([1, 0]) });
      const tokens = sbuf([P, width], x.dtype);
      nisa.dmaCopy({ dst: tokens, src: x.vectorSelect(0, index) });
      const turned = turn(tokens);
      const expert = chosen.slice(":", [b, b + 1]);
      const first = loadExpert(gateUp.reshape([-1, width, 2 * hidden]), expert);
      const second = loadExpert(down, expert);

      const gated = sbuf([P, hidden], x.dtype);
      for (const [from, to] of nl.tiles(hidden, BANK)) {
        const open = sbuf([P, to - from]);
        const gates = product(turned, [0, P], first, [from, to]);
        nisa.activation({ dst: open, op: nl.silu, data: gates });
        nisa.tensorTensor({
          dst: gated.slice(":", [from, to]),
          data1: open,
          data2: product(turned, [0, P], first, [hidden + from, hidden + to]),
          op: nl.multiply,
        });
      }
      const gatedT = turn(gated);
      const [before, after] = [sbuf([P, width]), sbuf([P, width])];
      nisa.dmaCopy({ dst: before, src: out.vectorSelect(0, index) });
      for (const part of nl.tiles(width, BANK))
        nisa.scalarTensorTensor({
          dst: after.slice(":", part),
          data: product(gatedT, [0, P], second, part),
          op0: nl.multiply,
          operand0: affinity,
          op1: nl.add,
          operand1: before.slice(":", part),
        });
      nisa.dmaCopy({ dst: out.vectorSelect(0, index), src: after });
    }
    return out;
  },
);
