import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { predictCollective, readCollectives } from "./collective.ts";
import { type PublishedRow, readRows } from "./row.ts";
import { validate } from "./validation.ts";

const folder = fileURLToPath(new URL("../../../../validation/", import.meta.url));
const bindings = readCollectives(join(folder, "bindings.json"));
const rows = readRows(join(folder, "rows/collectives.json"));
const rowNamed = (id: string): PublishedRow => rows.find((r) => r.id === id)!;

describe("rows of collectives", () => {
  it("become rows with one metric", () => {
    expect(rowNamed("c-0091")).toMatchObject({
      kernel: "all_reduce",
      family: "collective",
      metric: "collective_latency",
      value: 23.5,
      shapes: { ranks: 2, size_bytes: 1048576 },
    });
    expect(rowNamed("c-0128")).toMatchObject({ metric: "bus_bandwidth", value: 125.1 });
  });

  it("are predicted for the ranks, the size and what the figure holds beside the collective", () => {
    const small = predictCollective(rowNamed("c-0003"), bindings);
    expect(small).toMatchObject({ chip: "trn1", cores: 1, predicted: 58 });
    const gathered = predictCollective(rowNamed("c-0026"), bindings);
    expect(gathered).toMatchObject({ chip: "trn2", cores: 2, besideNs: 0 });
    const best = predictCollective(rowNamed("c-0130"), bindings);
    expect((best as { predicted: number }).predicted).toBeCloseTo(114, 0);
  });

  it("are checked within the stated errors, and say why not", async () => {
    const { checked, unchecked } = await validate(rows, {
      bindings: join(folder, "bindings.json"),
    });
    const error = (id: string): number => checked.find((c) => c.row.id === id)!.errorPct;
    for (const id of ["c-0091", "c-0095", "c-0101"]) expect(Math.abs(error(id))).toBeLessThan(2);
    for (const id of ["c-0023", "c-0026", "c-0125"]) expect(Math.abs(error(id))).toBeLessThan(10);
    expect(checked.find((c) => c.row.id === "c-0090")!.inEnvelope).toBe(false);
    expect(checked.find((c) => c.row.id === "c-0124")!.inEnvelope).toBe(true);
    expect(unchecked.find((u) => u.row.id === "c-0141")!.why).toMatch(/not between cores/);
    expect(checked.length + unchecked.length).toBe(rows.length);
  });

  it("of no known source are not predicted", () => {
    const row = { ...rowNamed("c-0091"), source_group: "nobody" };
    expect(predictCollective(row, bindings)).toMatch(/no collective between cores is bound/);
  });
});
