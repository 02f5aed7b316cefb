/**
 * Writes `python/nki/_isa_generated.py` from the instruction records: tables, target constants, and one function an instruction that
 * puts its arguments into words without looking anything up. A new record needs no line of Python.
 */
import { type Chip, chips, psumBytesPerPartition } from "@opentrn/chips";
import {
  type AnyInstruction,
  type AttrSpec,
  control,
  defaultOf,
  instructions,
  type OperandSpec,
  opcodeOf,
} from "@opentrn/isa";
import { activationNames, aluNames, dtypeInfo, dtypeNames, encode } from "@opentrn/numerics";
import { isaFingerprint } from "./fingerprint.ts";

/** The Python enumeration of an attribute, where `nki.isa` has one. */
const enumClasses: Readonly<Record<string, string>> = {
  engine: "engine",
  reduce_cmd: "reduce_cmd",
  dge_mode: "dge_mode",
  oob_mode: "oob_mode",
  perf_mode: "matmul_perf_mode",
  dma_engine: "dma_engine",
};
/** Member names that are Python's own spelling of a value. */
const python = (value: unknown): string => {
  if (value === undefined || value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "number")
    return Number.isFinite(value)
      ? String(value)
      : `float("${Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf"}")`;
  if (Array.isArray(value))
    return `(${value.map(python).join(", ")}${value.length === 1 ? "," : ""})`;
  throw new TypeError(`no Python form of ${String(value)}`);
};
const float = (value: number): string =>
  Number.isFinite(value) && /^-?\d+$/.test(String(value)) ? `${value}.0` : python(value);

type Operands = readonly (readonly [string, OperandSpec])[];
type Attrs = readonly (readonly [string, AttrSpec])[];

const operandsOf = (op: AnyInstruction): Operands => Object.entries(op.operands);
const attrsOf = (op: AnyInstruction): Attrs => Object.entries(op.attrs);

/** Which forms an operand takes, for messages: tile, scalar, register, optional. */
const formOf = (s: OperandSpec): string =>
  [
    s.spaces.length > 0 ? "t" : "",
    s.scalar ? "s" : "",
    s.register ? "r" : "",
    s.optional || s.default !== undefined ? "o" : "",
  ].join("");

const isTileOnly = (s: OperandSpec): boolean =>
  s.spaces.length > 0 && !s.scalar && !s.register && !s.optional && s.default === undefined;

/** The default as the signature shows it. */
function signatureDefault(op: AnyInstruction, name: string): string | undefined {
  const operand = op.operands[name] as OperandSpec | undefined;
  if (operand) {
    if (operand.default !== undefined) return `_default_${op.name}_${name}`;
    return operand.optional ? "None" : undefined;
  }
  const attr = op.attrs[name] as AttrSpec;
  if (attr.kind === "activation") return undefined;
  if (attr.kind === "alu")
    return attr.default ? `_ops[${python(attr.default)}]` : attr.optional ? "None" : undefined;
  if (attr.kind === "enum") {
    const d = defaultOf(attr) as string;
    const cls = enumClasses[name];
    return cls ? `${cls}.${d}` : python(d);
  }
  if (attr.kind === "ints") return attr.default === undefined ? "()" : python(attr.default);
  if (attr.kind === "int") return attr.default === undefined ? undefined : python(attr.default);
  if (attr.kind === "float") return attr.default === undefined ? undefined : float(attr.default);
  return python(defaultOf(attr));
}

/** The Python list parameter an operand is an element of. */
const listOf = (op: AnyInstruction, name: string): string | undefined =>
  (op.operands[name] as OperandSpec | undefined)?.list;

/** Python parameters in the documented order; one that precedes a required one is required too. */
function parameters(op: AnyInstruction): string {
  const shown = [...new Set(op.params.map((name) => listOf(op, name) ?? name))];
  const defaults = shown.map((name) =>
    op.params.includes(name) ? signatureDefault(op, name) : undefined,
  );
  const required = defaults.lastIndexOf(undefined);
  const list = shown.map((name, i) => (i <= required ? name : `${name}=${defaults[i]}`));
  return [...list, "name=None"].join(", ");
}

/** Statements that take list parameters apart into their operands. */
function unpacking(op: AnyInstruction): string {
  const lists = [...new Set(op.params.flatMap((name) => listOf(op, name) ?? []))];
  return lists
    .map((list) => {
      const names = op.params.filter((name) => listOf(op, name) === list);
      const targets = names.length === 1 ? `${names[0]},` : names.join(", ");
      return `    ${targets} = _listed(${list}, ${names.length}, ${python(`${op.name}: ${list}`)})\n`;
    })
    .join("");
}

