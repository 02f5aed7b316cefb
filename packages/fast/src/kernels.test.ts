import { aluId } from "@opentrn/numerics";
import { describe, expect, it } from "vitest";
import { Bench } from "../test-support/strided.ts";
import { benchKernels } from "./bench.ts";
import { DescriptorArena } from "./descriptor.ts";
import { loadKernels } from "./kernels.ts";
import { check } from "./status.ts";
import { useKernelBytes } from "./wasm.ts";

describe("loading", () => {
  it("works over a memory shared between threads", () => {
    const memory = new WebAssembly.Memory({ initial: 64, maximum: 64, shared: true });
    const { exports, firstFreeByte } = loadKernels(memory);
    const words = new Int32Array(memory.buffer, firstFreeByte, 16);
    words.set([firstFreeByte + 64, 14, 1, 4, 4]);
    expect(exports.fill(firstFreeByte, 0x40000000)).toBe(0);
    expect([...new Float32Array(memory.buffer, firstFreeByte + 64, 5)]).toEqual([2, 2, 2, 2, 0]);
  });

  it("treats addresses as unsigned, in scratch, descriptors and data", () => {
    const start = 2 ** 31 + 65536;
    const memory = new WebAssembly.Memory({ initial: 33000 });
    const { exports } = loadKernels(memory, { scratch: start });
    const arena = new DescriptorArena(memory, start + (1 << 22), start + (1 << 22) + 4096);
    const address = start + (1 << 23);
    const dims = [
      [400, 3],
      [4, 90],
    ] as const;
    const x = arena.operand({ address, dtype: "float32", dims });
    const y = arena.operand({ address: address + 4, dtype: "float32", dims });
    expect(exports.fill(x, 0x3f800000)).toBe(0);
    expect(exports.pipeline(y, x, aluId.add, x, 0, -1, 0, 0, -1, 0, -1, 0, 0)).toBe(0);
    const row = new Float32Array(memory.buffer, address + 800, 91);
    expect([row[0], row[1], row[90]]).toEqual([1, 2, 2]);
  });

  it("takes the bytes of a module, plain or in base64", async () => {
    const { readFileSync } = await import("node:fs");
    const plain = readFileSync(new URL("../generated/kernels.wasm", import.meta.url));
    for (const source of [plain, plain.toString("base64")]) {
      useKernelBytes({ plain: source });
      const bench = new Bench(10);
      const t = bench.tile("uint8", 1, 5);
      expect(bench.exports.fill(bench.arena.operand(t.operand), 7)).toBe(0);
      expect(t.allBits()).toEqual([7, 7, 7, 7, 7]);
    }
  });

  it("turns a refusal into an error that names the kernel", () => {
    expect(() => check("copy", 2)).toThrow(/^copy: element counts/);
    expect(() => check("copy", 0)).not.toThrow();
  });

  it("refuses a scratch region outside the memory", () => {
    expect(() => loadKernels(new WebAssembly.Memory({ initial: 2 }))).toThrow(
      /kernel scratch ends at/,
    );
  });
});

describe("benchmarks", () => {
  it("give a positive figure each", () => {
    for (const { value } of benchKernels()) expect(value).toBeGreaterThan(0);
  });
});
