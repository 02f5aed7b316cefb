/** Attention that does not fit SBUF at once gives the same numbers, divided in every way there is. */
import { chipNamed } from "@opentrn/chips";
import { attentionSizes, type Func } from "@opentrn/ir";
import type { Program } from "@opentrn/isa";
import { describe, expect, test } from "vitest";
import { Emitter } from "../../emit/emitter.ts";
import type { View } from "../../emit/view.ts";
import { compareProgram } from "../../testing.ts";
import { type BackwardChoices, lowerBackward } from "./backward.ts";
import { type Division, divisionsOf } from "./backward-memory.ts";
import { delaysFor } from "./backward-stages.ts";
import { backwardInputs, backwardOf, type Case, forwardOf, tooFar } from "./cases.fixture.ts";
import { type Depth, lowerForward } from "./forward.ts";
import { Ledger } from "./ledger.ts";

/** The Program of a group whose parameters and results are handed to `lower` as they lie in HBM. */
function programOf(
  fn: Func,
  lower: (emit: Emitter, inputs: readonly View[], outputs: readonly (readonly View[])[]) => void,
): Program {
  const emit = new Emitter(fn.name, chipNamed("trn2"));
  const inputs = fn.params.map((v, i) => emit.hbm(`in${i}`, v.type.dtype, v.type.shape, "input"));
  const outputs = fn.results.map((v, i) => [
    emit.hbm(`out${i}`, v.type.dtype, v.type.shape, "output"),
  ]);
  lower(emit, inputs, outputs);
  return emit.finish();
}

const sizesOf = (fn: Func, causal: boolean) =>
  attentionSizes(
    fn.name,
    fn.params.map((v) => v.type),
    causal,
  );

const config = (c: Case) => ({ causal: c.causal ?? true, scale: 1 / Math.sqrt(c.d ?? 32) });

describe("forward", () => {
  const depths: Readonly<Record<string, Depth>> = {
    "keys in strips, which every batch of queries loads again": {
      tokens: 128,
      score: 8,
      collect: 10,
    },
    "stages as close as they may be": { tokens: 512, score: 1, collect: 3 },
  };
  test.each(Object.entries(depths))("%s", (_, depth) => {
    const c: Case = { n: 200, m: 900, h: 2, g: 1, d: 32, causal: true };
    const fn = forwardOf(c);
    const program = programOf(fn, (emit, [q, k, v], [o, lse]) => {
      const tensors = { q: q!, k: k!, v: v!, o: o!, lse: lse! };
      lowerForward(emit, sizesOf(fn, true), config(c), tensors, [depth]);
    });
    expect(tooFar(compareProgram(fn, program))).toEqual([]);
  });
});

describe("backward", () => {
  const whole = { groups: 1, heads: 2, queries: 260, spills: false, overlaps: true };
  const ways: Readonly<Record<string, Division>> = {
    "key heads together": { ...whole, groups: 2 },
    "one part after another": { ...whole, overlaps: false },
    "dk and dv of query heads added up in SBUF": { ...whole, heads: 1 },
    "dq waiting in HBM between blocks": { ...whole, queries: 128, spills: true },
  };
  const c: Case = { n: 260, m: 270, h: 4, g: 2, d: 16 };
  // 16 features leave a block of keys so large that there is one; 144 make blocks of 384.
  const wide: Case = { n: 200, m: 400, h: 2, g: 1, d: 144, causal: false };
  const lowered = (given: Case, choices: BackwardChoices): Program => {
    const fn = backwardOf(given);
    return programOf(fn, (emit, [q, k, v, o, lse, cotangent], [dq, dk, dv]) => {
      const tensors = { q: q!, k: k!, v: v!, o: o!, lse: lse!, cotangent: cotangent! };
      const results = { dq: dq!, dk: dk!, dv: dv! };
      const sizes = sizesOf(fn, given.causal ?? true);
      lowerBackward(emit, sizes, config(given), { ...tensors, ...results }, choices);
    });
  };

  test.each(Object.entries(ways))("%s", (name, way) => {
    const spills = name.startsWith("dq");
    const given = spills ? wide : c;
    const program = lowered(given, { ways: [[way]] });
    const has = (name: string): boolean => program.storages.some((s) => s.name.startsWith(name));
    expect([has("dk_sum"), has("dq_sums")]).toEqual([way.heads === 1, spills]);
    expect(tooFar(compareProgram(backwardOf(given), program, backwardInputs(given)))).toEqual([]);
  });

  const delays = (["bfloat16", "float32"] as const).flatMap((dtype) =>
    delaysFor(dtype).map((d) => [`${dtype}, dq after ${d.dq}`, dtype, d] as const),
  );
  test.each(delays)("stages apart: %s", (_, dtype, d) => {
    const given: Case = { ...c, n: 140, m: 700, h: 1, g: 1, dtype };
    const program = lowered(given, { delays: [d] });
    expect(tooFar(compareProgram(backwardOf(given), program, backwardInputs(given)))).toEqual([]);
  });

  test("divisions go from all heads at once to strips of queries", () => {
    const sizes = { b: 1, n: 4096, m: 4096, h: 8, g: 2, r: 4, d: 128 };
    const [all, apart, strips] = divisionsOf(sizes);
    expect(all!.map((d) => [d.groups, d.heads])).toEqual([
      [1, 4],
      [1, 2],
      [1, 1],
    ]);
    expect(apart!.every((d) => !d.overlaps)).toBe(true);
    expect(strips!.map((d) => d.queries)).toEqual([2048, 1024, 512, 256, 128]);
  });
});

test("the ledger counts what is on chip together", () => {
  const ledger = new Ledger();
  const [a, b, never] = [ledger.stay(100), ledger.stay(30), ledger.stay(5000)];
  for (const step of [0, 3]) a!.readBy(step);
  b!.readBy(6);
  expect(never!.last).toBe(-1);
  expect(ledger.peak(2)).toBe(100);
  expect(ledger.peak(3)).toBe(130);
});
