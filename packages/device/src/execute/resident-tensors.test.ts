import { type OpenTrnError, Random } from "@opentrn/base";
import type { AccessPattern } from "@opentrn/isa";
import { describe, expect, it, test } from "vitest";
import { place } from "../placement/index.ts";
import { type PrepareOptions, prepare } from "./executable.ts";
import { floatBytes, floatsOf, Hand } from "./hand.testing.ts";
import { executeRanks, prepareRanks } from "./ranks.ts";

/** next = weight * decay + batch, and loss = the first element of next: a step of training, in small. */
function step(options: PrepareOptions = {}) {
  const h = new Hand();
  const weight = h.tensor("hbm", "float32", [4, 2], "input");
  const batch = h.tensor("hbm", "float32", [4, 2], "input");
  const next = h.tensor("hbm", "float32", [4, 2], "output");
  const loss = h.tensor("hbm", "float32", [1, 1], "output");
  const [w, b] = [h.tensor("sbuf", "float32", [4, 2]), h.tensor("sbuf", "float32", [4, 2])];
  h.op("dma_copy", { dst: w, src: weight });
  h.op("dma_copy", { dst: b, src: batch });
  h.op(
    "scalar_tensor_tensor",
    { dst: w, data: w, operand0: 0.5, operand1: b },
    { op0: "multiply", op1: "add" },
  );
  h.op("dma_copy", { dst: next, src: w });
  const corner = {
    ...w,
    dims: [
      [1, 1],
      [1, 1],
    ] as const,
  };
  h.op("dma_copy", { dst: loss, src: corner });
  const program = h.program();
  const ids = {
    weight: weight.storage,
    batch: batch.storage,
    next: next.storage,
    loss: loss.storage,
  };
  return { ids, program, executable: prepare(program, place(program), options) };
}

const rows = (...v: number[]): Uint8Array => floatBytes(...v);
const start = rows(1, 2, 3, 4, 5, 6, 7, 8);
const ones = rows(1, 1, 1, 1, 1, 1, 1, 1);

for (const fast of [true, false])
  describe(fast ? "fast path" : "reference path", () => {
    it("keeps what HBM holds between executions and carries outputs over to inputs", () => {
      const { ids, program, executable } = step({
        fast,
        carry: [{ from: 2, to: 0 }],
      });
      expect(ids).toEqual({ weight: 0, batch: 1, next: 2, loss: 3 });
      executable.write(ids.weight, start);
      executable.write(ids.batch, ones);
      // The same, with every tensor moved in and out.
      let weight = start;
      const whole = prepare(program, place(program), { fast });
      for (let n = 0; n < 3; n++) {
        executable.execute();
        weight = whole.run([weight, ones]).outputs[0]!;
      }
      expect(executable.read(ids.weight)).toEqual(weight);
      expect(executable.read(ids.next)).toEqual(weight);
      expect(floatsOf(executable.read(ids.loss))).toEqual([1 / 8 + 1.75]);
      executable.write(ids.batch, rows(0, 0, 0, 0, 0, 0, 0, 0));
      executable.execute();
      expect(floatsOf(executable.read(ids.loss))).toEqual([(1 / 8 + 1.75) / 2]);
    });

    it("copies a result to an input when asked to", () => {
      const { executable } = step({ fast });
      executable.write(0, start);
      executable.write(1, ones);
      executable.execute();
      expect(floatsOf(executable.read(0))[0]).toBe(1);
      executable.copy(2, 0);
      expect(executable.read(0)).toEqual(executable.read(2));
      executable.execute();
      expect(floatsOf(executable.read(3))).toEqual([(1 * 0.5 + 1) * 0.5 + 1]);
      expect(() => executable.copy(3, 0)).toThrow("cannot become");
    });

    it("leaves inputs that a run wrote as they are", () => {
      const h = new Hand();
      const x = h.tensor("hbm", "float32", [1, 2], "input");
      const t = h.tensor("sbuf", "float32", [1, 2]);
      h.op("dma_copy", { dst: t, src: x });
      h.op("tensor_tensor", { dst: t, data1: t, data2: t }, { op: "add" });
      h.op("dma_copy", { dst: x, src: t });
      const program = h.program();
      const e = prepare(program, place(program), { fast });
      e.write(x.storage, floatBytes(1, 3));
      e.execute();
      e.execute();
      expect(floatsOf(e.read(x.storage))).toEqual([4, 12]);
    });
  });

test("narrow tensors go in and out in their own type when values stay in fp32", () => {
  const h = new Hand();
  const x = h.tensor("hbm", "bfloat16", [1, 2], "input");
  const y = h.tensor("hbm", "bfloat16", [1, 2], "output");
  const t = h.tensor("sbuf", "bfloat16", [1, 2]);
  h.op("dma_copy", { dst: t, src: x });
  h.op("dma_copy", { dst: y, src: t });
  const program = h.program();
  const e = prepare(program, place(program), { preciseFp: false, carry: [{ from: 1, to: 0 }] });
  e.write(0, Uint8Array.of(0x80, 0x3f, 0x00, 0x40));
  e.execute();
  expect(e.read(y.storage)).toEqual(Uint8Array.of(0x80, 0x3f, 0x00, 0x40));
  expect(e.read(x.storage)).toEqual(e.read(y.storage));
});

