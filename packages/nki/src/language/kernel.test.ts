import { OpenTrnError } from "@opentrn/base";
import { chipNamed } from "@opentrn/chips";
import { locationOf, printProgram } from "@opentrn/isa";
import { describe, expect, test } from "vitest";
import { kernel, nisa, nl, type Tensor } from "./index.ts";

const chip = chipNamed("trn2");
const f32 = (...shape: number[]) => ({ shape, dtype: "float32" as const });

const add = kernel("add", (a, b) => {
  const out = nl.ndarray(a.shape, { dtype: a.dtype, buffer: "shared_hbm", name: "out" });
  for (const rows of nl.tiles(a.shape[0]!, nl.tileSize.pmax)) {
    const [x, y] = [a, b].map((t) => nl.load(t.slice(rows))) as [Tensor, Tensor];
    nisa.tensorTensor({ dst: x, data1: x, data2: y, op: nl.add });
    nl.store(out.slice(rows), x);
  }
  return out;
});

/** The error that `build` stops with. */
function failure(body: () => unknown): OpenTrnError {
  try {
    body();
  } catch (e) {
    if (e instanceof OpenTrnError) return e;
    throw e;
  }
  throw new Error("nothing was wrong");
}

describe("kernel", () => {
  test("builds the same instructions as it reads", () => {
    const program = add.build({ chip, inputs: { b: f32(192, 16), a: f32(192, 16) } });
    expect(printProgram(program).replace(/ {2}; .*/g, "")).toMatchInlineSnapshot(`
      "program add target=trn2 cores=1
      %0 = hbm f32[192,16] input "a"
      %1 = hbm f32[192,16] input "b"
      %2 = hbm f32[192,16] "out"
      %3 = sbuf f32[128,16] "sbuf3"
      %4 = sbuf f32[128,16] "sbuf4"
      %5 = sbuf f32[64,16] "sbuf5"
      %6 = sbuf f32[64,16] "sbuf6"
      dma_copy dst=%3:f32[0:128, 1x16], src=%0:f32[16x128 1x16]
      dma_copy dst=%4:f32[0:128, 1x16], src=%1:f32[16x128 1x16]
      tensor_tensor dst=%3:f32[0:128, 1x16], data1=%3:f32[0:128, 1x16], data2=%4:f32[0:128, 1x16], op=add
      dma_copy dst=%2:f32[16x128 1x16], src=%3:f32[0:128, 1x16]
      dma_copy dst=%5:f32[0:64, 1x16], src=%0:f32[+2048 16x64 1x16]
      dma_copy dst=%6:f32[0:64, 1x16], src=%1:f32[+2048 16x64 1x16]
      tensor_tensor dst=%5:f32[0:64, 1x16], data1=%5:f32[0:64, 1x16], data2=%6:f32[0:64, 1x16], op=add
      dma_copy dst=%2:f32[+2048 16x64 1x16], src=%5:f32[0:64, 1x16]
      return %2
      "
    `);
  });

  test("records the line that issued each instruction", () => {
    const program = add.build({ chip, inputs: { a: f32(128, 16), b: f32(128, 16) } });
    const lines = Array.from(program.starts, (_, i) => locationOf(program, i)!);
    expect(lines.every((l) => l.file.endsWith("kernel.test.ts"))).toBe(true);
    const [loadA, loadB, sum, store] = lines.map((l) => l.line);
    expect(loadB).toBe(loadA);
    expect(sum).toBe(loadA! + 1);
    expect(store).toBe(loadA! + 2);
    expect(program.lines[program.words[program.starts[2]! + 1]!]!.function).not.toBe("build");
  });

  test("leaves lines out when asked", () => {
    const inputs = { a: f32(128, 16), b: f32(128, 16) };
    const program = add.build({ chip, inputs, lines: false });
    expect(locationOf(program, 0)).toBeUndefined();
  });

  test("reads compile-time values by name and keeps defaults", () => {
    const fill = kernel("fill", (value: number, columns: number = 8) => {
      const out = nl.ndarray([128, columns], { dtype: "float32", buffer: "shared_hbm" });
      nl.store(out, nl.full([128, columns], value, { dtype: "float32" }));
      return out;
    });
    const program = fill.build({ chip, inputs: {}, args: { value: 3 } });
    expect(program.storages[program.outputs[0]!]!.shape).toEqual([128, 8]);
    expect(failure(() => fill.build({ chip, inputs: {}, args: {} })).message).toMatch(
      "value is missing",
    );
    const wrong = () => fill.build({ chip, inputs: {}, args: { value: 3, rows: 1 } });
    expect(failure(wrong).message).toMatch("rows is none of them");
  });

  test("a broken rule stops at the user's own line", () => {
    let line = 0;
    const tall = kernel("tall", (a) => {
      const out = nl.ndarray(a.shape, { dtype: a.dtype, buffer: "shared_hbm" });
      line = Number(/kernel\.test\.ts:(\d+)/.exec(new Error().stack!)![1]) + 1;
      const x = nl.load(a);
      nl.store(out, x);
      return out;
    });
    const e = failure(() => tall.build({ chip, inputs: { a: f32(129, 4) } }));
    expect(e.rule).toBe("ndarray T3");
    expect(e.at).toEqual({ file: expect.stringMatching("kernel.test.ts"), line });
  });

  test("reading what was never written names the line", () => {
    const blind = kernel("blind", () => {
      const out = nl.ndarray([128, 4], { dtype: "float32", buffer: "shared_hbm" });
      nl.store(out, nl.ndarray([128, 4], { dtype: "float32", name: "nothing" }));
      return out;
    });
    const e = failure(() => blind.build({ chip, inputs: {} }));
    expect(e.category).toBe("uninitialised read");
    expect(e.message).toMatch("nothing");
    expect(e.at?.file).toMatch("kernel.test.ts");
  });

  test("outputs are whole tensors in shared_hbm", () => {
    const chipOnly = kernel("chip_only", () => nl.zeros([128, 4], { dtype: "float32" }));
    expect(failure(() => chipOnly.build({ chip, inputs: {} })).rule).toBe("kernel outputs");
    const two = kernel("two", (a) => {
      const tensors = [0, 1].map(() =>
        nl.ndarray(a.shape, { dtype: a.dtype, buffer: "shared_hbm" }),
      );
      for (const t of tensors) nl.store(t, nl.load(a));
      return tensors;
    });
    const program = two.build({ chip, inputs: { a: f32(4, 4) } });
    expect(program.outputs.map((o) => program.storages[o]!.name)).toEqual(["out0", "out1"]);
    const part = kernel("part", (a) => a.slice([0, 2]));
    expect(failure(() => part.build({ chip, inputs: { a: f32(4, 4) } })).message).toMatch(
      "a part of a",
    );
  });

  test("nl and nisa mean nothing outside a kernel", () => {
    const e = failure(() => nl.zeros([128, 4], { dtype: "float32" }));
    expect(e.rule).toBe("kernel scope");
    expect(e.at?.file).toMatch("kernel.test.ts");
  });

  test("an argument that no instruction has stops, with the arguments it takes", () => {
    const typo = kernel("typo", (a) => {
      const x = nl.load(a);
      const args = { dst: x, src: x, engin: "vector" } as const;
      nisa.tensorCopy(args);
      return a;
    });
    const e = failure(() => typo.build({ chip, inputs: { a: f32(4, 4) } }));
    expect(e.message).toMatch("tensor_copy has no engin; it takes dst, src, engine");
  });

  test("LNC 2 traces each core and shares what lies in shared_hbm", () => {
    const halves = kernel("halves", (a) => {
      const out = nl.ndarray(a.shape, { dtype: a.dtype, buffer: "shared_hbm" });
      const half = a.shape[0]! / nl.numPrograms();
      const from = nl.programId() * half;
      nl.store(out.slice([from, from + half]), nl.load(a.slice([from, from + half])));
      return out;
    });
    const program = halves.build({ chip, lnc: 2, inputs: { a: f32(64, 4) } });
    expect([...program.coreOf]).toEqual([0, 0, 1, 1]);
    expect(program.storages.filter((s) => s.space === "hbm")).toHaveLength(2);
    expect(program.outputs).toHaveLength(1);
  });

  test("loops run on the device and their index is read only", () => {
    const loop = kernel("loop", (a) => {
      const out = nl.ndarray(a.shape, { dtype: a.dtype, buffer: "shared_hbm" });
      nl.foriLoop(0, 4, (i) => {
        const x = nl.load(a.slice(nl.ds(i, 1)));
        nl.store(out.slice(nl.ds(i, 1)), x);
      });
      return out;
    });
    const program = loop.build({ chip, inputs: { a: f32(4, 4) } });
    expect(printProgram(program)).toMatch("loop_begin index=r0, start=0, stop=4");
    expect(printProgram(program)).toMatch("+r0*4");
    const frozen = kernel("frozen", (a) => {
      nl.foriLoop(0, 4, (i) => nisa.registerMove({ dst: i, src: 0 }));
      return a;
    });
    expect(failure(() => frozen.build({ chip, inputs: { a: f32(4, 4) } })).rule).toMatch("frozen");
  });
});

describe("types", () => {
  test("calls are typed by their records", () => {
    const check = (x: Tensor) => {
      nisa.ncMatmul({ dst: x, stationary: x, moving: x, isTranspose: true, tilePosition: [0, 0] });
      nisa.activation({ dst: x, data: x, op: nl.exp, scale: 2, reduceCmd: "reset_reduce" });
      nisa.activation({ dst: x, data: x, op: "tanh", bias: x });
      // @ts-expect-error moving is required
      nisa.ncMatmul({ dst: x, stationary: x });
      // @ts-expect-error a matmul takes no number
      nisa.ncMatmul({ dst: x, stationary: x, moving: 3 });
      // @ts-expect-error op is an ALU operation
      nisa.tensorTensor({ dst: x, data1: x, data2: x, op: nl.exp });
      // @ts-expect-error no such engine
      nisa.tensorCopy({ dst: x, src: x, engine: "tensor" });
      // @ts-expect-error no such argument
      nisa.tensorCopy({ dst: x, src: x, engin: "vector" });
    };
    expect(check).toBeTypeOf("function");
  });
});
