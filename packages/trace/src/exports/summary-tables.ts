/** Figures of the whole run: by engine and opcode, in one row, and what the run was. */
import { dmaRows, instructionRows } from "./rows.ts";
import { type Column, type Row, SCHEMA_VERSION, type Table } from "./table.ts";

/** Time in which at least one of several intervals runs; they come in order of their starts. */
class Union {
  busy = 0;
  private until = Number.NEGATIVE_INFINITY;

  add(start: number, end: number): void {
    if (end <= this.until) return;
    this.busy += end - Math.max(start, this.until);
    this.until = end;
  }
}

interface Totals {
  count: number;
  time: number;
  /** By track: each has its instructions in order and without overlap. */
  readonly active: Map<string, Union>;
}

const totals = (): Totals => ({ count: 0, time: 0, active: new Map() });
function add(t: Totals, lane: string, start: number, duration: number): void {
  t.count++;
  t.time += duration;
  const union = t.active.get(lane) ?? new Union();
  t.active.set(lane, union);
  union.add(start, start + duration);
}
/** With several cores, the mean over them. */
const active = (t: Totals): number =>
  [...t.active.values()].reduce((n, u) => n + u.busy, 0) / Math.max(1, t.active.size);

export const opcodeTable: Table = {
  name: "OpcodeSummary",
  says: "Time by engine and opcode.",
  columns: [
    { name: "engine", type: "string", says: "compute engine" },
    { name: "opcode", type: "string", says: "opcode" },
    { name: "instruction_count", type: "int64", says: "instructions" },
    { name: "instruction_time_ns", type: "int64", unit: "nanoseconds", says: "sum of durations" },
    {
      name: "active_time_ns",
      type: "int64",
      unit: "nanoseconds",
      says: "time in which at least one runs; with several cores, their mean",
    },
    { name: "active_time_percent", type: "double", says: "fraction of the total time" },
  ],
  rows: (model) => {
    const groups = new Map<string, Totals>();
    for (const r of instructionRows(model)) {
      const key = `${r.label.toLowerCase()}\n${r.opcode}`;
      const group = groups.get(key) ?? totals();
      groups.set(key, group);
      add(group, r.subgraph, r.timestamp, r.duration);
    }
    return [...groups].map(([key, t]): Row => {
      const [engine, opcode] = key.split("\n") as [string, string];
      return {
        engine,
        opcode,
        instruction_count: t.count,
        instruction_time_ns: t.time,
        active_time_ns: Math.round(active(t)),
        active_time_percent: fraction(active(t), model.totalNs),
      };
    });
  },
};

/** Columns that are called percentages hold fractions of one in the profiler's own dumps, and here. */
const fraction = (part: number, whole: number): number => (whole > 0 ? part / whole : 0);
const engines = ["tensor", "vector", "scalar", "gpsimd", "sync"] as const;

const engineColumns = engines.flatMap((e): Column[] => [
  {
    name: `${e}_engine_instruction_time`,
    type: "double",
    unit: "seconds",
    says: `sum of the durations of ${e} instructions`,
  },
  {
    name: `${e}_engine_active_time`,
    type: "double",
    unit: "seconds",
    says: `time in which the ${e} engine works`,
  },
  {
    name: `${e}_engine_active_time_percent`,
    type: "double",
    says: "the same as a fraction of the total time",
  },
  { name: `${e}_engine_instruction_count`, type: "int64", says: `${e} instructions` },
]);

