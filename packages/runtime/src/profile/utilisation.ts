/** How engines are used, in time and in space: busy and active time, fixed overhead, partitions, the array's rows and columns. */
import { toNanoseconds, toTicks } from "@opentrn/base";
import { NO_QUEUE, type Unit, units } from "@opentrn/device";
import { type Execution, type Kind, kindAt } from "./execution.ts";
import { occupancy } from "./occupancy.ts";
import type { EngineReport, KindReport } from "./profile-report.ts";
import { shareOf } from "./rows.ts";
import { extentOf, fixedShare } from "./widened.ts";

/** Sums of one engine, ticks. */
interface EngineSums {
  instructions: number;
  busy: number;
  fixed: number;
  /** Busy time of work on tiles, and the same weighed by what share of the engine it uses. */
  worked: number;
  rows: number;
  columns: number;
  array: number;
}

interface KindSums {
  readonly engine: Unit;
  readonly instruction: string;
  count: number;
  busy: number;
  fixed: number;
  elements: number;
  partitions: number;
}

export interface Utilisation {
  readonly engines: readonly EngineReport[];
  readonly kinds: readonly KindReport[];
}

export function utilisation(e: Execution): Utilisation {
  const { graph, chip } = e;
  const { busy, cold } = occupancy(e);
  const sums = units.map(
    (): EngineSums => ({
      instructions: 0,
      busy: 0,
      fixed: 0,
      worked: 0,
      rows: 0,
      columns: 0,
      array: 0,
    }),
  );
  const facts = e.kinds.map((k) => factsOf(k, chip.partitions.value, chip.tensor));
  const kinds = new Map<string, KindSums>();
  for (let i = 0; i < graph.count; i++) {
    const unit = graph.unit[i]! % units.length;
    if (graph.unit[i]! >= e.cores * units.length) continue;
    const id = e.kindOf[graph.index[i]!]!;
    const kind = e.kinds[id]!;
    const f = facts[id]!;
    const trigger = graph.queue[i] !== NO_QUEUE;
    const ticks = busy[i]!;
    const fixed = ticks * f.fixed;
    const s = sums[unit]!;
    s.instructions++;
    s.busy += ticks;
    s.fixed += fixed;
    if (!trigger && !kind.control && f.elements > 0) {
      s.worked += ticks;
      s.rows += ticks * f.rows;
      s.columns += ticks * f.columns;
      s.array += ticks * f.rows * f.columns;
    }
    const name = `${unit} ${kind.instruction}`;
    let row = kinds.get(name);
    if (!row) {
      const engine = units[unit]!;
      const { instruction } = kind;
      row = { engine, instruction, count: 0, busy: 0, fixed: 0, elements: 0, partitions: 0 };
      kinds.set(name, row);
    }
    row.count++;
    row.busy += ticks;
    row.fixed += fixed;
    row.elements += f.elements;
    row.partitions += f.partitions;
  }
  return {
    engines: units.map((name, u) => engineReport(e, name, sums[u]!, u, cold)),
    kinds: [...kinds.values()]
      .sort((a, b) => b.busy - a.busy)
      .map((k) => ({
        engine: k.engine,
        instruction: k.instruction,
        count: k.count,
        busy_ns: toNanoseconds(k.busy),
        fixed_ns: toNanoseconds(k.fixed),
        fixed_share: shareOf(k.fixed, k.busy),
        elements: k.elements / k.count,
        partitions: k.partitions / k.count,
      })),
  };
}

/** What every instance of a kind adds: shares of the engine's width, and of its time that is fixed. */
function factsOf(k: Kind, lanes: number, tensor: Execution["chip"]["tensor"]) {
  const { partitions, free } = k.of ? extentOf(k.of.call) : { partitions: 0, free: 0 };
  const call = k.of?.call;
  // A transpose holds its data in the array and streams an identity.
  const held = call?.tile["stationary"] ?? call?.tile["data"];
  const onTensor = k.of?.engine === "tensor";
  const columns = held?.free ?? free;
  return {
    fixed: fixedShare(k),
    partitions,
    elements: free,
    rows: Math.min(1, partitions / (onTensor ? tensor.rows.value : lanes)),
    columns: onTensor ? Math.min(1, columns / tensor.columns.value) : 1,
  };
}

function engineReport(
  e: Execution,
  engine: Unit,
  s: EngineSums,
  unit: number,
  cold: number,
): EngineReport {
  const mean = (ticks: number): number => toNanoseconds(ticks) / e.cores;
  const active = e.schedule.units
    .filter((_, k) => k % units.length === unit && k < e.cores * units.length)
    .reduce((n, x) => n + x.active, 0);
  const loads = e.schedule.tableLoads.length;
  return {
    engine,
    instructions: s.instructions,
    active_ns: mean(active),
    active_share: shareOf(mean(active), e.totalNs),
    busy_ns: mean(s.busy),
    busy_share: shareOf(mean(s.busy), e.totalNs),
    fixed_ns: mean(s.fixed),
    fixed_share: shareOf(s.fixed, s.busy),
    partitions_share: shareOf(s.rows, s.worked),
    ...(engine === "tensor"
      ? {
          columns_share: shareOf(s.columns, s.worked),
          array_share: shareOf(s.array, s.worked),
          cold_ns: mean(cold),
        }
      : {}),
    ...(engine === "scalar"
      ? {
          table_loads: loads,
          table_load_ns: mean(loads * toTicks(e.chip.sync.activationTableLoadNs.value)),
        }
      : {}),
  };
}

/** Transposes, by source line, and their share of TensorE's busy time. */
export const isTranspose = (k: Kind): boolean =>
  k.of !== undefined &&
  (k.of.op.name === "nc_transpose" ||
    (k.of.op.name === "nc_matmul" && k.of.call.attr["is_transpose"] === true));

export const isOnTensor = (e: Execution, i: number): boolean =>
  units[e.graph.unit[i]! % units.length] === "tensor" && !kindAt(e, i).control;
