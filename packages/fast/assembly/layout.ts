// Where the kernels keep their own data. The first page of memory holds constants (generated/tables.ts), the same for every instance; each
// instance has a scratch region of its own, given once by `init`, so that several workers can share one memory.

/** Elements converted at a time: small enough that all buffers of an operation stay in the first-level cache. */
export const CHUNK: i32 = 1024;
/** Bytes of one chunk buffer; 64 beyond the data, and no multiple of 4 KiB, so that buffers do not alias in the cache. */
const BUFFER: usize = 4160;
/** Rows that a reduction keeps in flight, and the bytes of one. */
export const ROWS: i32 = 8;
export const ROW_CHUNK: i32 = 512;
export const ROW_BYTES: usize = 2112;

/** Largest contraction and largest free size packed at once by matmul. */
export const PACK_K: i32 = 256;
export const PACK_N: i32 = 512;
/** The same for packed (MX) operands, whose 128 partitions hold four contraction elements each. */
export const PACK_MX_K: i32 = 512;
export const PACK_MX_N: i32 = 256;

const OPERANDS: usize = 0;
const TAIL: usize = 4096;
const CHUNKS: usize = 8192;
const ROW_AREA: usize = 45056;
const PACK_A: usize = 65536;
const PACK_B: usize = 331776;
const STAGING: usize = 1048576;

let scratch: usize = 0;
let stagingEnd: usize = 0;
let stagingNext: usize = 0;

/** Gives this instance its scratch region of at least 1 MiB; what lies beyond the first MiB stages overlapping operands. */
export function init(address: usize, bytes: usize): void {
  scratch = address;
  stagingEnd = address + bytes;
}

/** Operand struct number i (0..15, 256 bytes each). */
@inline export function operandAt(i: i32): usize { return scratch + OPERANDS + (<usize>i << 8); }
/** Room for a partial vector (64 bytes each). */
@inline export function tailAt(i: i32): usize { return scratch + TAIL + (<usize>i << 6); }
/** Chunk buffer number i, for CHUNK fp32 values. */
@inline export function chunkAt(i: i32): usize { return scratch + CHUNKS + <usize>i * BUFFER; }
/** Row buffer number i, for ROW_CHUNK fp32 values. */
@inline export function rowAt(i: i32): usize { return scratch + ROW_AREA + <usize>i * ROW_BYTES; }
@inline export function packA(): usize { return scratch + PACK_A; }
@inline export function packB(): usize { return scratch + PACK_B; }

/** Forgets what the previous operation staged. */
@inline export function clearStaging(): void { stagingNext = scratch + STAGING; }
/** Room for a copy of an overlapping operand, or 0 when the scratch region is too small. */
export function stage(bytes: usize): usize {
  const address = stagingNext;
  if (bytes > stagingEnd - address) return 0;
  stagingNext = address + ((bytes + 63) & ~63);
  return address;
}
