/** All tables of a prediction, and the one that lists their columns. */
import { dmaTable } from "./dma-table.ts";
import { instructionTable } from "./instruction-table.ts";
import { metadataTable, opcodeTable, summaryTable } from "./summary-tables.ts";
import type { Row, Table } from "./table.ts";

const described: readonly Table[] = [
  instructionTable,
  dmaTable,
  opcodeTable,
  summaryTable,
  metadataTable,
];

const fieldsTable: Table = {
  name: "SchemaFields",
  says: "Columns of the other tables.",
  columns: [
    { name: "table_name", type: "string", says: "table" },
    { name: "table_description", type: "string", says: "what its rows are" },
    { name: "field_name", type: "string", says: "column" },
    { name: "field_description", type: "string", says: "what it holds" },
    { name: "field_type", type: "string", says: "integer, number, string or boolean" },
    { name: "field_required", type: "boolean", says: "whether every row has it" },
    { name: "field_format", type: "string", says: "width of numbers" },
    { name: "field_unit", type: "string", says: "unit" },
  ],
  rows: () =>
    described.flatMap((t) =>
      t.columns.map(
        (c): Row => ({
          table_name: t.name,
          table_description: t.says,
          field_name: c.name,
          field_description: c.says,
          field_type: kinds[c.type],
          field_required: true,
          field_format: c.type === "int64" || c.type === "double" ? c.type : "",
          field_unit: c.unit ?? "",
        }),
      ),
    ),
};
const kinds = { int64: "integer", double: "number", string: "string", boolean: "boolean" } as const;

export const tables: readonly Table[] = [...described, fieldsTable];

/** The table that a file's name asks for: `DmaPacketAggregated.csv` that one, any other name the instructions. */
export function tableOf(path: string): Table {
  const name = path.replace(/^.*[/\\]/, "").replace(/\.\w+$/, "");
  return tables.find((t) => t.name === name) ?? instructionTable;
}
