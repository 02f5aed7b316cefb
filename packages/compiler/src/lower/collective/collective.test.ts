/** all_reduce between two ranks. */
import { chipNamed } from "@opentrn/chips";
import { place, prepare, runRanks } from "@opentrn/device";
import * as ir from "@opentrn/ir";
import { expect, test } from "vitest";
import { bytesOfTensor, valuesOfBytes } from "../../emit/bytes.ts";
import { lowerGroup } from "../lower-group.ts";

const { func, tensor } = ir;
const type = tensor([3, 2]);
const fn = func("f", { a: type, b: tensor([4], "bfloat16") }, ({ a, b }) =>
  ir.allReduce([ir.transpose(a, [1, 0]), b], 2),
);

test("both ranks get the sums", () => {
  const { program, template } = lowerGroup(fn, chipNamed("trn2"));
  expect(template).toBe("collective");
  const inputs = [1, 10].map((scale) =>
    fn.params.map((v) => {
      const data = Float32Array.from({ length: ir.sizeOf(v.type.shape) }, (_, i) => scale * i);
      return bytesOfTensor({ type: v.type, data });
    }),
  );
  const ranks = inputs.map(() => prepare(program, place(program)));
  for (const { outputs } of runRanks(ranks, inputs)) {
    expect(Array.from(valuesOfBytes(tensor([2, 3]), outputs[0]!))).toEqual([0, 22, 44, 11, 33, 55]);
    expect(Array.from(valuesOfBytes(fn.results[1]!.type, outputs[1]!))).toEqual([0, 11, 22, 33]);
  }
});

test("trn1 has no such instruction", () => {
  expect(() => lowerGroup(fn, chipNamed("trn1"))).toThrow(/trn1 has no all_reduce/);
});
