/** Runs an instruction through its record's own meaning: gather dense data, evaluate, scatter. Slow, and the oracle for `fast`. */
import type {
  AnyCall,
  CoreState,
  DecodedInstruction,
  OperandData,
  OperandSpec,
} from "@opentrn/isa";
import { readDense, writeDense } from "./dense.ts";
import { type LaidOut, type LayoutContext, layOut } from "./operand.ts";

interface Bound {
  readonly name: string;
  readonly laid: LaidOut;
  readonly raw: boolean;
  readonly reads: boolean;
  readonly writes: boolean;
}

export function referenceStep(
  ctx: LayoutContext,
  i: DecodedInstruction,
  call: AnyCall,
  state: CoreState,
): () => void {
  const specs = i.op.operands as Readonly<Record<string, OperandSpec>>;
  const raw = new Set((i.op.bits?.(call as never) ?? []) as readonly string[]);
  const skip = i.attrs["oob_mode"] === "skip";
  const bound: Bound[] = [];
  for (const name in specs) {
    const o = i.operands[name];
    if (o?.kind !== "tile") continue;
    const role = specs[name]!.role;
    bound.push({
      name,
      laid: layOut(ctx, i.op.name, name, o.pattern, skip, call.engine === "tensor" ? 32 : 16),
      raw: raw.has(name),
      reads: role !== "out",
      writes: role !== "in",
    });
  }
  const immediates = Object.entries(call.immediate).map(
    ([name, v]) => [name, Float32Array.of(v!)] as const,
  );
  return () => {
    const data: Record<string, OperandData> = {};
    for (const [name, v] of immediates) data[name] = v;
    for (const b of bound) if (b.laid.resolve?.() === "skip") return;
    for (const b of bound)
      data[b.name] = b.reads
        ? readDense(ctx.map, b.laid.strided, b.laid.offsets, b.raw)
        : b.raw
          ? new Uint32Array(b.laid.offsets.length)
          : new Float32Array(b.laid.offsets.length);
    i.op.evaluate(data, call as never, state);
    const missing = bound.find((b) => b.laid.missing)?.laid.missing;
    for (const b of bound)
      if (b.writes)
        if (missing) writePresent(ctx, b, data[b.name]!, missing);
        else writeDense(ctx.map, b.laid.strided, b.laid.offsets, data[b.name]!);
  };
}

/** Writes all elements but those whose row was out of bounds. */
function writePresent(ctx: LayoutContext, b: Bound, data: OperandData, missing: Uint8Array): void {
  const keep: number[] = [];
  for (let n = 0; n < b.laid.offsets.length; n++) if (missing[n] === 0) keep.push(n);
  const offsets = Int32Array.from(keep, (n) => b.laid.offsets[n]!);
  const kept =
    data instanceof Uint32Array
      ? Uint32Array.from(keep, (n) => data[n]!)
      : Float32Array.from(keep, (n) => data[n]!);
  writeDense(ctx.map, b.laid.strided, offsets, kept);
}
