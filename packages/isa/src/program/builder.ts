/**
 * Builds a Program from instruction records or from TypeScript calls, checking every rule as it goes: a broken rule stops at
 * the instruction that broke it, with the user's own line.
 */
import { OpenTrnError } from "@opentrn/base";
import { type Chip, psumBytesPerPartition } from "@opentrn/chips";
import { bytesOf, type DType } from "@opentrn/numerics";
import type { AnyInstruction, OperandSpec } from "../define.ts";
import { opcodeOf } from "../ops/table.ts";
import { ClassTable } from "./classes.ts";
import { encodeInstruction, readInstruction, wordsFrom } from "./codec.ts";
import { breakRule, checkBounds } from "./general-rules.ts";
import { Initialised } from "./initialised.ts";
import { MatmulTargets } from "./matmul-targets.ts";
import type { AccessPattern, Operand, Storage, StorageKind } from "./pattern.ts";
import type { DecodedInstruction, DevicePrint, Program, SourceLine, Warning } from "./program.ts";
import { WordReader } from "./words.ts";

export interface BuilderOptions {
  readonly name: string;
  readonly chip: Chip;
  readonly cores?: number;
  /** Stops a kernel that never ends; default 20 million. */
  readonly maxInstructions?: number;
}

export interface StorageRequest {
  readonly name: string;
  readonly space: Storage["space"];
  readonly kind: StorageKind;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly pinned?: Storage["pinned"];
  readonly line?: number;
  readonly core?: number;
  readonly data?: Uint8Array;
}

/** A Program in the making, as {@link ProgramBuilder.soFar} shows it. */
export interface SoFar {
  readonly program: Program;
  readonly unwritten?: readonly [partition: number, byte: number];
}

/** Virtual registers of one core; hosts map them to the 64 of each engine. */
export const MAX_REGISTERS = 4096;

/** Bytes that one tensor can have: of a partition on chip, of the whole memory in HBM. */
const capacityOf = (chip: Chip, space: Storage["space"]): number =>
  space === "sbuf"
    ? chip.sbuf.usableBytesPerPartition.value
    : space === "psum"
      ? psumBytesPerPartition(chip)
      : chip.hbm.bytes.value;

export class ProgramBuilder {
  readonly chip: Chip;
  readonly cores: number;
  readonly storages: Storage[] = [];
  readonly warnings: Warning[] = [];
  private readonly name: string;
  private readonly limit: number;
  private words = new Int32Array(4096);
  /** The words of the instruction being emitted. */
  private one = new Int32Array(256);
  private used = 0;
  private starts = new Uint32Array(1024);
  private classOf = new Uint32Array(1024);
  private coreOf = new Uint8Array(1024);
  private count = 0;
  private core = 0;
  readonly lines: SourceLine[] = [{ file: "", line: 0, function: "" }];
  readonly strings: string[] = [""];
  private readonly lineIds = new Map<string, number>();
  private readonly classes: ClassTable;
  private readonly initialised = new Initialised();
  private readonly matmulTargets = new MatmulTargets();
  private readonly outputs: number[] = [];
  private readonly depends: [number, number][] = [];
  private readonly ordered: [number, number][] = [];
  private readonly prints: DevicePrint[] = [];

  constructor(options: BuilderOptions) {
    this.name = options.name;
    this.chip = options.chip;
    this.cores = options.cores ?? 1;
    if (!this.chip.lnc.value.includes(this.cores))
      throw new OpenTrnError(
        `LNC ${this.cores} is not possible on ${this.chip.name}; choose ${this.chip.lnc.value.join(" or ")}`,
        { category: "unsupported here", rule: "LNC" },
      );
    this.limit = options.maxInstructions ?? 20_000_000;
    this.classes = new ClassTable(this.chip, this.storages);
  }

  /** Number of instructions so far. */
  get length(): number {
    return this.count;
  }

  /** Interns a source line; 0 is "no line". */
  line(file: string, line: number, fn = ""): number {
    const key = `${file}:${line}:${fn}`;
    const known = this.lineIds.get(key);
    if (known !== undefined) return known;
    this.lineIds.set(key, this.lines.length);
    this.lines.push({ file, line, function: fn });
    return this.lines.length - 1;
  }

