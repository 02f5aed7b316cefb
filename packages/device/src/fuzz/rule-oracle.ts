/**
 * Which rules a call breaks, each looked at by itself: the numbered rules of its record, and the general rules stated here a second time
 * from their texts, so that the builder's order of checks and its shortcuts have something to be compared with.
 */
import type { Chip } from "@opentrn/chips";
import type {
  AccessPattern,
  AnyCall,
  AnyInstruction,
  Engine,
  Operand,
  OperandSpec,
  Rule,
  Storage,
  Tile,
} from "@opentrn/isa";
import { bytesOf, dtypeInfo } from "@opentrn/numerics";

export interface Draft {
  readonly op: AnyInstruction;
  readonly operands: Readonly<Record<string, Operand | undefined>>;
  readonly attrs: Readonly<Record<string, unknown>>;
  readonly chip: Chip;
  readonly storages: readonly Storage[];
  /** Storages that no instruction wrote. */
  readonly unwritten: ReadonlySet<number>;
}

function tileOf(p: AccessPattern, storages: readonly Storage[]): Tile {
  const { space } = storages[p.storage]!;
  const counts = p.dims.map((d) => d[1]);
  const hbm = space === "hbm";
  const kind = p.dynamic?.kind;
  return {
    space,
    dtype: p.dtype,
    partitions: counts[0]!,
    startPartition: hbm ? 0 : p.partition,
    free: counts.slice(1).reduce((a, b) => a * b, 1),
    shape: counts,
    strides: p.dims.slice(hbm ? 0 : 1).map((d) => d[0]),
    psumOffset: space === "psum" ? p.offset * bytesOf(p.dtype) : 0,
    dynamic: kind === undefined ? "none" : kind === "register" ? "scalar" : kind,
    ...(p.dynamic && p.dynamic.kind !== "register"
      ? { index: tileOf(p.dynamic.index, storages) }
      : {}),
  };
}

function outside(p: AccessPattern, s: Storage): boolean {
  const onChip = s.space !== "hbm";
  const held = s.rowBytes / bytesOf(p.dtype);
  let [low, high] = [p.offset, p.offset];
  p.dims.forEach(([stride, count], d) => {
    if ((onChip && d === 0) || (d === 0 && p.dynamic?.kind === "vector")) return;
    const reach = stride * (count - 1);
    if (reach < 0) low += reach;
    else high += reach;
  });
  const rows = onChip && p.dims[0]![0] !== 0 ? p.partition + p.dims[0]![1] : 0;
  return low < 0 || high >= held || rows > s.partitions || p.dims.some((d) => d[1] < 1);
}

const takes = (spec: OperandSpec, o: Operand): boolean =>
  o.kind === "tile"
    ? spec.spaces.length > 0
    : o.kind === "register"
      ? spec.register === true
      : spec.scalar === true;

/** General rules that one tile operand breaks, whatever else the call holds. */
function brokenByTile(d: Draft, name: string, p: AccessPattern): string[] {
  const { op, chip } = d;
  const spec = (op.operands as Record<string, OperandSpec>)[name]!;
  const s = d.storages[p.storage]!;
  const t = tileOf(p, d.storages);
  const onChip = s.space !== "hbm";
  const dma = op.cost.kind === "dma";
  const computes = onChip && !dma && !op.control;
  const aligned = spec.quadrantOffsets
    ? spec.quadrantOffsets.includes(p.partition % 32)
    : p.partition % (t.partitions > 64 ? 128 : t.partitions > 32 ? 64 : 32) === 0;
  const indirect = t.dynamic === "indirect";
  const start = t.index?.startPartition ?? 0;
  const broken: Readonly<Record<string, boolean>> = {
    G1:
      onChip &&
      (t.partitions > chip.partitions.value ||
        (t.partitions > 1 && ![0, 1].includes(p.dims[0]![0]))),
    G2: computes && !aligned,
    G3: !spec.spaces.includes(s.space),
    G4: spec.dtypes !== undefined && !spec.dtypes.includes(t.dtype),
    G5: t.shape.length > 5,
    G6: outside(p, s),
    G10:
      spec.role !== "out" &&
      !spec.keeps &&
      (op.readsOperand?.(name, d.attrs) ?? true) &&
      d.unwritten.has(s.id),
    G11: (dtypeInfo[t.dtype].since ?? 2) > chip.generation,
    G12:
      (t.dynamic === "vector" && !(dma && !onChip)) ||
      (indirect &&
        (chip.generation < 4 ||
          !spec.indirect ||
          start % 32 !== 0 ||
          (spec.role === "in" && start !== t.startPartition))),
  };
  return Object.keys(broken).filter((label) => broken[label]);
}

/** Labels of all broken rules; numbered ones only where every operand has a form that they can look at. */
export function brokenRules(d: Draft): readonly string[] {
  const { op, chip } = d;
  const specs = Object.entries(op.operands as Record<string, OperandSpec>);
  const wrongForm = specs.some(([name, spec]) => {
    const o = d.operands[name];
    return o === undefined ? !spec.optional && spec.default === undefined : !takes(spec, o);
  });
  const found = new Set<string>();
  if (wrongForm) found.add("G8");
  if (!op.generations.includes(chip.generation)) found.add("G7");
  const tile: Record<string, Tile> = {};
  const immediate: Record<string, number> = {};
  const register: Record<string, number> = {};
  for (const [name, spec] of specs) {
    const o = d.operands[name];
    if (o === undefined) {
      if (spec.default !== undefined) immediate[name] = spec.default;
    } else if (o.kind === "tile") tile[name] = tileOf(o.pattern, d.storages);
    else if (o.kind === "register") register[name] = o.register;
    else immediate[name] = o.value;
  }
  for (const [name] of specs) {
    const o = d.operands[name];
    if (o?.kind === "tile") for (const label of brokenByTile(d, name, o.pattern)) found.add(label);
  }
  // Other rules look at operands that are not there.
  if (wrongForm) return [...found];
  const open = { tile, immediate, register, attr: d.attrs, chip };
  const asked = d.attrs["engine"] as Engine | "unknown" | undefined;
  const left = asked === undefined || asked === "unknown" || op.cost.kind === "dma";
  const engine = left ? (op.chooseEngine?.(open as never) ?? op.engines(chip)[0]) : asked;
  if (engine === undefined || !op.engines(chip).includes(engine)) found.add("G9");
  const call: AnyCall = { ...open, engine: engine ?? "sync" };
  if (!found.has("G9"))
    for (const [label, rule] of Object.entries(op.rules) as [string, Rule<never, never>][])
      if (rule.broken(call as never) !== undefined) found.add(label);
  if (!op.control && op.cost.kind !== "dma") {
    const raw = new Set<string>((op.bits?.(call as never) ?? []) as readonly string[]);
    for (const [name, t] of Object.entries(tile))
      if (dtypeInfo[t.dtype].kind === "packed" && !raw.has(name)) found.add("G4");
  }
  return [...found];
}
