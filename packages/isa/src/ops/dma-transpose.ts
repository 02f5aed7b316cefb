import { bytesOf } from "@opentrn/numerics";
import { type AnyCall, instruction, type Tile } from "../define.ts";
import { sameType } from "./shared-rules.ts";

/** The one permutation each rank has: the first and the last dimension change places. */
const axesOfRank: Readonly<Record<number, readonly number[]>> = {
  2: [1, 0],
  3: [2, 1, 0],
  4: [3, 1, 2, 0],
};

const gathers = (src: Tile): boolean => src.dynamic === "vector";
const hardware = (call: Pick<AnyCall, "attr">): boolean => call.attr["dge_mode"] === "hwdge";

export const dmaTranspose = instruction({
  name: "dma_transpose",
  summary:
    "dst = src with its first and last dimension exchanged, on the DMA engines; can gather rows of src first.",
  source: "NKI API reference, nki.isa.dma_transpose",
  generations: [2, 3, 4],
  operands: {
    dst: { role: "out", spaces: ["sbuf"], doc: "the permuted shape of src, same rank" },
    src: { role: "in", spaces: ["hbm", "sbuf"], doc: "2 to 4 dimensions" },
  },
  attrs: {
    axes: { kind: "ints", doc: "(1,0), (2,1,0) or (3,1,2,0); none: the one of src's rank" },
    priority: {
      kind: "int",
      default: -1,
      doc: "quality of service 0 (most urgent) to 3, NeuronCore-v4; -1: unset",
    },
    dge_mode: {
      kind: "enum",
      values: ["unknown", "swdge", "hwdge", "none"],
      doc: "who makes the descriptors",
    },
    oob_mode: {
      kind: "enum",
      values: ["error", "skip"],
      doc: "what an out-of-bounds run-time offset does",
    },
  },
  params: ["dst", "src", "axes", "priority", "dge_mode", "oob_mode"],
  engines: () => ["dma"],
  rules: {
    C1: {
      says: "axes are (1,0), (2,1,0) or (3,1,2,0), as many as src has dimensions",
      broken: ({ tile: { src }, attr: { axes } }) => {
        const only = axesOfRank[src.shape.length];
        if (only === undefined) return `src has ${src.shape.length} dimensions; reshape it`;
        return axes.length === 0 || axes.join() === only.join()
          ? undefined
          : `axes are (${axes}), must be (${only})`;
      },
    },
    C2: {
      says: "dst has exactly the permuted shape of src",
      broken: ({ tile: { dst, src } }) => {
        const want = axesOfRank[src.shape.length]?.map((a) => src.shape[a]!) ?? [];
        return want.join() === dst.shape.join()
          ? undefined
          : `dst is [${dst.shape}], must be [${want}]`;
      },
    },
    C3: sameType("dst", "src"),
    C4: {
      says: "dge_mode is unknown, or hwdge for a direct and swdge for a gathering transpose",
      broken: ({ tile: { src }, attr: { dge_mode } }) =>
        dge_mode === "unknown" || dge_mode === (gathers(src) ? "swdge" : "hwdge")
          ? undefined
          : `dge_mode is ${dge_mode}`,
    },
    C5: {
      says: "hwdge needs NeuronCore-v3",
      broken: (call) =>
        hardware(call) && !call.chip.dma.hardwareDge.value
          ? `${call.chip.name} has no hardware DGE`
          : undefined,
    },
    C6: {
      says: "hwdge takes src[0] of 16; for three and four dimensions 1, 2, 4, 8 or 16 with src[0] x src[-2] a multiple of 16",
      broken: (call) => {
        if (!hardware(call)) return undefined;
        const { shape } = call.tile.src;
        const first = shape[0]!;
        if (shape.length === 2) return first === 16 ? undefined : `src[0] is ${first}, must be 16`;
        if (![1, 2, 4, 8, 16].includes(first)) return `src[0] is ${first}`;
        return (first * shape.at(-2)!) % 16 === 0
          ? undefined
          : `src[0] x src[-2] is ${first * shape.at(-2)!}`;
      },
    },
    C7: {
      says: "hwdge and gathering transposes take 2-byte types and at most 128 elements in the last dimension",
      broken: (call) => {
        const { src } = call.tile;
        if (!hardware(call) && !gathers(src)) return undefined;
        if (bytesOf(src.dtype) !== 2) return `src is ${src.dtype}; view it as a 2-byte type`;
        return src.shape.at(-1)! <= 128
          ? undefined
          : `src[-1] is ${src.shape.at(-1)}, at most 128; split it`;
      },
    },
    C8: {
      says: "a gathering transpose takes rows in multiples of 16, and of four dimensions one middle dimension is 1",
      broken: ({ tile: { src } }) => {
        if (!gathers(src)) return undefined;
        if (src.shape[0]! % 16 !== 0) return `src has ${src.shape[0]} rows`;
        return src.shape.length === 4 && src.shape[1] !== 1 && src.shape[2] !== 1
          ? `src is [${src.shape}]`
          : undefined;
      },
    },
    C9: {
      says: "the indices of a gathering transpose are uint32[rows, columns] in SBUF with 16 to 128 rows, a multiple of 16 (128 with several columns), at least as many as src has rows",
      broken: ({ tile: { src } }) => {
        const index = src.index;
        if (!gathers(src) || index === undefined) return undefined;
        const [rows = 0, columns = 0] = index.shape;
        if (index.dtype !== "uint32") return `the indices are ${index.dtype}; use uint32`;
        if (index.space !== "sbuf" || index.shape.length !== 2)
          return `the indices are [${index.shape}] in ${index.space}`;
        if (rows < 16 || rows > 128 || rows % 16 !== 0 || (columns > 1 && rows !== 128))
          return `the indices are [${index.shape}]`;
        return rows * columns >= src.shape[0]!
          ? undefined
          : `there are ${rows * columns} indices for ${src.shape[0]} rows`;
      },
    },
    C10: {
      says: "a gathering transpose needs NeuronCore-v3",
      broken: ({ tile: { src }, chip }) =>
        gathers(src) && chip.generation < 3 ? `src is gathered on ${chip.name}` : undefined,
    },
    C11: {
      says: "oob_mode skip belongs to gathering transposes",
      broken: ({ tile: { src }, attr }) =>
        attr.oob_mode === "skip" && !gathers(src) ? "src has no run-time indices" : undefined,
    },
    C12: {
      says: "priority is 0 to 3 and needs NeuronCore-v4",
      broken: ({ attr: { priority }, chip }) =>
        priority === -1 || (chip.generation >= 4 && priority >= 0 && priority <= 3)
          ? undefined
          : `priority is ${priority} on ${chip.name}`,
    },
  },
  bits: () => ["dst", "src"],
  evaluate: ({ dst, src }, { tile }) => {
    const { shape } = tile.src;
    const first = shape[0]!;
    const last = shape.at(-1)!;
    const middle = src.length / (first * last);
    let i = 0;
    for (let f = 0; f < first; f++)
      for (let m = 0; m < middle; m++)
        for (let l = 0; l < last; l++) dst[(l * middle + m) * first + f] = src[i++]!;
  },
  cost: {
    kind: "dma",
    basis: "documented",
    formula: "as dma_copy at 0.9 of its rate from HBM and 0.5 from SBUF",
    source: "Neuron SDK 2.32, nki/guides/architecture/trainium2_arch.rst, DMA transpose",
  },
});
