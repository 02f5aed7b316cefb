/**
 * The selective scan of Mamba, delta, u [channels, n], a [channels, states], b, c [states, n], fp32: exp(delta a), delta u b, a scan,
 * times c, summed over states. Rows of b and c reach all partitions by a matmul with a column of ones.
 * `loops` says what is outermost and what is loaded again: the NKI tutorial's v1 (everything in the state loop) and v2 (delta and u
 * kept), and the kda-for-trainium variants (sequence tiles outermost, broadcasts shared by the channel tiles).
 * That the compiler computes delta u once where its inputs do not change is derived from VectorE time: 3.1 us an iteration of five
 * instructions of 512 columns on trn2, 3.13 of four on trn1.
 */
import { kernel, nisa, nl, type Tensor } from "opentrn";
import {
  at,
  type Case,
  fetch,
  output,
  range,
  sbuf,
  setting,
  share,
  size,
  spread,
  type Way,
  wayOf,
} from "./case.ts";

const [P, BANK] = [128, 512];

/** How rows reach all partitions: a matmul, into PSUM or with a copy to SBUF, or a transfer that reads a row for each partition. */
type Spread = "psum" | "sbuf" | "dma";

/** b or c for the columns `from` to `from + width`, in every partition; rows longer than a PSUM bank always end up in SBUF. */
function broadcast(
  source: Tensor,
  state: number,
  from: number,
  width: number,
  ones: Tensor,
  way: Way,
  how: Spread = "psum",
): Tensor {
  const view = source.slice([state, state + 1], [from, from + width]);
  if (how === "dma") return fetch(view.broadcast(0, P), way);
  const row = fetch(view, way);
  if (width <= BANK && how === "psum") return spread(row, ones);
  const all = sbuf([P, width], source.dtype);
  for (const part of nl.tiles(width, BANK))
    nisa.activation({
      dst: all.slice(":", part),
      op: nl.copy,
      data: spread(row.slice(":", part), ones),
    });
  return all;
}

interface Tile {
  readonly delta: Tensor;
  readonly deltaU: Tensor;
  readonly sum: Tensor;
}

/** One state of one tile: five instructions, four of them on VectorE. */
function step(tile: Tile, a: Tensor, b: Tensor, c: Tensor, initial: Tensor | number): Tensor {
  const like = (): Tensor => sbuf(tile.delta.shape, tile.delta.dtype);
  const [decay, drive, scan, out] = [like(), like(), like(), like()];
  nisa.activation({ dst: decay, op: nl.exp, data: tile.delta, scale: a });
  nisa.tensorTensor({ dst: drive, data1: tile.deltaU, data2: b, op: nl.multiply });
  nisa.tensorTensorScan({
    dst: scan,
    data0: decay,
    data1: drive,
    initial,
    op0: nl.multiply,
    op1: nl.add,
  });
  nisa.tensorTensor({ dst: out, data1: scan, data2: c, op: nl.multiply });
  nisa.tensorTensor({ dst: tile.sum, data1: tile.sum, data2: out, op: nl.add });
  return scan;
}

function product(delta: Tensor, u: Tensor): Tensor {
  const deltaU = sbuf(delta.shape, delta.dtype);
  nisa.tensorTensor({ dst: deltaU, data1: delta, data2: u, op: nl.multiply });
  return deltaU;
}

/** Channel tiles outermost, whole rows at once. `again`: delta and u are loaded and multiplied for every state. */
const whole = kernel(
  "mamba_rows",
  (delta: Tensor, u: Tensor, a: Tensor, b: Tensor, c: Tensor, again: number, way: Way) => {
    const [channels, n] = delta.shape as [number, number];
    const result = output([channels, n], delta.dtype);
    const ones = nl.ones([1, P], { dtype: delta.dtype });
    for (const t of share(channels / P)) {
      const sum = nl.zeros([P, n], { dtype: delta.dtype });
      const read = (): Pick<Tile, "delta" | "deltaU"> => {
        const held = fetch(delta.slice(at(t, P)), way);
        return { delta: held, deltaU: product(held, fetch(u.slice(at(t, P)), way)) };
      };
      const kept = again ? undefined : read();
      for (const s of range(a.shape[1]!)) {
        const column = fetch(a.slice(at(t, P), [s, s + 1]), way);
        const [bs, cs] = [b, c].map((x) => broadcast(x, s, 0, n, ones, way)) as [Tensor, Tensor];
        step({ ...(kept ?? read()), sum }, column, bs, cs, 0);
      }
      nisa.dmaCopy({ dst: result.slice(at(t, P)), src: sum, ...way });
    }
    return result;
  },
);

