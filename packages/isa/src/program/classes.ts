/** Interns instruction classes: same operation, shapes, types, attributes and engine. Rules run once a class. */
import { type ErrorCategory, OpenTrnError } from "@opentrn/base";
import type { Chip } from "@opentrn/chips";
import { bytesOf } from "@opentrn/numerics";
import type { AnyCall, AnyInstruction, Engine, OperandSpec, Rule, Tile } from "../define.ts";
import {
  checkEngine,
  checkForm,
  checkGeneration,
  checkPacked,
  checkTile,
} from "./general-rules.ts";
import type { AccessPattern, Storage } from "./pattern.ts";
import type { DecodedInstruction, InstructionClass } from "./program.ts";

export class ClassTable {
  readonly classes: InstructionClass[] = [];
  private readonly byHash = new Map<number, number[]>();
  private readonly keys: Int32Array[] = [];
  private readonly scratch = new Int32Array(8192);
  private readonly chip: Chip;
  private readonly storages: readonly Storage[];

  constructor(chip: Chip, storages: readonly Storage[]) {
    this.chip = chip;
    this.storages = storages;
  }

  /** The class of an instruction; a new class has passed every rule. */
  of(i: DecodedInstruction, opcode: number): InstructionClass {
    const length = this.key(i, opcode);
    let hash = 0x811c9dc5;
    for (let k = 0; k < length; k++) hash = Math.imul(hash ^ this.scratch[k]!, 0x01000193);
    const bucket = this.byHash.get(hash);
    if (bucket)
      for (const id of bucket) if (this.same(this.keys[id]!, length)) return this.classes[id]!;
    const made = this.make(i);
    this.keys.push(this.scratch.slice(0, length));
    this.classes.push(made);
    if (bucket) bucket.push(made.id);
    else this.byHash.set(hash, [made.id]);
    return made;
  }

  private same(key: Int32Array, length: number): boolean {
    if (key.length !== length) return false;
    for (let k = 0; k < length; k++) if (key[k] !== this.scratch[k]) return false;
    return true;
  }

  private key(i: DecodedInstruction, opcode: number): number {
    const k = this.scratch;
    let n = 0;
    k[n++] = opcode;
    for (const name in i.op.operands) {
      const o = i.operands[name];
      if (o === undefined) k[n++] = -1;
      else if (o.kind === "tile") n = this.patternKey(o.pattern, n);
      else if (o.kind === "register") {
        k[n++] = -2;
        k[n++] = o.register;
      } else {
        k[n++] = o.kind === "float" ? -3 : -4;
        scalarF64[0] = o.value;
        k[n++] = scalarI32[0]!;
        k[n++] = scalarI32[1]!;
      }
    }
    for (const name in i.op.attrs) n = attrKey(k, n, i.attrs[name]);
    return n;
  }

  private patternKey(p: AccessPattern, from: number): number {
    const k = this.scratch;
    let n = from;
    const s = this.storages[p.storage]!;
    k[n++] = s.space === "sbuf" ? 0 : s.space === "psum" ? 1 : 2;
    k[n++] =
      (bytesOf(p.dtype) << 8) | (p.dtype.length << 16) | p.dtype.charCodeAt(p.dtype.length - 1);
    k[n++] = dtypeKey(p.dtype);
    k[n++] = p.partition;
    k[n++] = s.space === "psum" ? p.offset * bytesOf(p.dtype) : 0;
    k[n++] = p.dynamic ? dynamics.indexOf(p.dynamic.kind) + 1 : 0;
    k[n++] = p.dims.length;
    for (const [stride, count] of p.dims) {
      k[n++] = stride;
      k[n++] = count;
    }
    return p.dynamic && p.dynamic.kind !== "register" ? this.patternKey(p.dynamic.index, n) : n;
  }