test("generators start anew at each execution", () => {
  const h = new Hand();
  const y = h.tensor("hbm", "uint32", [4, 8], "output");
  const t = h.tensor("sbuf", "uint32", [4, 8]);
  h.op("rng", { dst: t });
  h.op("dma_copy", { dst: y, src: t });
  const program = h.program();
  const e = prepare(program, place(program), { seed: 3 });
  e.execute();
  const first = e.read(y.storage);
  e.execute();
  expect(e.read(y.storage)).toEqual(first);
  expect(first).not.toEqual(new Uint8Array(first.length));
});

describe("bad input", () => {
  const rule = (job: () => unknown): string | undefined => {
    try {
      job();
    } catch (e) {
      return `${(e as OpenTrnError).category}: ${(e as OpenTrnError).rule}`;
    }
    return undefined;
  };

  it("stops before a run when an input has no data", () => {
    const { executable } = step();
    executable.write(0, start);
    expect(() => executable.execute()).toThrow(
      "input input4,2 float32[4,2] was never written; 1 of 2 inputs have no data",
    );
  });

  it("names what it does not know or cannot tell apart", () => {
    const { executable } = step();
    expect(() => executable.read("weights")).toThrow(
      "there is no tensor weights; choose one of input4,2, input4,2, output4,2, output1,1",
    );
    expect(() => executable.read("input4,2")).toThrow(
      "2 tensors are called input4,2; give a storage number (0,1)",
    );
    expect(executable.read("output1,1").length).toBe(4);
    expect(rule(() => executable.write(0, start.subarray(4)))).toBe("bad input: input size");
  });

  it("carries only outputs to inputs of the same type and size, each input once", () => {
    for (const carry of [
      [{ from: 3, to: 0 }],
      [
        { from: 2, to: 0 },
        { from: 2, to: 0 },
      ],
      [{ from: 0, to: 1 }],
      [{ from: 2, to: 2 }],
    ])
      expect(rule(() => step({ carry }))).toMatch(/^bad input: (carry|tensor)$/);
  });

  it("does not carry what another carry overwrites", () => {
    const h = new Hand();
    const [a, b] = [
      h.tensor("hbm", "float32", [1, 1], "input"),
      h.tensor("hbm", "float32", [1, 1], "input"),
    ];
    const t = h.tensor("sbuf", "float32", [1, 1]);
    h.op("dma_copy", { dst: t, src: a });
    h.op("dma_copy", { dst: b, src: t });
    h.b.markOutput(b.storage);
    h.b.markOutput(a.storage);
    const program = h.program();
    const carry = [
      { from: b.storage, to: a.storage },
      { from: a.storage, to: b.storage },
    ];
    expect(rule(() => prepare(program, place(program), { carry }))).toBe("bad input: carry");
  });
});

test("ranks keep their own tensors between executions and meet in collectives", () => {
  const h = new Hand();
  const x = h.tensor("hbm", "float32", [1, 2], "input");
  const y = h.tensor("hbm", "float32", [1, 2], "output");
  h.op("all_reduce", { dst0: y, src0: x }, { replica_group: [2, 0, 1], op: "add" });
  const program = h.program();
  const carry = [{ from: y.storage, to: x.storage }];
  const all = prepareRanks(program, place(program), 2, { carry });
  all[0]!.write(x.storage, floatBytes(1, 2));
  all[1]!.write(x.storage, floatBytes(10, 20));
  executeRanks(all);
  executeRanks(all);
  expect(all.map((e) => floatsOf(e.read(x.storage)))).toEqual([
    [22, 44],
    [22, 44],
  ]);
});

/** A large gather with an index outside stops with the user's line, whatever ran before in the same stretch of commands. */
test("an offset outside its tensor names its line within a long stretch of commands", () => {
  const h = new Hand();
  const table = h.tensor("hbm", "float32", [10, 2], "input");
  const which = h.tensor("hbm", "int32", [3, 1], "input");
  const out = h.tensor("hbm", "float32", [3, 2], "output");
  const [index, got] = [h.tensor("sbuf", "int32", [3, 1]), h.tensor("sbuf", "float32", [3, 2])];
  const gather: AccessPattern = {
    ...table,
    dims: [
      [2, 3],
      [1, 2],
    ],
    dynamic: { kind: "vector", stride: 2, limit: 10, index },
  };
  const r = new Random(1);
  for (let n = 0; n < 20; n++) h.op("memset", { dst: got, value: r.uniform() });
  h.op("dma_copy", { dst: index, src: which });
  h.op("dma_copy", { dst: got, src: gather });
  h.op("dma_copy", { dst: out, src: got });
  const program = h.program();
  const e = prepare(program, place(program));
  expect(e.fastCount).toBe(23);
  e.write(0, new Uint8Array(80));
  e.write(1, new Uint8Array(Int32Array.of(1, 10, 2).buffer));
  try {
    e.execute();
    expect.fail("no error");
  } catch (error) {
    expect((error as OpenTrnError).describe()).toMatch(
      /^out of bounds: dma_copy: the run-time offset of src is 10.*\(hand\.py:22\)$/,
    );
  }
});
