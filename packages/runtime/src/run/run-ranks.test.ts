import { chipNamed } from "@opentrn/chips";
import { type Dims, instructionNamed, type Operand, ProgramBuilder } from "@opentrn/isa";
import { expect, test } from "vitest";
import { runProgramRanks } from "./run-ranks.ts";

/** y = sum over ranks of x. */
function sum(ranks: number) {
  const b = new ProgramBuilder({ name: "sum", chip: chipNamed("trn2") });
  const tensor = (name: string, kind: "input" | "output"): Operand => {
    const storage = b.declare({ name, space: "hbm", kind, dtype: "float32", shape: [2] });
    if (kind === "output") b.markOutput(storage);
    const dims: Dims = [[1, 2]];
    return { kind: "tile", pattern: { storage, dtype: "float32", partition: 0, offset: 0, dims } };
  };
  const operands = { src0: tensor("x", "input"), dst0: tensor("y", "output") };
  const replica_group = [ranks, ...Array.from({ length: ranks }, (_, r) => r)];
  b.emit(instructionNamed("all_reduce")!, operands, { replica_group, op: "add" });
  return b.finish();
}
const x = (...values: number[]) => ({
  dtype: "float32" as const,
  shape: [2],
  bytes: new Uint8Array(Float32Array.from(values).buffer),
});

test("ranks take inputs and give outputs of their own", () => {
  const run = runProgramRanks(sum(2), [{ x: x(1, 2) }, { x: x(10, 20) }]);
  for (const { outputs } of run.ranks)
    expect([...new Float32Array(outputs[0]!.bytes.slice().buffer)]).toEqual([11, 22]);
  // One step of a mesh on one chip and the launch; the eight bytes do not show.
  const { launchNs, stepNs } = chipNamed("trn2").collectives;
  expect(run.timeline!.totalNs).toBeCloseTo(launchNs.value + stepNs.value, -1);
  expect(run.warnings).toEqual([]);
});

test("ranks on machines that are far from each other take longer", () => {
  const inputs = Array.from({ length: 24 }, () => ({ x: x(1, 2) }));
  const of = (machine?: string) =>
    runProgramRanks(sum(24), inputs, machine === undefined ? {} : { machine }).timeline!.totalNs;
  expect(() => of("trn2.3xlarge")).toThrow(/no network between them is known/);
  expect(of("trn2-ultraserver")).toBe(of());
});

test("too few ranks, and inputs that are missing, say so", () => {
  expect(() => runProgramRanks(sum(4), [{ x: x(1, 2) }])).toThrow("this launch has one rank");
  expect(() => runProgramRanks(sum(2), [{ x: x(1, 2) }, {}])).toThrow("input x is missing");
});
