import { type OpenTrnError, Random } from "@opentrn/base";
import { dtypeId } from "@opentrn/numerics";
import { describe, expect, it } from "vitest";
import { BindingArea, type DescriptorDims } from "./binding-area.ts";
import { call } from "./commands.ts";
import { loadKernels } from "./kernels.ts";
import { OUT_OF_BOUNDS } from "./status.ts";

const memory = new WebAssembly.Memory({ initial: 64 });
const { exports, firstFreeByte } = loadKernels(memory);
const words = new Int32Array(memory.buffer);
const floats = new Float32Array(memory.buffer);
const START = Math.ceil(firstFreeByte / 8) * 8;
const AREA = 65536;
/** Where tests keep their tensors. */
const TENSORS = START + AREA;

const area = (bytes = AREA): BindingArea => new BindingArea(memory, START, START + bytes);
const row = (n: number): DescriptorDims => [[4, n]];
const { float32, int32 } = dtypeId;

describe("descriptors and constants", () => {
  it("equal ones are kept once, others apart, however many there are", () => {
    const a = area(1 << 20);
    const r = new Random(1);
    const seen = new Map<string, number>();
    for (let i = 0; i < 6000; i++) {
      const [address, dtype] = [r.below(50) * 4, r.pick([float32, int32])];
      const dims = Array.from(
        { length: 1 + r.below(3) },
        () => [r.below(4) * 4, 1 + r.below(3)] as const,
      );
      const at = a.descriptor(address, dtype, dims);
      const key = JSON.stringify([address, dtype, dims]);
      expect(at).toBe(seen.get(key) ?? at);
      seen.set(key, at);
      expect([...words.subarray(at >>> 2, (at >>> 2) + 3 + 2 * dims.length)]).toEqual([
        address,
        dtype,
        dims.length,
        ...dims.flat(),
      ]);
    }
    expect(new Set(seen.values()).size).toBe(seen.size);
    const own = a.ownDescriptor(0, float32, [[4, 1]]);
    expect(a.descriptor(0, float32, [[4, 1]])).not.toBe(own);
  });

  it("numbers are told apart by their bits", () => {
    const a = area();
    expect(a.number(1)).toBe(a.number(1));
    expect(a.number(0)).not.toBe(a.number(-0));
    expect(a.number(Number.NaN)).toBe(a.number(Number.NaN));
    expect(Object.is(floats[a.number(-0) >>> 2], -0)).toBe(true);
  });

  it("scratch grows to the largest request and is shared", () => {
    const a = area();
    const small = a.scratch(64);
    expect(a.scratch(32)).toBe(small);
    expect(a.scratch(128)).not.toBe(small);
  });

  it("says when commands and descriptors meet", () => {
    const a = area(64);
    a.append([call("copy", 0, 0)]);
    try {
      for (;;) a.bits(1);
    } catch (e) {
      expect((e as OpenTrnError).describe()).toMatch(
        /^capacity: this Program has more instructions/,
      );
    }
    expect(() => a.append([call("pipeline", 0)])).toThrow("pipeline takes 13 arguments, not 1");
  });
});

describe("commands", () => {
  const source = TENSORS;
  const target = TENSORS + 4096;
  const index = TENSORS + 8192;
  const reset = (): void => {
    for (let i = 0; i < 64; i++) floats[(source >>> 2) + i] = i;
    floats.fill(0, target >>> 2, (target >>> 2) + 64);
  };
  const result = (n: number): number[] => [...floats.subarray(target >>> 2, (target >>> 2) + n)];

  it("run one after another; the first that is refused stops and is named", () => {
    reset();
    const a = area();
    const from = a.descriptor(source, float32, row(4));
    const to = a.descriptor(target, float32, row(4));
    const wrong = a.descriptor(target, float32, row(3));
    const start = a.next;
    a.append([call("copy", to, from)]);
    const second = a.next;
    a.append([call("copy", wrong, from), call("fill", to, 0)]);
    expect(exports.execute(start, second)).toBe(0);
    expect(result(4)).toEqual([0, 1, 2, 3]);
    expect(exports.execute(start, a.next)).toBe(2);
    expect(exports.refusedCommand()).toBe(second);
    expect(result(4)).toEqual([0, 1, 2, 3]);
  });

  const moved = (skip: boolean, at: number) => {
    reset();
    const a = area();
    const from = a.ownDescriptor(source, float32, row(2));
    const to = a.descriptor(target, float32, row(2));
    const start = a.next;
    const move = { descriptor: from, base: source, index, dtype: int32, step: 8, stride: 2 };
    a.appendMoving([{ ...move, low: 0, high: 6 }], skip, [call("copy", to, from)]);
    a.append([call("copy", a.descriptor(target + 8, float32, row(2)), to)]);
    words[index >>> 2] = at;
    return exports.execute(start, a.next);
  };

  it("operands go where an index says", () => {
    expect(moved(false, 3)).toBe(0);
    expect(result(4)).toEqual([6, 7, 6, 7]);
  });

  it("an index outside stops, or leaves its own instruction out", () => {
    expect(moved(false, 4)).toBe(OUT_OF_BOUNDS);
    expect(moved(false, -1)).toBe(OUT_OF_BOUNDS);
    expect(moved(true, 4)).toBe(0);
    expect(result(4)).toEqual([0, 0, 0, 0]);
  });

  const gathered = (skip: boolean, rows: readonly number[]) => {
    reset();
    const a = area();
    const from = a.ownDescriptor(source, float32, row(2));
    const to = a.ownDescriptor(target, float32, row(2));
    rows.forEach((r, n) => {
      words[(index >>> 2) + n] = r;
    });
    const table = a.words32(rows.map((_, n) => index + 4 * n));
    const bounds = { low: 0, high: 14, stride: 2 };
    const start = a.next;
    a.appendRows(
      rows.length,
      [
        { descriptor: to, base: target, dtype: 0, step: 8, stride: 0, low: 0, high: 0 },
        { descriptor: from, base: source, index: table, dtype: int32, step: 8, ...bounds },
      ],
      skip,
      [call("copy", to, from)],
    );
    return exports.execute(start, a.next);
  };

  it("rows are gathered by a vector", () => {
    expect(gathered(false, [7, 0, 3])).toBe(0);
    expect(result(6)).toEqual([14, 15, 0, 1, 6, 7]);
  });

  it("a row outside stops before anything is written, or is left out", () => {
    expect(gathered(false, [7, 0, 8])).toBe(OUT_OF_BOUNDS);
    expect(result(6)).toEqual([0, 0, 0, 0, 0, 0]);
    expect(gathered(true, [7, -1, 8, 1])).toBe(0);
    expect(result(8)).toEqual([14, 15, 0, 0, 0, 0, 2, 3]);
  });
});
