/**
 * Who touched which bytes last. Every storage has a list of accesses that a later one may have to wait for: its writes, and the
 * reads since. Memory that changes hands takes over the accesses of its former tenants. Addresses are physical, so a reused
 * buffer has the hazards it has on the chip. Large HBM tensors are cut into bands so that lists stay short.
 */
import type { Program } from "@opentrn/isa";
import type { Placement } from "../placement/index.ts";
import { contains, overlaps } from "./byte-set.ts";
import { HI, LO, Located, PITCH, RUN } from "./locate.ts";

/** On-chip ownership is kept for lines of this many bytes. */
const LINE = 64;
const MIN_BAND = 65536;
const MAX_BANDS = 4096;
/** An access over more bands than this goes to the storage's list of wide accesses. */
const WIDE = 32;

/** Receives the accesses that a new one conflicts with. */
export interface ConflictSink {
  conflict(producer: number, source: number, wrote: boolean): void;
}

export class AccessLists {
  /** First entry of every list, -1 when empty. */
  private readonly heads: Int32Array;
  private readonly firstList: Int32Array;
  private readonly bands: Int32Array;
  private readonly bandBytes: Float64Array;
  /** On-chip storages that own all their lines. */
  private readonly owns: Uint8Array;
  /** By list of an on-chip storage: the last instruction that needs any member of the list. */
  private readonly lastUse: Int32Array;
  private readonly owners: Int32Array[];
  /** Lines each on-chip storage still owns. */
  private readonly lines: Int32Array;
  /** Lists that several storages use. */
  private readonly shared: Uint8Array;
  private readonly copy = new Located();
  private readonly program: Program;
  private readonly placement: Placement;

  // One entry: bytes, partitions, who.
  private capacity = 4096;
  private lo = new Float64Array(this.capacity);
  private hi = new Float64Array(this.capacity);
  private pitch = new Float64Array(this.capacity);
  private run = new Float64Array(this.capacity);
  private p0 = new Int16Array(this.capacity);
  private p1 = new Int16Array(this.capacity);
  private instance = new Int32Array(this.capacity);
  private source = new Uint8Array(this.capacity);
  private wrote = new Uint8Array(this.capacity);
  private next = new Int32Array(this.capacity);
  private used = 0;
  private free = -1;

  constructor(program: Program, placement: Placement) {
    this.program = program;
    this.placement = placement;
    const n = program.storages.length;
    this.firstList = new Int32Array(n);
    this.bands = new Int32Array(n);
    this.bandBytes = new Float64Array(n);
    this.owns = new Uint8Array(n);
    let lists = 0;
    for (const s of program.storages) {
      const bytes =
        s.space === "hbm" ? Math.max(MIN_BAND, Math.ceil(s.rowBytes / MAX_BANDS)) : s.rowBytes;
      this.bands[s.id] = Math.max(1, Math.ceil(s.rowBytes / bytes));
      this.bandBytes[s.id] = bytes;
      this.firstList[s.id] = lists;
      // The list after the bands holds wide accesses.
      lists += this.bands[s.id]! + (this.bands[s.id]! > 1 ? 1 : 0);
    }
    this.heads = new Int32Array(lists).fill(-1);
    this.lastUse = new Int32Array(lists);
    this.shared = new Uint8Array(lists);
    this.lines = new Int32Array(n);
    for (const s of program.storages) this.lastUse[this.firstList[s.id]!] = placement.last[s.id]!;
    const { chip } = program;
    const sbufLines = Math.ceil(chip.sbuf.bytesPerPartition.value / LINE);
    const psumLines = Math.ceil((chip.psum.banks.value * chip.psum.bankBytes.value) / LINE);
    this.owners = Array.from({ length: 2 * program.cores }, (_, k) =>
      new Int32Array(k % 2 === 0 ? sbufLines : psumLines).fill(-1),
    );
  }

