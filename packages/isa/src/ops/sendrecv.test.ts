import { expect, test } from "vitest";
import { sendrecv } from "./sendrecv.ts";
import { breaks, build, sbuf } from "./testing.ts";

const call = { src: sbuf([2, 4]), dst: sbuf([2, 4]) };
const swap = { send_to_rank: 1, recv_from_rank: 1, pipe_id: 0 };

test("sendrecv takes two equal tiles", () => {
  const { op } = build(sendrecv, call, swap);
  expect(op.control).toBe(true);
});

test("sendrecv C1: one shape", () => {
  breaks(sendrecv, "C1", { ...call, dst: sbuf([2, 2, 2]) }, swap);
});

test("sendrecv C2: one data type", () => {
  breaks(sendrecv, "C2", { ...call, dst: sbuf([2, 4], "int32") }, swap);
});

test("sendrecv C3: ranks 0 and 1", () => {
  breaks(sendrecv, "C3", call, { ...swap, send_to_rank: 2 });
});

test("sendrecv C4: GpSimd's DMA moves 256 elements", () => {
  const wide = { src: sbuf([2, 257]), dst: sbuf([2, 257]) };
  breaks(sendrecv, "C4", wide, { ...swap, dma_engine: "gpsimd_dma" });
  build(sendrecv, wide, swap);
});
