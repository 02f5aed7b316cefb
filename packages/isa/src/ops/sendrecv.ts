import { bytesOf } from "@opentrn/numerics";
import { instruction } from "../define.ts";
import { noMeaning, onEngine } from "./control.ts";
import { sameType } from "./shared-rules.ts";

/** Elements a partition that GpSimd's own DMA moves: 1024 bytes of 32-bit, 512 of 16-bit, 256 of 8-bit types. */
const gpsimdElements = 256;

export const sendrecv = instruction({
  name: "sendrecv",
  summary: "Sends src to dst of one core and receives dst from one, both at once.",
  source: "NKI API reference, nki.isa.sendrecv",
  generations: [3, 4],
  operands: {
    src: { role: "in", spaces: ["sbuf"], doc: "what is sent" },
    dst: { role: "out", spaces: ["sbuf"], doc: "what is received" },
  },
  attrs: {
    send_to_rank: { kind: "int", doc: "core that receives src" },
    recv_from_rank: { kind: "int", doc: "core that dst comes from" },
    pipe_id: { kind: "int", doc: "calls of one pipe complete together" },
    dma_engine: {
      kind: "enum",
      values: ["dma", "gpsimd_dma"],
      doc: "the shared DMA engines or GpSimd's own",
    },
  },
  params: ["src", "dst", "send_to_rank", "recv_from_rank", "pipe_id", "dma_engine"],
  engines: () => ["gpsimd"],
  rules: {
    C1: {
      says: "src and dst have the same shape",
      broken: ({ tile: { src, dst } }) =>
        src.shape.join() === dst.shape.join()
          ? undefined
          : `src is [${src.shape}] and dst is [${dst.shape}]`,
    },
    C2: sameType("src", "dst"),
    C3: {
      says: "send_to_rank and recv_from_rank are 0 or 1",
      broken: ({ attr: { send_to_rank: to, recv_from_rank: from } }) =>
        [0, 1].includes(to) && [0, 1].includes(from)
          ? undefined
          : `send_to_rank is ${to} and recv_from_rank is ${from}`,
    },
    C4: {
      says: "GpSimd's DMA moves at most 256 elements per partition",
      broken: ({ tile: { src }, attr }) =>
        attr.dma_engine === "gpsimd_dma" && src.free > gpsimdElements
          ? `src has ${src.free} elements per partition; use dma_engine dma or split it`
          : undefined,
    },
  },
  evaluate: noMeaning("sendrecv"),
  cost: {
    kind: "unknown",
    why: "no figure is published for a swap; taken as GpSimd's DMA at 153 GB/s a direction (trainium2_arch.rst) with the DMA start-up",
    cycles: (call) => {
      const { src } = call.tile;
      const bytes = src.partitions * src.free * bytesOf(src.dtype);
      return onEngine(call, call.chip.dma.startNs.softwareRead.value + bytes / 153);
    },
  },
  control: true,
});
