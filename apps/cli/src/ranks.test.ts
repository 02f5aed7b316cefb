import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pythonAvailable } from "@opentrn/nki";
import {
  loadArgument,
  type RunReport,
  readArgument,
  readTensorFile,
  tensorOf,
  valuesOf,
  writeTensorFile,
} from "@opentrn/runtime";
import { afterAll, describe, expect, test } from "vitest";
import { trn } from "./testing.ts";

const folder = mkdtempSync(join(tmpdir(), "opentrn-"));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);
writeFileSync(
  at("total.py"),
  `import nki
import nki.collectives as ncc
import nki.isa as nisa
import nki.language as nl

@nki.jit
def total(x):
    out = nl.ndarray(x.shape, dtype=x.dtype, buffer=nl.shared_hbm)
    ncc.all_reduce([x], [out], ncc.ReplicaGroup([[0, 1]]), nl.add)
    return out

@nki.jit
def own(x):
    out = nl.ndarray(x.shape, dtype=x.dtype, buffer=nl.shared_hbm)
    t = nl.load(x)
    nl.device_print("mine", t)
    nl.store(out, t)
    return out

@nki.jit
def looks(x):
    print(nl.load(x))
    return x
`,
);
const kernel = `${at("total.py")}:total`;
const made = "x=1x4:float32:randint(0,100)";
const drawn = (seed: number) => {
  const argument = loadArgument(readArgument(made), seed);
  return argument.kind === "tensor" ? [...valuesOf(argument.tensor)] : [];
};
const json = async (...more: string[]): Promise<RunReport> =>
  JSON.parse((await trn(["run", kernel, ...more, "--json"])).out);
const stored = (name: string): number[] => [
  ...new Float32Array(readTensorFile(at("out.npz"), name).bytes.slice().buffer),
];

describe.skipIf(!pythonAvailable())("trn run --ranks", () => {
  test("every rank has inputs from a seed of its own, and reports its outputs", async () => {
    const report = await json(
      ...["--arg", made, "--ranks", "2", "--seed", "5", "--outputs", at("out.npz")],
    );
    const [zero, one] = [drawn(5), drawn(6)];
    expect(zero).not.toEqual(one);
    for (const name of ["rank0.out", "rank1.out"])
      expect(stored(name)).toEqual(zero.map((v, i) => v + one[i]!));
    expect(report.ranks!.map((r) => r.outputs)).toEqual([report.outputs, report.outputs]);
    expect(report.warnings).toEqual([]);
    expect(report.time!.total_ns).toBeGreaterThan(0);
  });

  test("outputs and prints of a rank are its own, and rank 0 is the run without ranks", async () => {
    const own = ["run", `${at("total.py")}:own`, "--arg", made, "--seed", "5", "--json"];
    const report = JSON.parse((await trn([...own, "--ranks", "2"])).out) as RunReport;
    const alone = JSON.parse((await trn(own)).out) as RunReport;
    expect(report.ranks!.map((r) => r.prints[0]!.values)).toEqual([drawn(5), drawn(6)]);
    expect(report.ranks![0]).toEqual({ outputs: alone.outputs, prints: alone.prints });
    expect(report.ranks![1]!.outputs[0]!.sha256).not.toBe(alone.outputs[0]!.sha256);
    expect({ ...report, ranks: 0, warnings: 0, host: 0 }).toEqual({
      ...alone,
      ranks: 0,
      warnings: 0,
      host: 0,
    });
  });

  test("a kernel sees no values while it is traced, since they differ by rank", async () => {
    const looks = `${at("total.py")}:looks`;
    const { err } = await trn(["run", looks, "--arg", made, "--ranks", "2"]);
    expect(err).toContain("has no values");
  });

  test("files are the same for all ranks", async () => {
    writeTensorFile(at("x.npy"), { x: tensorOf("float32", [1, 2], [3, 4]) });
    await json("--arg", `x=@${at("x.npy")}`, "--ranks", "2", "--outputs", at("out.npz"));
    expect([stored("rank0.out"), stored("rank1.out")]).toEqual([
      [6, 8],
      [6, 8],
    ]);
  });

  test("the machine says how far apart ranks are", async () => {
    const { err, code } = await trn([
      "run",
      kernel,
      "--arg",
      made,
      "--ranks",
      "2",
      "--machine",
      "trn9.large",
    ]);
    expect([code, err]).toEqual([
      2,
      expect.stringContaining("trn9.large is not a machine we know"),
    ]);
    const alone = await trn(["run", kernel, "--arg", made, "--machine", "trn2.48xlarge"]);
    expect([alone.code, alone.err]).toEqual([2, expect.stringContaining("give --ranks")]);
  });

  test("the terminal shows every rank", async () => {
    const { out, code } = await trn(["run", kernel, "--arg", made, "--ranks", "2"]);
    expect(code).toBe(0);
    expect(out).toMatch(/^ rank 0\n output {3}out f32\[1x4\] .*\n rank 1\n output {3}out f32/m);
    for (const l of out.split("\n")) expect(l.length, l).toBeLessThanOrEqual(80);
  });

  test("a group that reaches beyond the ranks is refused, so is one rank without --ranks", async () => {
    for (const more of [[], ["--ranks", "1"]]) {
      const { code, err } = await trn(["run", kernel, "--arg", made, ...more]);
      expect(code).toBe(2);
      expect(err).toContain("this launch has one rank");
    }
  });
});

test.each([
  [["--check", "ref.py:f"], "--ranks and --check exclude each other"],
  [["--watch", "x"], "--ranks and --watch exclude each other"],
  [["--timing-only"], "--ranks and --timing-only exclude each other"],
])("--ranks with %s is bad input", async (more, message) => {
  const { code, err } = await trn(["run", kernel, "--arg", made, "--ranks", "2", ...more]);
  expect(code).toBe(2);
  expect(err).toContain(`bad input: ${message}`);
});

test("the number of ranks has bounds", async () => {
  const { code, err } = await trn(["run", kernel, "--arg", made, "--ranks", "129"]);
  expect(code).toBe(2);
  expect(err).toContain('--ranks "129" is not a whole number from 1 to 128');
});
