import { instruction, type Tile } from "../define.ts";
import { oneOf } from "./shared-rules.ts";

const most = 16;
type SourceName = `src${0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12 | 13 | 14 | 15}`;
const names = Array.from({ length: most }, (_, i) => `src${i}` as SourceName);
const later = names.slice(1) as Exclude<SourceName, "src0">[];

const source = { role: "in", spaces: ["hbm", "sbuf"], list: "srcs", doc: "any shape" } as const;
type Later = Readonly<Record<Exclude<SourceName, "src0">, typeof source & { optional: true }>>;

const count = (t: Tile): number => t.partitions * t.free;
const given = (tile: Readonly<Record<string, Tile | undefined>>): [string, Tile][] =>
  names.flatMap((n) => (tile[n] ? [[n, tile[n]!] as [string, Tile]] : []));

export const dmaCompute = instruction({
  name: "dma_compute",
  summary:
    "dst = the sum of up to 16 tensors, in the DMA engines; with run-time offsets a gathering or scattering read-modify-write.",
  source: "NKI API reference, nki.isa.dma_compute",
  generations: [2, 3, 4],
  operands: {
    dst: { role: "out", spaces: ["hbm", "sbuf"], doc: "any shape" },
    src0: source,
    ...(Object.fromEntries(later.map((n) => [n, { ...source, optional: true }])) as Later),
  },
  attrs: {
    reduce_op: { kind: "alu", doc: "only add" },
    scales: { kind: "float", default: 1, doc: "the scale that is not 1, if there is one, else 1" },
    unique_indices: { kind: "bool", default: true, doc: "no run-time index occurs twice" },
    oob_mode: {
      kind: "enum",
      values: ["error", "skip"],
      doc: "what an out-of-bounds run-time offset does",
    },
  },
  params: ["dst", ...names, "reduce_op", "scales", "unique_indices", "oob_mode"],
  engines: () => ["dma"],
  rules: {
    C1: {
      says: "dst and every source hold the same number of elements",
      broken: ({ tile }) => {
        const wrong = given(tile).find(([, t]) => count(t) !== count(tile.dst));
        return wrong && `dst is [${tile.dst.shape}] and ${wrong[0]} is [${wrong[1].shape}]`;
      },
    },
    C2: oneOf("reduce_op", ["add"]),
    C3: {
      says: "scales are all 1",
      broken: ({ attr: { scales } }) => (scales === 1 ? undefined : `a scale is ${scales}`),
    },
    C4: {
      says: "with run-time offsets there are exactly two sources and unique_indices is true",
      broken: ({ tile, attr: { unique_indices } }) => {
        const sources = given(tile);
        if (![tile.dst, ...sources.map(([, t]) => t)].some((t) => t.dynamic === "vector"))
          return undefined;
        if (sources.length !== 2) return `there are ${sources.length} sources`;
        return unique_indices ? undefined : "unique_indices is false";
      },
    },
    C5: {
      says: "a scatter adds an SBUF tile to the offset rows of dst, a gather adds offset rows to an SBUF dst",
      broken: ({ tile }) => {
        const sources = given(tile).map(([, t]) => t);
        const offset = sources.filter((t) => t.dynamic === "vector").length;
        if (tile.dst.dynamic !== "vector" && offset === 0) return undefined;
        if (offset !== 1) return `${offset} sources have run-time offsets, one must`;
        const plain = sources.find((t) => t.dynamic !== "vector");
        if (plain?.space !== "sbuf") return "the source without offsets must be in sbuf";
        return tile.dst.dynamic === "vector" || tile.dst.space === "sbuf"
          ? undefined
          : "dst of a gather must be in sbuf";
      },
    },
    C6: {
      says: "oob_mode skip belongs to run-time offsets",
      broken: ({ tile, attr }) =>
        attr.oob_mode === "skip" && !given(tile).some(([, t]) => t.dynamic === "vector")
          ? "no source has run-time offsets"
          : undefined,
    },
    C7: {
      says: "packed types are moved, not added",
      broken: ({ tile }) => {
        const wrong = Object.entries(tile).find(([, t]) => t?.dtype.endsWith("_x4"));
        return wrong && `${wrong[0]} is ${wrong[1]!.dtype}`;
      },
    },
  },
  evaluate: (data, { tile }) => {
    const sources = given(tile).map(([name]) => data[name as SourceName]);
    for (let i = 0; i < data.dst.length; i++) {
      let sum = 0;
      for (const s of sources) sum = Math.fround(sum + s[i]!);
      data.dst[i] = sum;
    }
  },
  cost: {
    kind: "dma",
    basis: "documented",
    formula:
      "as dma_copy of all sources at half its rate; full rate for read-add-write on NeuronCore-v4",
    source: "Neuron SDK 2.32, nki/guides/architecture/trainium3_arch.rst, SBUF read-add-write",
  },
});
