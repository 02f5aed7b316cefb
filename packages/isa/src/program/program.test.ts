import { OpenTrnError } from "@opentrn/base";
import { chipNamed } from "@opentrn/chips";
import type { DType } from "@opentrn/numerics";
import { describe, expect, it } from "vitest";
import type { Space } from "../define.ts";
import { dmaCopy } from "../ops/dma-copy.ts";
import { loopBegin } from "../ops/loop-begin.ts";
import { loopEnd } from "../ops/loop-end.ts";
import { memset } from "../ops/memset.ts";
import { ncMatmul } from "../ops/nc-matmul.ts";
import { tensorCopy } from "../ops/tensor-copy.ts";
import { tensorTensor } from "../ops/tensor-tensor.ts";
import { whileBegin } from "../ops/while-begin.ts";
import { whileEnd } from "../ops/while-end.ts";
import { ProgramBuilder } from "./builder.ts";
import { encodeInstruction } from "./codec.ts";
import type { AccessPattern, Operand } from "./pattern.ts";
import { printProgram } from "./print.ts";
import { loadProgram, saveProgram } from "./save.ts";

const chip = chipNamed("trn2");

/** Declares a tensor and gives the operand that covers all of it. */
function tensor(
  b: ProgramBuilder,
  space: Space,
  dtype: DType,
  shape: number[],
  kind: "input" | "internal" | "output" = "internal",
) {
  const storage = b.declare({ name: "", space, kind, dtype, shape });
  const strides = shape.map((_, i) => shape.slice(i + 1).reduce((a, c) => a * c, 1));
  const dims = shape.map((n, i) => [space !== "hbm" && i === 0 ? 1 : strides[i]!, n] as const);
  const pattern: AccessPattern = { storage, dtype, partition: 0, offset: 0, dims };
  return { storage, pattern, operand: { kind: "tile", pattern } as Operand };
}

const tile = (pattern: AccessPattern, over: Partial<AccessPattern>): Operand => ({
  kind: "tile",
  pattern: { ...pattern, ...over },
});

const thrown = (f: () => void): OpenTrnError => {
  try {
    f();
  } catch (e) {
    if (e instanceof OpenTrnError) return e;
    throw e;
  }
  throw new Error("nothing was thrown");
};

function matmulProgram() {
  const b = new ProgramBuilder({ name: "mm", chip });
  const line = b.line("kernel.py", 7, "mm");
  const x = tensor(b, "hbm", "bfloat16", [128, 64], "input");
  const y = tensor(b, "hbm", "bfloat16", [128, 256], "input");
  const out = tensor(b, "hbm", "float32", [64, 256], "output");
  const [xs, ys] = [
    tensor(b, "sbuf", "bfloat16", [128, 64]),
    tensor(b, "sbuf", "bfloat16", [128, 256]),
  ];
  const ps = tensor(b, "psum", "float32", [64, 256]);
  const os = tensor(b, "sbuf", "float32", [64, 256]);
  b.emit(dmaCopy, { dst: xs.operand, src: x.operand }, {}, line);
  b.emit(dmaCopy, { dst: ys.operand, src: y.operand }, {}, line);
  b.emit(
    ncMatmul,
    { dst: ps.operand, stationary: xs.operand, moving: ys.operand },
    {},
    b.line("kernel.py", 9, "mm"),
  );
  b.emit(
    ncMatmul,
    { dst: ps.operand, stationary: xs.operand, moving: ys.operand },
    {},
    b.line("kernel.py", 9, "mm"),
  );
  b.emit(tensorCopy, { dst: os.operand, src: ps.operand }, {}, line);
  b.emit(dmaCopy, { dst: out.operand, src: os.operand }, {}, line);
  b.markOutput(out.storage);
  return b.finish();
}

