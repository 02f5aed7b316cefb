/** Binds instructions to WebAssembly kernels: descriptors and commands are written once; run-time addresses are settled by commands. */
import {
  type BindRequest,
  type BoundOperand,
  bindFast,
  type Call,
  type MovingOperand,
} from "@opentrn/fast";
import type { AccessPattern, AnyCall, DecodedInstruction } from "@opentrn/isa";
import { bytesOf, dtypeId } from "@opentrn/numerics";
import { bindAccumulation } from "./fast-accumulate.ts";
import { rowOf } from "./fast-rows.ts";
import type { MemoryMap } from "./memory-map.ts";
import { type LayoutContext, shiftsOf } from "./operand.ts";

/** Appends the commands of an instruction; false where only the reference meaning exists. */
export function bindInstruction(
  ctx: LayoutContext,
  i: DecodedInstruction,
  call: AnyCall,
  state: MemoryMap["state"][number],
): boolean {
  const area = ctx.map.areas[ctx.core]!;
  const operands: Record<string, BoundOperand | undefined> = {};
  const moving: MovingOperand[] = [];
  for (const name in i.op.operands) {
    const o = i.operands[name];
    const immediate = call.immediate[name];
    if (o?.kind === "register") return false;
    if (o?.kind !== "tile") {
      operands[name] = immediate === undefined ? undefined : { kind: "number", value: immediate };
      continue;
    }
    const d = o.pattern.dynamic;
    if (d?.kind === "vector") return bindRows(ctx, i, call, state);
    if (d?.kind === "indirect") return false;
    const descriptor = ctx.map.describe(o.pattern, ctx.core, d !== undefined);
    operands[name] = { kind: "tile", descriptor, dynamic: d !== undefined };
    if (d) moving.push(scalarMove(ctx, o.pattern, descriptor, state.registers));
  }
  const calls = bindFast({ op: i.op, call, operands, state, area });
  if (!calls) return false;
  if (moving.length === 0) area.append(calls);
  else area.appendMoving(moving, i.attrs["oob_mode"] === "skip", calls);
  return true;
}

/** How a register or an element of a tensor moves an operand. */
function scalarMove(
  ctx: LayoutContext,
  p: AccessPattern,
  descriptor: number,
  registers: number,
): MovingOperand {
  const d = p.dynamic!;
  const size = bytesOf(ctx.map.dtype(p.dtype));
  const from =
    d.kind === "register"
      ? { index: registers + 4 * d.register, dtype: dtypeId.int32 }
      : { index: ctx.map.locate(d.index, ctx.core).address, dtype: dtypeId[d.index.dtype] };
  return {
    descriptor,
    base: ctx.map.locate(p, ctx.core).address,
    ...from,
    step: d.stride * size,
    stride: d.stride,
    ...shiftsOf(p, ctx.storages[p.storage]!),
  };
}

/** A `dma_copy` whose outer dimension is addressed by a vector, where rows pair up: one kernel call a row. */
function bindRows(
  ctx: LayoutContext,
  i: DecodedInstruction,
  call: AnyCall,
  state: BindRequest["state"],
): boolean {
  const [dst, src] = [i.operands["dst"], i.operands["src"]];
  if (i.op.name === "dma_compute") return bindAccumulation(ctx, i);
  if (i.op.name !== "dma_copy" || dst?.kind !== "tile" || src?.kind !== "tile") return false;
  const patterns = [dst.pattern, src.pattern];
  if (patterns.some((p) => p.dynamic && p.dynamic.kind !== "vector")) return false;
  const count = dst.pattern.dims[0]![1];
  // Rows of one tensor may overwrite what a later row reads.
  if (src.pattern.dims[0]![1] !== count || dst.pattern.storage === src.pattern.storage)
    return false;
  const area = ctx.map.areas[ctx.core]!;
  const [to, from] = [rowOf(ctx, dst.pattern), rowOf(ctx, src.pattern)];
  const operands = { dst: to.operand, src: from.operand };
  const calls: readonly Call[] | undefined = bindFast({
    op: i.op,
    call,
    operands,
    state,
    area,
  });
  if (!calls) return false;
  const skip = i.attrs["oob_mode"] === "skip";
  area.appendRows(count, [to.moving, from.moving], skip, calls);
  return true;
}
