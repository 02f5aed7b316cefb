import { activate } from "@opentrn/numerics";
import { instruction } from "../define.ts";
import { accumulate, commandOf } from "./accumulator.ts";
import { reduceCommands } from "./activation.ts";
import { perPartition } from "./alu-operands.ts";
import { streaming, withReadOut } from "./engine-cost.ts";
import { lanesOf } from "./shapes.ts";
import { columns, float32Tiles, floatTiles, sameSizes, scatterFits } from "./shared-rules.ts";

export const exponential = instruction({
  name: "exponential",
  summary: "dst = exp(src - max_value) on VectorE; can keep the sum of each row.",
  source: "NKI API reference, nki.isa.exponential",
  generations: [4],
  operands: {
    dst: {
      role: "out",
      spaces: ["sbuf", "psum"],
      dtypes: [
        "float8_e4m3",
        "float8_e5m2",
        "float16",
        "bfloat16",
        "float32",
        "tfloat32",
        "int8",
        "int16",
        "int32",
        "uint8",
        "uint16",
      ],
      indirect: true,
      doc: "[P, N]",
    },
    src: {
      role: "in",
      spaces: ["sbuf", "psum"],
      dtypes: [
        "float8_e4m3",
        "float8_e5m2",
        "float16",
        "bfloat16",
        "float32",
        "int8",
        "int16",
        "int32",
        "uint8",
        "uint16",
        "uint32",
      ],
      indirect: true,
      doc: "[P, N]",
    },
    max_value: {
      role: "in",
      spaces: ["sbuf", "psum"],
      scalar: true,
      default: 0,
      doc: "number or [P, 1] float32",
    },
    reduce_res: {
      role: "out",
      spaces: ["sbuf", "psum"],
      optional: true,
      doc: "[P, 1]: the accumulators after this instruction",
    },
    reduce_init: {
      role: "in",
      spaces: ["sbuf", "psum"],
      scalar: true,
      default: 0,
      doc: "number or [P, 1] float32 that load_reduce starts from",
    },
  },
  attrs: {
    reduce_cmd: { kind: "enum", values: reduceCommands, doc: "what happens to the accumulators" },
  },
  params: ["dst", "src", "max_value", "reduce_res", "reduce_cmd", "reduce_init"],
  engines: () => ["vector"],
  rules: {
    C1: sameSizes("dst", "src"),
    C2: columns("src", "max_value", "reduce_res", "reduce_init"),
    C3: float32Tiles("max_value", "reduce_init"),
    C4: floatTiles("reduce_res"),
    C5: commandOf("idle", "reset_reduce", "reduce", "load_reduce"),
    C6: {
      says: "reduce_init is 0 unless reduce_cmd is load_reduce",
      broken: ({ tile, immediate, attr }) =>
        attr.reduce_cmd !== "load_reduce" &&
        (tile.reduce_init !== undefined || (immediate.reduce_init ?? 0) !== 0)
          ? `reduce_init is given with reduce_cmd ${attr.reduce_cmd}`
          : undefined,
    },
    C7: {
      says: "dst and src have at most four dimensions",
      broken: ({ tile: { dst, src } }) =>
        dst.shape.length <= 4 && src.shape.length <= 4
          ? undefined
          : `dst is [${dst.shape}] and src is [${src.shape}]; reshape them`,
    },
    C8: scatterFits("src"),
  },
  evaluate: (operands, call, state) => {
    const { dst, src, reduce_res } = operands;
    const { tile, attr } = call;
    const { partitions: P, free: N } = tile.src;
    const [maximum, initial] = [
      perPartition(call, operands, "max_value"),
      perPartition(call, operands, "reduce_init"),
    ];
    const lanes = lanesOf(state.vectorAccumulator, tile.src);
    for (let p = 0; p < P; p++) {
      const m = maximum(p);
      for (let i = p * N; i < (p + 1) * N; i++) dst[i] = activate("exp", Math.fround(src[i]! - m));
      const row = dst.subarray(p * N, (p + 1) * N);
      const held = accumulate(lanes, p, attr.reduce_cmd, "add", row, initial(p));
      if (tile.reduce_res) reduce_res[p] = held;
    }
  },
  cost: {
    kind: "engine",
    basis: "documented",
    formula:
      "N/4 + fixed cycles (four times ScalarE's exp), + pointer cycles for a tensor max_value, + the accumulator read-out",
    source: "Neuron SDK 2.32, nki/guides/architecture/trainium3_arch.rst",
    cycles: (call) => {
      const { src, max_value, reduce_res } = call.tile;
      const cost = streaming(call, src.free, 4, max_value ? 1 : 0);
      return withReadOut(call, cost, reduce_res !== undefined);
    },
  },
});
