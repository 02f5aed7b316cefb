import { type OpenTrnError, Random } from "@opentrn/base";
import { chipNamed } from "@opentrn/chips";
import { type AccessPattern, instructionNamed, ProgramBuilder, type Storage } from "@opentrn/isa";
import { describe, expect, it } from "vitest";
import { meetInTime, pack, type Tenant } from "./pack.ts";
import { place } from "./place.ts";

const trn2 = chipNamed("trn2");
const memset = instructionNamed("memset")!;
const copy = instructionNamed("tensor_copy")!;
const KIB = 1024;

/** A kernel under construction: `tile` declares, `set` writes it, `use` reads it into a scratch tile. */
function kernel(cores = 1) {
  const b = new ProgramBuilder({ name: "test", chip: trn2, cores });
  const whole = (id: number): AccessPattern => {
    const s = b.storages[id]!;
    const free = s.shape.slice(1).reduce((x, y) => x * y, 1);
    return {
      storage: id,
      dtype: s.dtype,
      partition: 0,
      offset: 0,
      dims: [
        [1, s.shape[0]!],
        [1, free],
      ],
    };
  };
  return {
    b,
    tile: (name: string, bytes: number, more: Partial<Storage> = {}) =>
      b.declare({
        name,
        space: more.space ?? "sbuf",
        kind: more.kind ?? "internal",
        dtype: "uint8",
        shape: [more.partitions ?? 128, bytes],
        line: b.line("kernel.py", b.storages.length + 10),
        ...(more.pinned ? { pinned: more.pinned } : {}),
      }),
    set: (id: number) =>
      b.emit(
        memset,
        { dst: { kind: "tile", pattern: whole(id) }, value: { kind: "float", value: 0 } },
        { engine: "vector" },
      ),
    move: (from: number, to: number) =>
      b.emit(
        copy,
        {
          dst: { kind: "tile", pattern: whole(to) },
          src: { kind: "tile", pattern: whole(from) },
        },
        {},
      ),
  };
}

const failure = (run: () => unknown): OpenTrnError => {
  try {
    run();
  } catch (e) {
    return e as OpenTrnError;
  }
  throw new Error("nothing was thrown");
};