/**
 * Sequence tiles of `tileColumns` outermost, the state carried between them. `shared`: one broadcast serves all channel
 * tiles of a core; `again`: delta u is computed for every state.
 */
const tiled = kernel(
  "mamba_tiles",
  (
    delta: Tensor,
    u: Tensor,
    a: Tensor,
    b: Tensor,
    c: Tensor,
    tileColumns: number,
    shared: number,
    again: number,
    spreading: Spread,
    way: Way,
  ) => {
    const [channels, n] = delta.shape as [number, number];
    const states = range(a.shape[1]!);
    const result = output([channels, n], delta.dtype);
    const ones = nl.ones([1, P], { dtype: delta.dtype });
    const tiles = share(channels / P);
    const carried = tiles.map(() => nl.zeros([P, states.length], { dtype: delta.dtype }));
    for (const q of range(n / tileColumns)) {
      const columns = at(q, tileColumns);
      const held = tiles.map((t): Tile & { readonly u: Tensor } => {
        const [d, v] = [delta, u].map((x) => fetch(x.slice(at(t, P), columns), way)) as [
          Tensor,
          Tensor,
        ];
        return {
          delta: d,
          u: v,
          deltaU: again ? v : product(d, v),
          sum: nl.zeros([P, tileColumns], { dtype: delta.dtype }),
        };
      });
      const advance = (i: number, s: number, bs: Tensor, cs: Tensor): void => {
        const last = carried[i]!.slice(":", [s, s + 1]);
        const tile = held[i]!;
        const scan = step(
          again ? { ...tile, deltaU: product(tile.delta, tile.u) } : tile,
          fetch(a.slice(at(tiles[i]!, P), [s, s + 1]), way),
          bs,
          cs,
          q > 0 ? last : 0,
        );
        nisa.tensorCopy({
          dst: last,
          src: scan.slice(":", [tileColumns - 1, tileColumns]),
          engine: "vector",
        });
      };
      const rows = (s: number) =>
        [b, c].map((x) => broadcast(x, s, columns[0], tileColumns, ones, way, spreading)) as [
          Tensor,
          Tensor,
        ];
      if (shared)
        for (const s of states) {
          const [bs, cs] = rows(s);
          for (const i of range(tiles.length)) advance(i, s, bs, cs);
        }
      else for (const i of range(tiles.length)) for (const s of states) advance(i, s, ...rows(s));
      for (const [i, t] of tiles.entries())
        nisa.dmaCopy({ dst: result.slice(at(t, P), columns), src: held[i]!.sum, ...way });
    }
    return result;
  },
);

const inputs = (row: Parameters<Case>[0]) => {
  const [channels, n, states] = [size(row, "channels"), size(row, "seqlen"), size(row, "states")];
  const { dtype } = row;
  const row2 = { shape: [states, n], dtype };
  const wide = { shape: [channels, n], dtype };
  return { delta: wide, u: wide, a: { shape: [channels, states], dtype }, b: row2, c: row2 };
};

export const cases = {
  reload: ((row) => [
    { kernel: whole, inputs: inputs(row), args: { again: 1, way: wayOf(row) } },
  ]) as Case,
  keep: ((row) => [
    { kernel: whole, inputs: inputs(row), args: { again: 0, way: wayOf(row) } },
  ]) as Case,
  tiles: ((row) => [
    {
      kernel: tiled,
      inputs: inputs(row),
      args: {
        tileColumns: setting(row, "tileColumns", 512),
        shared: 0,
        again: 0,
        spreading: "psum",
        way: wayOf(row),
      },
    },
  ]) as Case,
  shared: ((row) => [
    {
      kernel: tiled,
      inputs: inputs(row),
      args: {
        tileColumns: setting(row, "tileColumns", 512),
        shared: 1,
        again: setting(row, "again", 0),
        spreading: row.settings["spread"] ?? "sbuf",
        way: wayOf(row),
      },
    },
  ]) as Case,
};
