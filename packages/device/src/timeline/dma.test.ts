import type { Operand } from "@opentrn/isa";
import { describe, expect, it } from "vitest";
import { ClassPlans } from "./class-plan.ts";
import { DmaEngines } from "./dma-engines.ts";
import type { DmaShape } from "./dma-shape.ts";
import { Sketch } from "./sketch.ts";
import { queues } from "./units.ts";

/** Queue name and shape of the only transfer that `build` makes. */
function transfer(build: (s: Sketch) => void, target = "trn2"): { queue: string; shape: DmaShape } {
  const s = new Sketch(target);
  build(s);
  const program = s.finish();
  const plans = new ClassPlans(program);
  const id = plans.plans.findIndex((p) => p.queue >= 0);
  return { queue: queues[plans.plans[id]!.queue]!.name, shape: plans.shapeOf(id, 0) };
}
const busy = (shape: DmaShape): number[] => [...shape.service].map((t) => Math.round(t / 1000));
const load = (s: Sketch, attrs: Readonly<Record<string, unknown>> = {}): void => {
  const x = s.tile("hbm", [128, 512], "bfloat16", "input");
  s.copy(s.part(s.tile("sbuf", [128, 512])), s.part(x), attrs);
};
const store = (s: Sketch, dtype: "bfloat16" | "float32" = "bfloat16"): void => {
  const y = s.tile("hbm", [128, 512], "bfloat16", "output");
  s.copy(s.part(y), s.part(s.tile("sbuf", [128, 512], dtype, "input")));
};

describe("queues", () => {
  it("loads through SyncE, stores through the less busy of ScalarE and GpSimd", () => {
    expect(transfer((s) => load(s)).queue).toBe("qSyncDynamicHW");
    expect(transfer((s) => store(s)).queue).toBe("qScalarDynamicHW");
    const withScalar = transfer((s) => {
      const t = s.tile("sbuf", [128, 64], "bfloat16", "input");
      const dst = s.part(s.tile("sbuf", [128, 64]));
      s.emit("activation", { dst, data: s.part(t) }, { op: "exp" });
      store(s);
    });
    expect(withScalar.queue).toBe("qGpSimdDynamic");
  });

  it("honours modes and engines", () => {
    expect(transfer((s) => load(s, { dge_mode: "hwdge", engine: "scalar" })).queue).toBe(
      "qScalarDynamicHW",
    );
    expect(transfer((s) => load(s, { dge_mode: "swdge" })).queue).toBe("qGpSimdDynamic");
    expect(transfer((s) => load(s, { dge_mode: "none" })).queue).toBe("qSyncIO");
  });

  it("converts with software descriptors, and uses rings where there is no DGE", () => {
    expect(transfer((s) => store(s, "float32")).queue).toBe("qGpSimdDynamic");
    expect(transfer((s) => load(s), "trn1").queue).toBe("qSyncIO");
  });
});

describe("shape of a transfer", () => {
  it("gives every engine its eight partitions", () => {
    const { shape } = transfer((s) => load(s));
    // 8 x (4.7 + 1024 / 24.5) + 4.7 + 4 / 27.2
    expect(new Set(busy(shape))).toEqual(new Set([377]));
    expect(shape.packets).toBe(128);
    expect([shape.bytes, shape.hbmRead, shape.hbmWrite]).toEqual([131072, 131072, 0]);
  });

  it("leaves engines idle that serve none of its partitions", () => {
    const { shape } = transfer((s) => {
      const x = s.tile("hbm", [12, 512], "bfloat16", "input");
      s.copy(s.part(s.tile("sbuf", [12, 512])), s.part(x));
    });
    expect(busy(shape)).toEqual([377, 191, ...Array(14).fill(5)]);
  });

  it("spreads copies inside HBM over all engines", () => {
    const { shape } = transfer((s) => {
      const [x, y] = [
        s.tile("hbm", [1, 65536], "uint8", "input"),
        s.tile("hbm", [1, 65536], "uint8", "output"),
      ];
      s.copy(s.part(y), s.part(x));
    });
    expect(new Set(busy(shape)).size).toBe(1);
    expect(shape.packets).toBe(16);
  });

  it("moves rows that are broadcast in whole runs, and columns element by element", () => {
    const pattern = (o: Operand, dims: readonly (readonly [number, number])[]): Operand => {
      if (o.kind !== "tile") throw new Error("tile expected");
      return { kind: "tile", pattern: { ...o.pattern, dims } };
    };
    const spread = transfer((s) => {
      const x = s.part(s.tile("hbm", [1, 512], "bfloat16", "input"));
      const to = s.part(s.tile("sbuf", [128, 512]));
      s.copy(
        to,
        pattern(x, [
          [0, 128],
          [1, 512],
        ]),
      );
    });
    expect(spread.shape.pieces).toBe(128);
    const columns = transfer((s) => {
      const x = s.part(s.tile("hbm", [64, 128], "bfloat16", "input"));
      const to = s.part(s.tile("sbuf", [128, 64]));
      s.copy(
        to,
        pattern(x, [
          [1, 128],
          [128, 64],
        ]),
      );
    });
    expect(columns.shape.pieces).toBe(128 * 64);
  });

  it("halves the rate of conversions", () => {
    const plain = transfer((s) => store(s)).shape.service[0]!;
    const cast = transfer((s) => store(s, "float32")).shape.service[0]!;
    // Twice the bytes of the wider type at half the rate, with the same gaps between packets.
    expect(cast / plain).toBeGreaterThan(3.4);
    expect(cast / plain).toBeLessThan(4);
  });
});

describe("DMA engines", () => {
  const even = (ticks: number): Float64Array => new Float64Array(16).fill(ticks);

  it("serve one queue in order", () => {
    const d = new DmaEngines(16);
    d.submit(0, 100, 10, even(1000));
    expect([d.firstData, d.end]).toEqual([100, 1250]);
    d.submit(0, 200, 10, even(1000));
    expect([d.firstData, d.end]).toEqual([1100, 2250]);
  });

  it("take turns between queues, and never do more work than there is time", () => {
    const d = new DmaEngines(16);
    let last = 0;
    for (let i = 0; i < 50; i++) {
      d.submit(i % 2, 0, 0, even(100));
      last = Math.max(last, d.end);
    }
    expect(last).toBeGreaterThanOrEqual(50 * 100);
    expect(last).toBeLessThanOrEqual(52 * 100);
  });

  it("let a short transfer pass a long one of another queue", () => {
    const d = new DmaEngines(16);
    d.submit(0, 0, 0, even(10_000));
    d.submit(1, 0, 0, even(100));
    expect(d.end).toBe(200);
  });
});
