import { dtypeNames } from "@opentrn/numerics";
import { instruction } from "../define.ts";
import { accumulate, commandOf } from "./accumulator.ts";
import { reduceCommands } from "./activation.ts";
import { perPartition } from "./alu-operands.ts";
import { allHalf, streaming, twoStreams, withReadOut } from "./engine-cost.ts";
import { lanesOf } from "./shapes.ts";
import { columns, floatTiles, oneOf, onePsumInput, sameSizes } from "./shared-rules.ts";

const selectable = dtypeNames.filter((d) => !["tfloat32", "int32", "uint32"].includes(d));

export const selectReduce = instruction({
  name: "select_reduce",
  summary: "dst = predicate ? on_true : on_false, on VectorE; can keep the row maximum.",
  source: "NKI API reference, nki.isa.select_reduce",
  generations: [2, 3, 4],
  operands: {
    dst: { role: "out", spaces: ["sbuf", "psum"], doc: "[P, N]" },
    predicate: {
      role: "in",
      spaces: ["sbuf", "psum"],
      dtypes: ["int8", "uint8", "int16", "uint16"],
      doc: "[P, N]; not 0 is true",
    },
    on_true: { role: "in", spaces: ["sbuf", "psum"], dtypes: selectable, doc: "[P, N]" },
    on_false: { role: "in", spaces: ["sbuf", "psum"], scalar: true, doc: "number or [P, 1]" },
    reduce_res: {
      role: "out",
      spaces: ["sbuf", "psum"],
      optional: true,
      doc: "[P, 1]: the accumulators after this instruction",
    },
  },
  attrs: {
    reduce_cmd: { kind: "enum", values: reduceCommands, doc: "what happens to the accumulators" },
    reduce_op: { kind: "alu", default: "maximum", doc: "only maximum" },
    reverse_pred: { kind: "bool", doc: "select on_true where the predicate is 0" },
  },
  params: [
    "dst",
    "predicate",
    "on_true",
    "on_false",
    "reduce_res",
    "reduce_cmd",
    "reduce_op",
    "reverse_pred",
  ],
  engines: () => ["vector"],
  rules: {
    C1: sameSizes("dst", "predicate", "on_true"),
    C2: columns("on_true", "on_false", "reduce_res"),
    C3: onePsumInput("on_true", "predicate"),
    C4: floatTiles("reduce_res"),
    C5: oneOf("reduce_op", ["maximum"]),
    C6: commandOf("idle", "reset", "reduce", "reset_reduce"),
  },
  evaluate: (operands, call, state) => {
    const { dst, predicate, on_true, reduce_res } = operands;
    const { tile, attr } = call;
    const { partitions: P, free: N } = tile.on_true;
    const fill = perPartition(call, operands, "on_false");
    const lanes = lanesOf(state.vectorAccumulator, tile.on_true);
    for (let p = 0; p < P; p++) {
      const other = fill(p);
      for (let i = p * N; i < (p + 1) * N; i++)
        dst[i] = (predicate[i] !== 0) !== attr.reverse_pred ? on_true[i]! : other;
      const row = dst.subarray(p * N, (p + 1) * N);
      const held = accumulate(lanes, p, attr.reduce_cmd, attr.reduce_op, row);
      if (tile.reduce_res) reduce_res[p] = held;
    }
  },
  cost: {
    kind: "unknown",
    why: "no figure is published; taken like tensor_tensor of on_true and predicate, with the accumulator read-out",
    cycles: (call) => {
      const { dst, on_true, predicate, reduce_res } = call.tile;
      const cost = streaming(
        call,
        twoStreams(call, on_true, predicate, allHalf(on_true, predicate, dst)),
      );
      return withReadOut(call, cost, reduce_res !== undefined);
    },
  },
});