describe("place", () => {
  it("gives unpinned tensors partition 0 and aligned addresses", () => {
    const k = kernel();
    for (const [name, bytes] of [
      ["a", 100],
      ["b", 64],
      ["c", 4],
    ] as const)
      k.set(k.tile(name, bytes));
    const p = place(k.b.finish());
    expect([...p.address]).toEqual([0, 128, 192]);
    expect([...p.partition]).toEqual([0, 0, 0]);
    expect(p.sbufPeakBytes).toBe(128 * 128);
  });

  it("takes fresh space before it reuses any, and then what was freed longest ago", () => {
    const k = kernel();
    // Four 64 KiB tiles, one after the other: three fit beside each other, the fourth goes where the first was.
    const tiles = ["a", "b", "c", "d"].map((n) => k.tile(n, 64 * KIB));
    for (const t of tiles) k.set(t);
    const p = place(k.b.finish());
    expect([...p.address].map((a) => a / KIB)).toEqual([0, 64, 128, 0]);
    expect(p.sbufPeakBytes).toBe(64 * KIB * 128);
    expect(p.peaks[0]!.packing).toBe("rotate");
  });

  it("reuses at once what is free when asked to be tight", () => {
    const k = kernel();
    for (const n of ["a", "b", "c", "d"]) k.set(k.tile(n, 64 * KIB));
    const p = place(k.b.finish(), { tight: true });
    expect([...p.address]).toEqual([0, 0, 0, 0]);
    expect(p.peaks[0]!.packing).toBe("lowest");
  });

  it("starts PSUM tensors at a bank and counts whole banks", () => {
    const k = kernel();
    const [a, b] = [k.tile("a", 4, { space: "psum" }), k.tile("b", 2049, { space: "psum" })];
    for (const t of [a, b, a]) k.set(t);
    const p = place(k.b.finish());
    expect([p.address[a], p.address[b]]).toEqual([0, 2048]);
    expect(p.psumPeakBytes).toBe(3 * 2048 * 128);
  });

  it("keeps apart what one instruction reads and writes", () => {
    const k = kernel();
    const [a, b] = [k.tile("a", 112 * KIB), k.tile("b", 112 * KIB)];
    k.set(a);
    k.move(a, b);
    const p = place(k.b.finish());
    expect([...p.address]).toEqual([0, 112 * KIB]);
  });

  it("packs tightly when rotation does not fit", () => {
    const k = kernel();
    // Rotation puts `small` behind `first`, which leaves 100 KiB and 64 KiB: too little for `large` in one piece.
    k.set(k.tile("first", 100 * KIB));
    const [small, large] = [k.tile("small", 60 * KIB), k.tile("large", 160 * KIB)];
    for (const t of [small, large, small]) k.set(t);
    const p = place(k.b.finish());
    expect(p.peaks[0]!.packing).toBe("lowest");
    expect(p.peaks[0]!.bytes).toBe(220 * KIB);
  });

  it("honours pinned addresses and keeps others away from them", () => {
    const k = kernel();
    const pinned = k.tile("pinned", 1024, { pinned: { partition: 32, offset: 0 }, partitions: 32 });
    const free = k.tile("free", 64);
    k.set(pinned);
    k.set(free);
    const p = place(k.b.finish());
    expect([p.partition[pinned], p.address[pinned]]).toEqual([32, 0]);
    expect(p.address[free]).toBe(1024);
  });

  it("stops when two pinned tensors need the same bytes at the same time", () => {
    const k = kernel();
    const a = k.tile("a", 1024, { pinned: { partition: 0, offset: 512 } });
    const b = k.tile("b", 1024, { pinned: { partition: 0, offset: 1024 } });
    for (const t of [a, b, a]) k.set(t);
    const e = failure(() => place(k.b.finish()));
    expect(e.category).toBe("capacity");
    expect(e.message).toBe(
      "b uint8[128,1024] (line 11) is pinned in SBUF at (partition 0, byte 1024): a uint8[128,1024] (line 10) at (partition 0, byte 512) holds part of it while both are in use; move one",
    );
    expect(e.at).toEqual({ file: "kernel.py", line: 11 });
  });

  it("lets pinned tensors share bytes one after the other, or side by side in partitions", () => {
    const k = kernel();
    const a = k.tile("a", 64, { pinned: { partition: 0, offset: 0 } });
    const b = k.tile("b", 64, { pinned: { partition: 0, offset: 0 } });
    const c = k.tile("c", 64, { pinned: { partition: 0, offset: 64 }, partitions: 32 });
    const d = k.tile("d", 64, { pinned: { partition: 32, offset: 64 }, partitions: 32 });
    for (const t of [a, b, c, d, c]) k.set(t);
    expect(() => place(k.b.finish())).not.toThrow();
  });

  it("stops when a pinned tensor leaves the memory", () => {
    const k = kernel();
    k.set(k.tile("a", 1024, { pinned: { partition: 0, offset: 224 * KIB - 512 } }));
    expect(failure(() => place(k.b.finish())).message).toContain(
      "it ends at byte 229888, the memory at 229376",
    );
  });

  it("names line, sizes and the largest tenants when SBUF overflows", () => {
    const k = kernel();
    const tiles = [
      k.tile("weights", 150 * KIB),
      k.tile("scores", 60 * KIB),
      k.tile("bias", 64),
      k.tile("more", 20 * KIB),
    ];
    for (const t of [...tiles, ...tiles]) k.set(t);
    const e = failure(() => place(k.b.finish()));
    expect(e.describe()).toBe(
      "capacity: SBUF overflow on trn2 at more uint8[128,20480] (line 13): 235584 bytes a partition would be in use, 224 KiB are there. Largest tenants: weights uint8[128,153600] (line 10) 150 KiB; scores uint8[128,61440] (line 11) 60 KiB; more uint8[128,20480] (line 13) 20 KiB; bias uint8[128,64] (line 12) 64 bytes. Use smaller tiles, or end the use of a tensor before the next one starts (kernel.py:13)",
    );
  });

  it("reports PSUM overflow in banks", () => {
    const k = kernel();
    const banks = Array.from({ length: 9 }, (_, i) => k.tile(`bank${i}`, 4, { space: "psum" }));
    for (const t of [...banks, ...banks]) k.set(t);
    const e = failure(() => place(k.b.finish()));
    expect(e.message).toContain("PSUM overflow on trn2 at bank8");
    expect(e.message).toContain("18 KiB a partition would be in use, 16 KiB are there");
  });

  it("gives each core its own SBUF and both cores one HBM", () => {
    const k = kernel(2);
    const a = k.tile("a", 128 * KIB);
    k.set(a);
    k.b.setCore(1);
    const b = k.tile("b", 128 * KIB);
    k.set(b);
    k.b.setCore(0);
    k.set(a);
    const p = place(k.b.finish());
    expect([p.address[a], p.address[b]]).toEqual([0, 0]);
    expect(p.sbufPeakBytes).toBe(128 * KIB * 128);
  });

  it("gives HBM tensors addresses of their own", () => {
    const k = kernel();
    const x = k.tile("x", 100, { space: "hbm", kind: "input" });
    const y = k.tile("y", 100, { space: "hbm", kind: "output" });
    k.b.markOutput(y);
    const p = place(k.b.finish());
    expect([p.address[x], p.address[y]]).toEqual([0, 12800]);
    expect(p.hbmBytes).toBe(25600);
  });

  it("never lets two tenants alive together overlap, whatever the packing", () => {
    const random = new Random(7);
    for (let round = 0; round < 30; round++) {
      const tenants: Tenant[] = Array.from({ length: 200 }, (_, id) => {
        const first = Math.floor(random.uniform() * 300);
        const size = 64 * (1 + Math.floor(random.uniform() * 40));
        const last = first + Math.floor(random.uniform() * 60);
        return { id, size, first, last, partitions: 128 };
      });
      const packed = pack(tenants, 64 * (400 + 40 * round), 64);
      if (!packed) continue;
      for (const a of tenants)
        for (const b of tenants) {
          if (a.id >= b.id || !meetInTime(a, b)) continue;
          const [x, y] = [packed.address[a.id]!, packed.address[b.id]!];
          expect(x + a.size <= y || y + b.size <= x).toBe(true);
        }
    }
  });
});
