/** Binds an instruction to a WebAssembly kernel: descriptors are written once; run-time addresses are patched before each call. */
import type { BindRequest, BoundOperand, BoundState, Kernels, Step } from "@opentrn/fast";
import type { AnyCall, DecodedInstruction } from "@opentrn/isa";
import { fastGather } from "./fast-gather.ts";
import { type LaidOut, type LayoutContext, layOut } from "./operand.ts";

type Bind = (kernels: Kernels, request: BindRequest) => Step | undefined;

/** The fast closure of an instruction, or undefined where only the reference meaning exists. */
export function fastStep(
  kernels: Kernels,
  ctx: LayoutContext,
  i: DecodedInstruction,
  call: AnyCall,
  state: BoundState,
  bind: Bind,
): Step | undefined {
  const operands: Record<string, BoundOperand | undefined> = {};
  const moving: { readonly laid: LaidOut; readonly word: number }[] = [];
  for (const name in i.op.operands) {
    const o = i.operands[name];
    const immediate = call.immediate[name];
    if (o?.kind === "register") return undefined;
    if (o?.kind !== "tile") {
      operands[name] = immediate === undefined ? undefined : { kind: "number", value: immediate };
      continue;
    }
    const d = o.pattern.dynamic;
    if (d?.kind === "vector") return fastGather(kernels, ctx, i, call, state, bind);
    if (d?.kind === "indirect") return undefined;
    const descriptor = ctx.map.describe(o.pattern, ctx.core);
    operands[name] = { kind: "tile", descriptor, dynamic: d !== undefined };
    if (d)
      moving.push({
        laid: layOut(ctx, i.op.name, name, o.pattern, i.attrs["oob_mode"] === "skip"),
        word: descriptor >>> 2,
      });
  }
  const step = bind(kernels, {
    op: i.op,
    call,
    operands,
    state,
    allocate: (bytes) => ctx.map.allocate(bytes),
  });
  if (!step || moving.length === 0) return step;
  return () => {
    for (const { laid, word } of moving) {
      if (laid.resolve!() === "skip") return;
      ctx.map.u32[word] = laid.strided.address;
    }
    step();
  };
}
