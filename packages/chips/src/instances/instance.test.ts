import { expect, test } from "vitest";
import { chipNamed } from "../catalogue.ts";
import { instanceNamed, instances } from "./catalogue.ts";
import { neighbours } from "./instance.ts";

test("every machine has a known chip and as many chips as its wiring", () => {
  for (const i of instances) {
    expect(chipNamed(i.chip).name).toBe(i.chip);
    const t = i.topology.value;
    const wired =
      t.kind === "single" ? 1 : t.kind === "torus" ? t.sizes.reduce((a, b) => a * b, 1) : t.chips;
    expect(wired).toBe(i.chips.value);
  }
});

test("a torus of 4 x 4 chips wraps rows and columns", () => {
  const t = instanceNamed("trn2.48xlarge").topology.value;
  expect(neighbours(t, 0)).toEqual([1, 3, 4, 12]);
  expect(neighbours(t, 5)).toEqual([1, 4, 6, 9]);
});

test("an UltraServer adds a ring of the same place in four machines", () => {
  const t = instanceNamed("trn2-ultraserver").topology.value;
  expect(neighbours(t, 0)).toEqual([1, 3, 4, 12, 16, 48]);
});

test("a ring of two has one neighbour, a single chip none", () => {
  expect(neighbours({ kind: "ring", chips: 12 }, 0)).toEqual([1, 11]);
  expect(neighbours({ kind: "ring", chips: 2 }, 1)).toEqual([0]);
  expect(neighbours({ kind: "single" }, 0)).toEqual([]);
});

test("wiring is mutual", () => {
  for (const { name, topology, chips } of instances) {
    const all = Array.from({ length: chips.value }, (_, a) => neighbours(topology.value, a));
    const oneWay = all.flatMap((to, a) => to.filter((b) => !all[b]!.includes(a)));
    expect([name, oneWay]).toEqual([name, []]);
  }
});

test("an unknown machine names the known ones", () => {
  expect(() => instanceNamed("p5.48xlarge")).toThrow(/choose one of trn1\.2xlarge/);
});
