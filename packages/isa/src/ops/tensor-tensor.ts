import { aluOps, isInteger } from "@opentrn/numerics";
import { type AnyCall, instruction } from "../define.ts";
import { allHalf, streaming, twoStreams } from "./engine-cost.ts";
import { exactIntegerAlu, floatFunction, integerFunction } from "./integer-alu.ts";
import { inPsum, sameSize } from "./shapes.ts";
import { scatterFits } from "./shared-rules.ts";

const tiles = (call: Pick<AnyCall, "tile">) => [
  call.tile["dst"],
  call.tile["data1"],
  call.tile["data2"],
];

export const tensorTensor = instruction({
  name: "tensor_tensor",
  summary: "dst = data1 op data2, element by element.",
  source: "NKI API reference, nki.isa.tensor_tensor",
  generations: [2, 3, 4],
  operands: {
    dst: { role: "out", spaces: ["sbuf", "psum"], indirect: true, doc: "[P, N]" },
    data1: { role: "in", spaces: ["sbuf", "psum"], indirect: true, doc: "[P, N]" },
    data2: { role: "in", spaces: ["sbuf", "psum"], doc: "[P, N]" },
  },
  attrs: {
    op: { kind: "alu", doc: "binary ALU operation" },
    engine: { kind: "enum", values: ["unknown", "vector", "gpsimd"], doc: "engine to run on" },
  },
  params: ["dst", "data1", "data2", "op", "engine"],
  engines: () => ["vector", "gpsimd"],
  // 32-bit integer arithmetic goes to GpSimd, which is exact, unless an operand is in PSUM; power runs on GpSimd only.
  chooseEngine: (call) =>
    call.attr.op === "power" ||
    (exactIntegerAlu(call.attr.op, tiles(call)) && !tiles(call).some((t) => t?.space === "psum"))
      ? "gpsimd"
      : "vector",
  rules: {
    C1: {
      says: "dst, data1 and data2 have the same partitions and elements per partition",
      broken: ({ tile: { dst, data1, data2 } }) => sameSize({ dst, data1, data2 }),
    },
    C2: {
      says: "at most one input is in PSUM",
      broken: ({ tile: { data1, data2 } }) =>
        inPsum(data1, data2) ? "data1 and data2 are both in psum; copy one to sbuf" : undefined,
    },
    C3: {
      says: "bitwise operations take integer tiles",
      broken: ({ tile, attr }) => {
        if (aluOps[attr.op].class !== "bitvec") return undefined;
        const wrong = Object.entries(tile).find(([, t]) => !isInteger(t.dtype));
        return (
          wrong && `${attr.op} on ${wrong[0]} of ${wrong[1].dtype}; view it as an integer type`
        );
      },
    },
    C4: {
      says: "GpSimd does not reach PSUM",
      broken: ({ tile, engine, attr }) => {
        const psum = Object.entries(tile).find(([, t]) => t.space === "psum");
        return psum && engine === "gpsimd"
          ? `${psum[0]} is in psum and ${attr.op} runs on gpsimd; copy it to sbuf`
          : undefined;
      },
    },
    C5: {
      says: "op takes two operands",
      broken: ({ attr }) =>
        aluOps[attr.op].arity === 2
          ? undefined
          : `${attr.op} takes one operand; use activation or tensor_scalar`,
    },
    C6: {
      says: "abs_max and abs_min need NeuronCore-v4",
      broken: ({ attr, chip }) =>
        (attr.op === "abs_max" || attr.op === "abs_min") && chip.generation < 4
          ? `${attr.op} is not on ${chip.name}`
          : undefined,
    },
    C7: {
      says: "power runs on GpSimd only",
      broken: ({ attr, engine }) =>
        attr.op === "power" && engine !== "gpsimd" ? `power was sent to ${engine}` : undefined,
    },
    C8: scatterFits("data1"),
  },
  bits: (call) =>
    aluOps[call.attr.op].class === "bitvec" ||
    (call.engine === "gpsimd" && exactIntegerAlu(call.attr.op, tiles(call)))
      ? ["dst", "data1", "data2"]
      : [],
  evaluate: ({ dst, data1, data2 }, { attr, tile }) => {
    const f =
      dst instanceof Uint32Array
        ? integerFunction(attr.op, tile.data1.dtype)
        : floatFunction(attr.op);
    for (let i = 0; i < dst.length; i++) dst[i] = f(data1[i]!, data2[i]!);
  },
  cost: {
    kind: "engine",
    basis: "documented",
    formula:
      "N + fixed cycles with one input in PSUM; both in SBUF 2N + fixed, half of it for 16-bit floats, half again where VectorE reads two fp32 elements a cycle",
    source: "Neuron SDK 2.26.1 nki.isa.tensor_tensor; fixed part measured on trn2",
    cycles: (call) => {
      const { data1, data2, dst } = call.tile;
      return streaming(call, twoStreams(call, data1, data2, allHalf(data1, data2, dst)));
    },
  },
});
