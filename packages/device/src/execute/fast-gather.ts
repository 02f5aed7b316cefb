/** Gathers and scatters by a vector of offsets on the fast path: one kernel call a row, addresses from the resolved offsets. */
import type { BindRequest, BoundOperand, BoundState, Kernels, Step } from "@opentrn/fast";
import type { AnyCall, DecodedInstruction } from "@opentrn/isa";
import { type LaidOut, type LayoutContext, layOut } from "./operand.ts";

interface Rows {
  readonly laid: LaidOut;
  readonly word: number;
  /** Bytes between rows of a static operand. */
  readonly step: number;
}

/** The closure of a `dma_copy` whose outer dimension is addressed by a vector, or undefined where rows do not pair up. */
export function fastGather(
  kernels: Kernels,
  ctx: LayoutContext,
  i: DecodedInstruction,
  call: AnyCall,
  state: BoundState,
  bind: (kernels: Kernels, request: BindRequest) => Step | undefined,
): Step | undefined {
  if (i.op.name !== "dma_copy") return undefined;
  const operands: Record<string, BoundOperand> = {};
  const rows: Rows[] = [];
  for (const name of ["dst", "src"]) {
    const o = i.operands[name];
    if (o?.kind !== "tile") return undefined;
    const d = o.pattern.dynamic;
    if (d && d.kind !== "vector") return undefined;
    const laid = layOut(ctx, i.op.name, name, o.pattern, i.attrs["oob_mode"] === "skip");
    const { address, strides, counts, dtype } = laid.strided;
    const inner = counts.length > 1 ? counts.slice(1) : [1];
    const steps = counts.length > 1 ? strides.slice(1) : [0];
    const descriptor = ctx.map.writeDescriptor(address, dtype, steps, inner);
    operands[name] = { kind: "tile", descriptor, dynamic: true };
    rows.push({ laid, word: descriptor >>> 2, step: strides[0]! });
  }
  const count = rows[0]!.laid.strided.counts[0]!;
  if (rows.some((r) => r.laid.strided.counts[0] !== count)) return undefined;
  const step = bind(kernels, {
    op: i.op,
    call,
    operands,
    state,
    allocate: (bytes) => ctx.map.allocate(bytes),
  });
  if (!step) return undefined;
  const { u32 } = ctx.map;
  return () => {
    for (const { laid } of rows) laid.rows?.resolve();
    row: for (let r = 0; r < count; r++) {
      for (const { laid, word, step: bytes } of rows) {
        if (laid.rows?.missing[r] === 1) continue row;
        u32[word] = laid.strided.address + (laid.rows ? laid.rows.offsets[r]! : r * bytes);
      }
      step();
    }
  };
}
