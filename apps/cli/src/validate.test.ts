import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { smallProfile } from "../../../packages/trace/src/profile/small-profile.fixture.ts";
import { trn } from "./testing.ts";

const folder = mkdtempSync(join(tmpdir(), "opentrn-validate-"));
afterAll(() => rmSync(folder, { recursive: true }));

const file = (name: string, content: string): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

describe("trn validate", () => {
  const rows = file(
    "rows.json",
    JSON.stringify([
      {
        id: "mine-1",
        kernel: "attention fused",
        generation: "trn2",
        shapes: { seqlen: 512, d_head: 128, heads: 1 },
        dtype: "bf16",
        metric: "latency",
        value: 30,
        source_group: "kernel-fusion",
      },
      {
        id: "mine-2",
        kernel: "something else",
        generation: "trn2",
        shapes: {},
        dtype: "bf16",
        metric: "latency",
        value: 30,
        source_group: "elsewhere",
      },
    ]),
  );

  it("judges rows of a file", async () => {
    const { code, out } = await trn(["validate", "--rows", rows]);
    expect(code).toBe(0);
    expect(out).toMatch(/mine-1 +trn2 +attention fused +.* 30\.0 +\d\d\.\d +-?\d+\.\d%/);
    expect(out).toMatch(/Not checked: 1 rows/);
    expect(out).toMatch(/no kernel is bound to rows of this source/);
  });

  it("prints JSON of the promised form", async () => {
    const { code, out } = await trn(["validate", "--rows", rows, "--json"]);
    expect(code).toBe(0);
    const { rows: got, summary, unchecked } = JSON.parse(out);
    expect(got).toHaveLength(1);
    expect(got[0]).toMatchObject({
      id: "mine-1",
      generation: "trn2",
      metric: "latency",
      measured: 30,
    });
    expect(got[0].error_pct).toBeCloseTo(100 * (got[0].predicted / 30 - 1));
    expect(got[0].in_envelope).toBe(true);
    expect(summary).toEqual([
      expect.objectContaining({ generation: "trn2", metric: "latency", n: 1 }),
    ]);
    expect(unchecked).toEqual([{ id: "mine-2", why: expect.any(String) }]);
  });

  it("replays a profile", async () => {
    const profile = file("small.json", smallProfile);
    const { code, out } = await trn(["validate", "--profile", profile]);
    expect(code).toBe(0);
    expect(out).toMatch(/^small\n/);
    expect(out).toMatch(/Tensor +MATMUL +1 /);
    expect(out).toMatch(/total .* predicted, 2\.00 µs recorded/);
    const json = await trn(["validate", "--profile", profile, "--json"]);
    expect(JSON.parse(json.out).profiles[0].duration.n).toBe(4);
  });

  it("refuses what it cannot read", async () => {
    const bad = async (...argv: string[]) => {
      const { code, err } = await trn(["validate", ...argv]);
      expect(code, err).toBe(2);
      return err;
    };
    expect(await bad("--rows", file("bad.json", "{}"))).toMatch(/is no list of rows/);
    expect(await bad("--profile", join(folder, "absent.json"))).toMatch(/cannot be read/);
    expect(await bad("--rows", rows, "--schedule", "random")).toMatch(
      /must be list or program-order/,
    );
    expect(await bad("--only", "no such kernel")).toMatch(/matches none of \d+ rows/);
    expect(await bad("--profile", file("s.json", smallProfile), "--target", "trn1")).toMatch(
      /never measured/,
    );
  });
});
