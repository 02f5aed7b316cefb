/** Which instructions write a storage, and through which patterns. */
import {
  type AccessPattern,
  decodeInstruction,
  type OperandSpec,
  type Program,
} from "@opentrn/isa";
import { visitStorages } from "../placement/references.ts";

/** Patterns through which instruction `index` writes one of `storages`. */
export function writesTo(
  program: Program,
  index: number,
  storages: ReadonlySet<number>,
): readonly AccessPattern[] {
  const i = decodeInstruction(program, index);
  const specs = i.op.operands as Readonly<Record<string, OperandSpec>>;
  const found: AccessPattern[] = [];
  for (const name in specs) {
    const o = i.operands[name];
    if (o?.kind !== "tile" || specs[name]!.role === "in") continue;
    if (storages.has(o.pattern.storage)) found.push(o.pattern);
  }
  return found;
}

/** Storages that instruction `index` writes. */
export function storagesWrittenBy(program: Program, index: number): readonly number[] {
  const i = decodeInstruction(program, index);
  const specs = i.op.operands as Readonly<Record<string, OperandSpec>>;
  return Object.keys(specs).flatMap((name) => {
    const o = i.operands[name];
    return o?.kind === "tile" && specs[name]!.role !== "in" ? [o.pattern.storage] : [];
  });
}

/** Every instruction that writes one of `storages`, in program order. */
export function writersOf(
  program: Program,
  storages: ReadonlySet<number>,
): ReadonlyMap<number, readonly AccessPattern[]> {
  const touching = new Set<number>();
  visitStorages(program, (i, s) => {
    if (storages.has(s)) touching.add(i);
  });
  const writers = new Map<number, readonly AccessPattern[]>();
  for (const i of touching) {
    const patterns = writesTo(program, i, storages);
    if (patterns.length > 0) writers.set(i, patterns);
  }
  return writers;
}
