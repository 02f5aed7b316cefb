import { chipNamed, instanceNamed } from "@opentrn/chips";
import { expect, test } from "vitest";
import { costOf, dollarsPerMillion } from "./cost.ts";
import { prices } from "./price.ts";

test("every price is of a machine we know, and names its source", () => {
  for (const p of prices) {
    expect(instanceNamed(p.instance).name).toBe(p.instance);
    expect(p.usdPerHour.value).toBeGreaterThan(0);
    expect(p.usdPerHour.source).not.toBe("");
  }
  const keys = prices.map((p) => `${p.instance} ${p.term}`);
  expect(new Set(keys).size).toBe(keys.length);
});

test("dollars a million tokens follow from price and tokens a second", () => {
  expect(dollarsPerMillion(3.6, 1000)).toBeCloseTo(1, 12);
});

test("an instance makes as many tokens as its cores do side by side", () => {
  const cost = costOf({ chip: chipNamed("trn1"), tokensPerSecond: 1000, cores: 1 })!;
  expect(cost).toMatchObject({ instance: "trn1.2xlarge", tokensPerSecond: 2000 });
  expect(cost.usdPerMillionTokens).toBeCloseTo(1.34375 / 3600 / 2000e-6, 9);
  const large = costOf({
    chip: chipNamed("trn2"),
    tokensPerSecond: 1000,
    cores: 2,
    instance: "trn2.48xlarge",
  })!;
  expect(large.tokensPerSecond).toBe((16 * chipNamed("trn2").cores.value * 1000) / 2);
});

test("there is no cost without a published price, and no price of the wrong chip", () => {
  expect(costOf({ chip: chipNamed("trn3"), tokensPerSecond: 1, cores: 1 })).toBeUndefined();
  const trn2 = { chip: chipNamed("trn2"), tokensPerSecond: 1, cores: 1 };
  expect(() => costOf({ ...trn2, instance: "trn1.2xlarge" })).toThrow(
    /trn1.2xlarge has trn1, the target is trn2/,
  );
  expect(() => costOf({ ...trn2, term: "on-demand" })).toThrow(
    /no on-demand price of trn2 is known; there are trn2.3xlarge capacity-block, trn2.48xlarge/,
  );
  expect(() => costOf({ ...trn2, instance: "p5.48xlarge" })).toThrow(/not a machine we know/);
});
