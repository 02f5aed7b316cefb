/** What the engines did, one instruction a row. */
import type { TraceModel } from "../schema.ts";
import { engineTitles, instructionRows } from "./rows.ts";
import type { Row, Table } from "./table.ts";

/** Engines are written in small letters in this schema, `Tensor` in the older dumps. */
const engineOf = (label: string): string => label.toLowerCase();

export const instructionTable: Table = {
  name: "Instruction",
  says: "What the compute engines executed.",
  track: "timeline_track",
  columns: [
    { name: "start_ts", type: "int64", unit: "nanoseconds", says: "start" },
    { name: "end_ts", type: "int64", unit: "nanoseconds", says: "end" },
    { name: "duration_ns", type: "int64", unit: "nanoseconds", says: "end less start" },
    { name: "engine", type: "string", says: "compute engine" },
    { name: "timeline_track", type: "string", says: "track in a viewer" },
    { name: "pcore_idx", type: "int64", says: "physical core of the launch" },
    { name: "opcode", type: "string", says: "opcode" },
    { name: "operands", type: "string", says: "operands, as OpenTrn prints them" },
    { name: "id", type: "int64", says: "number of the row" },
    { name: "pc", type: "int64", says: "index of the instruction in the Program" },
    { name: "bir_id", type: "string", says: "core and index of the instruction" },
    { name: "bir_instruction_name", type: "string", says: "I- and the index" },
    {
      name: "evt_wait_time_ns",
      type: "int64",
      unit: "nanoseconds",
      says: "time between the end of the instruction before and this start",
    },
    { name: "nki_source_location", type: "string", says: "file and line of the kernel" },
    { name: "tensor_instruction_type", type: "string", says: "REGULAR or TRANSPOSE, on TensorE" },
  ],
  rows: function* (model: TraceModel): Generator<Row> {
    for (const r of instructionRows(model)) {
      const tensor = r.label === "Tensor";
      yield {
        start_ts: r.timestamp,
        end_ts: r.timestamp + r.duration,
        duration_ns: r.duration,
        engine: engineOf(r.label),
        timeline_track: engineTitles[r.label] ?? r.label,
        pcore_idx: coreOf(r.subgraph),
        opcode: r.opcode,
        operands: r.operands,
        id: r.id,
        pc: r.pc,
        bir_id: `${r.subgraph}:${r.pc}`,
        bir_instruction_name: r.bir_instruction_name,
        evt_wait_time_ns: r.evt_wait_time,
        nki_source_location: r.nki_source_location,
        tensor_instruction_type: tensor ? r.instruction_type : "",
      };
    }
  },
};

export const coreOf = (subgraph: string): number => Number(subgraph.slice(2));
