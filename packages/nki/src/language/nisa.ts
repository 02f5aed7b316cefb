/**
 * `nisa`: one typed function per instruction record, in camelCase. `nisa.ncMatmul({ dst, stationary, moving })` appends that
 * instruction to the kernel being traced, after every rule has passed.
 */
import {
  type AnyInstruction,
  type AttrSpec,
  type Operand,
  type OperandSpec,
  records,
} from "@opentrn/isa";
import type { CallArguments } from "./call-types.ts";
import { camel } from "./names.ts";
import { operationName } from "./operations.ts";
import { Register } from "./register.ts";
import { Tensor } from "./tensor.ts";
import { type Entry, stop, type Trace, tracing } from "./trace.ts";

/** An instruction that was issued; a handle for explicit ordering. */
export class Issued {
  readonly index: number;
  private readonly trace: Trace;

  constructor(index: number, trace: Trace) {
    this.index = index;
    this.trace = trace;
  }

  /** Makes this instruction wait for `others`, beyond what data requires. */
  dependsOn(...others: readonly Issued[]): this {
    for (const o of others) this.trace.builder.addDependency(this.index, o.index);
    return this;
  }
}

/** Opened and closed in pairs by `nl.foriLoop` and `nl.whileLoop`. */
type LoopRecord = "loopBegin" | "loopEnd" | "whileBegin" | "whileEnd";
type Records = typeof records;

export type Nisa = {
  readonly [K in Exclude<keyof Records, LoopRecord>]: (args: CallArguments<Records[K]>) => Issued;
} & {
  /** A new register of this core, holding `value` when given. */
  readonly registerAlloc: (value?: number) => Register;
};

interface Field {
  readonly name: string;
  readonly operand?: OperandSpec;
  readonly attr?: AttrSpec;
}

function fieldsOf(op: AnyInstruction): ReadonlyMap<string, Field> {
  const fields = new Map<string, Field>();
  for (const [name, operand] of Object.entries<OperandSpec>(op.operands))
    fields.set(camel(name), { name, operand });
  for (const [name, attr] of Object.entries<AttrSpec>(op.attrs))
    fields.set(camel(name), { name, attr });
  return fields;
}

/** A number as an immediate: integers of 32 bits travel exactly, everything else as fp32. */
export function immediate(value: number): Operand {
  const whole = Number.isInteger(value) && value >= -(2 ** 31) && value < 2 ** 31;
  return whole && !Object.is(value, -0) ? { kind: "int", value } : { kind: "float", value };
}

function operandOf(entry: Entry, op: string, name: string, value: unknown): Operand {
  if (value instanceof Tensor) return { kind: "tile", pattern: value.operandPattern() };
  if (value instanceof Register) return { kind: "register", register: value.id };
  if (typeof value !== "number")
    return stop(
      entry,
      `${op} G8`,
      `${op}: ${name} is ${String(value)}; pass a tensor, a number or a register`,
    );
  if (Number.isInteger(value) && Math.abs(value) >= 2 ** 31 && Math.fround(value) !== value)
    return stop(
      entry,
      `${op} G8`,
      `${op}: ${name} is ${value}, which neither 32-bit integers nor fp32 hold; write its bits as a signed integer`,
    );
  return immediate(value);
}

const attrOf = (spec: AttrSpec, value: unknown): unknown =>
  spec.kind === "alu" || spec.kind === "activation"
    ? operationName(value, spec.kind)
    : spec.kind === "ints"
      ? (value as readonly (number | readonly number[])[]).flat()
      : value;

/** Whether a call must name this operation: attributes of other kinds have a default. */
const isNeeded = (a: AttrSpec | undefined): boolean =>
  a?.kind === "activation" || (a?.kind === "alu" && !a.optional && a.default === undefined);

/** The function of one record. */
function callOf(op: AnyInstruction): (args: Readonly<Record<string, unknown>>) => Issued {
  const fields = fieldsOf(op);
  const needed = [...fields.values()].filter((f) => isNeeded(f.attr)).map((f) => f.name);
  const call = (args: Readonly<Record<string, unknown>>): Issued => {
    const trace = tracing(call);
    const operands: Record<string, Operand> = {};
    const attrs: Record<string, unknown> = {};
    for (const key in args) {
      const value = args[key];
      const field = fields.get(key);
      if (!field)
        return stop(
          call,
          `${op.name} G8`,
          `${op.name} has no ${key}; it takes ${[...fields.keys()].join(", ")}`,
        );
      if (value === undefined) continue;
      if (field.operand) operands[field.name] = operandOf(call, op.name, field.name, value);
      else attrs[field.name] = attrOf(field.attr!, value);
    }
    mustNotWriteFrozen(call, op, args);
    for (const name of needed)
      if (attrs[name] === undefined)
        stop(
          call,
          `${op.name} G8`,
          `${op.name}: ${name} is missing; pass an operation such as nl.add`,
        );
    return new Issued(trace.emit(call, op, operands, attrs), trace);
  };
  return call;
}

/** The index of a loop belongs to the loop. */
function mustNotWriteFrozen(
  entry: Entry,
  op: AnyInstruction,
  args: Readonly<Record<string, unknown>>,
): void {
  const { dst } = args;
  if (dst instanceof Register && dst.frozen)
    stop(
      entry,
      `${op.name} frozen register`,
      `${op.name}: dst is the index of a loop, which only the loop changes; use another register`,
    );
}

const calls = Object.fromEntries(Object.entries(records).map(([key, op]) => [key, callOf(op)]));

function registerAlloc(value?: number): Register {
  const trace = tracing(registerAlloc);
  const register = new Register(trace.newRegister());
  if (value !== undefined)
    trace.at(registerAlloc, () => calls["registerMove"]!({ dst: register, src: value }));
  return register;
}

export const nisa = { ...calls, registerAlloc } as unknown as Nisa;

/** The unchecked form, for the language's own lowering. */
export const issue = (name: keyof Records, args: Readonly<Record<string, unknown>>): Issued =>
  calls[name]!(args);