describe("Program", () => {
  it("prints readably, with accumulation settled", () => {
    expect(printProgram(matmulProgram())).toMatchInlineSnapshot(`
      "program mm target=trn2 cores=1
      %0 = hbm bf16[128,64] input "hbm0"
      %1 = hbm bf16[128,256] input "hbm1"
      %2 = hbm f32[64,256] output "hbm2"
      %3 = sbuf bf16[128,64] "sbuf3"
      %4 = sbuf bf16[128,256] "sbuf4"
      %5 = psum f32[64,256] "psum5"
      %6 = sbuf f32[64,256] "sbuf6"
      dma_copy dst=%3:bf16[0:128, 1x64], src=%0:bf16[64x128 1x64]  ; kernel.py:7
      dma_copy dst=%4:bf16[0:128, 1x256], src=%1:bf16[256x128 1x256]  ; kernel.py:7
      nc_matmul dst=%5:f32[0:64, 1x256], stationary=%3:bf16[0:128, 1x64], moving=%4:bf16[0:128, 1x256], accumulate=false  ; kernel.py:9
      nc_matmul dst=%5:f32[0:64, 1x256], stationary=%3:bf16[0:128, 1x64], moving=%4:bf16[0:128, 1x256], accumulate=true  ; kernel.py:9
      tensor_copy dst=%6:f32[0:64, 1x256], src=%5:f32[0:64, 1x256]  ; kernel.py:7
      dma_copy dst=%2:f32[256x64 1x256], src=%6:f32[0:64, 1x256]  ; kernel.py:7
      return %2
      "
    `);
  });

  it("survives saving and loading", () => {
    const program = matmulProgram();
    const again = loadProgram(saveProgram(program));
    expect(printProgram(again)).toBe(printProgram(program));
    expect(saveProgram(again)).toEqual(saveProgram(program));
  });

  it("refuses an instruction without an attribute that it needs, from a caller and from a file", () => {
    const b = new ProgramBuilder({ name: "op", chip });
    const x = tensor(b, "sbuf", "float32", [8, 8]);
    const both = { dst: x.operand, data1: x.operand, data2: x.operand };
    expect(thrown(() => b.emit(tensorTensor, both, {})).message).toContain("op is undefined");
    const words = encodeInstruction(tensorTensor, 0, both, { op: "add" });
    words[words.length - 2] = -1;
    expect(thrown(() => b.append(Int32Array.from(words), 0, words.length)).message).toBe(
      "an ALU operation is missing; pass one of nki.language's",
    );
  });

  it("loads only Programs whose run-time loops close in order, core by core", () => {
    const index: Operand = { kind: "register", register: 0 };
    const two: Operand = { kind: "int", value: 2 };
    const load = (...ops: ("loop" | "loop end" | "while" | "while end" | "core 1")[]) => {
      const b = new ProgramBuilder({ name: "loops", chip, cores: 2 });
      const line = b.line("kernel.py", 4);
      for (const op of ops)
        if (op === "core 1") b.setCore(1);
        else if (op === "loop") b.emit(loopBegin, { index, start: two, stop: two }, {}, line);
        else if (op === "while") b.emit(whileBegin, { condition: index }, {}, line);
        else if (op === "loop end") b.emit(loopEnd, {}, {}, line);
        else b.emit(whileEnd, { condition: index }, {}, line);
      return loadProgram(saveProgram(b.finish()));
    };
    expect(load("loop", "while", "while end", "loop end", "core 1").starts).toHaveLength(4);
    expect(thrown(() => load("loop", "core 1", "loop end")).message).toBe(
      "loop_end closes no loop; none is open",
    );
    expect(thrown(() => load("loop", "while", "loop end")).message).toContain(
      "a while_begin is open",
    );
    expect(thrown(() => load("loop", "while", "while end")).describe()).toBe(
      "invalid program: loop_begin is never closed (kernel.py:4)",
    );
  });

  it("refuses tensors of cores that do not exist and tiles of another core", () => {
    const b = new ProgramBuilder({ name: "two", chip, cores: 2 });
    const request = { name: "t", space: "sbuf", kind: "internal", dtype: "float32" } as const;
    expect(thrown(() => b.declare({ ...request, shape: [8, 8], core: 2 })).rule).toBe(
      "program form",
    );
    const x = tensor(b, "sbuf", "float32", [8, 8]);
    b.setCore(1);
    const e = thrown(() =>
      b.emit(memset, { dst: x.operand, value: { kind: "float", value: 1 } }, {}),
    );
    expect(e.rule).toBe("memset G3");
    expect(e.message).toContain("is core 0's own sbuf; core 1 reaches it through");
  });

  it("refuses patterns that repeat without end, and follows broadcasts once", () => {
    const b = new ProgramBuilder({ name: "big", chip });
    const x = tensor(b, "hbm", "float32", [64], "input");
    const y = tensor(b, "sbuf", "float32", [1, 8]);
    const copy = (dims: AccessPattern["dims"]) => () =>
      b.emit(dmaCopy, { dst: y.operand, src: tile(x.pattern, { dims }) }, {});
    expect(
      thrown(
        copy([
          [0, 2 ** 30],
          [0, 2 ** 20],
          [1, 8],
        ]),
      ).rule,
    ).toBe("dma_copy G13");
    const wide = tensor(b, "hbm", "float32", [2 ** 20], "input");
    const many = Array.from({ length: 5 }, () => [2, 200] as const);
    expect(
      thrown(() => b.emit(dmaCopy, { dst: y.operand, src: tile(wide.pattern, { dims: many }) }, {}))
        .rule,
    ).toBe("dma_copy G13");
    expect(
      thrown(
        copy([
          [0, 2 ** 20],
          [1, 8],
        ]),
      ).rule,
    ).toBe("dma_copy C1");
  });

  it("keeps prints of every core, also after the last instruction, and nothing of a refused instruction", () => {
    const b = new ProgramBuilder({ name: "two", chip, cores: 2 });
    const x = tensor(b, "sbuf", "float32", [8, 8]);
    b.emit(memset, { dst: x.operand, value: { kind: "float", value: 1 } }, {});
    expect(thrown(() => b.emit(memset, { dst: x.operand, value: undefined }, {})).rule).toBe(
      "memset G8",
    );
    b.emit(memset, { dst: x.operand, value: { kind: "float", value: 2 } }, {});
    b.addPrint("core 0", { kind: "register", register: 0 });
    b.setCore(1);
    b.addPrint("core 1", { kind: "register", register: 1 });
    const program = b.finish();
    const again = loadProgram(saveProgram(program));
    expect(again.words).toEqual(program.words);
    expect(again.prints).toEqual(program.prints);
  });

  it("rejects files that are cut off, wrong or hostile, never with another kind of error", () => {
    const file = saveProgram(matmulProgram());
    for (let cut = 0; cut < file.length; cut += 52)
      expect(() => loadProgram(file.slice(0, cut))).toThrow(OpenTrnError);
    for (let at = 0; at < file.length; at += 4) {
      const bad = file.slice();
      new DataView(bad.buffer).setInt32(at, 0x7ffffff1, true);
      try {
        loadProgram(bad);
      } catch (e) {
        if (!(e instanceof OpenTrnError)) throw e;
      }
    }
  });

  it("interns classes: equal shapes share one", () => {
    const p = matmulProgram();
    expect(p.classOf[2]).not.toBe(p.classOf[3]);
    expect(p.classes.length).toBe(6);
  });
});

