import { instruction } from "../define.ts";
import { applied, perPartition } from "./alu-operands.ts";
import { streaming, twoStreams } from "./engine-cost.ts";
import {
  arithmetic,
  binary,
  columns,
  onePsumInput,
  operationsOfTarget,
  sameSizes,
} from "./shared-rules.ts";

export const tensorTensorScan = instruction({
  name: "tensor_tensor_scan",
  summary:
    "dst[i] = (data0[i] op0 dst[i - 1]) op1 data1[i] along each partition, starting from initial.",
  source: "NKI API reference, nki.isa.tensor_tensor_scan",
  generations: [2, 3, 4],
  operands: {
    dst: { role: "out", spaces: ["sbuf", "psum"], doc: "[P, N]" },
    data0: { role: "in", spaces: ["sbuf", "psum"], doc: "[P, N]" },
    data1: { role: "in", spaces: ["sbuf", "psum"], doc: "[P, N]" },
    initial: { role: "in", spaces: ["sbuf", "psum"], scalar: true, doc: "number or [P, 1]" },
  },
  attrs: {
    op0: { kind: "alu", doc: "of data0 and the previous result" },
    op1: { kind: "alu", doc: "of that and data1" },
    reverse0: { kind: "bool", doc: "previous result op0 data0" },
    reverse1: { kind: "bool", doc: "data1 op1 (first result)" },
  },
  params: ["dst", "data0", "data1", "initial", "op0", "op1", "reverse0", "reverse1"],
  engines: () => ["vector"],
  rules: {
    C1: sameSizes("dst", "data0", "data1"),
    C2: columns("data0", "initial"),
    C3: onePsumInput("data0", "data1"),
    C4: arithmetic("op0", "op1"),
    C5: binary("op0", "op1"),
    C6: operationsOfTarget("op0", "op1"),
  },
  // The state between elements stays fp32; only what is written is rounded to dst's type.
  evaluate: (operands, call) => {
    const { dst, data0, data1 } = operands;
    const { attr, tile } = call;
    const { partitions: P, free: N } = tile.data0;
    const f0 = applied(attr.op0, attr.reverse0, "float32");
    const f1 = applied(attr.op1, attr.reverse1, "float32");
    const start = perPartition(call, operands, "initial");
    for (let p = 0; p < P; p++) {
      let held = start(p);
      for (let i = p * N; i < (p + 1) * N; i++) {
        held = f1(f0(data0[i]!, held), data1[i]!);
        dst[i] = held;
      }
    }
  },
  cost: {
    kind: "engine",
    basis: "documented",
    formula:
      "N + fixed cycles with one input in PSUM, else 2N + fixed, N where VectorE reads two fp32 elements a cycle; + pointer cycles for a tensor initial",
    source: "Neuron SDK 2.26.1 nki.isa.tensor_tensor_scan; fixed part measured on trn2",
    cycles: (call) => {
      const { data0, data1, initial } = call.tile;
      return streaming(call, twoStreams(call, data0, data1, false), 1, initial ? 1 : 0);
    },
  },
});
