import { describe, expect, it } from "vitest";
import { prepare } from "../execute/executable.ts";
import { place } from "../placement/index.ts";
import { ClassPlans } from "../timeline/class-plan.ts";
import { Sketch, tiledMatmul } from "../timeline/sketch.ts";
import { timeline } from "../timeline/timeline.ts";
import { accessesOf } from "./accesses.ts";
import { listSchedule, mustKeepOrder } from "./list-schedule.ts";

/** Two rows of work that have nothing to do with each other: a load, steps on ScalarE and VectorE in turns, and a store each. */
function twoChains() {
  const s = new Sketch();
  for (let row = 0; row < 2; row++) {
    const from = s.tile("hbm", [128, 512], "float32", "input");
    const to = s.tile("hbm", [128, 512], "float32", "output");
    const x = s.tile("sbuf", [128, 512], "float32");
    s.copy(s.part(x), s.part(from));
    for (let k = 0; k < 6; k++)
      if (k % 2 === 0) s.emit("activation", { dst: s.part(x), data: s.part(x) }, { op: "exp" });
      else
        s.emit(
          "tensor_scalar",
          { dst: s.part(x), data: s.part(x), operand0: { kind: "float", value: 2 } },
          { op0: "multiply", engine: "vector" },
        );
    s.copy(s.part(to), s.part(x));
  }
  return s.finish();
}

describe("list scheduling", () => {
  it("puts nothing before what it depends on", () => {
    const program = tiledMatmul(256, 512, 1024);
    const before = new Map([...program.starts].map((start, i) => [start, i]));
    const order = [...listSchedule(program).starts].map((start) => before.get(start)!);
    expect(order.toSorted((a, b) => a - b)).toEqual([...program.starts.keys()]);
    const at = new Map(order.map((i, k) => [i, k]));
    const a = accessesOf(program, new ClassPlans(program).plans);
    for (let i = 0; i < program.starts.length; i++)
      for (let e = a.start[i]!; e < a.start[i + 1]!; e++)
        expect(at.get(a.before[e]!)!).toBeLessThan(at.get(i)!);
  });

  it("computes the same values", () => {
    const program = tiledMatmul(256, 256, 1024);
    const inputs = program.inputs.map((id) => {
      const bytes = new Uint8Array(program.storages[id]!.rowBytes);
      for (let k = 0; k < bytes.length; k += 2) bytes[k + 1] = 0x3c + ((k * 7) % 4);
      return bytes;
    });
    const outputs = [program, listSchedule(program)].map(
      (p) => prepare(p, place(p)).run(inputs).outputs[0]!,
    );
    expect(Buffer.compare(outputs[0]!, outputs[1]!)).toBe(0);
  });

  it("keeps ScalarE on one table where it can", () => {
    const s = new Sketch();
    const from = s.tile("hbm", [128, 512], "float32", "input");
    const x = s.tile("sbuf", [128, 512], "float32");
    s.copy(s.part(x), s.part(from));
    for (let k = 0; k < 8; k++) {
      const y = s.tile("sbuf", [128, 512], "float32");
      s.emit(
        "activation",
        { dst: s.part(y), data: s.part(x) },
        { op: k % 2 === 0 ? "exp" : "tanh" },
      );
    }
    const program = s.finish();
    const loads = (p: typeof program): number => timeline(p, place(p)).schedule.tableLoads.length;
    expect([loads(program), loads(listSchedule(program))]).toEqual([8, 2]);
  });

  it("fills the time that one chain leaves with another", () => {
    const program = twoChains();
    const reordered = listSchedule(program);
    const time = (p: typeof program): number => timeline(p, place(p)).totalNs;
    expect(time(reordered)).toBeLessThan(0.9 * time(program));
  });

  it("looks no further ahead than it may", () => {
    const program = tiledMatmul(256, 512, 1024);
    const before = new Map([...program.starts].map((start, i) => [start, i]));
    const order = [...listSchedule(program, { window: 4 }).starts].map((s) => before.get(s)!);
    let oldest = 0;
    const done = new Set<number>();
    for (const i of order) {
      while (done.has(oldest)) oldest++;
      expect(i).toBeLessThan(oldest + 4);
      done.add(i);
    }
  });

  it("keeps the order of Programs whose engines carry state", () => {
    const s = new Sketch();
    const x = s.tile("sbuf", [128, 64], "float32");
    const sum = s.tile("sbuf", [128, 1], "float32");
    s.emit("memset", { dst: s.part(x), value: { kind: "float", value: 1 } });
    s.emit(
      "activation",
      { dst: s.part(x), data: s.part(x), reduce_res: s.part(sum) },
      { op: "exp", reduce_op: "add", reduce_cmd: "reset_reduce" },
    );
    const program = s.finish();
    expect(mustKeepOrder(program)).toMatch(/carry sums/);
    expect(listSchedule(program)).toBe(program);
  });

  it("reorders sums that one instruction makes and reads out", () => {
    const make = (out: boolean) => {
      const s = new Sketch();
      const x = s.tile("sbuf", [128, 64], "float32");
      const sum = s.tile("sbuf", [128, 1], "float32");
      s.emit("memset", { dst: s.part(x), value: { kind: "float", value: 1 } });
      s.emit(
        "activation_reduce",
        { dst: s.part(x), data: s.part(x), ...(out ? { reduce_res: s.part(sum) } : {}) },
        { op: "exp", reduce_op: "add" },
      );
      return mustKeepOrder(s.finish());
    };
    expect(make(true)).toBeUndefined();
    expect(make(false)).toMatch(/carry sums/);
  });
});
