import { aluOp, type DType } from "@opentrn/numerics";
import { instruction } from "../define.ts";
import { commandOf, loadWith } from "./accumulator.ts";
import { reduceCommands } from "./activation.ts";
import { applied, perPartition } from "./alu-operands.ts";
import { streaming } from "./engine-cost.ts";
import { lanesOf } from "./shapes.ts";
import {
  arithmetic,
  columns,
  float32Tiles,
  oneOf,
  operandFits,
  operationsOfTarget,
  sameSizes,
  scatterFits,
} from "./shared-rules.ts";

const streamed: readonly DType[] = [
  "bfloat16",
  "float16",
  "float32",
  "float8_e4m3",
  "float8_e4m3fn",
  "float8_e5m2",
  "uint8",
  "uint16",
  "int8",
  "int16",
];

export const tensorScalarCumulative = instruction({
  name: "tensor_scalar_cumulative",
  summary: "dst[i] = held = (src[i] op0 imm0) op1 held along each partition; on VectorE.",
  source: "NKI API reference, nki.isa.tensor_scalar_cumulative",
  generations: [2, 3, 4],
  operands: {
    dst: {
      role: "out",
      spaces: ["sbuf", "psum"],
      dtypes: streamed,
      indirect: true,
      doc: "[P, N]",
    },
    src: {
      role: "in",
      spaces: ["sbuf", "psum"],
      dtypes: streamed,
      indirect: true,
      doc: "[P, N]",
    },
    imm0: {
      role: "in",
      spaces: ["sbuf", "psum"],
      scalar: true,
      optional: true,
      doc: "number or [P, 1] float32; none for a one-operand op0",
    },
    imm1: {
      role: "in",
      spaces: ["sbuf", "psum"],
      scalar: true,
      optional: true,
      doc: "number or [P, 1] float32 that load_reduce starts from",
    },
  },
  attrs: {
    op0: { kind: "alu", doc: "arithmetic operation" },
    op1: { kind: "alu", doc: "add, subtract, multiply, maximum or minimum" },
    reduce_cmd: {
      kind: "enum",
      values: reduceCommands,
      default: "reset_reduce",
      doc: "what the accumulators start from",
    },
  },
  params: ["dst", "src", "op0", "op1", "imm0", "imm1", "reduce_cmd"],
  engines: () => ["vector"],
  rules: {
    C1: sameSizes("dst", "src"),
    C2: columns("src", "imm0", "imm1"),
    C3: arithmetic("op0"),
    C4: oneOf("op1", ["add", "subtract", "multiply", "maximum", "minimum"]),
    C5: float32Tiles("imm0", "imm1"),
    C6: operandFits("op0", "imm0"),
    C7: commandOf("reset_reduce", "reduce", "load_reduce"),
    C8: loadWith("imm1"),
    C9: operationsOfTarget("op0"),
    C10: scatterFits("src"),
  },
  evaluate: (operands, call, state) => {
    const { dst, src } = operands;
    const { attr, tile } = call;
    const { partitions: P, free: N } = tile.src;
    const f0 = applied(attr.op0, false, "float32");
    const f1 = applied(attr.op1, false, "float32");
    const [operand, initial] = [
      perPartition(call, operands, "imm0"),
      perPartition(call, operands, "imm1"),
    ];
    const lanes = lanesOf(state.vectorAccumulator, tile.src);
    for (let p = 0; p < P; p++) {
      const a = operand(p);
      let held =
        attr.reduce_cmd === "reduce"
          ? lanes[p]!
          : attr.reduce_cmd === "load_reduce"
            ? initial(p)
            : aluOp(attr.op1).identity!;
      for (let i = p * N; i < (p + 1) * N; i++) {
        held = f1(f0(src[i]!, a), held);
        dst[i] = held;
      }
      lanes[p] = held;
    }
  },
  cost: {
    kind: "unknown",
    why: "no figure is published; taken like tensor_tensor_scan with one input stream",
    cycles: (call) => streaming(call, call.tile.src.free, 1, call.tile.imm0 ? 1 : 0),
  },
});
