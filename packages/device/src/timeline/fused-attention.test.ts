/**
 * The kernel of a published trn2 profile, rebuilt instruction by instruction: fused attention of 512 fp32 queries and keys with
 * head size 128 (public repository trainium-kernel-fusion, MIT; docs/time.md). A check of the whole model, not a fit.
 */
import type { Operand } from "@opentrn/isa";
import { expect, test } from "vitest";
import { place } from "../placement/index.ts";
import { Sketch } from "./sketch.ts";
import { timeline } from "./timeline.ts";

/** From the moment GpSimd begins the first load (565 ns of descriptors before its trigger at 14578) to the store's last byte. */
const MEASURED_NS = 36017 - (14578 - 565);
/** The profile's full-rate windows begin at 23822; windows are 3413.3 ns long. */
const PHASE_NS = (23822 - (14578 - 565)) % 3413.3;

function fusedAttention() {
  const s = new Sketch();
  const [q, k, v] = [0, 1, 2].map(() => s.tile("hbm", [128, 512], "float32", "input"));
  const identity = s.tile("hbm", [128, 128], "float32", "input");
  const result = s.tile("hbm", [512, 128], "float32", "output");
  const sbuf = (n: number): number => s.tile("sbuf", [128, n], "float32");
  const bank = (): number => s.tile("psum", [128, 512], "float32");
  const quarter = (i: number): readonly [number, number] => [128 * i, 128 * i + 128];
  const all = [0, 128] as const;
  const load = (from: number): number => {
    const t = sbuf(s.builder.storages[from]!.shape[1]!);
    s.copy(s.part(t), s.part(from), { dge_mode: "swdge" });
    return t;
  };
  const eye = sbuf(128);
  s.copy(s.part(eye), s.part(identity), { dge_mode: "hwdge", engine: "sync" });
  const [vt, kt, qt] = [load(v!), load(k!), load(q!)];

  const transpose = (from: number): number => {
    const to = bank();
    for (let i = 0; i < 4; i++)
      s.emit(
        "nc_transpose",
        { dst: s.part(to, all, quarter(i)), data: s.part(from, all, quarter(i)) },
        { engine: "tensor" },
      );
    return to;
  };
  const evict = (from: number, engine: string): number => {
    const to = sbuf(512);
    s.emit("tensor_copy", { dst: s.part(to), src: s.part(from) }, { engine });
    return to;
  };
  const vRows = evict(transpose(vt), "scalar");

  const [most, bias] = [sbuf(4), sbuf(4)];
  const scores = [0, 1, 2, 3].map((i) => {
    const sum = bank();
    s.emit("nc_matmul", {
      dst: s.part(sum),
      stationary: s.part(qt, all, quarter(i)),
      moving: s.part(kt),
    });
    reduce("maximum", s.part(most, all, [i, i + 1]), s.part(sum));
    return sum;
  });
  function reduce(op: string, dst: Operand, data: Operand, negate = false): void {
    s.emit("tensor_reduce", { dst, data }, { op, axis: [1], negate });
  }
  s.emit(
    "tensor_scalar",
    { dst: s.part(bias), data: s.part(most), operand0: { kind: "float", value: -1 } },
    { op0: "multiply", engine: "vector" },
  );
  const [sums, inverse] = [sbuf(4), sbuf(4)];
  const weights = scores.map((score, i) => {
    const e = sbuf(512);
    s.emit(
      "activation",
      { dst: s.part(e), data: s.part(score), bias: s.part(bias, all, [i, i + 1]) },
      { op: "exp" },
    );
    return e;
  });
  const turned = weights.map((e) => transpose(e));
  reduce("add", s.part(sums, all, [0, 1]), s.part(weights[0]!));
  reduce("add", s.part(sums, all, [1, 2]), s.part(weights[1]!));
  const left = turned.map((t, i) => {
    if (i === 1) reduce("add", s.part(sums, all, [2, 3]), s.part(weights[2]!));
    return evict(t, i === 0 ? "vector" : "scalar");
  });
  reduce("add", s.part(sums, all, [3, 4]), s.part(weights[3]!));
  s.emit("reciprocal", { dst: s.part(inverse), data: s.part(sums) });
  const out = sbuf(512);
  left.forEach((l, i) => {
    const sum = s.tile("psum", [128, 128], "float32");
    for (let j = 0; j < 4; j++)
      s.emit("nc_matmul", {
        dst: s.part(sum),
        stationary: s.part(l, all, quarter(j)),
        moving: s.part(vRows, all, quarter(j)),
      });
    s.emit(
      "tensor_scalar",
      {
        dst: s.part(out, all, quarter(i)),
        data: s.part(sum),
        operand0: s.part(inverse, all, [i, i + 1]),
      },
      { op0: "multiply", engine: "vector" },
    );
  });
  const p = s.part(out);
  const to = s.part(result);
  if (p.kind !== "tile" || to.kind !== "tile") throw new Error("tiles expected");
  s.copy(
    {
      kind: "tile",
      pattern: {
        ...to.pattern,
        dims: [
          [128, 128],
          [16384, 4],
          [1, 128],
        ],
      },
    },
    {
      kind: "tile",
      pattern: {
        ...p.pattern,
        dims: [
          [1, 128],
          [128, 4],
          [1, 128],
        ],
      },
    },
    { dge_mode: "swdge" },
  );
  return s.finish();
}

test("a whole published kernel is predicted within 3 %", () => {
  const program = fusedAttention();
  const t = timeline(program, place(program), { dutyPhaseNs: PHASE_NS });
  expect(Math.abs(t.totalNs / MEASURED_NS - 1)).toBeLessThan(0.03);
});
