import { defaults, engineNames, priceTerms } from "@opentrn/train";
import { expect, test } from "vitest";
import { givenOptions } from "./train-given.ts";
import { shownDefaults, shownEngines, shownTerms } from "./train-options.ts";

test("the help says what train does", () => {
  expect(shownDefaults).toEqual(defaults);
  expect(shownEngines).toEqual(engineNames);
  expect(shownTerms).toEqual(priceTerms);
});

test("only what was typed is given", () => {
  expect(givenOptions({ out: "x" })).toEqual({});
  const given = givenOptions({
    out: "x",
    steps: "5",
    lr: "3e-4",
    data: ["/a"],
    engine: "interpreter",
  });
  expect(given).toEqual({ steps: 5, learningRate: 3e-4, data: ["/a"], engine: "interpreter" });
});

test("numbers out of range and unknown words are refused", () => {
  const bad = (more: object) => () => givenOptions({ out: "x", ...more });
  expect(bad({ steps: "0" })).toThrow(/--steps "0" is not a whole number from 1/);
  expect(bad({ lr: "fast" })).toThrow(/--lr "fast" is not a number/);
  expect(bad({ beta1: "1" })).toThrow(/--beta1/);
  expect(bad({ evalShare: "0.95" })).toThrow(/--eval-share/);
  expect(bad({ engine: "gpu" })).toThrow(/--engine "gpu" is not one of/);
  expect(bad({ computeDtype: "int8" })).toThrow(/--compute-dtype "int8" is not one of bfloat16/);
  expect(bad({ term: "free" })).toThrow(/--term/);
});
