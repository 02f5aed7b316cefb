import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { instructions } from "@opentrn/isa";
import { pythonAvailable } from "@opentrn/nki";
import { type RunReport, readTensorFile, tensorOf, writeTensorFile } from "@opentrn/runtime";
import { afterAll, describe, expect, test } from "vitest";
import { trn } from "./testing.ts";

const folder = mkdtempSync(join(tmpdir(), "opentrn-"));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);
const example = (name: string): string =>
  fileURLToPath(new URL(`../../../examples/${name}`, import.meta.url));
const softmax = example("03-softmax.ts");
const run = ["run", softmax, "--arg", "x=64x32:float32:normal"];

describe("trn run", () => {
  test("reports in the terminal", async () => {
    const { code, out, err } = await trn([
      ...run,
      "--check",
      `${example("references.ts")}:softmax`,
    ]);
    expect(err).toBe("");
    expect(code).toBe(0);
    expect(out).toMatch(/^ softmax {2}03-softmax.ts, trn2, 1 core, \d+ instructions$/m);
    expect(out).toMatch(/✓ max error/);
    expect(out).toMatch(/^ vector +[█▏▎▍▌▋▊▉]+ +[\d.]+% /m);
    const times = / host [\s\S]*/;
    const again = await trn([...run, "--check", `${example("references.ts")}:softmax`]);
    expect(again.out.replace(times, "")).toBe(out.replace(times, ""));
    for (const l of out.split("\n")) expect(l.length, l).toBeLessThanOrEqual(80);
  });

  test("the JSON report has the fields of the contract, and equal runs differ in host times only", async () => {
    const json = at("out.json");
    const first = await trn([...run, "--report", json, "--json"]);
    const report = JSON.parse(first.out) as RunReport;
    expect(JSON.parse(readFileSync(json, "utf8"))).toEqual(report);
    expect(report).toMatchObject({ kernel: "softmax", target: "trn2" });
    expect(report.outputs[0]).toMatchObject({ shape: [64, 32], dtype: "float32" });
    expect(report.outputs[0]!.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(Object.keys(report.time!.engines)).toEqual([
      "tensor",
      "vector",
      "scalar",
      "gpsimd",
      "sync",
    ]);
    expect(report.time!.total_ns).toBeGreaterThan(0);
    expect(report.time!.hbm).toEqual({ read_bytes: 8192, write_bytes: 8192 });
    expect(report.memory.sbuf_peak_bytes).toBeGreaterThan(0);
    const again = JSON.parse((await trn([...run, "--json"])).out) as RunReport;
    expect({ ...again, host: 0 }).toEqual({ ...report, host: 0 });
  });

  test("values without time, time without values", async () => {
    const values = JSON.parse((await trn([...run, "--no-timing", "--json"])).out) as RunReport;
    expect([values.time, values.mfu, values.outputs.length]).toEqual([null, null, 1]);
    const time = JSON.parse((await trn([...run, "--timing-only", "--json"])).out) as RunReport;
    expect(time.outputs).toEqual([]);
    expect(time.time!.total_ns).toBeGreaterThan(0);
  });

  test("a failing check ends with 1 and shows the first wrong element", async () => {
    const ref = at("ref.mjs");
    writeFileSync(
      ref,
      "export const zero = (x) => ({ shape: x.shape, data: x.data.map(() => 0) });",
    );
    const { code, out } = await trn([...run, "--check", `${ref}:zero`]);
    expect(code).toBe(1);
    expect(out).toMatch(/✗ max error/);
    expect(out).toMatch(/\[0, 0\] got 0\.\d+, expected 0/);
    const loose = await trn([...run, "--check", `${ref}:zero`, "--atol", "1", "--rtol", "0"]);
    expect(loose.code).toBe(0);
  });

  test("a saved Program runs again with the same result; outputs are files", async () => {
    const [program, outputs] = [at("s.otrn"), at("out.safetensors")];
    const first = await trn([...run, "--save", program, "--outputs", outputs, "--json"]);
    const report = JSON.parse(first.out) as RunReport;
    const again = await trn(["run", program, "--arg", "x=64x32:float32:normal", "--json"]);
    const second = JSON.parse(again.out) as RunReport;
    expect(second.outputs).toEqual(report.outputs);
    expect({ ...second.time, critical_path: 0 }).toEqual({ ...report.time, critical_path: 0 });
    expect(readTensorFile(outputs).shape).toEqual([64, 32]);
    expect(readdirSync(folder).filter((f) => f.endsWith(".partial"))).toEqual([]);
    const text = await trn(["print", program]);
    expect(text.out).toMatch(/^program softmax target=trn2 cores=1\n/);
  });

  test("the trace names engines, queues and source lines", async () => {
    const path = at("t.pftrace");
    const { out } = await trn([...run, "--trace", path]);
    expect(out).toMatch(/^ trace +.*t.pftrace \(opens in ui.perfetto.dev\)$/m);
    const bytes = readFileSync(path);
    for (const text of ["VectorE", "DMA q", "tensor_reduce", "03-softmax.ts"])
      expect(bytes.includes(text), text).toBe(true);
    await trn([...run, "--trace", path]);
    expect(readFileSync(path).equals(bytes)).toBe(true);
  });

  test("the slow reference path gives the same bytes", async () => {
    const fast = JSON.parse((await trn([...run, "--json"])).out) as RunReport;
    const slow = JSON.parse((await trn([...run, "--reference", "--json"])).out) as RunReport;
    expect(slow.outputs).toEqual(fast.outputs);
    expect(slow.fast).toBe(0);
  });

  test("--precise-fp off and NKI_PRECISE_FP=0 keep bfloat16 in fp32", async () => {
    const reference = `${example("references.ts")}:rmsNorm`;
    const args = ["--arg", "x=64x64:bf16", "--arg", "weight=64:bf16", "--check", reference];
    const error = async (more: string[], env = {}) => {
      const { out } = await trn(["run", example("04-rmsnorm.ts"), ...args, "--json", ...more], env);
      return (JSON.parse(out) as RunReport).outputs[0]!.max_rel_error as number;
    };
    const rounded = await error([]);
    expect(rounded).toBeGreaterThan(1e-3);
    const wide = await error(["--precise-fp", "off"]);
    expect(wide).toBeLessThan(1e-5);
    expect(await error([], { NKI_PRECISE_FP: "0" })).toBe(wide);
    expect(await error(["--precise-fp", "on"], { NKI_PRECISE_FP: "0" })).toBe(rounded);
  });

  test.skipIf(!pythonAvailable())("Python kernels give the same report", async () => {
    const python = await trn(["run", example("03-softmax.py"), ...run.slice(2), "--json"]);
    const fromPython = JSON.parse(python.out) as RunReport;
    const fromScript = JSON.parse((await trn([...run, "--json"])).out) as RunReport;
    expect(fromPython.outputs[0]!.sha256).toBe(fromScript.outputs[0]!.sha256);
    expect(fromPython.time!.total_ns).toBe(fromScript.time!.total_ns);
    expect(fromPython.traced_by).toBe("cpython");
  });
});

describe("bad input ends with 2, says what to do, and never shows a stack", () => {
  writeFileSync(at("bad.npy"), "no npy");
  writeFileSync(at("bad.npz"), "no zip at all, only text");
  writeFileSync(at("bad.safetensors"), "\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u007f{}");
  writeFileSync(at("bad.otrn"), "OTRN????????????????");
  writeTensorFile(at("wide.npy"), { x: tensorOf("float32", [2, 2], [1, 2, 3, 4]) });
  writeFileSync(at("syntax.ts"), "const x: = 1;\n");
  writeFileSync(at("throws.ts"), "\nthrow new TypeError('at import');\n");
  const kernel = [
    "export const k = {",
    "  name: 'k', parameters: [],",
    "  build() {",
    "    throw new RangeError('in the kernel');",
    "  },",
    "};",
  ];
  writeFileSync(at("raises.mjs"), kernel.join("\n"));
  const cases: readonly [string, readonly string[], RegExp][] = [
    ["no such command", ["rum"], /unknown command 'rum'[\s\S]*Did you mean run/],
    ["no such option", ["run", softmax, "--tracee", "x"], /unknown option '--tracee'/],
    ["no kernel", ["run"], /missing required argument 'kernel'/],
    ["no such file", ["run", "nothing.py:k"], /kernel nothing.py: no such file/],
    ["no kernel file", ["run", "nothing.cpp"], /is not FILE.py:KERNEL/],
    ["unknown kernel", ["run", `${softmax}:nothing`], /has no kernel nothing; it has softmax/],
    [
      "unknown target",
      [...run, "--target", "trn9"],
      /target trn9 is not a chip we know; choose one/,
    ],
    ["two chips", [...run, "--target", "trn2", "--chip", "x.json"], /--chip and --target both/],
    ["no chip file", [...run, "--chip", at("no.json")], /cannot be read/],
    ["bad lnc", [...run, "--lnc", "3"], /LNC 3 is not possible/],
    ["no number", [...run, "--lnc", "two"], /--lnc "two" is not a whole number from 1 to 8/],
    ["bad seed", [...run, "--seed", "-1"], /--seed "-1" is not a whole number/],
    ["bad host", [...run, "--python", "ruby"], /not one of auto, cpython, pyodide/],
    ["bad precise-fp", [...run, "--precise-fp", "maybe"], /not one of on, off/],
    ["argument without name", ["run", softmax, "--arg", "64x32:float32"], /has no name before =/],
    ["argument twice", [...run, "--arg", "x=1"], /--arg x is given twice/],
    ["unknown argument", [...run, "--arg", "y=1"], /takes \(x\); y is none of them/],
    ["missing argument", ["run", softmax], /takes \(x\); x is missing/],
    ["unknown dtype", ["run", softmax, "--arg", "x=2x2:float64"], /"float64" is not one we know/],
    [
      "corrupt npy",
      ["run", softmax, "--arg", `x=@${at("bad.npy")}`],
      /bad input: .*bad.npy: has 6 b/,
    ],
    [
      "corrupt npz",
      ["run", softmax, "--arg", `x=@${at("bad.npz")}`],
      /bad.npz: has no zip directory/,
    ],
    [
      "corrupt safetensors",
      ["run", softmax, "--arg", `x=@${at("bad.safetensors")}`],
      /declares a header of \d+ bytes, at most/,
    ],
    ["corrupt Program", ["run", at("bad.otrn")], /bad input: not a Program/],
    ["too many partitions", ["run", softmax, "--arg", "x=1:float32"], /./],
    ["clash", [...run, "--timing-only", "--check", "r.ts:f"], /--timing-only and --check exclude/],
    ["clash", [...run, "--no-timing", "--trace", "x"], /--no-timing and --trace exclude/],
    ["check without function", [...run, "--check", softmax], /names no function/],
    ["check without file", [...run, "--check", "no.py:f"], /--check no.py: no such file/],
    ["cannot write", [...run, "--report", join(softmax, "x.json")], /cannot be written/],
    ["syntax error", ["run", at("syntax.ts")], /bad input: [\s\S]*\(.*syntax.ts:1\)/],
    [
      "throws at import",
      ["run", at("throws.ts")],
      /bad input: TypeError: at import \(.*throws.ts:2\)/,
    ],
    [
      "exception in the kernel",
      ["run", at("raises.mjs")],
      /kernel exception: RangeError: in the kernel \(.*raises.mjs:4\)/,
    ],
    ["too many instructions", [...run, "--max-instructions", "3"], /limit reached: .*3/],
    ["unknown instruction", ["isa", "nc_matmull"], /is not one we know; did you mean nc_matmul/],
    ["unknown chip", ["chips", "tpu"], /target tpu is not a chip/],
    ["script that is not there", ["python", "no.py"], /script no.py: no such file/],
  ];
  for (const [what, argv, message] of cases)
    test(`${what}: trn ${argv[0]}`, async () => {
      const { code, err, out } = await trn(argv);
      expect(err).toMatch(message);
      expect(err).not.toMatch(/\n\s+at /);
      expect([code, out]).toEqual([2, ""]);
    });

  test("--json gives the same as an object on standard output", async () => {
    const { code, out } = await trn(["run", at("raises.mjs"), "--json"]);
    expect(code).toBe(2);
    expect(JSON.parse(out)).toEqual({
      error: {
        category: "kernel exception",
        rule: "script",
        message: "RangeError: in the kernel",
        file: at("raises.mjs"),
        line: 4,
      },
    });
    const usage = await trn(["chips", "--json", "--tracee"]);
    expect(JSON.parse(usage.out)).toMatchObject({ error: { category: "bad input" } });
  });
});

describe("lists", () => {
  test("trn chips", async () => {
    const { out } = await trn(["chips"]);
    expect(out).toMatch(/^trn2 +Trainium2 +NeuronCore-v3 +8 /m);
    const one = JSON.parse((await trn(["chips", "trn2", "--json"])).out) as { name: string };
    expect(one.name).toBe("trn2");
    expect((await trn(["chips", "gen3"])).out).toMatch(/^hbm.bytesPerNs +\d+ +/m);
  });
  test("trn isa has one record an instruction with the fields of the contract", async () => {
    const records = JSON.parse((await trn(["isa", "--json"])).out) as Record<string, unknown>[];
    expect(records.map((r) => r["name"])).toEqual(instructions.map((i) => i.name));
    const matmul = records.find((r) => r["name"] === "nc_matmul");
    expect(matmul).toMatchObject({
      engines: ["tensor"],
      generations: [2, 3, 4],
      cost: { basis: "measured", formula: expect.any(String) },
      meaning: true,
      fast: true,
      tests: expect.any(Number),
    });
    expect(matmul!["tests"]).toBeGreaterThan(5);
    expect(JSON.parse((await trn(["isa", "nisa.nc_matmul", "--json"])).out)).toEqual(matmul);
    expect((await trn(["isa"])).out).toMatch(
      /^nc_matmul +tensor +v2 v3 v4 +\d+ +measured +yes +\d+$/m,
    );
    expect((await trn(["isa", "nc_matmul"])).out).toMatch(/C2 the moving free size fits/);
  });
  test("help and version", async () => {
    const help = await trn(["run", "--help"]);
    expect([help.code, help.err]).toEqual([0, ""]);
    expect(help.out).toMatch(/--arg q=128x1024:bfloat16:normal/);
    expect((await trn([])).out).toMatch(/^Usage: trn/);
    expect((await trn(["--version"])).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
