/** What the queues moved, one transfer a row. */
import type { TraceModel } from "../schema.ts";
import { coreOf } from "./instruction-table.ts";
import { dmaRows, queueRows } from "./rows.ts";
import type { Row, Table } from "./table.ts";

/** The schema has no word for descriptors written before the kernel starts; such queues carry data. */
const queueType = (type: string): string => (type === "static" ? "data" : type);

export const dmaTable: Table = {
  name: "DmaPacketAggregated",
  says: "DMA transfers, the packets of one together.",
  track: "queue_name",
  columns: [
    { name: "start_ts", type: "int64", unit: "nanoseconds", says: "first data" },
    { name: "end_ts", type: "int64", unit: "nanoseconds", says: "last data" },
    { name: "duration_ns", type: "int64", unit: "nanoseconds", says: "end less start" },
    { name: "id", type: "int64", says: "number of the row" },
    { name: "pcore_idx", type: "int64", says: "physical core of the launch" },
    { name: "queue_idx", type: "int64", says: "number of the queue" },
    { name: "queue_name", type: "string", says: "name of the queue" },
    { name: "queue_type", type: "string", says: "who makes the descriptors" },
    { name: "op", type: "string", says: "the instruction that transfers" },
    { name: "transfer_bytes", type: "int64", unit: "bytes", says: "bytes moved" },
    { name: "throughput", type: "double", unit: "bytes_per_second", says: "bytes over duration" },
    { name: "trigger", type: "int64", unit: "nanoseconds", says: "start of the trigger" },
  ],
  rows: function* (model: TraceModel): Generator<Row> {
    const names = new Map(queueRows(model).map((q) => [`${q.subgraph} ${q.q_idx}`, q.q_name]));
    for (const r of dmaRows(model))
      yield {
        start_ts: r.timestamp,
        end_ts: r.timestamp + r.duration,
        duration_ns: r.duration,
        id: r.id,
        pcore_idx: coreOf(r.subgraph),
        queue_idx: Number(r.dma_queue),
        queue_name: names.get(`${r.subgraph} ${r.dma_queue}`) ?? "",
        queue_type: queueType(r.queue_type),
        op: r.name,
        transfer_bytes: r.transfer_size,
        throughput: r.duration > 0 ? (1e9 * r.transfer_size) / r.duration : 0,
        trigger: r.trigger,
      };
  },
};
