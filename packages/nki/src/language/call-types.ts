/**
 * The type of every `nisa` function, computed from its record: operands and attributes in camelCase, optional where the record has a
 * default. Adding a record to the instruction table adds its typed function; nothing here is written per instruction.
 */
import type { AttrSpec, Instruction, OperandSpec } from "@opentrn/isa";
import type { ActivationName, AluName } from "@opentrn/numerics";
import type { Camel } from "./names.ts";
import type { ActivationOperation, AluOperation } from "./operations.ts";
import type { Register } from "./register.ts";
import type { Tensor } from "./tensor.ts";

type OperandValue<S extends OperandSpec> =
  | (S["spaces"] extends readonly [] ? never : Tensor)
  | (S extends { scalar: true } ? number : never)
  | (S extends { register: true } ? Register : never);

type AttrValue<A extends AttrSpec> = A extends { kind: "bool" | "tristate" }
  ? boolean
  : A extends { kind: "int" | "float" }
    ? number
    : A extends { kind: "enum"; values: readonly (infer V)[] }
      ? V
      : A extends { kind: "alu" }
        ? AluName | AluOperation
        : A extends { kind: "activation" }
          ? ActivationName | ActivationOperation
          : readonly (number | readonly number[])[];

/** Operand specifications that a call may leave out. */
type OptionalOperand = { readonly optional: true } | { readonly default: number };
/** Attribute specifications that a call may leave out. */
type OptionalAttr =
  | { readonly kind: "bool" | "tristate" | "enum" | "ints" }
  | { readonly optional: true }
  | { readonly default: unknown };

type Required<T, Optional> = { [K in keyof T]: T[K] extends Optional ? never : K }[keyof T];
type Left<T, Optional> = Exclude<keyof T, Required<T, Optional>>;

type OperandArgs<S extends Readonly<Record<string, OperandSpec>>> = {
  readonly [K in Required<S, OptionalOperand> as Camel<K & string>]: OperandValue<S[K]>;
} & {
  readonly [K in Left<S, OptionalOperand> as Camel<K & string>]?: OperandValue<S[K]> | undefined;
};
type AttrArgs<A extends Readonly<Record<string, AttrSpec>>> = {
  readonly [K in Required<A, OptionalAttr> as Camel<K & string>]: AttrValue<A[K]>;
} & { readonly [K in Left<A, OptionalAttr> as Camel<K & string>]?: AttrValue<A[K]> | undefined };

/** What a `nisa` function takes: one object with the record's operands and attributes. */
export type CallArguments<I> =
  I extends Instruction<infer S, infer A> ? OperandArgs<S> & AttrArgs<A> : never;
