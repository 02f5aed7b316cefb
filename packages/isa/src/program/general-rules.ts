/** Rules every instruction obeys, whatever its record says: partitions, memory spaces, types, bounds, engines, generations. */
import { type ErrorCategory, OpenTrnError } from "@opentrn/base";
import type { Chip } from "@opentrn/chips";
import { bytesOf, dtypeInfo } from "@opentrn/numerics";
import type { AnyCall, AnyInstruction, Engine, OperandSpec, Tile } from "../define.ts";
import {
  type AccessPattern,
  elementsOf,
  type Operand,
  runsOf,
  type Storage,
  span,
} from "./pattern.ts";

/** Source of G1, G2 and G5: nki/guides/architecture/trainium_inferentia2_arch.rst, access pattern and partition rules. */
export const generalRules = {
  G1: "an on-chip operand covers at most 128 partitions, one after another",
  G2: "for compute engines, more than 64 partitions start at 0, more than 32 at 0 or 64, others at a multiple of 32",
  G3: "an operand lies in a memory its engine reaches",
  G4: "an operand has a data type its engine takes",
  G5: "an access pattern has at most four free dimensions",
  G6: "every element lies inside the tensor",
  G7: "the target has the instruction",
  G8: "an operand is given in a form the instruction takes",
  G9: "the engine can run the instruction",
  G10: "only bytes that were written are read",
  G11: "the target has the data type",
  G12: "vectors of offsets address HBM tensors of DMA transfers; tensor indirection needs NeuronCore-v4, an operand that takes it and an index that starts on the operand's partition, a multiple of 32",
  G13: "an operand covers at most 2^32 elements in 2^26 contiguous pieces (a limit of this engine)",
} as const;
export type GeneralRule = keyof typeof generalRules;

/** Stops with a broken general rule. */
export function breakRule(
  op: string,
  rule: GeneralRule,
  why: string,
  category: ErrorCategory = "invalid program",
): never {
  throw new OpenTrnError(`${op} ${rule}: ${why}. Rule: ${generalRules[rule]}.`, {
    category,
    rule: `${op} ${rule}`,
  });
}

const list = (items: readonly string[]): string => items.join(", ");

/** G8: an operand is missing, or of the wrong form. */
export function checkForm(
  op: AnyInstruction,
  name: string,
  spec: OperandSpec,
  o: Operand | undefined,
): void {
  if (o === undefined) {
    if (spec.optional || spec.default !== undefined) return;
    breakRule(op.name, "G8", `${name} is missing; pass ${forms(spec)}`);
  }
  if (
    o.kind === "tile"
      ? spec.spaces.length === 0
      : o.kind === "register"
        ? !spec.register
        : !spec.scalar
  )
    breakRule(op.name, "G8", `${name} is ${article(o)}; pass ${forms(spec)}`);
}

const article = (o: Operand): string =>
  o.kind === "tile" ? "a tensor" : o.kind === "register" ? "a register" : `the number ${o.value}`;

const forms = (spec: OperandSpec): string =>
  [
    spec.spaces.length > 0 ? `a tensor in ${list(spec.spaces)}` : "",
    spec.scalar ? "a number" : "",
    spec.register ? "a register" : "",
  ]
    .filter(Boolean)
    .join(" or ");

/** G12 on one tile. */
function checkAddressing(op: AnyInstruction, name: string, spec: OperandSpec, t: Tile, chip: Chip) {
  if (t.dynamic === "vector" && (op.cost.kind !== "dma" || t.space !== "hbm"))
    breakRule(
      op.name,
      "G12",
      `${name} lies in ${t.space} and takes its positions from a vector; gather from HBM with dma_copy`,
    );
  if (t.dynamic !== "indirect") return;
  if (chip.generation < 4)
    breakRule(
      op.name,
      "G12",
      `${name} uses tensor indirection on ${chip.name}; use nc_n_gather or dma_copy`,
      "unsupported here",
    );
  if (!spec.indirect)
    breakRule(op.name, "G12", `${name} does not take tensor indirection; copy it first`);
  const index = t.index!;
  if (index.startPartition % 32 !== 0)
    breakRule(op.name, "G12", `the index of ${name} starts at partition ${index.startPartition}`);
  if (spec.role === "in" && index.startPartition !== t.startPartition)
    breakRule(
      op.name,
      "G12",
      `${name} starts at partition ${t.startPartition}, its index at ${index.startPartition}`,
    );
}

