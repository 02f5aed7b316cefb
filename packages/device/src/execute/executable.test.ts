import { type OpenTrnError, Random } from "@opentrn/base";
import { chipNamed } from "@opentrn/chips";
import {
  type AccessPattern,
  type DynamicOffset,
  instructionNamed,
  type Operand,
  ProgramBuilder,
  type Space,
} from "@opentrn/isa";
import { type DType, matmul } from "@opentrn/numerics";
import { describe, expect, it } from "vitest";
import { place } from "../placement/index.ts";
import { type PrepareOptions, prepare } from "./executable.ts";

const chip = chipNamed("trn2");

/** A kernel written by hand: tensors by shape, instructions by name. */
class Hand {
  readonly b = new ProgramBuilder({ name: "hand", chip });
  readonly line = this.b.line("hand.py", 3);

  tensor(
    space: Space,
    dtype: DType,
    shape: number[],
    kind: "input" | "output" | "internal" = "internal",
  ): AccessPattern {
    const storage = this.b.declare({ name: kind, space, kind, dtype, shape });
    if (kind === "output") this.b.markOutput(storage);
    const dims = shape.map(
      (n, i) =>
        [
          space !== "hbm" && i === 0 ? 1 : shape.slice(i + 1).reduce((a, c) => a * c, 1),
          n,
        ] as const,
    );
    return { storage, dtype, partition: 0, offset: 0, dims };
  }

  op(
    name: string,
    operands: Record<string, AccessPattern | number | { register: number }>,
    attrs: Record<string, unknown> = {},
  ): void {
    const forms = Object.entries(operands).map(([k, o]): [string, Operand] => [
      k,
      typeof o === "number"
        ? { kind: "float", value: o }
        : "storage" in o
          ? { kind: "tile", pattern: o }
          : { kind: "register", ...o },
    ]);
    this.b.emit(instructionNamed(name)!, Object.fromEntries(forms), attrs, this.line);
  }

  run(inputs: Uint8Array[], options?: PrepareOptions) {
    const program = this.b.finish();
    return prepare(program, place(program), options).run(inputs);
  }
}

const bytes = (a: Float32Array | Int32Array): Uint8Array => new Uint8Array(a.buffer.slice(0));
const floats = (b: Uint8Array): Float32Array => new Float32Array(b.slice().buffer);
const rows = (n: number, width: number): Float32Array =>
  Float32Array.from({ length: n * width }, (_, i) => Math.floor(i / width) + (i % width) / 100);

