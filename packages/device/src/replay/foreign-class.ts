/**
 * A profiled instruction as one of ours: the record whose cost and DMA shape apply, with tiles read from its operands. Costs then come
 * from the same formulas and chip facts as any Program's.
 */
import type { Chip } from "@opentrn/chips";
import {
  type AnyCall,
  type Engine,
  type InstructionClass,
  instructionNamed,
  type Tile,
} from "@opentrn/isa";
import type { DType } from "@opentrn/numerics";
import type { ProfiledInstruction, ProfiledPattern } from "@opentrn/trace";

const dtypes: Readonly<Record<string, DType>> = {
  fp32: "float32",
  bf16: "bfloat16",
  bfloat16: "bfloat16",
  fp16: "float16",
  int32: "int32",
  uint32: "uint32",
  int8: "int8",
  uint8: "uint8",
};

/** First address of PSUM in a partition's address space. */
const PSUM = 0x2000000;

const product = (counts: readonly number[]): number => counts.reduce((a, b) => a * b, 1);

/** An on-chip operand; dumps list strides and counts of the free dimensions, the inner one first. */
function tileOf(p: ProfiledPattern, partitions: number): Tile {
  const counts = p.counts.length > 0 ? p.counts.toReversed() : [1];
  return {
    space: p.address >= PSUM ? "psum" : "sbuf",
    dtype: dtypes[p.dtype ?? "fp32"] ?? "float32",
    partitions,
    startPartition: 0,
    free: product(counts),
    shape: [partitions, ...counts],
    strides: p.strides.length > 0 ? p.strides.toReversed() : [1],
    psumOffset: 0,
    dynamic: "none",
  };
}

type Parts = Pick<AnyCall, "tile" | "attr"> & { readonly op: string };
type Translate = (i: ProfiledInstruction, partitions: number) => Parts;

const simple =
  (op: string, source: string, attr: Readonly<Record<string, unknown>> = {}): Translate =>
  ({ operands: { patterns } }, n) => ({
    op,
    tile: { dst: tileOf(patterns["dst"]!, n), [source]: tileOf(patterns["src"]!, n) },
    attr,
  });

/** One value a partition, read through a pointer. */
const column = (partitions: number): Tile =>
  tileOf({ dtype: "fp32", address: 0, strides: [1], counts: [1] }, partitions);

/** Opcodes of the profiler that one of our records describes. */
const translations: Readonly<Record<string, Translate>> = {
  COPY: simple("tensor_copy", "src"),
  CAST: simple("tensor_copy", "src"),
  TENSOR_REDUCE: simple("tensor_reduce", "data", { axis: [1], negate: false }),
  RECIPROCAL: simple("reciprocal", "data"),
  TENSOR_SCALAR: (i, n) => {
    const made = simple("tensor_scalar", "data")(i, n);
    const pointers = (i.operands.settings["imm_src"] ?? "").split(",");
    const tile = { ...made.tile };
    for (const [k, from] of pointers.entries()) if (from === "PTR") tile[`operand${k}`] = column(n);
    return { ...made, tile, attr: { op0: "multiply" } };
  },
  ACTIVATE: (i, n) => {
    const made = simple("activation", "data")(i, n);
    const bias = i.operands.patterns["bias_ptr"] ? { bias: column(n) } : {};
    return { ...made, tile: { ...made.tile, ...bias }, attr: { op: "exp", reduce_cmd: "idle" } };
  },
  // An fp32 matmul is two instructions of two passes each, as a matmul with a 0/1 operand is one; 16-bit types take one pass.
  MATMUL: ({ kind, operands: { patterns, words } }) => {
    const [rows, columns] = (words.at(-1) ?? "128*128").split("*").map(Number) as [number, number];
    const moving = tileOf(patterns["src"]!, rows);
    const stationary = { ...moving, free: columns, shape: [rows, columns], strides: [1] };
    return {
      op: "nc_matmul",
      tile: { moving, stationary },
      attr: kind === "TRANSPOSE" ? { is_transpose: true } : { is_moving_onezero: true },
    };
  },
};