/** G1 to G5, G11 and G12 on one tile. */
export function checkTile(
  op: AnyInstruction,
  name: string,
  spec: OperandSpec,
  t: Tile,
  chip: Chip,
): void {
  if (!spec.spaces.includes(t.space))
    breakRule(op.name, "G3", `${name} is in ${t.space}; it must be in ${list(spec.spaces)}`);
  if (spec.dtypes && !spec.dtypes.includes(t.dtype))
    breakRule(op.name, "G4", `${name} is ${t.dtype}; it takes ${list(spec.dtypes)}`);
  const since = dtypeInfo[t.dtype].since;
  if (since !== undefined && since > chip.generation)
    breakRule(
      op.name,
      "G11",
      `${name} is ${t.dtype}, which needs NeuronCore-v${since}; ${chip.name} is v${chip.generation}`,
      "unsupported here",
    );
  if (t.shape.length > 5)
    breakRule(
      op.name,
      "G5",
      `${name} has ${t.shape.length - 1} free dimensions, at most 4; reshape it`,
    );
  checkAddressing(op, name, spec, t, chip);
  if (t.space === "hbm") return;
  if (t.partitions > chip.partitions.value)
    breakRule(
      op.name,
      "G1",
      `${name} covers ${t.partitions} partitions, at most ${chip.partitions.value} on ${chip.name}; tile it`,
    );
  if (op.cost.kind === "dma" || op.control) return;
  if (spec.quadrantOffsets) {
    if (!spec.quadrantOffsets.includes(t.startPartition % 32))
      breakRule(
        op.name,
        "G2",
        `${name} starts at partition ${t.startPartition}; inside its quadrant it must start at ${list(spec.quadrantOffsets.map(String))}`,
      );
    return;
  }
  const step = t.partitions > 64 ? 128 : t.partitions > 32 ? 64 : 32;
  if (t.startPartition % step !== 0)
    breakRule(
      op.name,
      "G2",
      `${name} starts at partition ${t.startPartition} with ${t.partitions} partitions; ${step === 128 ? "it must start at 0" : `start at a multiple of ${step}`}`,
    );
}

/** Elements and pieces of one operand that this engine follows; far beyond what fits on chip or makes sense as one transfer. */
const MOST_ELEMENTS = 2 ** 32;
const MOST_RUNS = 2 ** 26;

/** G13: an engine of ours, not of the chip: patterns that repeat or jump without end are refused. */
function checkSize(op: string, name: string, p: AccessPattern): void {
  const [elements, runs] = [elementsOf(p), runsOf(p)];
  if (elements > MOST_ELEMENTS || runs > MOST_RUNS)
    breakRule(
      op,
      "G13",
      `${name} covers ${elements} elements in ${runs} pieces, at most ${MOST_ELEMENTS} in ${MOST_RUNS}; use several instructions`,
      "limit reached",
    );
}

/** G1, G6 and G13: the pattern stays inside its storage. */
export function checkBounds(op: string, name: string, s: Storage, p: AccessPattern): void {
  const elements = s.rowBytes / bytesOf(p.dtype);
  for (const [, count] of p.dims)
    if (count <= 0)
      breakRule(
        op,
        "G6",
        `${name} (${s.name}) has a dimension of ${count} elements; every count is at least 1`,
        "out of bounds",
      );
  checkSize(op, name, p);
  const { first, last } = span(p, s.space);
  if (first < 0 || last >= elements)
    breakRule(
      op,
      "G6",
      `${name} (${s.name} ${s.dtype}[${s.shape}]) reaches element ${first < 0 ? first : last}, the ${s.space === "hbm" ? "tensor" : "partition"} holds ${elements}; shorten the slice`,
      "out of bounds",
    );
  if (s.space === "hbm") return;
  const [stride, count] = p.dims[0]!;
  if (stride !== 1 && stride !== 0 && count > 1)
    breakRule(
      op,
      "G1",
      `${name} (${s.name}) skips partitions (step ${stride}); partitions are taken one after another`,
    );
  if (p.partition + count > s.partitions && stride !== 0)
    breakRule(
      op,
      "G6",
      `${name} (${s.name} ${s.dtype}[${s.shape}]) reaches partition ${p.partition + count - 1}, the tensor has ${s.partitions}; shorten the slice`,
      "out of bounds",
    );
}

/** G4: four packed elements are a value only to instructions that see bits; DMA records say for themselves what they move. */
export function checkPacked(op: AnyInstruction, call: AnyCall): void {
  const raw = new Set((op.bits?.(call as never) ?? []) as readonly string[]);
  for (const [name, t] of Object.entries(call.tile))
    if (t && dtypeInfo[t.dtype].kind === "packed" && !raw.has(name))
      breakRule(
        op.name,
        "G4",
        `${name} is ${t.dtype}, which is moved and multiplied by nc_matmul_mx but not computed with; convert it first`,
      );
}

/** G7 and G9. */
export function checkEngine(op: AnyInstruction, engine: Engine, chip: Chip): void {
  const possible = op.engines(chip);
  if (!possible.includes(engine))
    breakRule(
      op.name,
      "G9",
      `engine ${engine} cannot run it on ${chip.name}; choose ${list(possible)}`,
    );
}

export function checkGeneration(op: AnyInstruction, chip: Chip): void {
  if (op.generations.includes(chip.generation)) return;
  breakRule(
    op.name,
    "G7",
    `${chip.name} (NeuronCore-v${chip.generation}) does not have it; it needs NeuronCore-v${op.generations.join(" or v")}`,
    "unsupported here",
  );
}