/** The expression that turns an operand into words, fast for the usual forms. */
function operandWords(op: AnyInstruction, name: string, s: OperandSpec): string {
  if (isTileOnly(s)) return `*(${name}._w or ${name}._encode())`;
  if (s.register && s.spaces.length === 0 && !s.scalar) return `*_register(${name})`;
  if (s.default !== undefined)
    return `*(_none if ${name} is _default_${op.name}_${name} else _scalar(${name}))`;
  if (s.scalar || s.register) return `*_scalar(${name})`;
  return `*(_none if ${name} is None else ${name}._w or ${name}._encode())`;
}

/** The expression for one attribute. */
function attrWords(op: AnyInstruction, name: string, a: AttrSpec): string {
  switch (a.kind) {
    case "bool":
      return `1 if ${name} else 0`;
    case "tristate":
      return `-1 if ${name} is None else 1 if ${name} else 0`;
    case "int":
      return `${name} if ${name}.__class__ is int else _wrong()`;
    case "float":
      return `_f32(${name})`;
    case "enum": {
      const table = `_t_${op.name}_${name}`;
      if (!enumClasses[name]) return `${table}[${name}]`;
      return `${a.values.indexOf(defaultOf(a) as string)} if ${name} is _d_${op.name}_${name} else ${table}[${name}]`;
    }
    case "alu":
      return a.optional ? `-1 if ${name} is None else ${name}.alu` : `${name}.alu`;
    case "activation":
      return `${name}.act`;
    case "ints":
      return `*_ints(${name})`;
  }
}

const docOf = (op: AnyInstruction): string =>
  [
    op.summary,
    "",
    ...operandsOf(op).map(
      ([n, s]) => `${n}: ${s.role}, ${s.spaces.join(" or ") || "no tile"}; ${s.doc}`,
    ),
    ...attrsOf(op).map(([n, a]) => `${n}: ${a.doc}`),
    "",
    ...Object.entries(op.rules).map(([label, r]) => `${label}: ${(r as { says: string }).says}`),
  ]
    .join("\n    ")
    .replaceAll("\\", "/")
    .replaceAll('"""', "'''");

function instructionFunction(op: AnyInstruction): string {
  const operands = operandsOf(op);
  const attrs = attrsOf(op);
  const tables = attrs.flatMap(([n, a]) =>
    a.kind === "enum"
      ? [
          `_t_${op.name}_${n} = _table(${python(a.values)}${enumClasses[n] ? `, ${enumClasses[n]}` : ""})`,
          ...(enumClasses[n]
            ? [`_d_${op.name}_${n} = ${enumClasses[n]}.${String(defaultOf(a))}`]
            : []),
        ]
      : [],
  );
  const defaults = operands.flatMap(([n, s]) =>
    s.default === undefined ? [] : [`_default_${op.name}_${n} = ${float(s.default)}`],
  );
  const spec = `_s_${op.name} = (${python(op.name)}, ${python(
    operands.map(([n, s]) => [n, formOf(s), null]),
  )}, (${attrs
    .map(
      ([n, a]) =>
        `(${python(n)}, ${python(a.kind)}, ${a.kind === "enum" ? `_t_${op.name}_${n}` : "None"}, ${slowDefault(a)}),`,
    )
    .join(" ")}))`;
  const all = [...operands.map(([n]) => n), ...attrs.map(([n]) => n)];
  const words = [
    ...operands.map(([n, s]) => operandWords(op, n, s)),
    ...attrs.map(([n, a]) => attrWords(op, n, a)),
  ];
  return `${[...tables, ...defaults, spec].join("\n")}


def ${op.name}(${parameters(op)}):
    """${docOf(op)}
    """
${unpacking(op)}    t_ = trace
    f_ = _frame(1)
    try:
        line_ = t_.codes[id(f_.f_code)][f_.f_lasti]
    except KeyError:
        line_ = t_.line(f_)
    except AttributeError:
        _outside(${python(`${op.module ?? "nki.isa"}.${op.name}`)})
    try:
        words_ = (${[opcodeOf(op), "line_", ...words].join(", ")})
    except (AttributeError, TypeError, KeyError):
        words_ = (${opcodeOf(op)}, line_, *_slow(_s_${op.name}, (${all.map((n) => `${n},`).join(" ")})))
    w_ = t_.words
    w_ += words_
    n_ = t_.count
    t_.count = n_ + 1
    if name is not None:
        t_.names[name] = n_
    if len(w_) > ${BATCH_WORDS}:
        t_.flush()
    i_ = _new(_Instruction)
    i_.index = n_
    return i_
`;
}