  setCore(core: number): void {
    if (!(core >= 0 && core < this.cores))
      this.malformed(`core ${core} of a launch of ${this.cores}`);
    this.core = core;
  }

  private malformed(what: string): never {
    throw new OpenTrnError(`the Program names ${what}, which does not exist`, {
      category: "invalid program",
      rule: "program form",
    });
  }

  declare(r: StorageRequest): number {
    const onChip = r.space !== "hbm";
    const at = this.lines[r.line ?? 0];
    const fail = (rule: string, message: string): never => {
      throw new OpenTrnError(message, {
        category: "invalid program",
        rule: `ndarray ${rule}`,
        at: at && at.line > 0 ? { file: at.file, line: at.line } : undefined,
      });
    };
    if (r.shape.length === 0)
      fail("T1", `ndarray T1: ${r.name} has no dimensions; a tensor has at least one`);
    for (const d of r.shape)
      if (!(Number.isInteger(d) && d > 0))
        fail(
          "T2",
          `ndarray T2: ${r.name} has shape [${r.shape}]; every dimension is a positive integer`,
        );
    if (onChip && r.shape[0]! > this.chip.partitions.value)
      fail(
        "T3",
        `ndarray T3: ${r.name} has ${r.shape[0]} partitions, at most ${this.chip.partitions.value} on ${this.chip.name}; the first dimension of an on-chip tensor is the partition dimension, tile it`,
      );
    if (r.core !== undefined && !(r.core >= -1 && r.core < this.cores))
      this.malformed(`core ${r.core} of a launch of ${this.cores} (tensor ${r.name})`);
    const elements = (onChip ? r.shape.slice(1) : r.shape).reduce((a, b) => a * b, 1);
    const rowBytes = elements * bytesOf(r.dtype);
    const capacity = capacityOf(this.chip, r.space);
    if (rowBytes > capacity)
      throw new OpenTrnError(
        `ndarray T4: ${r.name || "tensor"} ${r.dtype}[${r.shape}] needs ${rowBytes} bytes${onChip ? " a partition" : ""}, ${r.space} of ${this.chip.name} has ${capacity}; tile it`,
        {
          category: "capacity",
          rule: "ndarray T4",
          at: at && at.line > 0 ? { file: at.file, line: at.line } : undefined,
        },
      );
    const id = this.storages.length;
    const storage: Storage = {
      id,
      name: r.name || `${r.space}${id}`,
      space: r.space,
      kind: r.kind,
      core: r.core ?? (r.kind === "internal" && onChip ? this.core : -1),
      dtype: r.dtype,
      shape: r.shape,
      partitions: onChip ? r.shape[0]! : 1,
      rowBytes,
      line: r.line ?? 0,
      ...(r.pinned ? { pinned: r.pinned } : {}),
      ...(r.data ? { data: r.data } : {}),
    };
    this.storages.push(storage);
    this.initialised.declare(storage, this.cores > 1 && storage.core === -1);
    return id;
  }

  /** Adds a tensor to what the Program returns; it must lie in HBM. */
  markOutput(storage: number): void {
    const s = this.storages[storage];
    if (s === undefined) this.malformed(`output storage ${storage}`);
    if (s.space !== "hbm") {
      const at = this.lines[s.line];
      throw new OpenTrnError(
        `the kernel returns ${s.name}, which lies in ${s.space}; allocate it in shared_hbm`,
        {
          category: "invalid program",
          rule: "output in shared_hbm",
          at: at && at.line > 0 ? { file: at.file, line: at.line } : undefined,
        },
      );
    }
    this.outputs.push(storage);
  }

  /** Appends an instruction given by name; returns its index. */
  emit(
    op: AnyInstruction,
    operands: Readonly<Record<string, Operand | undefined>>,
    attrs: Readonly<Record<string, unknown>>,
    line = 0,
  ): number {
    const words = encodeInstruction(op, line, operands, attrs);
    if (words.length > this.one.length) this.one = new Int32Array(2 * words.length);
    this.one.set(words);
    return this.append(this.one, 0, words.length);
  }

