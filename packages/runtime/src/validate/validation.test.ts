import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { evidence } from "../uncertainty/evidence.testing.ts";
import { bindingOf, readBindings, reasonOf } from "./binding.ts";
import { dtypeOf, generationOf, type PublishedRow, readRows, sizesOf } from "./row.ts";
import { type CheckedRow, summarise, validate } from "./validation.ts";

const folder = fileURLToPath(new URL("../../../../validation/", import.meta.url));
const bindings = join(folder, "bindings.json");
const scratch = mkdtempSync(join(tmpdir(), "opentrn-rows-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const attention: PublishedRow = {
  id: "x-1",
  kernel: "attention fused",
  generation: "trn2",
  shapes: { seqlen: 512, d_head: 128, heads: 1 },
  dtype: "fp32",
  metric: "latency",
  value: 31,
  source_group: "kernel-fusion",
};

describe("rows", () => {
  const read = (json: unknown): readonly PublishedRow[] => {
    const path = join(scratch, "rows.json");
    writeFileSync(path, typeof json === "string" ? json : JSON.stringify(json));
    return readRows(path);
  };

  it("are read with what they need only", () => {
    expect(read([attention])).toEqual([attention]);
  });

  it("name file, row and field when they are wrong", () => {
    expect(() => read("[")).toThrow(/rows\.json cannot be read as JSON/);
    expect(() => read({})).toThrow(/is no list of rows/);
    expect(() => read([attention, 3])).toThrow(/row 2 is no object/);
    expect(() => read([{ ...attention, metric: undefined }])).toThrow(/row 1: metric is undefined/);
    expect(() => read([{ ...attention, value: "31" }])).toThrow(/x-1.*value is "31"/);
    expect(() => read([{ ...attention, shapes: 3 }])).toThrow(/x-1.*shapes/);
  });

  it("give sizes of either form, data types and chips", () => {
    expect(sizesOf({ ...attention, shapes: "B16_M4096_QH8" })).toEqual({ B: 16, M: 4096, QH: 8 });
    expect(sizesOf({ ...attention, shapes: { image: [32, 16], k: 3, name: "x" } })).toEqual({
      image0: 32,
      image1: 16,
      k: 3,
    });
    expect(dtypeOf({ ...attention, dtype: "bf16" })).toBe("bfloat16");
    expect(dtypeOf({ ...attention, dtype: "complex64" })).toBeUndefined();
    expect(generationOf({ ...attention, generation: "trn1/unspecified" })).toBe("trn1");
  });

  it("of the repository can all be read and have different ids", () => {
    const rows = readdirSync(join(folder, "rows")).flatMap((f) =>
      readRows(join(folder, "rows", f)),
    );
    expect(new Set(rows.map((r) => r.id)).size).toBe(rows.length);
    for (const r of rows) expect(r.source_group, r.id).toBeTruthy();
  });
});

describe("bindings", () => {
  const all = readBindings(bindings);

  it("turn named groups into file, case and settings", () => {
    const tutorial = { ...attention, source_group: "sdk-docs", kernel: "matmul tutorial" };
    const bound = bindingOf({ ...tutorial, variant: "v4" }, all)!;
    expect([bound.file, bound.name, bound.settings]).toEqual([
      "matmul-tutorial.ts",
      "v4",
      { version: "v4" },
    ]);
    const silu = { ...attention, source_group: "kda", kernel: "silu", variant: "silu_v3_s7.py" };
    expect(bindingOf(silu, all)!.settings).toMatchObject({ pieces: 7 });
  });

  it("name launches that exist and give a reason for everything else", () => {
    for (const b of all.bindings) expect(all.launches[b.launch], b.kernel).toBeDefined();
    const unknown = { ...attention, source_group: "nobody", kernel: "?" };
    expect(bindingOf(unknown, all)).toBeUndefined();
    expect(reasonOf(unknown, all)).toMatch(/no kernel is bound/);
  });
});

describe("validate", () => {
  it("checks rows, bounds on one side, and says why not", async () => {
    const { checked, unchecked } = await validate(
      [
        attention,
        { ...attention, id: "x-2", kind: "threshold", value: 100 },
        { ...attention, id: "x-3", kind: "threshold", value: 10 },
        { ...attention, id: "x-4", metric: "joules" },
        { ...attention, id: "x-5", generation: "trn9" },
        { ...attention, id: "x-6", source_group: "nobody" },
      ],
      { bindings },
    );
    expect(checked.map((c) => c.row.id)).toEqual(["x-1", "x-2", "x-3"]);
    const [measured, kept, broken] = checked as [CheckedRow, CheckedRow, CheckedRow];
    expect(Math.abs(measured.errorPct)).toBeLessThan(10);
    expect(measured.range[0]).toBeLessThan(measured.predicted);
    expect(measured.range[1]).toBeGreaterThan(measured.predicted);
    expect(measured.inEnvelope).toBe(true);
    expect(kept.errorPct).toBe(0);
    expect(broken.errorPct).toBeGreaterThan(100);
    expect(Object.fromEntries(unchecked.map((u) => [u.row.id, u.why]))).toEqual({
      "x-4": "the metric joules is not predicted",
      "x-5": "trn9 is no chip of ours",
      "x-6": "no kernel is bound to rows of this source",
    });
  });

  it("takes Programs in their own order too", async () => {
    const predicted = async (order: "list" | "program-order") =>
      (await validate([attention], { bindings, order })).checked[0]!.predicted;
    expect(await predicted("list")).toBeLessThanOrEqual((await predicted("program-order")) * 1.02);
  });

  it("sums up by chip and metric, bounds left out", () => {
    const row = (errorPct: number, kind = "measured"): CheckedRow => ({
      row: { ...attention, kind },
      predicted: 1,
      errorPct,
      range: [0, 2],
      inEnvelope: true,
      outside: [],
      kernel: "",
      cores: 1,
      evidence: evidence(),
      besideNs: 0,
    });
    expect(summarise([row(-4), row(2), row(10), row(90, "threshold")])).toEqual([
      { generation: "trn2", metric: "latency", n: 3, medianAbsPct: 4, p90AbsPct: 8.8 },
    ]);
  });
});
