/**
 * A table of a profile as Neuron Explorer documents it (tools/neuron-explorer/profile-schema-reference, schema 7.4.0): one file a table,
 * named after it, columns by the documented names. Columns that a prediction has nothing for are left out.
 */
import type { TraceModel } from "../schema.ts";

/** Version of the schema whose names are used. */
export const SCHEMA_VERSION = "7.4.0";

export type ColumnType = "int64" | "double" | "string" | "boolean";

export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  readonly unit?: "nanoseconds" | "seconds" | "bytes" | "bytes_per_second" | "gigahertz";
  readonly says: string;
}

export type Value = number | string | boolean;
export type Row = Readonly<Record<string, Value>>;

export interface Table {
  readonly name: string;
  readonly says: string;
  readonly columns: readonly Column[];
  /** Column that says which track of a viewer a row is on; absent where rows are on none. */
  readonly track?: string;
  readonly rows: (model: TraceModel) => Iterable<Row>;
}
