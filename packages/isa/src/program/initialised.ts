/**
 * Which bytes of every storage have been written, followed in program order while a Program is built. Reading a byte that no
 * instruction wrote is an error on the spot, with the reader's line. Run-time addressed writes count for their whole reach.
 */
import { bytesOf } from "@opentrn/numerics";
import { type AccessPattern, forRuns, type Storage } from "./pattern.ts";

/** An HBM tensor of more bytes is not followed byte by byte once it is written in pieces (docs/memory.md). */
const MAX_TRACKED_BYTES = 2 ** 26;

type State =
  | "none"
  | "all"
  | "untracked"
  | { readonly masks: Uint32Array[] }
  | { readonly flat: Uint8Array };

export class Initialised {
  private readonly states = new Map<number, State>();

  declare(s: Storage, shared: boolean): void {
    const known = s.kind === "input" || s.kind === "constant";
    this.states.set(s.id, known ? "all" : shared && s.space === "hbm" ? "untracked" : "none");
  }

  /** Whether anything was ever written. */
  touched(s: Storage): boolean {
    return this.states.get(s.id) !== "none";
  }

  write(s: Storage, p: AccessPattern): void {
    const state = this.states.get(s.id)!;
    if (state === "all" || state === "untracked") return;
    if (p.dynamic || coversAll(s, p)) {
      this.states.set(s.id, "all");
      return;
    }
    if (s.space === "hbm") {
      if (s.rowBytes > MAX_TRACKED_BYTES) {
        this.states.set(s.id, "untracked");
        return;
      }
      const flat =
        typeof state === "object" && "flat" in state ? state.flat : new Uint8Array(s.rowBytes);
      this.states.set(s.id, { flat });
      forRuns(p, 0, (from, to) => {
        flat.fill(1, from, to);
        return true;
      });
      return;
    }
    const masks =
      typeof state === "object" && "masks" in state
        ? state.masks
        : Array.from({ length: Math.ceil(s.partitions / 32) }, () => new Uint32Array(s.rowBytes));
    this.states.set(s.id, { masks });
    masks.forEach((mask, q) => {
      const bits = partitionBits(p, q);
      if (bits === 0) return;
      forRuns(p, 1, (from, to) => {
        if (bits === 0xffffffff) mask.fill(0xffffffff, from, to);
        else for (let i = from; i < to; i++) mask[i]! |= bits;
        return true;
      });
    });
  }

  /** The first unwritten byte of a read as `[partition, byte]`, or undefined when all of it was written. */
  read(s: Storage, p: AccessPattern): readonly [partition: number, byte: number] | undefined {
    const state = this.states.get(s.id)!;
    if (state === "all" || state === "untracked") return undefined;
    if (state === "none") return [p.partition, p.offset * bytesOf(p.dtype)];
    if (p.dynamic) return undefined;
    let missing: readonly [number, number] | undefined;
    if ("flat" in state) {
      forRuns(p, 0, (from, to) => {
        for (let i = from; i < to; i++) if (state.flat[i] === 0) missing = [0, i];
        return missing === undefined;
      });
      return missing;
    }
    state.masks.forEach((mask, q) => {
      const bits = partitionBits(p, q);
      if (bits === 0 || missing) return;
      forRuns(p, 1, (from, to) => {
        for (let i = from; i < to; i++) {
          const lacking = (bits & ~mask[i]!) >>> 0;
          if (lacking !== 0) {
            missing = [q * 32 + 31 - Math.clz32(lacking & -lacking), i];
            return false;
          }
        }
        return true;
      });
    });
    if (!missing && coversAll(s, p)) this.states.set(s.id, "all");
    return missing;
  }
}

/** The partitions of quadrant `q` that the pattern touches, as a bit mask. */
function partitionBits(p: AccessPattern, q: number): number {
  const [stride, count] = p.dims[0] ?? [1, 1];
  const from = p.partition - q * 32;
  const to = from + (stride === 0 ? 1 : count);
  if (to <= 0 || from >= 32) return 0;
  const lo = Math.max(from, 0);
  const hi = Math.min(to, 32);
  return (hi - lo === 32 ? 0xffffffff : ((1 << (hi - lo)) - 1) << lo) >>> 0;
}

function coversAll(s: Storage, p: AccessPattern): boolean {
  if (p.offset !== 0) return false;
  const onChip = s.space !== "hbm";
  if (onChip && (p.partition !== 0 || p.dims[0]![1] !== s.partitions || p.dims[0]![0] === 0))
    return false;
  let expect = 1;
  for (let i = p.dims.length - 1; i >= (onChip ? 1 : 0); i--) {
    const [stride, count] = p.dims[i]!;
    if (count !== 1 && stride !== expect) return false;
    expect *= count;
  }
  return expect * bytesOf(p.dtype) === s.rowBytes;
}
