/**
 * The gradient of gqa-attention.ts: dq, dk and dv from the upstream gradient dout and the forward's out and lse. Weights are made again
 * from scores and lse, one block of keys at a time; with delta = sum(dout * out), the gradient of the scores is
 * weights * (dout v^T - delta). dk and dv of a block of keys stay in PSUM over all queries of all heads of the group.
 */
import { kernel, nisa, nl, type Range, type Tensor } from "opentrn";
import { BANK, hbm, load, loadTurned, P, psum, rowsOf, sbuf, turn } from "./tiles.ts";

/** Everything about the queries of one head. */
interface Head {
  readonly qT: Tensor;
  readonly doutT: Tensor;
  /** [128, seq / 128, d]. */
  readonly q: Tensor;
  readonly dout: Tensor;
  /** -lse and delta, [128, seq / 128]. */
  readonly negativeLse: Tensor;
  readonly delta: Tensor;
  /** Sums of dq / scale in fp32, [128, seq / 128, d]. */
  readonly dq: Tensor;
}

function loadHead(q: Tensor, out: Tensor, dout: Tensor, lse: Tensor): Head {
  const [seq, d] = q.shape as [number, number];
  const tiles = seq / P;
  const [lseRows, negativeLse, delta] = [sbuf([P, tiles]), sbuf([P, tiles]), sbuf([P, tiles])];
  nisa.dmaCopy({ dst: lseRows, src: lse.reshape([tiles, P]).permute([1, 0]) });
  nisa.tensorScalar({ dst: negativeLse, data: lseRows, op0: nl.multiply, operand0: -1 });
  const [upstream, forward, products] = [load(dout), load(out), sbuf([P, tiles, d])];
  nisa.tensorTensor({ dst: products, data1: upstream, data2: forward, op: nl.multiply });
  nisa.tensorReduce({ dst: delta, op: nl.add, data: products, axis: [2] });
  const dq = sbuf([P, tiles, d]);
  nisa.memset({ dst: dq, value: 0 });
  return {
    qT: loadTurned(q),
    doutT: loadTurned(dout),
    q: load(q),
    dout: upstream,
    negativeLse,
    delta,
    dq,
  };
}

/** The last columns of a block of weights, where keys come after queries, set to 0. */
function mask(weights: Tensor, tile: number, start: number): void {
  const width = weights.shape[1]!;
  nisa.affineSelect({
    dst: weights,
    pattern: [[-1, width]],
    channelMultiplier: 1,
    offset: tile * P - start,
    onTrueTile: weights,
    onFalseValue: 0,
    cmpOp: nl.greaterEqual,
  });
}

/** One tile of queries against one block of keys; adds to dk and dv in PSUM ([128, chunks, d]) and to the head's dq. */
function visit(
  head: Head,
  tile: number,
  [start, stop]: Range,
  block: { readonly kT: Tensor; readonly vT: Tensor; readonly k: Tensor },
  dk: Tensor,
  dv: Tensor,
  first: boolean,
): void {
  const d = head.q.shape[2]!;
  const scale = 1 / Math.sqrt(d);
  const width = Math.min(stop, (tile + 1) * P) - start;
  const keys: Range = [start, start + width];
  const column: Range = [tile, tile + 1];
  const scores = psum([P, width]);
  nisa.ncMatmul({
    dst: scores,
    stationary: head.qT.slice(":", rowsOf(tile)),
    moving: block.kT.slice(":", keys),
    accumulate: false,
  });
  const weights = sbuf([P, width], "bfloat16");
  const bias = head.negativeLse.slice(":", column);
  nisa.activation({ dst: weights, op: nl.exp, data: scores, scale, bias });
  if (start + width > tile * P) mask(weights, tile, start);
  const upstream = psum([P, width]);
  nisa.ncMatmul({
    dst: upstream,
    stationary: head.doutT.slice(":", rowsOf(tile)),
    moving: block.vT.slice(":", keys),
    accumulate: false,
  });
  const gradient = sbuf([P, width], "bfloat16");
  nisa.scalarTensorTensor({
    dst: gradient,
    data: upstream,
    op0: nl.subtract,
    operand0: head.delta.slice(":", column),
    op1: nl.multiply,
    operand1: weights,
  });
  const turned = turn(gradient);
  const dq = psum([P, d]);
  for (let c = 0; c < width / P; c++) {
    // The first tile of queries that sees a chunk of keys starts its sums.
    const accumulate = !(first && tile * P <= start + c * P);
    const rows = rowsOf(c);
    nisa.ncMatmul({
      dst: dv.slice(":", c),
      stationary: weights.slice(":", rows),
      moving: head.dout.slice(":", tile),
      accumulate,
    });
    nisa.ncMatmul({
      dst: dk.slice(":", c),
      stationary: gradient.slice(":", rows),
      moving: head.q.slice(":", tile),
      accumulate,
    });
    nisa.ncMatmul({
      dst: dq,
      stationary: turned.slice(":", c),
      moving: block.k.slice(":", start / P + c),
      accumulate: c > 0,
    });
  }
  const sums = head.dq.slice(":", tile);
  nisa.tensorTensor({ dst: sums, data1: sums, data2: dq, op: nl.add });
}

/** Writes scale * source [128, rows / 128, d] to HBM [rows, d]. */
function store(dst: Tensor, source: Tensor, scale: number): void {
  const [rows, d] = dst.shape as [number, number];
  const result = sbuf(source.shape, dst.dtype);
  nisa.tensorScalar({ dst: result, data: source, op0: nl.multiply, operand0: scale });
  nisa.dmaCopy({ dst: dst.reshape([rows / P, P, d]).permute([1, 0, 2]), src: result });
}

export const gqaAttentionBackward = kernel(
  "gqa_attention_backward",
  (q: Tensor, k: Tensor, v: Tensor, out: Tensor, dout: Tensor, lse: Tensor) => {
    const [heads, seq, d] = q.shape as [number, number, number];
    const groups = k.shape[0]!;
    const scale = 1 / Math.sqrt(d);
    const [dq, dk, dv] = [hbm(q.shape, q.dtype), hbm(k.shape, k.dtype), hbm(v.shape, v.dtype)];
    for (let group = 0; group < groups; group++) {
      const perGroup = heads / groups;
      const members = Array.from({ length: perGroup }, (_, i) => {
        const [a, b, c, e] = [q, out, dout, lse].map((t) => t.select(0, group * perGroup + i));
        return loadHead(a!, b!, c!, e!);
      });
      const block = {
        kT: loadTurned(k.select(0, group)),
        vT: loadTurned(v.select(0, group)),
        k: load(k.select(0, group)),
      };
      for (const keys of nl.tiles(seq, BANK)) {
        const chunks = (keys[1] - keys[0]) / P;
        const [sumsK, sumsV] = [psum([P, chunks, d]), psum([P, chunks, d])];
        for (const [i, head] of members.entries())
          for (let tile = keys[0] / P; tile < seq / P; tile++)
            visit(head, tile, keys, block, sumsK, sumsV, i === 0);
        store(dk.select(0, group).slice(keys), sumsK, scale);
        store(dv.select(0, group).slice(keys), sumsV, 1);
      }
      for (const [i, head] of members.entries())
        store(dq.select(0, group * perGroup + i), head.dq, scale);
    }
    return [dq, dk, dv];
  },
);
