/** How much host memory binding a Program can take, and its calls as memory holds them. */
import type { AnyCall, Program, Tile } from "@opentrn/isa";
import type { MemoryMap } from "./memory-map.ts";

/** Kernel calls of an instruction; descriptors and constants of an operand with the record of its run-time address. */
const CALL_BYTES = 384;
const OPERAND_BYTES = 256;
/** Tables and scratch that few instructions need. */
const EXTRA_BYTES = 65536;

/** Most that commands, descriptors and constants of each core can take: by class, whatever binders derive from an operand. */
export function bindingBytes(program: Program): readonly number[] {
  const most = Float64Array.from(
    program.classes,
    ({ op, call }) => CALL_BYTES + OPERAND_BYTES * Object.keys(op.operands).length + vectors(call),
  );
  const scratch = program.classes.reduce(
    (n, { op, call }) => Math.max(n, scratchOf(op.name, call)),
    0,
  );
  const bytes = new Array<number>(program.cores).fill(EXTRA_BYTES + 4 * scratch);
  const { classOf, coreOf } = program;
  for (let i = 0; i < classOf.length; i++) bytes[coreOf[i]!]! += most[classOf[i]!]!;
  return bytes.map((n) => Math.ceil(n / 64) * 64);
}

/** Sums of more than two tensors are kept in fp32; so are rows gathered for a sum, and the sums. */
function scratchOf(op: string, { tile }: AnyCall): number {
  if (op !== "dma_compute") return 0;
  const bytes = 4 * tile["dst"]!.partitions * tile["dst"]!.free;
  const gathers = Object.values(tile).some((t) => t?.dynamic === "vector");
  return gathers ? 2 * bytes + 64 : tile["src2"] ? bytes + 64 : 0;
}

/** A word for each offset of the vectors that address operands. */
function vectors({ tile }: AnyCall): number {
  let bytes = 0;
  for (const t of Object.values(tile)) if (t?.dynamic === "vector") bytes += 8 + 4 * t.partitions;
  return bytes;
}

/** A call with narrow floats replaced by fp32. */
export function widen(call: AnyCall, map: MemoryMap): AnyCall {
  const tile: Record<string, Tile | undefined> = {};
  for (const [name, t] of Object.entries(call.tile))
    tile[name] = t && { ...t, dtype: map.dtype(t.dtype) };
  return { ...call, tile };
}
