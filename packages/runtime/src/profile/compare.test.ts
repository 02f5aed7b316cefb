import { kernel, nisa, nl, type Tensor } from "@opentrn/nki";
import { describe, expect, it } from "vitest";
import { compareProfiles, readProfileReport } from "./compare.ts";
import { profileOf } from "./profile.ts";
import { f32, timed } from "./profiled.fixture.ts";

const copies = (times: number) =>
  kernel("copies", (x: Tensor) => {
    const y = nl.ndarray(x.shape, { dtype: x.dtype, buffer: "shared_hbm" });
    const tile = nl.load(x);
    for (let i = 0; i < times; i++) nisa.tensorCopy({ dst: tile, src: tile, engine: "vector" });
    nl.store(y, tile);
    return y;
  });
const report = (times: number) =>
  profileOf(timed(copies(times), { x: f32(128, 512) }), { budget: 0 });

describe("compareProfiles", () => {
  const [a, b] = [report(3), report(1)];
  const c = compareProfiles(a, b);

  it("subtracts b from a, everywhere", () => {
    expect(c.total_ns.change).toBe(a.total_ns - b.total_ns);
    expect(c.total_ns.change_share).toBeCloseTo(a.total_ns / b.total_ns - 1, 12);
    const copy = c.instruction_kinds.find((k) => k.instruction === "tensor_copy")!;
    expect(copy.count).toEqual({ a: 3, b: 1, change: 2 });
    expect(copy.a).toBeCloseTo(3 * copy.b, 6);
    const path = c.critical_path.reduce((n, k) => n + k.change, 0);
    expect(path).toBeCloseTo(c.total_ns.change, 3);
    const lines = c.lines.reduce((n, k) => n + k.change, 0);
    expect(lines).toBeCloseTo(c.total_ns.change, 3);
    expect(c.traffic.find((t) => t.what === "HBM bytes read")!.change).toBe(0);
    expect(c.traffic.find((t) => t.what === "instructions")!.change).toBe(2);
  });

  it("puts the largest change first", () => {
    const sizes = c.lines.map((l) => Math.abs(l.change));
    expect(sizes).toEqual([...sizes].sort((x, y) => y - x));
    expect(c.lines[0]!.instruction).toBe("tensor_copy");
  });

  it("of equal profiles is all zero", () => {
    const same = compareProfiles(a, report(3));
    expect(same.total_ns).toEqual({ a: a.total_ns, b: a.total_ns, change: 0, change_share: 0 });
    for (const list of [same.engines, same.lines, same.instruction_kinds, same.traffic])
      for (const row of list) expect(row.change).toBe(0);
  });
});

describe("readProfileReport", () => {
  it("reads what was written", () => {
    const r = report(1);
    expect(readProfileReport(JSON.stringify(r, null, 2), "r.json")).toEqual(
      JSON.parse(JSON.stringify(r)),
    );
  });

  it("leaves other JSON to others, and refuses reports it does not know", () => {
    expect(readProfileReport('{"instruction": []}', "dump.json")).toBeUndefined();
    expect(() => readProfileReport('{"schema": "opentrn-profile/9"}', "new.json")).toThrow(
      /new\.json has schema opentrn-profile\/9; expected .*opentrn-profile\/1/,
    );
    expect(() => readProfileReport('{"schema":"opentrn-profile/1"}', "cut.json")).toThrow(
      /cut\.json has no total_ns/,
    );
    expect(() => readProfileReport('{"schema":"opentrn-profile/1",', "cut.json")).toThrow(
      /cut\.json is no JSON/,
    );
  });
});