  /**
   * Records an access and reports every earlier one it conflicts with. `at` is the static instruction, `instance` the executed
   * one, `source` the unit or queue that carries it out.
   */
  access(
    a: Located,
    core: number,
    at: number,
    instance: number,
    source: number,
    writes: boolean,
    sink: ConflictSink,
  ): void {
    const { storage } = a;
    const bands = this.bands[storage]!;
    if (bands === 1) {
      if (this.owns[storage] === 0) this.takeOver(storage, core, at);
      const list = this.firstList[storage]!;
      this.scan(list, a, source, writes, sink);
      this.push(list, a, instance, source, writes);
      return;
    }
    const first = this.firstList[storage]!;
    const base = this.placement.address[storage]!;
    const band = this.bandBytes[storage]!;
    const from = Math.max(0, Math.floor((a.bytes[LO]! - base) / band));
    const to = Math.min(bands - 1, Math.floor((a.bytes[HI]! - 1 - base) / band));
    const wide = first + bands;
    for (let b = from; b <= to; b++) this.scan(first + b, a, source, writes, sink);
    this.scan(wide, a, source, writes, sink);
    const [low, high] = to - from >= WIDE ? [wide, wide] : [first + from, first + to];
    for (let list = low; list <= high; list++) this.push(list, a, instance, source, writes);
  }

  /** Reports conflicts in one list and drops what the new access makes redundant. */
  private scan(
    list: number,
    a: Located,
    source: number,
    writes: boolean,
    sink: ConflictSink,
  ): void {
    const { bytes, p0, p1 } = a;
    const lo = bytes[LO]!;
    const hi = bytes[HI]!;
    const solid = bytes[PITCH] === 0;
    let before = -1;
    for (let e = this.heads[list]!; e >= 0; ) {
      const after = this.next[e]!;
      const wrote = this.wrote[e] === 1;
      const eLo = this.lo[e]!;
      const eHi = this.hi[e]!;
      const meets =
        (writes || wrote) &&
        eLo < hi &&
        eHi > lo &&
        this.p0[e]! < p1 &&
        this.p1[e]! > p0 &&
        ((solid && this.pitch[e] === 0) || this.crosses(e, bytes));
      if (meets) sink.conflict(this.instance[e]!, this.source[e]!, wrote);
      // A write stands for everything it covers, a read for earlier reads of the same source.
      const stands = writes ? meets : !wrote && this.source[e] === source;
      if (
        stands &&
        eLo >= lo &&
        eHi <= hi &&
        this.p0[e]! >= p0 &&
        this.p1[e]! <= p1 &&
        (solid || this.within(e, bytes))
      ) {
        if (before < 0) this.heads[list] = after;
        else this.next[before] = after;
        this.next[e] = this.free;
        this.free = e;
      } else before = e;
      e = after;
    }
  }

  private crosses(e: number, b: Float64Array): boolean {
    return overlaps(
      b[LO]!,
      b[HI]!,
      b[PITCH]!,
      b[RUN]!,
      this.lo[e]!,
      this.hi[e]!,
      this.pitch[e]!,
      this.run[e]!,
    );
  }

  private within(e: number, b: Float64Array): boolean {
    return contains(
      b[LO]!,
      b[HI]!,
      b[PITCH]!,
      b[RUN]!,
      this.lo[e]!,
      this.hi[e]!,
      this.pitch[e]!,
      this.run[e]!,
    );
  }

  private push(list: number, a: Located, instance: number, source: number, writes: boolean): void {
    const e = this.allocate();
    const { bytes } = a;
    this.lo[e] = bytes[LO]!;
    this.hi[e] = bytes[HI]!;
    this.pitch[e] = bytes[PITCH]!;
    this.run[e] = bytes[RUN]!;
    this.p0[e] = a.p0;
    this.p1[e] = a.p1;
    this.instance[e] = instance;
    this.source[e] = source;
    this.wrote[e] = writes ? 1 : 0;
    this.next[e] = this.heads[list]!;
    this.heads[list] = e;
  }

