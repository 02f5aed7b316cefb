/**
 * Short instructions whose time is mostly fixed: several rows (or tiles) in one instruction. The first of n instructions takes the cost
 * that its record gives for n times the elements and waits for what all of them need; the others go.
 */
import { type ClassPlan, type Recast, recosted, retime } from "@opentrn/device";
import {
  decodeInstruction,
  type InstructionClass,
  instructionNamed,
  type Tile,
} from "@opentrn/isa";
import { bytesOf } from "@opentrn/numerics";
import type { Site } from "../execution.ts";
import { fixedShare, widened } from "../widened.ts";
import type { Adviser, Variant } from "./idea.ts";
import { PRESENT, StandIns } from "./stand-ins.ts";
import type { Study } from "./study.ts";
import { compare, engineTitle, percentText, placeOf } from "./words.ts";

const SIZES = [2, 4, 8, 16] as const;
/** Sites with less fixed time are not worth batching. */
const LEAST_FIXED = 0.1;

/** Operations that work element by element, or along the last dimension, and so take a further dimension of rows. */
const takesRows: ReadonlySet<string> = new Set([
  "tensor_tensor",
  "tensor_copy",
  "tensor_scalar",
  "activation",
  "tensor_reduce",
  "memset",
  "reciprocal",
  "tensor_copy_predicated",
  "nc_matmul",
]);

const absent: Recast = { absent: true };

const isColumn = (t: Tile | undefined, beside: Tile | undefined): boolean =>
  t !== undefined && beside !== undefined && t.free === 1 && beside.free > 1;

/**
 * A tensor_scalar with one value a partition, for several rows: each row has a value of its own, so the values become the second tile
 * of a tensor_tensor, broadcast along the columns.
 */
function broadcastForm(c: InstructionClass): InstructionClass | undefined {
  const { op, call, engine } = c;
  const { dst, data, operand0 } = call.tile;
  const { op0, op1 } = call.attr;
  if (op.name !== "tensor_scalar" || !dst || !data || !isColumn(operand0, data)) return undefined;
  if (op1 !== undefined || engine === "scalar") return undefined;
  const data2 = { ...data, space: "sbuf" as const, dtype: operand0!.dtype };
  const tile = { dst, data1: data, data2 };
  const attr = { op: op0, engine };
  return { ...c, op: instructionNamed("tensor_tensor")!, call: { ...call, tile, attr } };
}

/** Why an instruction cannot take several rows, or undefined. */
export function unbatchable(c: InstructionClass): string | undefined {
  if (broadcastForm(c)) return undefined;
  const { op, call } = c;
  if (!takesRows.has(op.name)) return `${op.name} takes one row a partition`;
  const { tile, attr } = call;
  const data = tile["data"];
  // A value a partition serves all elements of an instruction, so rows with values of their own need instructions of their own.
  for (const name of ["operand0", "operand1", "bias", "scale"])
    if (isColumn(tile[name], data)) return `${name} holds one value a partition`;
  const sums = attr["reduce_cmd"] !== undefined && attr["reduce_cmd"] !== "idle";
  if (sums || tile["reduce_res"]) return "it sums one row a partition";
  if (attr["is_transpose"] === true) return "it transposes one tile";
  return undefined;
}

/** Whether the tiles of `n` instructions together still are what one instruction takes. */
export function fits({ op, call }: InstructionClass, n: number): boolean {
  const { chip, tile } = call;
  if (op.name === "nc_matmul" && tile["moving"]!.free * n > chip.tensor.movingMax.value)
    return false;
  return Object.values(tile).every(
    (t) =>
      t === undefined ||
      (t.shape.length <= 4 &&
        (t.space !== "psum" || t.free * n * bytesOf(t.dtype) <= chip.psum.bankBytes.value)),
  );
}

/** The plan of one instruction that does the work of `n`. */
export function wholePlan(plan: ClassPlan, c: InstructionClass, n: number): ClassPlan {
  const form = broadcastForm(c) ?? c;
  return recosted(plan, { ...form, call: widened(form.call, n) });
}

export const batch: Adviser = function* (study) {
  if (!study.straight) return;
  const { e } = study;
  const sites = e.sites.filter((site) => batchable(study, site));
  const groups = sites.map((site) => [site]);
  // A loop's body is batched as a whole: sites that run equally often.
  const byCount = new Map<number, Site[]>();
  for (const site of sites) {
    const n = study.instructions[site.id]!.length;
    byCount.set(n, [...(byCount.get(n) ?? []), site]);
  }
  for (const group of byCount.values()) if (group.length > 1) groups.push(group);
  for (const group of groups) {
    const variants = SIZES.filter((n) => group.every((s) => allows(study, s, n))).map((n) =>
      variant(study, group, n),
    );
    if (variants.length === 0) continue;
    const weight = group.reduce((w, s) => w + study.exposure(s) * fixedOf(study, s), 0);
    const site = group.reduce((a, b) => (study.exposure(b) > study.exposure(a) ? b : a));
    const onTensor = group.length === 1 && site.engine === "tensor";
    const kind = onTensor ? "wider moving tile" : "batch";
    yield { kind, site, weight, variants, gain: "expected" };
  }
};

