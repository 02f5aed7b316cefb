/** Activations as PyTorch computes them in double precision. */
import { compositeCalls, func, interpret, tensor } from "@opentrn/ir";
import { expect, test } from "vitest";
import { activationNames } from "../config/model-config.ts";
import { fixtureJson } from "../pytorch.fixture.ts";
import { worst } from "../testing.ts";
import { activations } from "./activations.ts";

const { x, y } = fixtureJson<{ x: number[]; y: Record<string, number[]> }>(
  "pytorch/activations.json",
);

test.each(activationNames)("%s", (name) => {
  const fn = func("f", { x: tensor([x.length]) }, (given) => activations[name](given.x));
  const [found] = interpret(
    fn,
    { x },
    {
      arithmetic: "float64",
      customCalls: compositeCalls,
    },
  );
  // The fixture has nine digits; erf is exact to 1.5e-7, times x / 2 up to 3.
  expect(worst(found!.data, y[name === "swish" ? "silu" : name]!)).toBeLessThan(
    name === "gelu" ? 5e-7 : 1e-7,
  );
});
