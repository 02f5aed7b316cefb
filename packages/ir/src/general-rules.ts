/** Rules every operation obeys, whatever its record says; then the record's own constraints in their order. */
import { OpenTrnError } from "@opentrn/base";
import type { AnyCall, AnyOp, AttrSpec, ElementKind } from "./define.ts";
import { elementKinds } from "./define.ts";
import type { Site } from "./site.ts";
import {
  elementTypes,
  isBoolType,
  isFloatType,
  isIntegerType,
  printType,
  type TensorType,
} from "./types.ts";

export const generalRules = {
  G1: "an operation has the operands its record lists",
  G2: "an operand has an element type the operation takes",
  G3: "every attribute is there and of its kind",
  G4: "dimensions are whole numbers from 0, and a tensor has at most 2^32 elements",
} as const;
export type GeneralRule = keyof typeof generalRules;

const takes: Record<ElementKind, (t: TensorType) => boolean> = {
  float: isFloatType,
  number: (t) => !isBoolType(t),
  integer: isIntegerType,
  bool: isBoolType,
  bits: (t) => !isFloatType(t),
  any: () => true,
};

const isInts = (v: unknown): boolean => Array.isArray(v) && v.every((x) => Number.isInteger(x));
const isType = (v: unknown): v is TensorType =>
  typeof v === "object" && v !== null && "shape" in v && "dtype" in v;
const attrIs: { readonly [K in AttrSpec["kind"]]: (v: unknown, spec: AttrSpec) => boolean } = {
  ints: isInts,
  shape: (v) => Array.isArray(v),
  int: (v) => Number.isInteger(v),
  bool: (v) => typeof v === "boolean",
  enum: (v, spec) => spec.kind === "enum" && spec.values.includes(v as string),
  string: (v) => typeof v === "string",
  literal: (v) => typeof v === "number" || ArrayBuffer.isView(v),
  dtype: (v) => elementTypes.some((t) => t === v),
  types: (v) => Array.isArray(v) && v.every(isType),
  function: (v) => typeof v === "object" && v !== null && "body" in v,
};

const limit = 2 ** 32;
const shapeFault = (shape: readonly number[]): string | undefined => {
  const bad = shape.find((d) => !Number.isInteger(d) || d < 0);
  if (bad !== undefined) return `shape [${shape.join(", ")}] has dimension ${bad}`;
  return shape.reduce((n, d) => n * d, 1) > limit
    ? `shape [${shape.join(", ")}] has more than 2^32 elements; split the tensor`
    : undefined;
};

function generalFault(record: AnyOp, call: AnyCall): readonly [GeneralRule, string] | undefined {
  const specs = record.operands;
  const variadic = specs.at(-1)?.variadic === true;
  const least = variadic ? specs.length - 1 : specs.length;
  const count = call.operands.length;
  if (count < least || (count > least && !variadic)) {
    const names = specs.map((s) => (s.variadic ? `${s.name}...` : s.name)).join(", ");
    return ["G1", `${count} operands were given; it takes ${specs.length === 0 ? "none" : names}`];
  }
  for (const [i, type] of call.operands.entries()) {
    const spec = specs[Math.min(i, specs.length - 1)]!;
    if (!takes[spec.takes](type))
      return [
        "G2",
        `${spec.name} is ${printType(type)}; it takes ${elementKinds[spec.takes]}, convert it`,
      ];
  }
  for (const name in record.attrs) {
    const spec: AttrSpec = record.attrs[name];
    const value = call.attrs[name];
    if (!attrIs[spec.kind](value, spec))
      return [
        "G3",
        `${name} is ${value === undefined ? "missing" : JSON.stringify(value)}; pass ${spec.kind === "enum" ? `one of ${spec.values.join(", ")}` : `a value of kind ${spec.kind}`}`,
      ];
    const shapes =
      spec.kind === "shape"
        ? [value as number[]]
        : spec.kind === "types"
          ? (value as TensorType[]).map((t) => t.shape)
          : [];
    for (const shape of shapes) {
      const fault = shapeFault(shape);
      if (fault) return ["G4", fault];
    }
  }
  return undefined;
}

/** Stops with the first broken rule: the general ones, the record's constraints, and the size of the results. */
export function checkCall(record: AnyOp, call: AnyCall, site: Site): void {
  const stop = (label: string, why: string, says: string): never => {
    throw new OpenTrnError(`${record.name} ${label}: ${why}. Rule: ${says}.`, {
      category: "invalid program",
      rule: `${record.name} ${label}`,
      at: site.location,
    });
  };
  const general = generalFault(record, call);
  if (general) stop(general[0], general[1], generalRules[general[0]]);
  for (const [label, constraint] of Object.entries(record.constraints)) {
    const why = constraint.broken(call);
    if (why !== undefined) stop(label, why, constraint.says);
  }
  for (const type of record.infer(call)) {
    const fault = shapeFault(type.shape);
    if (fault) stop("G4", `the result's ${fault}`, generalRules.G4);
  }
}
