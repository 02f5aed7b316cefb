/**
 * Writes a trace in the form of neuron-profile's JSON dumps, so that scripts made for those read predictions too. Tables and columns
 * that a prediction has nothing for are left out; a transfer is one row of `dma` where a capture has its packets.
 */
import type { TraceModel } from "../schema.ts";
import { dmaRows, instructionRows, queueRows } from "./rows.ts";
import { summaryTable } from "./summary-tables.ts";

/** Rows gathered into one chunk. */
const CHUNK = 4096;

export function* profilerJsonChunks(model: TraceModel): Generator<Uint8Array> {
  const encoder = new TextEncoder();
  const single = (row: Readonly<Record<string, unknown>>): string => JSON.stringify([row]);
  yield encoder.encode('{"instruction":');
  yield* table(instructionRows(model));
  yield encoder.encode(',"dma":');
  yield* table(dmaRows(model));
  const facts = model.facts ?? {};
  const metadata = {
    first_hw_timestamp: 0,
    last_hw_timestamp: Math.round(model.totalNs),
    num_physical_cores: model.processes.length,
    vnc_enabled: model.processes.length > 1,
    is_simulation: true,
    ...Object.fromEntries(
      Object.entries(chipFields).flatMap(([name, fact]) =>
        facts[fact] === undefined ? [] : [[name, facts[fact]]],
      ),
    ),
  };
  const info = { profile_name: model.name, profile_type: "prediction", target: model.target };
  yield encoder.encode(
    `,"dma_queues_info":${JSON.stringify(queueRows(model))},"metadata":${single(metadata)},"profile_info":${single(info)},"summary":${JSON.stringify([...summaryTable.rows(model)])}}\n`,
  );
}

/** The dumps' own names of figures of the chip. */
const chipFields: Readonly<Record<string, string>> = {
  pe_num_rows: "tensor_engine_num_rows",
  pe_num_cols: "tensor_engine_num_cols",
  pe_clock_freq: "tensor_engine_clock_freq",
  dma_ddr_bandwidth: "dma_ddr_bandwidth",
  hbm_ddr_bandwidth: "hbm_ddr_bandwidth",
};

function* table(rows: Iterable<object>): Generator<Uint8Array> {
  const encoder = new TextEncoder();
  let part = "[";
  let n = 0;
  for (const row of rows) {
    part += `${n++ > 0 ? "," : ""}${JSON.stringify(row)}`;
    if (n % CHUNK === 0) {
      yield encoder.encode(part);
      part = "";
    }
  }
  yield encoder.encode(`${part}]`);
}
