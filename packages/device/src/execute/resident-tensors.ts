/**
 * The inputs and outputs of a Program as they lie in HBM between runs: written, read and carried over by name or storage number. Training
 * keeps parameters and optimiser state there and moves only a batch in and a loss out.
 */
import { OpenTrnError } from "@opentrn/base";
import type { Program, Storage } from "@opentrn/isa";
import type { MemoryMap } from "./memory-map.ts";
import { loadTensor, storeTensor } from "./tensor-bytes.ts";

/** An input or output: its name, or its storage number where several share a name. */
export type TensorRef = string | number;

/** After a run the bytes of `from`, an output, become those of `to`, an input of the same type and size. */
export interface Carry {
  readonly from: TensorRef;
  readonly to: TensorRef;
}

const bad = (rule: string, message: string): OpenTrnError =>
  new OpenTrnError(message, { category: "bad input", rule });

const typed = (s: Storage): string => `${s.name} ${s.dtype}[${s.shape}]`;

export class ResidentTensors {
  private readonly program: Program;
  private readonly map: MemoryMap;
  private readonly inputs: Directory;
  private readonly outputs: Directory;
  private readonly all: Directory;
  /** Inputs that hold no data yet. */
  private readonly missing: Set<number>;
  private readonly carried: readonly { readonly from: Storage; readonly to: Storage }[];

  constructor(program: Program, map: MemoryMap, carry: readonly Carry[]) {
    this.program = program;
    this.map = map;
    this.inputs = directoryOf(program, program.inputs);
    this.outputs = directoryOf(program, program.outputs);
    this.all = directoryOf(program, [...program.inputs, ...program.outputs]);
    this.missing = new Set(program.inputs);
    this.carried = carry.map((c) => this.pair(c));
    const targets = new Set(this.carried.map((c) => c.to.id));
    if (targets.size < this.carried.length)
      throw bad("carry", "two outputs are carried to one input; every input takes one");
    const chained = this.carried.find((c) => targets.has(c.from.id));
    if (chained)
      throw bad("carry", `${typed(chained.from)} is carried and overwritten by another carry`);
  }

  /** Puts raw bytes, as many as the tensor has, into an input or output. */
  write(tensor: TensorRef, data: Uint8Array): void {
    const s = this.find(tensor, this.all, "tensor");
    if (data.length !== s.rowBytes)
      throw bad("input size", `input ${s.name} has ${data.length} bytes; ${sizeOf(s)}`);
    storeTensor(this.map, s, data);
    this.missing.delete(s.id);
  }

  /** Writes all inputs in the Program's order. */
  writeInputs(inputs: readonly Uint8Array[]): void {
    this.program.inputs.forEach((id, n) => {
      const data = inputs[n];
      const s = this.program.storages[id]!;
      if (!data) throw bad("input size", `input ${s.name} has 0 bytes; ${sizeOf(s)}`);
      this.write(id, data);
    });
  }

  /** Puts constants where instructions expect them. */
  storeConstants(): void {
    for (const s of this.program.storages)
      if (s.kind === "constant" && s.data) storeTensor(this.map, s, s.data);
  }

  /** Clears what the Program returns. */
  clearOutputs(): void {
    for (const id of this.program.outputs) {
      const { from, to } = this.map.hbmRange(this.program.storages[id]!);
      this.map.u8.fill(0, from, to);
    }
  }

  /** A copy of the raw bytes of an input or output. */
  read(tensor: TensorRef): Uint8Array {
    return loadTensor(this.map, this.find(tensor, this.all, "tensor"));
  }

  /** Makes the bytes of an input or output those of an input of the same type and size, within HBM. */
  copy(from: TensorRef, to: TensorRef): void {
    const source = this.find(from, this.all, "tensor");
    this.move(source, this.target(source, to));
  }

  /** Throws `bad input` when an input was never written. */
  checkWritten(): void {
    const [first] = this.missing;
    if (first === undefined) return;
    const s = this.program.storages[first]!;
    throw bad(
      "input missing",
      `input ${typed(s)} was never written; ${this.missing.size} of ${this.program.inputs.length} inputs have no data, write them before executing`,
    );
  }

  /** Makes outputs the next run's inputs. */
  carry(): void {
    for (const { from, to } of this.carried) this.move(from, to);
  }

  private move(from: Storage, to: Storage): void {
    const source = this.map.hbmRange(from);
    this.map.u8.copyWithin(this.map.hbmRange(to).from, source.from, source.to);
    this.missing.delete(to.id);
  }

  private pair(c: Carry): { readonly from: Storage; readonly to: Storage } {
    const from = this.find(c.from, this.outputs, "output");
    return { from, to: this.target(from, c.to) };
  }

  /** The input that takes the bytes of `from`. */
  private target(from: Storage, ref: TensorRef): Storage {
    const to = this.find(ref, this.inputs, "input");
    if (from.dtype !== to.dtype || from.rowBytes !== to.rowBytes)
      throw bad("carry", `${typed(from)} cannot become ${typed(to)}; types and sizes must agree`);
    return to;
  }

  private find(tensor: TensorRef, among: Directory, what: string): Storage {
    const found = among.get(tensor) ?? [];
    if (found.length === 1) return this.program.storages[found[0]!]!;
    if (found.length > 1)
      throw bad(
        "tensor",
        `${found.length} tensors are called ${tensor}; give a storage number (${found})`,
      );
    const ids = [...among.keys()].filter((k) => typeof k === "number");
    const names = ids.slice(0, 8).map((id) => this.program.storages[id]!.name);
    throw bad(
      "tensor",
      `there is no ${what} ${tensor}; choose one of ${names.join(", ")}${ids.length > 8 ? ", …" : ""}`,
    );
  }
}

/** Storage numbers by number and by name. */
type Directory = ReadonlyMap<TensorRef, readonly number[]>;

function directoryOf(program: Program, ids: readonly number[]): Directory {
  const found = new Map<TensorRef, number[]>();
  for (const id of new Set(ids)) {
    found.set(id, [id]);
    const { name } = program.storages[id]!;
    found.set(name, [...(found.get(name) ?? []), id]);
  }
  return found;
}

const sizeOf = (s: Storage): string => `${s.dtype}[${s.shape}] needs ${s.rowBytes}`;