describe("general rules stop at the instruction, with its line", () => {
  const build = () => {
    const b = new ProgramBuilder({ name: "k", chip });
    return { b, line: b.line("user.py", 42) };
  };

  it("G2: start partition 16 with 64 partitions", () => {
    const { b, line } = build();
    const t = tensor(b, "sbuf", "float32", [128, 8]);
    const e = thrown(() =>
      b.emit(
        memset,
        {
          dst: tile(t.pattern, {
            partition: 16,
            dims: [
              [1, 64],
              [1, 8],
            ],
          }),
          value: { kind: "float", value: 0 },
        },
        {},
        line,
      ),
    );
    expect(e.describe()).toBe(
      "invalid program: memset G2: dst starts at partition 16 with 64 partitions; start at a multiple of 64. Rule: for compute engines, more than 64 partitions start at 0, more than 32 at 0 or 64, others at a multiple of 32. (user.py:42)",
    );
  });

  it("T3: 129 partitions", () => {
    const { b, line } = build();
    const e = thrown(() =>
      b.declare({
        name: "t",
        space: "sbuf",
        kind: "internal",
        dtype: "float32",
        shape: [129, 4],
        line,
      }),
    );
    expect(e.message).toContain("129 partitions, at most 128 on trn2");
    expect(e.at).toEqual({ file: "user.py", line: 42 });
  });

  it("G3: a PSUM operand in a DMA", () => {
    const { b, line } = build();
    const t = tensor(b, "psum", "float32", [128, 8]);
    const x = tensor(b, "hbm", "float32", [128, 8], "input");
    const e = thrown(() => b.emit(dmaCopy, { dst: t.operand, src: x.operand }, {}, line));
    expect(e.rule).toBe("dma_copy G3");
    expect(e.message).toContain("dst is in psum; it must be in hbm, sbuf");
  });

  it("G6: a slice out of bounds", () => {
    const { b, line } = build();
    const t = tensor(b, "sbuf", "float32", [128, 8]);
    const x = tensor(b, "hbm", "float32", [128, 8], "input");
    const e = thrown(() =>
      b.emit(dmaCopy, { dst: t.operand, src: tile(x.pattern, { offset: 8 }) }, {}, line),
    );
    expect(e.category).toBe("out of bounds");
    expect(e.message).toContain("reaches element 1031, the tensor holds 1024");
  });

  it("G10: reading what was never written, also partly", () => {
    const { b, line } = build();
    const [t, u] = [tensor(b, "sbuf", "float32", [128, 8]), tensor(b, "sbuf", "float32", [128, 8])];
    const copy = () => b.emit(tensorCopy, { dst: u.operand, src: t.operand }, {}, line);
    expect(thrown(copy).category).toBe("uninitialised read");
    const zero = { value: { kind: "float", value: 0 } as Operand };
    b.emit(
      memset,
      {
        dst: tile(t.pattern, {
          dims: [
            [1, 128],
            [2, 4],
          ],
        }),
        ...zero,
      },
      {},
      line,
    );
    expect(thrown(copy).message).toContain("reads partition 0, byte 4, which no instruction wrote");
    b.emit(
      memset,
      {
        dst: tile(t.pattern, {
          offset: 1,
          dims: [
            [1, 64],
            [2, 4],
          ],
        }),
        ...zero,
      },
      {},
      line,
    );
    expect(thrown(copy).message).toContain("reads partition 64, byte 4");
    b.emit(
      memset,
      {
        dst: tile(t.pattern, {
          partition: 64,
          offset: 1,
          dims: [
            [1, 64],
            [2, 4],
          ],
        }),
        ...zero,
      },
      {},
      line,
    );
    expect(copy()).toBe(3);
  });

  it("G4 and G9: a data type and an engine the instruction does not take", () => {
    const { b, line } = build();
    const [s, m] = [tensor(b, "sbuf", "int32", [128, 8]), tensor(b, "sbuf", "float32", [128, 8])];
    const ps = tensor(b, "psum", "float32", [8, 8]);
    expect(
      thrown(() =>
        b.emit(ncMatmul, { dst: ps.operand, stationary: s.operand, moving: m.operand }, {}, line),
      ).rule,
    ).toBe("nc_matmul G4");
    const trn1 = { ...chip, name: "old", generation: 2 as const };
    const c = new ProgramBuilder({ name: "k", chip: trn1 });
    const [d, t] = [tensor(c, "sbuf", "float32", [128, 8]), tensor(c, "sbuf", "float32", [128, 8])];
    expect(
      thrown(() => c.emit(tensorCopy, { dst: d.operand, src: t.operand }, { engine: "scalar" }))
        .rule,
    ).toBe("tensor_copy G9");
  });

  it("a kernel that never ends is stopped", () => {
    const b = new ProgramBuilder({ name: "k", chip, maxInstructions: 10 });
    const t = tensor(b, "sbuf", "float32", [128, 8]);
    const e = thrown(() => {
      for (;;) b.emit(memset, { dst: t.operand, value: { kind: "float", value: 0 } }, {});
    });
    expect(e.category).toBe("limit reached");
  });
});