/** Anything else that reads and writes tiles, timed as element by element: no record describes its opcode. */
function elementwise(
  { operands: { patterns } }: ProfiledInstruction,
  n: number,
): Parts | undefined {
  const { dst, ...others } = patterns;
  if (!dst) return undefined;
  const sources = Object.values(others)
    .map((p) => tileOf(p, n))
    .filter((t) => t.free > 1)
    .toSorted((a, b) => b.free - a.free);
  const [data1, data2] = sources;
  const tile = { dst: tileOf(dst, n) };
  if (!data1) return { op: "memset", tile, attr: {} };
  if (tile.dst.free < data1.free)
    return {
      op: "tensor_reduce",
      tile: { ...tile, data: data1 },
      attr: { axis: [1], negate: false },
    };
  if (data2?.free !== data1.free)
    return { op: "tensor_copy", tile: { ...tile, src: data1 }, attr: {} };
  return { op: "tensor_tensor", tile: { ...tile, data1, data2 }, attr: { op: "add" } };
}

/** Distance between SBUF partitions, and where SBUF begins, in the DMA engines' address space. */
const PARTITION_BYTES = 262144;
const SBUF = 0x802000000000;

interface Dimension {
  readonly stride: number;
  readonly count: number;
}

/** `[strides][counts]`, in bytes and elements. */
function dimensions(pattern: string): Dimension[] {
  const [strides, counts] = [...pattern.matchAll(/\[([^\]]*)\]/g)].map((m) =>
    m[1]!.split(",").map(Number),
  );
  return (strides ?? [1]).map((stride, k) => ({ stride, count: counts?.[k] ?? 1 }));
}

/** One end of a transfer as rows of fp32 words; `partition` is the dimension that walks SBUF partitions, at either end. */
function endTile(
  dims: readonly Dimension[],
  bytes: number,
  onChip: boolean,
  partition: number,
): Tile {
  const rows = dims[partition]!;
  const inner = dims.filter((d, k) => k !== partition && d.count > 1);
  const words = bytes / 4;
  const strides = [...inner.map((d) => d.stride / 4), 1];
  return {
    space: onChip ? "sbuf" : "hbm",
    dtype: "float32",
    partitions: rows.count,
    startPartition: 0,
    free: product(inner.map((d) => d.count)) * words,
    shape: [rows.count, ...inner.map((d) => d.count), words],
    strides: onChip ? strides : [rows.stride / 4, ...strides],
    psumOffset: 0,
    dynamic: "none",
  };
}

function transfer(i: ProfiledInstruction): Parts {
  const { settings } = i.operands;
  const ends = (["dst", "src"] as const).map((side) => ({
    dims: dimensions(settings[`${side}_pattern`] ?? "[1][1]"),
    bytes: Number(settings[`${side}_elem_size`] ?? 4),
    // Addresses from a table are those of the kernel's tensors in HBM.
    chip: Number(settings[`${side}_addr_imm`] ?? 0) >= SBUF,
  }));
  const onChip = ends.map(({ dims, chip }) =>
    chip ? dims.findIndex((d) => d.stride > 0 && d.stride % PARTITION_BYTES === 0) : -1,
  );
  const partition = Math.max(...onChip, 0);
  const [dst, src] = ends.map(({ dims, bytes }, k) =>
    endTile(dims, bytes, onChip[k]! >= 0, partition),
  );
  return { op: "dma_copy", tile: { dst: dst!, src: src! }, attr: { dge_mode: "unknown" } };
}

const engineOf = {
  Tensor: "tensor",
  Vector: "vector",
  Scalar: "scalar",
  GpSimd: "gpsimd",
  Sync: "sync",
} as const;

/** The class of a profiled instruction, or undefined when it has none; `described` is false where only its operands were of use. */
export function foreignClass(
  i: ProfiledInstruction,
  chip: Chip,
  id: number,
): { readonly of: InstructionClass; readonly described: boolean } | undefined {
  const isTransfer = i.opcode.startsWith("DMA_");
  const translate = isTransfer ? transfer : translations[i.opcode];
  const partitions = Number(i.operands.settings["channels"] ?? 128);
  const parts = translate ? translate(i, partitions) : tileWork(i) && elementwise(i, partitions);
  if (!parts) return undefined;
  const { op: name, tile, attr } = parts;
  const op = instructionNamed(name)!;
  const engine: Engine = isTransfer ? "dma" : engineOf[i.engine];
  const call: AnyCall = { tile, immediate: {}, register: {}, attr, chip, engine };
  return { of: { id, op, call, engine }, described: translate !== undefined };
}

/** The runtime's own instructions have no name, and loads of registers and tables are no work on tiles. */
const tileWork = ({ name, engine, opcode }: ProfiledInstruction): boolean =>
  name !== "" && /^(Vector|Scalar|GpSimd)$/.test(engine) && !/_LOAD$/.test(opcode);
