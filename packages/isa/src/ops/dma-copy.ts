import { instruction } from "../define.ts";

/** Elements of a tile, partitions included. */
const count = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

export const dmaCopy = instruction({
  name: "dma_copy",
  summary:
    "dst = src between HBM and SBUF on the DMA engines, converting when the types differ; gathers and scatters by run-time offsets.",
  source: "NKI API reference, nki.isa.dma_copy",
  generations: [2, 3, 4],
  operands: {
    dst: { role: "out", spaces: ["hbm", "sbuf"], doc: "any shape" },
    src: { role: "in", spaces: ["hbm", "sbuf"], doc: "as many elements as dst" },
  },
  attrs: {
    priority: {
      kind: "int",
      default: -1,
      doc: "quality of service 0 (most urgent) to 3, NeuronCore-v4; -1: unset",
    },
    oob_mode: {
      kind: "enum",
      values: ["error", "skip"],
      doc: "what an out-of-bounds run-time offset does",
    },
    dge_mode: {
      kind: "enum",
      values: ["unknown", "swdge", "hwdge", "none"],
      doc: "who makes the descriptors",
    },
    engine: {
      kind: "enum",
      values: ["unknown", "sync", "scalar", "gpsimd"],
      doc: "engine that triggers a hwdge transfer",
    },
  },
  params: ["dst", "src", "priority", "oob_mode", "dge_mode", "engine"],
  engines: () => ["dma"],
  rules: {
    C1: {
      says: "dst and src hold the same number of elements",
      broken: ({ tile: { dst, src } }) =>
        count(dst.shape) === count(src.shape)
          ? undefined
          : `dst is [${dst.shape}] and src is [${src.shape}]: ${count(dst.shape)} and ${count(src.shape)} elements`,
    },
    C2: {
      says: "hwdge moves bytes: dst and src have the same type",
      broken: ({ tile: { dst, src }, attr }) =>
        attr.dge_mode === "hwdge" && dst.dtype !== src.dtype
          ? `dst is ${dst.dtype} and src is ${src.dtype}; use swdge or convert on an engine`
          : undefined,
    },
    C3: {
      says: "hwdge needs NeuronCore-v3",
      broken: ({ attr, chip }) =>
        attr.dge_mode === "hwdge" && !chip.dma.hardwareDge.value
          ? `${chip.name} has no hardware DGE`
          : undefined,
    },
    C4: {
      says: "engine is given only with hwdge, and is sync or scalar",
      broken: ({ attr }) =>
        attr.engine === "unknown" || (attr.dge_mode === "hwdge" && attr.engine !== "gpsimd")
          ? undefined
          : `engine is ${attr.engine} with dge_mode ${attr.dge_mode}`,
    },
    C5: {
      says: "a vector of offsets indexes a tensor in HBM and goes through swdge",
      broken: ({ tile: { dst, src }, attr }) => {
        for (const [name, t] of Object.entries({ dst, src })) {
          if (t.dynamic !== "vector") continue;
          if (t.space !== "hbm")
            return `${name} is in ${t.space}; only HBM tensors take a vector of offsets`;
          if (attr.dge_mode === "hwdge" || attr.dge_mode === "none")
            return `dge_mode is ${attr.dge_mode}; use swdge`;
        }
        return undefined;
      },
    },
    C6: {
      says: "priority is 0 to 3 and needs NeuronCore-v4",
      broken: ({ attr: { priority }, chip }) =>
        priority === -1 || (chip.generation >= 4 && priority >= 0 && priority <= 3)
          ? undefined
          : `priority is ${priority} on ${chip.name}`,
    },
    C7: {
      says: "packed types are moved, not converted",
      broken: ({ tile: { dst, src } }) =>
        dst.dtype !== src.dtype && (dst.dtype.endsWith("_x4") || src.dtype.endsWith("_x4"))
          ? `dst is ${dst.dtype} and src is ${src.dtype}`
          : undefined,
    },
  },
  bits: ({ tile: { dst, src } }) => (dst.dtype === src.dtype ? ["dst", "src"] : []),
  evaluate: ({ dst, src }) => {
    dst.set(src);
  },
  cost: {
    kind: "dma",
    basis: "measured",
    formula:
      "start-up + packets of at most 4 KiB at 7.6 ns + bytes / 27.2 B/ns on each of 16 engines + completion; half rate when converting",
    source: "neuron-profile dumps of a trn2.3xlarge",
  },
});
