/**
 * Where the chip's memories lie in one linear host memory that the WebAssembly kernels share: kernels' own data, engine state, then PSUM
 * and SBUF of each core, HBM, and behind it what binding the instructions needs. Partition rows are padded off powers of two, or they
 * would alias in the host's first-level cache.
 */
import { invariant, OpenTrnError } from "@opentrn/base";
import { type Chip, psumBytesPerPartition } from "@opentrn/chips";
import { BindingArea, RESERVED_BYTES, SCRATCH_BYTES } from "@opentrn/fast";
import { type AccessPattern, MAX_REGISTERS, type Program, type Storage } from "@opentrn/isa";
import { bytesOf, type DType, dtypeId, isFloat } from "@opentrn/numerics";
import type { Placement } from "../placement/index.ts";

const PAGE = 65536;
/** A WebAssembly memory of 32-bit addresses ends here. */
const MAX_BYTES = 4 * 2 ** 30 - PAGE;

export interface MapOptions {
  /** Most that binding each core's instructions can need; where less is left of the address space, a share of that. */
  readonly bindingBytes: readonly number[];
  /** Keep narrow floats as fp32: every on-chip and HBM byte address is scaled by four. */
  readonly wide: boolean;
  /** A memory that other threads can use too. */
  readonly shared?: boolean;
  /** Use this memory, which another thread's map of the same Program, placement and options made. */
  readonly memory?: WebAssembly.Memory;
}

interface Space {
  readonly base: number;
  readonly pitch: number;
}

const align = (n: number, to: number): number => Math.ceil(n / to) * to;

export class MemoryMap {
  readonly memory: WebAssembly.Memory;
  readonly u8: Uint8Array;
  readonly i32: Int32Array;
  readonly u32: Uint32Array;
  readonly f32: Float32Array;
  /** Addresses of each core's accumulators (128 fp32 each) and registers (int32). */
  readonly state: readonly {
    readonly scalarAccumulator: number;
    readonly vectorAccumulator: number;
    readonly registers: number;
  }[];
  /** Where the kernels that run each core keep what is their own. */
  readonly scratch: readonly number[];
  /** Commands, descriptors and constants of each core's fast path. */
  readonly areas: readonly BindingArea[];
  private readonly scale: number;
  private readonly sbuf: Space[] = [];
  private readonly psum: Space[] = [];
  private readonly hbm: number;
  private readonly wide: boolean;
  private readonly program: Program;
  private readonly placement: Placement;

  constructor(program: Program, placement: Placement, options: MapOptions) {
    this.program = program;
    this.placement = placement;
    this.wide = options.wide;
    this.scale = options.wide ? 4 : 1;
    const { chip } = program;
    this.scratch = Array.from(
      { length: program.cores },
      (_, core) => RESERVED_BYTES + core * SCRATCH_BYTES,
    );
    let at = align(RESERVED_BYTES + program.cores * SCRATCH_BYTES, 64);
    this.state = Array.from({ length: program.cores }, () => {
      const [scalarAccumulator, vectorAccumulator, registers] = [at, at + 512, at + 1024];
      at += 1024 + 4 * MAX_REGISTERS;
      return { scalarAccumulator, vectorAccumulator, registers };
    });
    at = align(at, 4096);
    for (let core = 0; core < program.cores; core++) {
      this.psum.push({ base: at, pitch: this.pitch(psumBytesPerPartition(chip)) });
      at += this.psum[core]!.pitch * chip.partitions.value;
      this.sbuf.push({ base: at, pitch: this.pitch(sbufBytesInUse(program, placement, chip)) });
      at += this.sbuf[core]!.pitch * chip.partitions.value;
    }
    this.hbm = align(at, 4096);
    const tensorsEnd = align(this.hbm + placement.hbmBytes * this.scale, 64);
    const wanted = options.bindingBytes.reduce((a, b) => a + b, 0);
    const total = Math.min(
      align(tensorsEnd + wanted, PAGE) + PAGE,
      Math.max(MAX_BYTES, align(tensorsEnd, PAGE)),
    );
    if (total > MAX_BYTES || total - tensorsEnd < Math.min(wanted, PAGE))
      throw new OpenTrnError(
        `running this kernel needs ${(total / 2 ** 30).toFixed(1)} GiB of host memory, at most 4 GiB here; use --timing-only or smaller tensors`,
        { category: "capacity", rule: "host memory" },
      );
    this.memory = options.memory ?? memoryOf(total / PAGE, options.shared === true);
    invariant(
      this.memory.buffer.byteLength === total,
      "the memory was made for another Program or other options",
    );
    const share = Math.min(1, (total - tensorsEnd) / Math.max(1, wanted));
    let from = tensorsEnd;
    this.areas = options.bindingBytes.map((bytes) => {
      const to = from + Math.floor((bytes * share) / 64) * 64;
      const area = new BindingArea(this.memory, from, to);
      from = to;
      return area;
    });
    const { buffer } = this.memory;
    this.u8 = new Uint8Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.f32 = new Float32Array(buffer);
  }