  /** Appends the encoded instruction in `words[from, to)`. */
  append(words: Int32Array, from: number, to: number): number {
    return this.store(
      readInstruction(new WordReader(words, from, to), this.count),
      words,
      from,
      to,
    );
  }

  /** Appends an instruction that was just decoded from `words[from, to)`. */
  store(i: DecodedInstruction, words: Int32Array, from: number, to: number): number {
    const before = this.used;
    try {
      if (this.count >= this.limit)
        throw new OpenTrnError(
          `the kernel issued more than ${this.limit} instructions; it may never end. Raise --max-instructions if it should`,
          { category: "limit reached", rule: "max-instructions" },
        );
      this.checkOperands(i);
      const at = this.copy(words, from, to);
      const settled = this.matmulTargets.settle(i, this.storages);
      if (settled)
        this.words[this.used - wordsFrom(i, "accumulate")] = settled["accumulate"] ? 1 : 0;
      const whole = settled ? { ...i, attrs: settled } : i;
      const cls = this.classes.of(whole, opcodeOf(i.op));
      this.followData(whole);
      this.grow();
      this.starts[this.count] = at;
      this.classOf[this.count] = cls.id;
      this.coreOf[this.count] = this.core;
      return this.count++;
    } catch (e) {
      // A caller may go on after a refused instruction; nothing of it may stay.
      this.used = before;
      if (e instanceof OpenTrnError && !e.at) {
        const line = this.lines[i.line];
        if (line && line.line > 0) e.at = { file: line.file, line: line.line };
      }
      throw e;
    }
  }

  private checkOperands(i: DecodedInstruction): void {
    for (const name in i.op.operands) {
      const o = i.operands[name];
      if (o?.kind === "register") this.checkRegister(o.register);
      if (o?.kind === "tile") this.checkPattern(i.op.name, name, o.pattern);
    }
  }

  private checkRegister(register: number): void {
    if (!(register >= 0 && register < MAX_REGISTERS))
      this.malformed(`register ${register} (at most ${MAX_REGISTERS})`);
  }

  private checkPattern(op: string, name: string, p: AccessPattern): void {
    const s = this.storages[p.storage];
    if (s === undefined)
      throw new OpenTrnError(
        `${op}: ${name} refers to storage ${p.storage}, which was never declared`,
        { category: "invalid program" },
      );
    if (p.dims.length === 0) this.malformed(`a pattern without dimensions (${op} ${name})`);
    if (s.core !== -1 && s.core !== this.core)
      breakRule(
        op,
        "G3",
        `${name} (${s.name}) is core ${s.core}'s own ${s.space}; core ${this.core} reaches it through shared HBM or sendrecv`,
      );
    checkBounds(op, name, s, p);
    if (p.dynamic?.kind === "register") this.checkRegister(p.dynamic.register);
    if (p.dynamic && p.dynamic.kind !== "register")
      this.checkPattern(op, `${name} index`, p.dynamic.index);
  }

  /** G10, and remembers what this instruction writes. */
  private followData(i: DecodedInstruction): void {
    const specs = i.op.operands as Record<string, OperandSpec>;
    for (const name in specs) {
      const o = i.operands[name];
      if (o?.kind !== "tile") continue;
      const p = o.pattern;
      const spec = specs[name]!;
      if (spec.role !== "out" && !spec.keeps && !this.readsNothing(i, name))
        this.mustBeWritten(i, name, p);
      if (p.dynamic && p.dynamic.kind !== "register")
        this.mustBeWritten(i, `${name} index`, p.dynamic.index);
    }
    for (const name in specs) {
      const o = i.operands[name];
      if (o?.kind === "tile" && specs[name]!.role !== "in")
        this.initialised.write(this.storages[o.pattern.storage]!, o.pattern);
    }
  }

  /** An in-out operand that this call only writes. */
  private readsNothing(i: DecodedInstruction, name: string): boolean {
    return i.op.readsOperand !== undefined && !i.op.readsOperand(name, i.attrs);
  }

