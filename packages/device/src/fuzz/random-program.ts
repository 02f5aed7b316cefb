/**
 * Random valid Programs made from instruction records: HBM inputs are carried on chip, one instruction or a chain runs over them (chains
 * share tensors, now and then inside a run-time loop), and every tensor that was written is carried back whole.
 */
import { OpenTrnError, type Random } from "@opentrn/base";
import type { Chip } from "@opentrn/chips";
import {
  type AccessPattern,
  type AnyInstruction,
  type AttrSpec,
  instructionNamed,
  instructions,
  type Operand,
  type OperandSpec,
  type Program,
  ProgramBuilder,
  type Space,
} from "@opentrn/isa";
import { drawAttr } from "./draw-attr.ts";
import { drawOperands } from "./operand-shapes.ts";
import { dtypesOf } from "./shape-parts.ts";
import { TileMaker } from "./tile-maker.ts";

export interface RandomProgram {
  readonly program: Program;
  readonly inputs: readonly Uint8Array[];
}

interface RandomCall {
  readonly op: AnyInstruction;
  readonly operands: Readonly<Record<string, Operand | undefined>>;
  readonly attrs: Readonly<Record<string, unknown>>;
  readonly written: readonly AccessPattern[];
}

/** Instructions a Program of one core runs on data; control instructions are placed around them. */
export const dataInstructions: readonly AnyInstruction[] = instructions.filter((o) => !o.control);

/** A random call of `op` over new tensors, and with `reuse` over tensors that `maker` made before. */
export function randomCall(
  r: Random,
  maker: TileMaker,
  op: AnyInstruction,
  chip: Chip,
  reuse = false,
): RandomCall {
  const drawn = drawOperands(r, op, chip);
  const operands: Record<string, Operand | undefined> = {};
  const written: AccessPattern[] = [];
  for (const [name, spec] of Object.entries(op.operands as Record<string, OperandSpec>)) {
    const form = drawn.forms[name];
    if (form === undefined) continue;
    if ("value" in form) {
      operands[name] = { kind: "float", value: form.value };
      continue;
    }
    const dtype = form.dtype ?? r.pick(spec.dtypes ?? dtypesOf(chip));
    const space = r.pick(spec.spaces);
    const kind = addressing(r, op, spec, space, chip);
    const fixed = kind === undefined || form.contents !== undefined || form.start !== undefined;
    const pattern = fixed
      ? maker.tile(space, dtype, form, reuse)
      : maker.dynamicTile(kind, space, dtype, form);
    operands[name] = { kind: "tile", pattern };
    if (spec.role !== "in") written.push(pattern);
  }
  const attrs: Record<string, unknown> = {};
  for (const [name, spec] of Object.entries(op.attrs as Record<string, AttrSpec>))
    attrs[name] = drawn.attrs && name in drawn.attrs ? drawn.attrs[name] : drawAttr(r, spec);
  return { op, operands, attrs, written };
}

/** Now and then an operand's place is known only at run time. */
function addressing(
  r: Random,
  op: AnyInstruction,
  spec: OperandSpec,
  space: Space,
  chip: Chip,
): "scalar" | "vector" | "indirect" | undefined {
  const which = r.below(16);
  if (which === 0) return "scalar";
  if (which < 4 && op.cost.kind === "dma" && space === "hbm") return "vector";
  return which < 4 && spec.indirect && chip.generation >= 4 ? "indirect" : undefined;
}

/** A random program for `op`, or undefined when the draw broke a rule. */
export function randomProgram(
  r: Random,
  op: AnyInstruction,
  chip: Chip,
): RandomProgram | undefined {
  const builder = new ProgramBuilder({ name: `fuzz ${op.name}`, chip });
  const maker = new TileMaker(builder, r);
  return unlessBroken(() => {
    const call = randomCall(r, maker, op, chip);
    builder.emit(op, call.operands, call.attrs);
    if (r.below(4) === 0) builder.emit(op, call.operands, call.attrs);
    for (const p of call.written) maker.carryOut(p);
    return { program: builder.finish(), inputs: maker.inputs };
  });
}

const index = { kind: "register", register: 0 } as const;
const [loopBegin, loopEnd] = [instructionNamed("loop_begin")!, instructionNamed("loop_end")!];

/** A chain of 3 to 8 calls over shared tensors, or undefined when fewer than 2 of them broke no rule. */
export function randomChain(r: Random, chip: Chip): RandomProgram | undefined {
  const builder = new ProgramBuilder({ name: "fuzz chain", chip });
  const maker = new TileMaker(builder, r);
  const possible = dataInstructions.filter((o) => o.generations.includes(chip.generation));
  const drawn: RandomCall[] = [];
  const wanted = 3 + r.below(6);
  for (let n = 0; n < 4 * wanted && drawn.length < wanted; n++) {
    const call = unlessBroken(() => randomCall(r, maker, r.pick(possible), chip, true));
    if (call && isValid(builder, call)) drawn.push(call);
  }
  if (drawn.length < 2) return undefined;
  return unlessBroken(() => {
    const loops = r.below(4) === 0;
    const [start, stop] = [0, 1 + r.below(3)].map((value) => ({ kind: "int", value }) as const);
    if (loops) builder.emit(loopBegin, { index, start, stop }, { step: 1 });
    const first = builder.length;
    for (const c of drawn) {
      builder.emit(c.op, c.operands, c.attrs);
      const pattern = c.written[0];
      if (pattern && r.below(6) === 0) builder.addPrint("after", { kind: "tile", pattern });
    }
    if (r.below(3) === 0) builder.addOrdered(first);
    if (r.below(3) === 0) builder.addDependency(builder.length - 1, first);
    if (loops) builder.emit(loopEnd, {}, {});
    for (const c of drawn) for (const p of c.written) maker.carryOut(p);
    if (r.below(6) === 0) builder.addPrint("at the end", index);
    return { program: builder.finish(), inputs: maker.inputs };
  });
}

/** Whether the call breaks no rule, tried on a Program of its own with the same tensors as inputs. */
function isValid(builder: ProgramBuilder, call: RandomCall): boolean {
  const trial = new ProgramBuilder({ name: "trial", chip: builder.chip });
  for (const s of builder.storages) trial.declare({ ...s, kind: "input" });
  return unlessBroken(() => trial.emit(call.op, call.operands, call.attrs)) !== undefined;
}

function unlessBroken<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch (e) {
    if (e instanceof OpenTrnError && e.category !== "internal") return undefined;
    throw e;
  }
}