  private pitch(bytes: number): number {
    return align(bytes * this.scale, 64) + 64;
  }

  /** The type an element has in host memory. */
  dtype(d: DType): DType {
    return this.wide && isFloat(d) && d !== "float8_e8m0fnu" ? "float32" : d;
  }

  /** Host bytes of a storage as one flat range (HBM), for inputs, outputs and constants. */
  hbmRange(s: Storage): { readonly from: number; readonly to: number } {
    const from = this.hbm + this.placement.address[s.id]! * this.scale;
    return { from, to: from + (s.rowBytes / bytesOf(s.dtype)) * bytesOf(this.dtype(s.dtype)) };
  }

  /** Host address of element 0 and the byte strides of an access pattern. */
  locate(
    p: AccessPattern,
    core: number,
  ): { readonly address: number; readonly strides: readonly number[] } {
    const s = this.program.storages[p.storage]!;
    const size = bytesOf(this.dtype(p.dtype));
    const inStorage = p.offset * size;
    const placed = this.placement.address[s.id]! * this.scale;
    if (s.space === "hbm")
      return {
        address: this.hbm + placed + inStorage,
        strides: p.dims.map(([stride]) => stride * size),
      };
    const space = (s.space === "sbuf" ? this.sbuf : this.psum)[s.core === -1 ? core : s.core]!;
    const partition = this.placement.partition[s.id]! + p.partition;
    return {
      address: space.base + partition * space.pitch + placed + inStorage,
      strides: p.dims.map(([stride], i) => stride * (i === 0 ? space.pitch : size)),
    };
  }

  /** A descriptor of a pattern; with `own`, one whose address may be rewritten. */
  describe(p: AccessPattern, core: number, own = false): number {
    const { address, strides } = this.locate(p, core);
    const dims = p.dims.map((d, i) => [strides[i]!, d[1]] as const);
    const dtype = dtypeId[this.dtype(p.dtype)];
    const area = this.areas[core]!;
    return own ? area.ownDescriptor(address, dtype, dims) : area.descriptor(address, dtype, dims);
  }
}

/** Untouched pages of a memory cost the host nothing. */
const memoryOf = (pages: number, shared: boolean): WebAssembly.Memory =>
  new WebAssembly.Memory({ initial: pages, maximum: pages, shared });

/** Bytes a partition's row needs: the used part of SBUF, so that small kernels need little host memory. */
function sbufBytesInUse(program: Program, placement: Placement, chip: Chip): number {
  let most = 64;
  for (const s of program.storages)
    if (s.space === "sbuf") most = Math.max(most, placement.address[s.id]! + s.rowBytes);
  return Math.min(most, chip.sbuf.bytesPerPartition.value);
}
