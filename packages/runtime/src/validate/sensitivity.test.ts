import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chipNamed } from "@opentrn/chips";
import { describe, expect, it } from "vitest";
import { readRows } from "./row.ts";
import {
  assumedCosts,
  assumedNumbers,
  assumedOfModel,
  readAssumed,
  withFact,
} from "./sensitivity.ts";

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

  it("of the timing model are these, and bounded", () => {
    const numbers = assumedOfModel();
    expect(numbers.map((n) => n.path)).toEqual([
      "hbmSlotNs",
      "schedulerWindow",
      "schedulerCandidates",
      "schedulerShare",
    ]);
    expect(Object.keys(assumed.model)).toEqual(numbers.map((n) => n.path));
    for (const { path, value } of numbers) {
      const { low, high, why } = assumed.model[path]!;
      expect(value, path).toBeGreaterThanOrEqual(low);
      expect(value, path).toBeLessThanOrEqual(high);
      expect(why.length, path).toBeGreaterThan(10);
    }
  });

  it("among the costs of instructions are these; the rest is measured, derived or documented", () => {
    expect(assumedCosts()).toMatchInlineSnapshot(`
      [
        "register_move",
        "register_store",
        "tensor_partition_reduce",
        "select_reduce",
        "tensor_scalar_cumulative",
        "nc_n_gather",
        "sequence_bounds",
        "nonzero_with_count",
        "rng",
        "set_rng_seed",
        "rand_set_state",
        "rand_get_state",
        "activate2",
        "core_barrier",
        "sendrecv",
        "all_to_all",
        "all_gather_v",
        "all_to_all_v",
        "rank_id",
        "collective_permute_implicit_current_processing_rank_id",
      ]
    `);
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
