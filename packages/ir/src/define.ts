/**
 * What an operation is: operands, attributes, numbered constraints, result types, reference meaning and gradient, in one record.
 * Builder, verifier, printer, parser, interpreter and reverse mode are derived from these records.
 */
import type { Func, Operation, Value } from "./graph.ts";
import type { Arithmetic, Data, Tensor } from "./storage.ts";
import type { ElementType, TensorType } from "./types.ts";

/** Kinds of element types an operand takes (rule G2). */
export const elementKinds = {
  float: "a float type",
  number: "a float or integer type",
  integer: "an integer type",
  bool: "i1",
  bits: "i1 or an integer type",
  any: "any type",
} as const;
export type ElementKind = keyof typeof elementKinds;

export interface OperandSpec {
  readonly name: string;
  readonly takes: ElementKind;
  /** The last operand, given any number of times. */
  readonly variadic?: true;
}

export type AttrSpec =
  | { readonly kind: "ints"; readonly default?: readonly number[] }
  | { readonly kind: "int" }
  | { readonly kind: "bool"; readonly default: boolean }
  | { readonly kind: "enum"; readonly values: readonly string[] }
  | { readonly kind: "string"; readonly default?: string }
  /** The elements of a constant: one number for all of them, or all of them row-major. */
  | { readonly kind: "literal" }
  /** Shape and element type of the first result; the text form shows them only there. */
  | { readonly kind: "shape" }
  | { readonly kind: "dtype" }
  /** The types of all results, likewise. */
  | { readonly kind: "types" }
  | { readonly kind: "function" };

export type AttrSpecs = Readonly<Record<string, AttrSpec>>;
export type Literal = number | Data;

type AttrValue<A extends AttrSpec> = A extends { kind: "ints" | "shape" }
  ? readonly number[]
  : A extends { kind: "int" }
    ? number
    : A extends { kind: "bool" }
      ? boolean
      : A extends { kind: "enum"; values: readonly (infer V)[] }
        ? V
        : A extends { kind: "string" }
          ? string
          : A extends { kind: "literal" }
            ? Literal
            : A extends { kind: "dtype" }
              ? ElementType
              : A extends { kind: "types" }
                ? readonly TensorType[]
                : Func;
export type AttrsOf<A extends AttrSpecs> = { readonly [K in keyof A]: AttrValue<A[K]> };

/** An operation as its constraints see it. */
export interface Call<A extends AttrSpecs = AttrSpecs> {
  readonly operands: readonly TensorType[];
  readonly attrs: AttrsOf<A>;
}

/** A call with its attribute names forgotten. */
export interface AnyCall {
  readonly operands: readonly TensorType[];
  readonly attrs: Readonly<Record<string, unknown>>;
}

export interface Constraint<A extends AttrSpecs> {
  readonly says: string;
  /** What is wrong and the way out, or undefined when the rule holds. Earlier constraints hold already. */
  readonly broken: (call: Call<A>) => string | undefined;
}

/** The meaning of a `custom_call` target; without `interpret` it is opaque, without `gradient` it cannot be differentiated. */
export interface CustomCall {
  readonly interpret?: (
    inputs: readonly Tensor[],
    call: {
      readonly config: string;
      readonly results: readonly TensorType[];
      readonly arithmetic: Arithmetic;
    },
  ) => readonly ArrayLike<number>[];
  readonly gradient?: (call: GradientCall) => readonly (Value | undefined)[];
}
export type CustomCalls = Readonly<Record<string, CustomCall>>;

export interface EvaluateCall<A extends AttrSpecs = AttrSpecs> extends Call<A> {
  readonly results: readonly TensorType[];
  readonly arithmetic: Arithmetic;
  readonly customCalls: CustomCalls;
  /** Runs another function (for `call`). */
  readonly run: (fn: Func, inputs: readonly Tensor[]) => readonly Tensor[];
}

export interface GradientCall<A extends AttrSpecs = AttrSpecs> {
  readonly op: Operation;
  readonly operands: readonly Value[];
  readonly results: readonly Value[];
  readonly attrs: AttrsOf<A>;
  /** One a result; undefined where nothing depends on it. */
  readonly cotangents: readonly (Value | undefined)[];
  /** The cotangent of the first result; of operations with one result it is always there. */
  readonly cotangent: Value;
  /** Which operands' cotangents are asked for; the others are dropped. */
  readonly needs: readonly boolean[];
  readonly customCalls: CustomCalls;
  /** The function that takes parameters and cotangents of results to cotangents of the parameters at `wrt` (for `call`). */
  readonly pullbackOf: (fn: Func, results: readonly number[], wrt: readonly number[]) => Func;
}

/** IR to IR: the cotangents of the operands. Or why no cotangent passes. */
export type Gradient<A extends AttrSpecs> =
  | ((call: GradientCall<A>) => readonly (Value | undefined)[])
  | { readonly notDifferentiable: string };

export interface OpRecord<A extends AttrSpecs = AttrSpecs> {
  /** Name as StableHLO writes it. */
  readonly name: string;
  readonly summary: string;
  /** Where our meaning is narrower than or different from StableHLO's; absent: the same. */
  readonly differs?: string;
  readonly operands: readonly OperandSpec[];
  readonly attrs: A;
  readonly constraints: Readonly<Record<`C${number}`, Constraint<A>>>;
  /** Result types of a call whose constraints hold. */
  readonly infer: (call: Call<A>) => readonly TensorType[];
  /** The reference meaning. Float results may be fp32; the interpreter rounds them to their type unless `moves`. */
  readonly evaluate: (inputs: readonly Data[], call: EvaluateCall<A>) => readonly Data[];
  /** Only moves elements, so that results need no rounding. */
  readonly moves?: true;
  readonly gradient: Gradient<A>;
}

/** Declares an operation; keeps attribute names in its type. */
export const operation = <const A extends AttrSpecs>(record: OpRecord<A>): OpRecord<A> => record;

/** A record with its attribute names forgotten, as tables hold it. */
// biome-ignore lint/suspicious/noExplicitAny: tables hold records of many attribute shapes; each record itself is checked.
export type AnyOp = OpRecord<any>;