const fixedOf = (study: Study, site: Site): number =>
  fixedShare(study.kindOf(study.instructions[site.id]![0]!));

const classesOf = (study: Study, site: Site): InstructionClass[] =>
  [...new Set([...study.instructions[site.id]!].map((i) => study.e.kindOf[i]!))].map(
    (k) => study.e.kinds[k]!.of!,
  );

function batchable(study: Study, site: Site): boolean {
  const list = study.instructions[site.id]!;
  const kind = study.kindOf(list[0]!);
  if (list.length < 2 || !kind.of || kind.control || study.isTransfer(list[0]!)) return false;
  if (study.exposure(site) === 0 || fixedOf(study, site) < LEAST_FIXED) return false;
  return classesOf(study, site).every((c) => unbatchable(c) === undefined);
}

/** Whether `n` instructions of a site may be one: their tiles fit, and most have so many beside them that need none of their results. */
function allows(study: Study, site: Site, n: number): boolean {
  const list = study.instructions[site.id]!;
  if (list.length < n || !classesOf(study, site).every((c) => fits(c, n))) return false;
  const groups = groupsOf(study, site, n);
  const full = groups.filter((g) => g.length === n).length;
  return full * n * 2 >= list.length;
}

/**
 * Cuts a site's instructions into groups of at most `n` that follow each other, are of one class and core, do not need each other's
 * results and, on TensorE, share a stationary tile.
 */
export function groupsOf(study: Study, site: Site, n: number): readonly (readonly number[])[] {
  const { t } = study;
  const depth = depthsOf(study, site);
  const groups: number[][] = [];
  let last = "";
  for (const index of study.instructions[site.id]!) {
    const key = `${depth[study.instance[index]!]} ${t.program.classOf[index]} ${t.program.coreOf[index]} ${stationaryOf(study, site, index)}`;
    const group = groups.at(-1);
    if (group && key === last && group.length < n) group.push(index);
    else groups.push([index]);
    last = key;
  }
  return groups;
}

function stationaryOf({ t }: Study, { engine }: Site, index: number): string {
  if (engine !== "tensor") return "";
  const o = decodeInstruction(t.program, index).operands["stationary"];
  if (o?.kind !== "tile") return "";
  const { storage, partition, offset, dims } = o.pattern;
  return `${storage} ${partition} ${offset} ${dims}`;
}

const depths = new WeakMap<Study, Map<number, Int32Array>>();

/** By instance: through how many instances of the site its data have come. */
function depthsOf(study: Study, site: Site): Int32Array {
  const known = depths.get(study) ?? new Map<number, Int32Array>();
  depths.set(study, known);
  const before = known.get(site.id);
  if (before) return before;
  const { index } = study.t.graph;
  const made = study.dataFlow.depthOver((i) => study.e.siteOf[index[i]!] === site.id);
  known.set(site.id, made);
  return made;
}

function variant(study: Study, group: readonly Site[], n: number): Variant {
  const [first] = group;
  const site = first!;
  const list = study.instructions[site.id]!;
  const kind = study.kindOf(list[0]!);
  const tile = kind.of!.call.tile;
  const columns = (tile["moving"] ?? tile["data"] ?? tile["dst"] ?? tile["data1"])?.free ?? 0;
  const places = [...new Set(group.map(placeOf))].join(", ");
  const fixed = percentText(fixedOf(study, site));
  const onTensor = site.engine === "tensor" && group.length === 1;
  const broadcasts = group.some((s) => classesOf(study, s).some((c) => broadcastForm(c)));
  return {
    time: () => {
      const standIn = new Int32Array(study.t.graph.count).fill(PRESENT);
      const recasts = new Map<number, Recast>();
      const whole = new Map<number, Recast>();
      for (const s of group)
        for (const [first, ...later] of groupsOf(study, s, n)) {
          const size = later.length + 1;
          if (size === 1) continue;
          const recast = whole.get(size) ?? { plan: (plan, c) => wholePlan(plan, c, size) };
          whole.set(size, recast);
          recasts.set(first!, recast);
          for (const index of later) {
            recasts.set(index, absent);
            standIn[study.instance[index]!] = study.instance[first!]!;
          }
        }
      const waits = () => new StandIns(study.t, study.dataFlow, standIn);
      return retime(study.t, { recasts, waits }).totalNs;
    },
    text: {
      says: `${list.length} ${site.instruction} at ${placeOf(site)} run on ${engineTitle(site.engine)} with ${columns} elements a partition: ${fixed} of their time is fixed.`,
      change: onTensor
        ? `Multiply ${n} moving tiles in one instruction (${columns * n} columns).`
        : `Work on ${n} rows an instruction at ${places}: tiles of [P, ${n}, ${columns}]${broadcasts ? "; tensor_scalar with a value a row becomes tensor_tensor with the values broadcast" : ""}.`,
      check: compare(
        onTensor
          ? `load moving tiles of ${columns * n} columns and call nc_matmul once for each`
          : `load ${n} rows a step into tiles with a further dimension of ${n} and issue each instruction once`,
      ),
    },
  };
}
