import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chipNamed } from "@opentrn/chips";
import { describe, expect, it } from "vitest";
import { readRows } from "./row.ts";
import { assumedNumbers, readAssumed, withFact } from "./sensitivity.ts";

const folder = fileURLToPath(new URL("../../../../validation/", import.meta.url));
const assumed = readAssumed(join(folder, "assumed.json"));

describe("assumed figures", () => {
  it.each(["trn2", "trn1"])("of %s are bounded, all of them and no others", (name) => {
    const numbers = assumedNumbers(chipNamed(name));
    expect(Object.keys(assumed.bounds[name]!).sort()).toEqual(numbers.map((n) => n.path).sort());
    for (const { path, value } of numbers) {
      const { low, high, why } = assumed.bounds[name]![path]!;
      expect(value, path).toBeGreaterThanOrEqual(low);
      expect(value, path).toBeLessThanOrEqual(high);
      expect(why.length, path).toBeGreaterThan(10);
    }
  });

  it("are varied on rows that exist", () => {
    const rows = readdirSync(join(folder, "rows")).flatMap((f) =>
      readRows(join(folder, "rows", f)),
    );
    const ids = new Set(rows.map((r) => r.id));
    for (const id of Object.values(assumed.kernels).flat()) expect(ids).toContain(id);
  });

  it("are changed one at a time", () => {
    const chip = chipNamed("trn2");
    const other = withFact(chip, "dma.issueNs.ring", 7);
    expect(other.dma.issueNs.ring.value).toBe(7);
    expect(other.dma.issueNs.software).toBe(chip.dma.issueNs.software);
    expect(chip.dma.issueNs.ring.value).not.toBe(7);
    expect(() => withFact(chip, "dma.nothing", 1)).toThrow(/trn2 has no dma.nothing/);
  });
});