for (const fast of [true, false])
  describe(fast ? "fast path" : "reference path", () => {
    it("multiplies, accumulates in PSUM and copies out", () => {
      const h = new Hand();
      const [x, y] = [
        h.tensor("hbm", "float32", [16, 8], "input"),
        h.tensor("hbm", "float32", [16, 24], "input"),
      ];
      const out = h.tensor("hbm", "float32", [8, 24], "output");
      const [xs, ys, os] = [
        h.tensor("sbuf", "float32", [16, 8]),
        h.tensor("sbuf", "float32", [16, 24]),
        h.tensor("sbuf", "float32", [8, 24]),
      ];
      const ps = h.tensor("psum", "float32", [8, 24]);
      h.op("dma_copy", { dst: xs, src: x });
      h.op("dma_copy", { dst: ys, src: y });
      h.op("nc_matmul", { dst: ps, stationary: xs, moving: ys });
      h.op("nc_matmul", { dst: ps, stationary: xs, moving: ys });
      h.op("tensor_copy", { dst: os, src: ps });
      h.op("dma_copy", { dst: out, src: os });
      const r = new Random(5);
      const [a, b] = [
        Float32Array.from({ length: 128 }, () => r.normal()),
        Float32Array.from({ length: 384 }, () => r.normal()),
      ];
      const once = matmul(a, b, 16, 8, 24);
      expect(floats(h.run([bytes(a), bytes(b)], { fast }).outputs[0]!)).toEqual(
        once.map((v) => Math.fround(v + v)),
      );
    });

    const gather = (oob: "error" | "skip", indices: number[]) => {
      const h = new Hand();
      const table = h.tensor("hbm", "float32", [10, 4], "input");
      const which = h.tensor("hbm", "int32", [indices.length, 1], "input");
      const out = h.tensor("hbm", "float32", [indices.length, 4], "output");
      const [index, got] = [
        h.tensor("sbuf", "int32", [indices.length, 1]),
        h.tensor("sbuf", "float32", [indices.length, 4]),
      ];
      const dynamic: DynamicOffset = { kind: "vector", stride: 4, limit: 10, index };
      h.op("dma_copy", { dst: index, src: which });
      h.op("memset", { dst: got, value: -1 });
      h.op(
        "dma_copy",
        {
          dst: got,
          src: {
            ...table,
            dims: [
              [4, indices.length],
              [1, 4],
            ],
            dynamic,
          },
        },
        { oob_mode: oob },
      );
      h.op("dma_copy", { dst: out, src: got });
      return floats(
        h.run([bytes(rows(10, 4)), bytes(Int32Array.from(indices))], { fast }).outputs[0]!,
      );
    };

    it("gathers rows by a vector of offsets", () => {
      expect([...gather("error", [3, 0, 9, 3])].map(Math.floor)).toEqual(
        [3, 0, 9, 3].flatMap((i) => [i, i, i, i]),
      );
    });

    it("an offset outside the table stops with the user's line, or leaves its row alone", () => {
      try {
        gather("error", [3, 10]);
        expect.fail("no error");
      } catch (e) {
        expect((e as OpenTrnError).describe()).toMatch(
          /^out of bounds: dma_copy: the run-time offset of src is 10.*\(hand\.py:3\)$/,
        );
      }
      expect([...gather("skip", [3, 10, -1, 1])].map(Math.floor)).toEqual(
        [3, -1, -1, 1].flatMap((i) => [i, i, i, i]),
      );
    });

    it("reads the offsets of an index tile of several columns partition first", () => {
      const h = new Hand();
      const table = h.tensor("hbm", "float32", [10, 2], "input");
      const which = h.tensor("hbm", "int32", [2, 2], "input");
      const out = h.tensor("hbm", "float32", [4, 2], "output");
      const [index, got] = [h.tensor("sbuf", "int32", [2, 2]), h.tensor("sbuf", "float32", [4, 2])];
      const dynamic: DynamicOffset = { kind: "vector", stride: 2, limit: 10, index };
      const dims = [
        [2, 4],
        [1, 2],
      ] as const;
      h.op("dma_copy", { dst: index, src: which });
      h.op("dma_copy", { dst: got, src: { ...table, dims, dynamic } });
      h.op("dma_copy", { dst: out, src: got });
      const run = h.run([bytes(rows(10, 2)), bytes(Int32Array.of(3, 0, 9, 1))], { fast });
      expect([...floats(run.outputs[0]!)].filter((_, i) => i % 2 === 0)).toEqual([3, 9, 0, 1]);
    });

    it("runs a register-driven loop with dynamic slices and reports what it executed", () => {
      const h = new Hand();
      const x = h.tensor("hbm", "float32", [5, 4], "input");
      const out = h.tensor("hbm", "float32", [5, 4], "output");
      const t = h.tensor("sbuf", "float32", [1, 4]);
      const row = (p: AccessPattern): AccessPattern => ({
        ...p,
        dims: [
          [4, 1],
          [1, 4],
        ],
        dynamic: { kind: "register", stride: 4, limit: 5, register: 0 },
      });
      h.op("loop_begin", { index: { register: 0 }, start: 0, stop: 5 }, { step: 2 });
      h.op("dma_copy", { dst: t, src: row(x) });
      h.op("tensor_tensor", { dst: t, data1: t, data2: t }, { op: "add" });
      h.op("dma_copy", { dst: row(out), src: t });
      h.op("loop_end", {});
      const outcome = h.run([bytes(rows(5, 4))], { fast });
      expect([...floats(outcome.outputs[0]!)].filter((_, i) => i % 4 === 0)).toEqual([
        0, 0, 4, 0, 8,
      ]);
      expect([...outcome.executed![0]!]).toEqual([0, 1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4]);
    });

    it("keeps narrow types in fp32 when asked", () => {
      const h = new Hand();
      const x = h.tensor("hbm", "float32", [1, 2], "input");
      const out = h.tensor("hbm", "float32", [1, 2], "output");
      const [f, n] = [h.tensor("sbuf", "float32", [1, 2]), h.tensor("sbuf", "bfloat16", [1, 2])];
      h.op("dma_copy", { dst: f, src: x });
      h.op("tensor_copy", { dst: n, src: f });
      h.op("tensor_copy", { dst: f, src: n });
      h.op("dma_copy", { dst: out, src: f });
      const program = h.b.finish();
      const input = [bytes(Float32Array.of(1.001, 3.3))];
      const run = (preciseFp: boolean) => [
        ...floats(prepare(program, place(program), { fast, preciseFp }).run(input).outputs[0]!),
      ];
      expect(run(true)).toEqual([1, 3.296875]);
      expect(run(false)).toEqual([1.001, 3.3].map(Math.fround));
    });

    it("gives the same bytes on every run of one executable", () => {
      const h = new Hand();
      const x = h.tensor("hbm", "float32", [4, 4], "input");
      const out = h.tensor("hbm", "float32", [4, 1], "output");
      const [t, sum] = [h.tensor("sbuf", "float32", [4, 4]), h.tensor("sbuf", "float32", [4, 1])];
      h.op("dma_copy", { dst: t, src: x });
      h.op(
        "activation",
        { dst: t, data: t, reduce_res: sum },
        { op: "exp", reduce_op: "add", reduce_cmd: "reduce" },
      );
      h.op("dma_copy", { dst: out, src: sum });
      const program = h.b.finish();
      const e = prepare(program, place(program), { fast });
      const input = [bytes(rows(4, 4))];
      expect(e.run(input).outputs).toEqual(e.run(input).outputs);
    });
  });
