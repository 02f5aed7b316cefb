import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ProfileComparison, ProfileReport } from "@opentrn/runtime";
import { afterAll, describe, expect, it } from "vitest";
import { smallProfile } from "../../../packages/trace/src/profile/small-profile.fixture.ts";
import { trn } from "./testing.ts";

const folder = mkdtempSync(join(tmpdir(), "opentrn-profile-"));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);

const matmul = fileURLToPath(new URL("../../../examples/02-matmul.ts", import.meta.url));
const args = ["--arg", "a=512x128:bf16", "--arg", "b=512x2048:bf16"];
const tiled = ["profile", `${matmul}:matmulTiled`, ...args];
const hoisted = ["profile", `${matmul}:matmulHoisted`, ...args];

const ok = async (...argv: string[]): Promise<string> => {
  const { code, out, err } = await trn(argv);
  expect(err).toBe("");
  expect(code).toBe(0);
  return out;
};

describe("trn profile", () => {
  it("explains a kernel in 80 columns, the same way twice", async () => {
    const out = await ok(...tiled);
    for (const part of [
      /^ matmul_tiled {2}02-matmul.ts, trn2, 1 core, 56 instructions$/m,
      /^ time +[\d.]+ µs predicted, [\d.]+ µs to [\d.]+ µs on the chip$/m,
      /^ path +dma issue +█+/m,
      /^ +[\d.]+ µs +\d+% +:12 +dma_copy a +qSyncDynamicHW +dma issue$/m,
      /^ tensor +16 .* cols 100%, array 100%, cold [\d.]+ µs$/m,
      /^ a +\d+ KiB +\d+ KiB +\d+ KiB +:12$/m,
      /^ [\d.]+ flop\/B, ridge at \d+: bound by HBM/m,
      /^ +1\. saves [\d.]+ µs \(\d+%\) /m,
      /^ +\d+\. saves [\d.]+ µs \(\d+%\) {2}keep in SBUF$/m,
      /what-ifs timed/,
    ])
      expect(out).toMatch(part);
    for (const l of out.split("\n")) expect(l.length, l).toBeLessThanOrEqual(80);
    expect(await ok(...tiled)).toBe(out);
  });

  it("prints the promised JSON, which can be compared later", async () => {
    const path = at("before.json");
    const before = JSON.parse(await ok(...tiled, "--json", "--report", path)) as ProfileReport;
    expect(JSON.parse(readFileSync(path, "utf8"))).toEqual(before);
    expect(Object.keys(before)[0]).toBe("schema");
    expect(before).toMatchObject({
      schema: "opentrn-profile/1",
      kernel: "matmul_tiled",
      target: "trn2",
      origin: "predicted",
    });
    const keep = before.advice.find((a) => a.kind === "keep in SBUF")!;
    expect(keep.site).toMatchObject({ line: 12, tensor: "a", instruction: "dma_copy" });
    const compared = JSON.parse(await ok(...hoisted, "--against", path, "--json"));
    const { total_ns } = compared as ProfileComparison;
    // The second step of the example does what the advice says.
    expect(-total_ns.change).toBeCloseTo(keep.gain_ns, 3);
    const shown = await ok(...hoisted, "--against", path);
    expect(shown).toMatch(/^ A matmul_hoisted .*\n B matmul_tiled /m);
    expect(shown).toMatch(/: A takes [\d.]+ µs less \(−\d+%\)$/m);
    expect(shown).toMatch(/^ DMA transfers +\d+ +\d+ +−\d+ +−\d+%$/m);
  });

  it("compares two kernels, or one with other arguments", async () => {
    const other = await ok(...hoisted, "--against", `${matmul}:matmulTiled`);
    expect(other).toMatch(/A takes [\d.]+ µs less/);
    const wide = ["--against-arg", "b=512x4096:bf16"];
    const same = await ok(...tiled, "--against", `${matmul}:matmulTiled`, ...wide);
    expect(same).toMatch(/A takes [\d.]+ µs less/);
  });

  it("ends with 1 when a kernel is slower than allowed", async () => {
    const against = ["--against", `${matmul}:matmulHoisted`, "--max-slower"];
    expect((await trn([...tiled, ...against, "1"])).code).toBe(1);
    expect((await trn([...tiled, ...against, "1000"])).code).toBe(0);
  });

  it("times the list scheduler's order, and leaves advice out where it is not wanted", async () => {
    const list = await ok(...tiled, "--schedule", "list", "--no-advice");
    expect(list).toMatch(/0 what-ifs timed/);
    const few = JSON.parse(await ok(...tiled, "--budget", "0.0002", "--json")) as ProfileReport;
    const all = JSON.parse(await ok(...tiled, "--json")) as ProfileReport;
    expect(few.what_ifs.timed).toBeLessThan(all.what_ifs.timed);
    expect(few.what_ifs.timed + few.what_ifs.skipped).toBe(
      all.what_ifs.timed + all.what_ifs.skipped,
    );
  });

  it("explains a recorded profile", async () => {
    const dump = at("small.json");
    writeFileSync(dump, smallProfile);
    const out = await ok("profile", dump);
    expect(out).toMatch(/^ small {2}trn2, 1 core, 4 instructions$/m);
    expect(out).toMatch(/^ time +2\.00 µs recorded, [\d.]+ µs replayed$/m);
    expect(out).toMatch(/^ qGpSimdDynamic +1 +4 KiB/m);
    expect(await ok("profile", dump, "--against", dump)).toMatch(/: the same time$/m);
  });

  it("refuses what it cannot read, with the reason", async () => {
    const bad = async (...argv: string[]): Promise<string> => {
      const { code, err } = await trn(["profile", ...argv]);
      expect(code, err).toBe(2);
      return err;
    };
    expect(await bad(at("absent.json"))).toMatch(/cannot be read/);
    writeFileSync(at("newer.json"), '{"schema": "opentrn-profile/7"}');
    expect(await bad(at("newer.json"))).toMatch(/has schema opentrn-profile\/7; expected/);
    writeFileSync(at("other.json"), '{"what": [{}]}');
    expect(await bad(at("other.json"))).toMatch(/no instruction table/);
    expect(await bad(`${matmul}:matmulTiled`, ...args, "--max-slower", "5")).toMatch(/--against/);
    expect(await bad(`${matmul}:matmulTiled`, ...args, "--top", "0")).toMatch(/--top "0"/);
    expect(await bad(`${matmul}:matmulTiled`, ...args, "--schedule", "best")).toMatch(
      /not one of list, program-order/,
    );
  });
});