  private make(i: DecodedInstruction): InstructionClass {
    const op = i.op;
    checkGeneration(op, this.chip);
    const tile: Record<string, Tile | undefined> = {};
    const immediate: Record<string, number> = {};
    const register: Record<string, number> = {};
    for (const [name, spec] of Object.entries(op.operands as Record<string, OperandSpec>)) {
      const o = i.operands[name];
      checkForm(op, name, spec, o);
      if (o === undefined) {
        if (spec.default !== undefined) immediate[name] = spec.default;
      } else if (o.kind === "tile") {
        const t = tileOf(o.pattern, this.storages);
        checkTile(op, name, spec, t, this.chip);
        tile[name] = t;
      } else if (o.kind === "register") register[name] = o.register;
      else immediate[name] = o.value;
    }
    const open = { tile, immediate, register, attr: i.attrs, chip: this.chip };
    const engine = engineOf(op, open, this.chip);
    const call: AnyCall = { ...open, engine };
    for (const [label, rule] of Object.entries(op.rules) as [string, Rule<never, never>][]) {
      const why = rule.broken(call as never);
      if (why !== undefined)
        throw new OpenTrnError(`${op.name} ${label}: ${why}. Rule: ${rule.says}.`, {
          category: "invalid program" satisfies ErrorCategory,
          rule: `${op.name} ${label}`,
        });
    }
    if (!op.control && op.cost.kind !== "dma") checkPacked(op, call);
    return { id: this.classes.length, op, call, engine };
  }
}

const dynamics = ["register", "scalar", "vector", "indirect"] as const;
const scalarF64 = new Float64Array(1);
const scalarI32 = new Int32Array(scalarF64.buffer);

const dtypeKeys = new Map<string, number>();
const dtypeKey = (d: string): number => {
  const known = dtypeKeys.get(d);
  if (known !== undefined) return known;
  dtypeKeys.set(d, dtypeKeys.size);
  return dtypeKeys.size - 1;
};

const texts = new Map<string, number>();
const textKey = (text: string): number => {
  const known = texts.get(text);
  if (known !== undefined) return known;
  texts.set(text, texts.size);
  return texts.size - 1;
};

/** Appends the key of one attribute value; returns the new length. */
function attrKey(k: Int32Array, from: number, value: unknown): number {
  let n = from;
  if (value === undefined) k[n++] = -1;
  else if (typeof value === "boolean") k[n++] = value ? 1 : 0;
  else if (typeof value === "number") {
    scalarF64[0] = value;
    k[n++] = scalarI32[0]!;
    k[n++] = scalarI32[1]!;
  } else if (typeof value === "string") {
    k[n++] = textKey(value);
  } else {
    const list = value as readonly number[];
    k[n++] = list.length;
    for (const v of list) k[n++] = v;
  }
  return n;
}

/** What rules and meanings see of an access pattern. */
export function tileOf(p: AccessPattern, storages: readonly Storage[]): Tile {
  const s = storages[p.storage]!;
  const shape = p.dims.map((d) => d[1]);
  const hbm = s.space === "hbm";
  return {
    space: s.space,
    dtype: p.dtype,
    partitions: shape[0] ?? 1,
    startPartition: hbm ? 0 : p.partition,
    free: shape.slice(1).reduce((a, b) => a * b, 1),
    shape,
    strides: p.dims.slice(hbm ? 0 : 1).map((d) => d[0]),
    psumOffset: s.space === "psum" ? p.offset * bytesOf(p.dtype) : 0,
    dynamic: p.dynamic ? (p.dynamic.kind === "register" ? "scalar" : p.dynamic.kind) : "none",
    ...(p.dynamic && p.dynamic.kind !== "register"
      ? { index: tileOf(p.dynamic.index, storages) }
      : {}),
  };
}

/** The engine that runs a call: the user's choice, the record's, or its first. */
function engineOf(op: AnyInstruction, call: Omit<AnyCall, "engine">, chip: Chip): Engine {
  const asked = "engine" in op.attrs ? (call.attr["engine"] as string) : "unknown";
  if (asked !== "unknown" && op.cost.kind !== "dma") {
    checkEngine(op, asked as Engine, chip);
    return asked as Engine;
  }
  const engine = op.chooseEngine?.(call) ?? op.engines(chip)[0];
  if (engine === undefined) return checkEngine(op, "sync", chip) as never;
  checkEngine(op, engine, chip);
  return engine;
}