  /** A storage begins to use its bytes: what the former tenants still have under way concerns it from now on. */
  private takeOver(storage: number, core: number, at: number): void {
    const s = this.program.storages[storage]!;
    this.owns[storage] = 1;
    if (s.space === "hbm") return;
    const owners = this.owners[2 * core + (s.space === "sbuf" ? 0 : 1)]!;
    const from = this.placement.address[storage]!;
    const to = from + s.rowBytes;
    const end = Math.ceil(to / LINE);
    this.lines[storage] = end - Math.floor(from / LINE);
    let known = -1;
    for (let line = Math.floor(from / LINE); line < end; line++) {
      const owner = owners[line]!;
      owners[line] = storage;
      if (owner < 0 || owner === storage) continue;
      this.lines[owner]!--;
      if (owner === known) continue;
      if (known >= 0) this.forget(known, at);
      known = owner;
      const [mine, theirs] = [this.firstList[storage]!, this.firstList[owner]!];
      if (mine === theirs) continue;
      // A tenant that is still needed lies in other partitions of the same bytes: the two share one list from now on.
      if (this.lastUse[theirs]! >= at) this.join(mine, theirs);
      else {
        this.inherit(mine, theirs, from, to);
        this.owns[owner] = 0;
      }
    }
    if (known >= 0) this.forget(known, at);
  }

  /** Gives the entries of a storage back once it is over and all its lines have other owners. */
  private forget(storage: number, at: number): void {
    const list = this.firstList[storage]!;
    if (this.lines[storage]! > 0 || this.lastUse[list]! >= at || this.shared[list] === 1) return;
    for (let e = this.heads[list]!; e >= 0; ) {
      const after = this.next[e]!;
      this.next[e] = this.free;
      this.free = e;
      e = after;
    }
    this.heads[list] = -1;
  }

  private join(mine: number, theirs: number): void {
    this.shared[theirs] = 1;
    for (let e = this.heads[mine]!; e >= 0; ) {
      const after = this.next[e]!;
      this.next[e] = this.heads[theirs]!;
      this.heads[theirs] = e;
      e = after;
    }
    this.heads[mine] = -1;
    this.lastUse[theirs] = Math.max(this.lastUse[theirs]!, this.lastUse[mine]!);
    for (let s = 0; s < this.firstList.length; s++)
      if (this.firstList[s] === mine) this.firstList[s] = theirs;
  }

  /** Copies the entries of `theirs` that reach into [from, to), cut to it where they are one run. */
  private inherit(mine: number, theirs: number, from: number, to: number): void {
    for (let e = this.heads[theirs]!; e >= 0; e = this.next[e]!) {
      if (this.lo[e]! >= to || this.hi[e]! <= from) continue;
      const solid = this.pitch[e] === 0;
      const lo = solid ? Math.max(from, this.lo[e]!) : this.lo[e]!;
      const hi = solid ? Math.min(to, this.hi[e]!) : this.hi[e]!;
      const copy = this.copy;
      copy.set(lo, hi, this.pitch[e]!, solid ? hi - lo : this.run[e]!);
      copy.p0 = this.p0[e]!;
      copy.p1 = this.p1[e]!;
      this.push(mine, copy, this.instance[e]!, this.source[e]!, this.wrote[e] === 1);
    }
  }

  private allocate(): number {
    if (this.free >= 0) {
      const e = this.free;
      this.free = this.next[e]!;
      return e;
    }
    if (this.used === this.capacity) this.enlarge();
    return this.used++;
  }

  private enlarge(): void {
    this.capacity *= 2;
    const grow = <T extends Float64Array | Int32Array | Int16Array | Uint8Array>(
      old: T,
      made: T,
    ): T => {
      made.set(old);
      return made;
    };
    const n = this.capacity;
    this.lo = grow(this.lo, new Float64Array(n));
    this.hi = grow(this.hi, new Float64Array(n));
    this.pitch = grow(this.pitch, new Float64Array(n));
    this.run = grow(this.run, new Float64Array(n));
    this.p0 = grow(this.p0, new Int16Array(n));
    this.p1 = grow(this.p1, new Int16Array(n));
    this.instance = grow(this.instance, new Int32Array(n));
    this.source = grow(this.source, new Uint8Array(n));
    this.wrote = grow(this.wrote, new Uint8Array(n));
    this.next = grow(this.next, new Int32Array(n));
  }
}
