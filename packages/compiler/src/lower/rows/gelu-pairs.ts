/**
 * GPT-2's GELU beside its derivative. By itself each has a function of ScalarE, but of different tables, and a change of tables takes longer
 * than a block. Together they need one logistic: s = logistic(z), z = x (a + a c x^2); GELU is x s, its derivative s (1 + (1 - s) w) with
 * w = x (a + 3 a c x^2). Everything is fp32, rounded to the result's type once.
 */
import type { Operation, Value } from "@opentrn/ir";
import { ownOperation } from "./own-operation.ts";
import { nameOf } from "./supported.ts";

const a = 2 * Math.sqrt(2 / Math.PI);
const c = 0.044715;

const functions = ["gelu_tanh", "gelu_tanh_derivative"] as const;

/** What both are made of. */
interface Parts {
  readonly x: Value;
  readonly square: Value;
  readonly gate: Value;
}

export class GeluPairs {
  /** Operands that both functions are taken of. */
  private readonly paired: ReadonlySet<Value>;
  private readonly parts = new Map<Value, Parts>();

  constructor(ops: readonly Operation[]) {
    const [plain, derivatives] = functions.map(
      (name) => new Set(ops.filter((op) => nameOf(op) === name).map((op) => op.operands[0]!)),
    ) as [Set<Value>, Set<Value>];
    this.paired = new Set([...plain].filter((v) => derivatives.has(v)));
  }

  /** What takes the place of `op`, which is `current` by now; new operations are added to `made`. */
  replace(op: Operation, current: Operation, made: Operation[]): Value | undefined {
    const [x] = op.operands;
    if (!x || !this.paired.has(x)) return undefined;
    const name = functions.find((f) => f === nameOf(op));
    if (name === undefined) return undefined;
    const b = new Builder(current, made);
    const parts = this.parts.get(x) ?? partsOf(b, current.operands[0]!);
    this.parts.set(x, parts);
    const wide = name === "gelu_tanh" ? b.op("multiply", parts.x, parts.gate) : slope(b, parts);
    return b.as(wide, op.results[0]!.type.dtype);
  }
}

function partsOf(b: Builder, given: Value): Parts {
  const x = b.as(given, "float32");
  const square = b.op("multiply", x, x);
  const z = b.op("multiply", b.op("add", b.op("multiply", square, a * c), a), x);
  return { x, square, gate: b.op("logistic", z) };
}

function slope(b: Builder, { x, square, gate }: Parts): Value {
  const w = b.op("multiply", b.op("add", b.op("multiply", square, 3 * a * c), a), x);
  const part = b.op("multiply", b.op("subtract", 1, gate), w);
  return b.op("multiply", b.op("add", part, 1), gate);
}

/** fp32 operations of one shape. */
class Builder {
  private readonly like: Operation;
  private readonly made: Operation[];

  constructor(like: Operation, made: Operation[]) {
    this.like = like;
    this.made = made;
  }

  private add(name: string, operands: readonly Value[], dtype: "float32", attrs = {}): Value {
    const { shape } = this.like.results[0]!.type;
    const v = ownOperation(this.like, name, operands, { shape, dtype }, attrs);
    this.made.push(v.op);
    return v;
  }

  op(name: string, ...operands: readonly (Value | number)[]): Value {
    const values = operands.map((o) =>
      typeof o === "number" ? this.add("constant", [], "float32", { value: Math.fround(o) }) : o,
    );
    return this.add(name, values, "float32");
  }

  as(v: Value, dtype: Value["type"]["dtype"]): Value {
    return v.type.dtype === dtype ? v : this.add("convert", [v], dtype as "float32", { dtype });
  }
}