export const summaryTable: Table = {
  name: "Summary",
  says: "Figures of the whole run.",
  columns: [
    { name: "total_time", type: "double", unit: "seconds", says: "predicted time of the launch" },
    { name: "dma_active_time", type: "double", unit: "seconds", says: "time with data in flight" },
    {
      name: "dma_active_time_percent",
      type: "double",
      says: "the same as a fraction of the total time",
    },
    { name: "dma_transfer_count", type: "int64", says: "transfers" },
    { name: "dma_transfer_total_bytes", type: "int64", unit: "bytes", says: "bytes moved" },
    {
      name: "dma_transfer_average_bytes",
      type: "double",
      unit: "bytes",
      says: "bytes of a transfer",
    },
    { name: "matmul_instruction_count", type: "int64", says: "MATMUL instructions" },
    ...engineColumns,
  ],
  rows: (model) => {
    const byEngine = new Map(engines.map((e) => [e as string, totals()]));
    let matmuls = 0;
    for (const r of instructionRows(model)) {
      if (r.opcode === "MATMUL") matmuls++;
      const group = byEngine.get(r.label.toLowerCase());
      if (group) add(group, r.subgraph, r.timestamp, r.duration);
    }
    const transfers = [...dmaRows(model)].sort((a, b) => a.timestamp - b.timestamp);
    const moving = new Union();
    let bytes = 0;
    for (const r of transfers) {
      bytes += r.transfer_size;
      moving.add(r.timestamp, r.timestamp + r.duration);
    }
    const row: Record<string, number> = {
      total_time: model.totalNs / 1e9,
      dma_active_time: moving.busy / 1e9,
      dma_active_time_percent: fraction(moving.busy, model.totalNs),
      dma_transfer_count: transfers.length,
      dma_transfer_total_bytes: bytes,
      dma_transfer_average_bytes: transfers.length > 0 ? bytes / transfers.length : 0,
      matmul_instruction_count: matmuls,
    };
    for (const [e, t] of byEngine) {
      row[`${e}_engine_instruction_time`] = t.time / 1e9;
      row[`${e}_engine_active_time`] = active(t) / 1e9;
      row[`${e}_engine_active_time_percent`] = fraction(active(t), model.totalNs);
      row[`${e}_engine_instruction_count`] = t.count;
    }
    return [row];
  },
};

const factColumns: readonly (Column & { readonly fact: string })[] = [
  ["num_dma_engines_per_neuroncore", "int64", undefined, "DMA engines of a core"],
  ["dma_ddr_bandwidth", "double", "bytes_per_second", "what they move together"],
  ["hbm_ddr_bandwidth", "double", "bytes_per_second", "of one HBM stack"],
  ["tensor_engine_num_rows", "int64", undefined, "rows of the array"],
  ["tensor_engine_num_cols", "int64", undefined, "columns of the array"],
  ["tensor_engine_clock_freq", "double", "gigahertz", "clock of TensorE"],
  ["vector_engine_clock_freq", "double", "gigahertz", "clock of VectorE"],
  ["scalar_engine_clock_freq", "double", "gigahertz", "clock of ScalarE"],
  ["gpsimd_engine_clock_freq", "double", "gigahertz", "clock of GpSimd"],
].map(([name, type, unit, says]) => ({
  name: name!,
  fact: name!,
  type: type as Column["type"],
  ...(unit === undefined ? {} : { unit: unit as NonNullable<Column["unit"]> }),
  says: says!,
}));

export const metadataTable: Table = {
  name: "Metadata",
  says: "What was predicted, on which chip.",
  columns: [
    { name: "profile_schema_version", type: "string", says: "version of the tables' schema" },
    { name: "profile_name", type: "string", says: "kernel" },
    { name: "num_physical_cores", type: "int64", says: "physical cores of the launch" },
    { name: "vnc_enabled", type: "boolean", says: "whether there is more than one" },
    { name: "first_hw_timestamp", type: "int64", unit: "nanoseconds", says: "start" },
    { name: "last_hw_timestamp", type: "int64", unit: "nanoseconds", says: "end" },
    { name: "is_simulation", type: "boolean", says: "true: a prediction" },
    ...factColumns,
  ],
  rows: (model) => [
    {
      profile_schema_version: SCHEMA_VERSION,
      profile_name: `${model.name} (${model.target}, predicted by OpenTrn)`,
      num_physical_cores: model.processes.length,
      vnc_enabled: model.processes.length > 1,
      first_hw_timestamp: 0,
      last_hw_timestamp: Math.round(model.totalNs),
      is_simulation: true,
      ...Object.fromEntries(factColumns.map(({ fact }) => [fact, model.facts?.[fact] ?? 0])),
    },
  ],
};