/** The number or position that a missing attribute stands for. */
function slowDefault(a: AttrSpec): string {
  if (a.kind === "enum") return String(a.values.indexOf(defaultOf(a) as string));
  if (a.kind === "int") return python(a.default ?? 0);
  if (a.kind === "alu")
    return a.default ? String(aluNames.indexOf(a.default)) : a.optional ? "-1" : "None";
  return "None";
}

/** Words before a batch goes to the engine: 48 KiB. */
const BATCH_WORDS = 12288;

/** What Python knows of a chip: its generation, the launches it allows and `nl.tile_size`. */
export const targetFacts = (c: Chip): Readonly<Record<string, unknown>> => ({
  generation: c.generation,
  lnc: c.lnc.value,
  pmax: c.partitions.value,
  psum_bank_fmax: c.psum.bankBytes.value / 4,
  psum_bank_fmax_bytes: c.psum.bankBytes.value,
  psum_num_banks: psumBytesPerPartition(c) / c.psum.bankBytes.value,
  gemm_stationary_fmax: c.tensor.stationaryMax.value,
  gemm_moving_fmax: c.tensor.movingMax.value,
  psum_min_align: c.psum.align.value,
  sbuf_min_align: c.sbuf.align.value,
  sbuf_size_bytes: c.sbuf.bytesPerPartition.value * c.partitions.value,
  sbuf_fmax_bytes: c.sbuf.usableBytesPerPartition.value,
});

const dictionary = (record: Readonly<Record<string, unknown>>): string =>
  `{${Object.entries(record)
    .map(([k, v]) => `${python(k)}: ${python(v)}`)
    .join(", ")}}`;

/** Bits of 1 in every type that has one; identity matrices are made of them. */
const ones = (): Readonly<Record<string, number>> =>
  Object.fromEntries(
    dtypeNames.flatMap((d) => {
      const info = dtypeInfo[d];
      if (info.kind === "packed") return [];
      return [[d, info.kind === "float" ? encode(1, d) : 1]];
    }),
  );

/** The whole module. */
export function pythonIsa(): string {
  const names = instructions.map((op) => op.name);
  return `# Generated from the instruction records by scripts/build-python.mjs; edits are lost.
"""Instructions, tables and target constants."""
from sys import _getframe as _frame

from ._enums import ${[...new Set(Object.values(enumClasses))].sort().join(", ")}

#: Says which records this file was made from; the engine refuses another.
FINGERPRINT = ${python(isaFingerprint())}
DTYPES = ${python(dtypeNames)}
DTYPE_BYTES = ${python(dtypeNames.map((d) => dtypeInfo[d].bytes))}
ONES = ${dictionary(ones())}
ALU = ${python(aluNames)}
ACTIVATIONS = ${python(activationNames)}
${Object.entries(control)
  .map(([name, code]) => `${name.toUpperCase()} = ${code}`)
  .join("\n")}
TARGETS = {
${chips.map((c) => `    ${python(c.name)}: ${dictionary(targetFacts(c))},`).join("\n")}
}
ALIASES = ${dictionary(Object.fromEntries(chips.flatMap((c) => [c.name, ...c.aliases].map((a) => [a, c.name]))))}

#: The kernel call being traced, or None.
trace = None
_none = (0,)

from ._ops import OPS as _ops  # noqa: E402


def _table(values, kind=None):
    """Positions of an attribute's values, by name, by member and by the function of nki.language of that name."""
    table = {v: i for i, v in enumerate(values)}
    if kind is None:
        table.update({_ops[v]: i for i, v in enumerate(values) if v in _ops})
    for member in kind or ():
        if member.name in table:
            table[member] = table[member.name]
    return table


def _wrong():
    raise TypeError


def _outside(name):
    if trace is None:
        raise RuntimeError("%s outside a kernel; decorate the function with nki.jit and call it" % name)
    raise


from ._encode import f32 as _f32, ints as _ints, listed as _listed, register as _register, scalar as _scalar, slow as _slow  # noqa: E402
from ._instruction import NkiInstruction as _Instruction  # noqa: E402

_new = _Instruction.__new__

INSTRUCTIONS = ${python(names)}
#: Those of nki.collectives.
COLLECTIVES = ${python(instructions.flatMap((op) => (op.module === "nki.collectives" ? [op.name] : [])))}


${instructions.map(instructionFunction).join("\n\n")}`;
}
