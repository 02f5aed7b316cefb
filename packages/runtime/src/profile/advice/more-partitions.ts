/**
 * Element-wise work on few partitions: the same elements spread over all of them, with the transfers that bring and fetch them, which
 * then use more DMA engines.
 */
import { dmaShape, type Recast, recosted, retime, visitStorages } from "@opentrn/device";
import type { AnyCall, InstructionClass, Tile } from "@opentrn/isa";
import { extentOf } from "../widened.ts";
import { unbatchable } from "./batch.ts";
import type { Adviser } from "./idea.ts";
import type { Study } from "./study.ts";
import { compare, engineTitle, placeOf } from "./words.ts";

/** Operations whose elements may lie anywhere. */
const elementwise: ReadonlySet<string> = new Set([
  "tensor_tensor",
  "tensor_copy",
  "tensor_scalar",
  "activation",
  "memset",
  "reciprocal",
]);

const innerRun = (t: Tile): boolean => t.strides.at(-1) === 1 || t.shape.at(-1) === 1;

/** The call with each partition's elements on `times` partitions. */
function spreadCall(call: AnyCall, times: number): AnyCall {
  const tile: Record<string, Tile | undefined> = {};
  for (const [name, t] of Object.entries(call.tile)) {
    if (!t) continue;
    const free = t.free / times;
    if (t.space === "hbm") {
      const shape = [t.shape[0]!, times, free];
      tile[name] = { ...t, shape, strides: [t.strides[0]!, free, 1], free: times * free };
      continue;
    }
    const partitions = t.partitions * times;
    tile[name] = { ...t, partitions, free, shape: [partitions, free], strides: [1] };
  }
  return { ...call, tile };
}

/** Whether an instruction's elements may be spread over `times` as many partitions. */
function spreads(c: InstructionClass, times: number): boolean {
  const { op, call } = c;
  const tiles = Object.values(call.tile).filter((t) => t !== undefined);
  const even = tiles.every((t) => t.free % times === 0 && t.dynamic === "none" && innerRun(t));
  if (!even) return false;
  if (op.name === "dma_copy") return tiles.every((t) => t.shape.length === 2);
  return elementwise.has(op.name) && unbatchable(c) === undefined;
}

export const morePartitions: Adviser = function* (study) {
  const { t, e } = study;
  const lanes = e.chip.partitions.value;
  const done = new Set<number>();
  let links: Links | undefined;
  for (const site of e.sites) {
    const [first] = study.instructions[site.id]!;
    if (first === undefined || done.has(first) || study.isTransfer(first)) continue;
    const { of, control } = study.kindOf(first);
    if (!of || control || !elementwise.has(of.op.name)) continue;
    const { partitions, free } = extentOf(of.call);
    const times = Math.floor(lanes / partitions);
    if (times < 2 || free < times) continue;
    links ??= linksOf(study);
    const connected = connectedTo(links, first);
    for (const i of connected) done.add(i);
    const classes = [...new Set(connected.map((i) => t.program.classOf[i]!))].map(
      (c) => t.program.classes[c]!,
    );
    if (!classes.every((c) => spreads(c, times))) continue;
    const recast: Recast = {
      plan: (plan, c) =>
        plan.queue < 0 ? recosted(plan, { ...c, call: spreadCall(c.call, times) }) : plan,
      shape: (c, shift) => dmaShape(c.op, spreadCall(c.call, times), shift),
    };
    const sites = new Set(connected.map((i) => e.siteOf[i]!));
    yield {
      kind: "more partitions",
      site,
      weight: [...sites].reduce((w, s) => w + study.exposure(e.sites[s]!), 0),
      gain: "expected",
      variants: [
        {
          time: () => retime(t, { recasts: new Map(connected.map((i) => [i, recast])) }).totalNs,
          text: {
            says: `${of.op.name} at ${placeOf(site)} uses ${partitions} of the ${lanes} partitions of ${engineTitle(site.engine)}.`,
            change: `Lay the ${partitions} x ${free} elements out over ${partitions * times} partitions, ${free / times} each, with everything that shares their tiles.`,
            check: compare(`load the tiles as [${partitions * times}, ${free / times}]`),
          },
        },
      ],
    };
  }
};

/** Who uses which tensors on chip. */
interface Links {
  readonly users: ReadonlyMap<number, readonly number[]>;
  readonly tensors: ReadonlyMap<number, readonly number[]>;
}

function linksOf({ t: { program } }: Study): Links {
  const users = new Map<number, number[]>();
  const tensors = new Map<number, number[]>();
  visitStorages(program, (i, s) => {
    if (program.storages[s]!.space === "hbm") return;
    push(users, s, i);
    push(tensors, i, s);
  });
  return { users, tensors };
}

/** Instructions that share on-chip tensors with `first`, directly or through others. */
function connectedTo({ users, tensors }: Links, first: number): number[] {
  const found = new Set([first]);
  const seen = new Set<number>();
  for (const i of found)
    for (const s of tensors.get(i) ?? []) {
      if (seen.has(s)) continue;
      seen.add(s);
      for (const j of users.get(s)!) found.add(j);
    }
  return [...found].sort((a, b) => a - b);
}

function push(lists: Map<number, number[]>, key: number, value: number): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}