  private mustBeWritten(i: DecodedInstruction, name: string, p: AccessPattern): void {
    const s = this.storages[p.storage]!;
    const missing = this.initialised.read(s, p);
    if (missing === undefined) return;
    const where =
      s.space === "hbm" ? `byte ${missing[1]}` : `partition ${missing[0]}, byte ${missing[1]}`;
    breakRule(
      i.op.name,
      "G10",
      `${name} (${s.name} ${s.dtype}[${s.shape}] in ${s.space}) reads ${where}, which no instruction wrote; write it first (memset, dma_copy) or shorten the slice`,
      "uninitialised read",
    );
  }

  private copy(words: Int32Array, from: number, to: number): number {
    const length = to - from;
    if (this.used + length > this.words.length) {
      const bigger = new Int32Array(Math.max(this.words.length * 2, this.used + length));
      bigger.set(this.words);
      this.words = bigger;
    }
    this.words.set(words.subarray(from, to), this.used);
    this.used += length;
    return this.used - length;
  }

  private grow(): void {
    if (this.count < this.starts.length) return;
    const enlarge = <T extends Uint32Array | Uint8Array>(old: T, made: T): T => {
      made.set(old);
      return made;
    };
    const size = this.starts.length * 2;
    this.starts = enlarge(this.starts, new Uint32Array(size));
    this.classOf = enlarge(this.classOf, new Uint32Array(size));
    this.coreOf = enlarge(this.coreOf, new Uint8Array(size));
  }

  addDependency(consumer: number, producer: number): void {
    for (const i of [consumer, producer])
      if (!(i >= 0 && i < this.count)) this.malformed(`instruction ${i}`);
    this.depends.push([consumer, producer]);
  }

  /** Marks instructions from `first` to the present as ordered. */
  addOrdered(first: number): void {
    this.ordered.push([first, this.count]);
  }

  addPrint(prefix: string, operand: Operand): void {
    if (operand.kind === "tile") this.checkPattern("device_print", "tensor", operand.pattern);
    if (operand.kind === "register") this.checkRegister(operand.register);
    if (operand.kind === "tile") {
      const s = this.storages[operand.pattern.storage]!;
      if (this.initialised.read(s, operand.pattern))
        this.warnings.push({
          rule: "uninitialised read",
          message: `device_print ${JSON.stringify(prefix)} shows elements of ${s.name} that no instruction wrote before it`,
        });
    }
    this.prints.push(this.printOf(operand, prefix));
  }

  /**
   * The Program so far with one print, of `operand`, at its end; `unwritten` is the first byte of it that no instruction wrote. Changes
   * nothing: more may be appended. Throws where the operand lies outside its storage.
   */
  soFar(operand: Operand): SoFar {
    if (operand.kind === "register") this.checkRegister(operand.register);
    if (operand.kind !== "tile") return { program: this.program([this.printOf(operand)]) };
    this.checkPattern("value", "tensor", operand.pattern);
    const { storage } = operand.pattern;
    const unwritten = this.initialised.read(this.storages[storage]!, operand.pattern);
    return { program: this.program([this.printOf(operand)]), ...(unwritten ? { unwritten } : {}) };
  }

  private printOf(operand: Operand, prefix = ""): DevicePrint {
    return { before: this.count, core: this.core, prefix, operand };
  }

  finish(): Program {
    for (const id of this.outputs) {
      const s = this.storages[id]!;
      if (!this.initialised.touched(s)) {
        const at = this.lines[s.line];
        this.warnings.push({
          rule: "output written",
          message: `output ${s.name} is never written`,
          ...(at && at.line > 0 ? { file: at.file, line: at.line } : {}),
        });
      }
    }
    return this.program(this.prints);
  }

  private program(prints: readonly DevicePrint[]): Program {
    return {
      name: this.name,
      chip: this.chip,
      cores: this.cores,
      storages: this.storages,
      lines: this.lines,
      strings: this.strings,
      starts: this.starts.slice(0, this.count),
      words: this.words.slice(0, this.used),
      classOf: this.classOf.slice(0, this.count),
      classes: this.classes.classes,
      coreOf: this.coreOf.slice(0, this.count),
      outputs: this.outputs,
      inputs: this.storages.filter((s) => s.kind === "input").map((s) => s.id),
      depends: this.depends,
      ordered: this.ordered,
      prints,
      warnings: this.warnings,
    };
  }
}
