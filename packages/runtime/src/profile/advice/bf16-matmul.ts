/**
 * fp32 matmuls, which take four passes: their operands in bf16. Tiles that matmuls read become bf16 with everything that writes them,
 * and with the inputs they are loaded from where nothing else reads these; a load from an fp32 input converts on its way.
 */
import { dmaShape, queueOf, type Recast, recosted, retime, visitStorages } from "@opentrn/device";
import { type AnyCall, decodeInstruction, type Tile } from "@opentrn/isa";
import type { Adviser } from "./idea.ts";
import type { Study } from "./study.ts";
import { compare, placeOf } from "./words.ts";

/** The call with some tiles in bf16. */
export function narrowed(call: AnyCall, names: ReadonlySet<string>): AnyCall {
  const tile: Record<string, Tile | undefined> = { ...call.tile };
  for (const name of names) tile[name] = { ...tile[name]!, dtype: "bfloat16" };
  return { ...call, tile };
}

export const bf16Matmul: Adviser = function* (study) {
  const { t, e } = study;
  const sites = e.sites.filter((site) => {
    const { of } = study.kindOf(study.instructions[site.id]![0]!);
    return (
      of?.op.name === "nc_matmul" &&
      of.call.tile["moving"]!.dtype === "float32" &&
      of.call.attr["is_transpose"] !== true
    );
  });
  const [first] = sites;
  if (!first) return;
  const chosen = new Set(sites.map((s) => s.id));
  const storages = narrowStorages(study, chosen);
  const passes = t.program.chip.tensor.fp32Passes.value;
  const places = [...new Set(sites.map(placeOf))].join(", ");
  yield {
    kind: "bf16 matmul",
    site: sites.reduce((a, b) => (study.exposure(b) > study.exposure(a) ? b : a)),
    weight: sites.reduce((w, s) => w + study.exposure(s), 0) + loadsOf(study, storages),
    gain: "expected",
    variants: [
      {
        time: () => retime(t, { recasts: recastsOf(study, storages) }).totalNs,
        text: {
          says: `Matmuls at ${places} multiply fp32, which takes ${passes} passes through the array.`,
          change:
            "Keep their operands in bf16; sums stay fp32 in PSUM. Products then carry 8 bits of mantissa: check the values with trn run --check.",
          check: compare(
            `pass bf16 inputs, or write the tiles that matmuls at ${places} read as bf16`,
          ),
        },
      },
    ],
  };
};

/** On-chip tensors that only such matmuls read, and inputs that only loads into these read. */
function narrowStorages(study: Study, chosen: ReadonlySet<number>): ReadonlySet<number> {
  const { program } = study.t;
  const narrow = new Set<number>();
  const wide = new Set<number>();
  for (let i = 0; i < program.starts.length; i++) {
    const isMatmul = chosen.has(study.e.siteOf[i]!);
    if (!isMatmul && study.isTransfer(i)) continue;
    const { op, operands } = decodeInstruction(program, i);
    for (const [name, o] of Object.entries(operands)) {
      if (o?.kind !== "tile") continue;
      const reads = op.operands[name]!.role !== "out";
      if (isMatmul && name !== "dst") narrow.add(o.pattern.storage);
      else if (reads) wide.add(o.pattern.storage);
    }
  }
  for (const s of wide) narrow.delete(s);
  for (const s of [...narrow])
    if (program.storages[s]!.dtype !== "float32" || program.storages[s]!.space !== "sbuf")
      narrow.delete(s);
  // Inputs follow the tiles they are loaded into; other transfers of these tiles keep both ends fp32.
  const inputs = new Map<number, boolean>();
  const kept = new Set<number>();
  for (let i = 0; i < program.starts.length; i++) {
    if (!study.isTransfer(i)) continue;
    for (const { pattern, writes, onChip } of study.hbmOf(i)) {
      const isInput = program.storages[pattern.storage]!.kind === "input";
      const into = !writes && onChip !== undefined && narrow.has(onChip.storage);
      if (!isInput && onChip && narrow.has(onChip.storage)) kept.add(onChip.storage);
      inputs.set(pattern.storage, (inputs.get(pattern.storage) ?? true) && isInput && into);
    }
  }
  for (const [s, all] of inputs) if (all) narrow.add(s);
  for (const s of kept) narrow.delete(s);
  return narrow;
}

const loadsOf = (study: Study, storages: ReadonlySet<number>): number => {
  const { program } = study.t;
  return study.e.sites
    .filter((s) => program.storages.some((x) => storages.has(x.id) && x.name === s.tensor))
    .reduce((w, s) => w + study.exposure(s), 0);
};

function recastsOf(study: Study, storages: ReadonlySet<number>): ReadonlyMap<number, Recast> {
  const { program, plans } = study.t;
  const touched = new Set<number>();
  visitStorages(program, (i, s) => {
    if (storages.has(s)) touched.add(i);
  });
  const made = new Map<string, Recast>();
  const recasts = new Map<number, Recast>();
  for (const i of touched) {
    const { operands } = decodeInstruction(program, i);
    const names = Object.keys(operands).filter((name) => {
      const o = operands[name];
      return o?.kind === "tile" && o.pattern.dtype === "float32" && storages.has(o.pattern.storage);
    });
    const id = program.classOf[i]!;
    const key = `${id} ${names}`;
    const known = made.get(key);
    if (known) {
      recasts.set(i, known);
      continue;
    }
    const { call } = program.classes[id]!;
    const narrow = narrowed(call, new Set(names));
    const types = new Set(Object.values(narrow.tile).map((x) => x?.dtype));
    const transfers = plans[id]!.queue >= 0;
    const recast: Recast = transfers
      ? {
          // Hardware descriptors do not convert.
          ...(types.size > 1 ? { queue: queueOf("gpsimd", "software") } : {}),
          shape: (c, shift) => dmaShape(c.op, narrow, shift),
        }
      : { plan: (plan, c) => recosted(plan, { ...c, call: narrow }) };
    made.set(key, recast);
    recasts.set(i, recast);
  }
  return recasts;
}
