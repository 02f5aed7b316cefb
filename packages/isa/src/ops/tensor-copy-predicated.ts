import { encode } from "@opentrn/numerics";
import { instruction } from "../define.ts";
import { streaming } from "./engine-cost.ts";
import { onePsumInput, sameSizes, sameType, scatterFits } from "./shared-rules.ts";

export const tensorCopyPredicated = instruction({
  name: "tensor_copy_predicated",
  summary: "dst = src where the predicate is not 0; elsewhere dst stays as it is.",
  source: "NKI API reference, nki.isa.tensor_copy_predicated",
  generations: [2, 3, 4],
  operands: {
    dst: { role: "inout", spaces: ["sbuf", "psum"], keeps: true, indirect: true, doc: "[P, N]" },
    src: { role: "in", spaces: ["sbuf", "psum"], scalar: true, doc: "[P, N] or a number" },
    predicate: {
      role: "in",
      spaces: ["sbuf", "psum"],
      dtypes: ["uint8", "uint16", "uint32", "bool_"],
      indirect: true,
      doc: "[P, N]",
    },
  },
  attrs: { reverse_pred: { kind: "bool", doc: "copy where the predicate is 0" } },
  params: ["dst", "src", "predicate", "reverse_pred"],
  engines: () => ["vector"],
  rules: {
    C1: sameSizes("dst", "src", "predicate"),
    C2: sameType("dst", "src"),
    C3: onePsumInput("src", "predicate"),
    C4: scatterFits("predicate"),
  },
  // A number has no packed form.
  bits: ({ tile: { dst, src } }) =>
    src || !dst.dtype.endsWith("_x4") ? ["dst", "src", "predicate"] : ["predicate"],
  evaluate: ({ dst, src, predicate }, { tile, immediate, attr }) => {
    const number = tile.src ? 0 : encode(Math.fround(immediate.src ?? 0), tile.dst.dtype);
    for (let i = 0; i < dst.length; i++)
      if ((predicate[i] !== 0) !== attr.reverse_pred) dst[i] = tile.src ? src[i]! : number;
  },
  cost: {
    kind: "engine",
    basis: "documented",
    formula: "2N + fixed cycles; N when one of src and predicate is in PSUM",
    source: "Neuron SDK 2.26.1 nki.isa.tensor_copy_predicated; fixed part measured on trn2",
    cycles: (call) => {
      const { dst, src, predicate } = call.tile;
      const one = src === undefined || src.space === "psum" || predicate.space === "psum";
      return streaming(call, one ? dst.free : 2 * dst.free);
    },
  },
});
