import pc from "picocolors";
import { expect, test } from "vitest";
import { braillePlot } from "./braille-plot.ts";
import { LiveBlock } from "./live-block.ts";
import { dollars, rate } from "./train-view.ts";

const size = { width: 8, height: 2 };

test("a falling line is a diagonal under its scale", () => {
  expect(braillePlot([5, 4, 3, 2, 1, 0], size).join("\n")).toMatchInlineSnapshot(`
    "5.00 ┤⠉⠒⠤⣀⠀⠀⠀⠀
    0.00 ┤⠀⠀⠀⠀⠉⠒⠤⣀"
  `);
});

test("a curve of many values is averaged, and keeps its ends", () => {
  const falling = Array.from({ length: 1000 }, (_, i) => 6 / (1 + i / 50));
  expect(braillePlot(falling, { width: 12, height: 3 }).join("\n")).toMatchInlineSnapshot(`
    " 4.41 ┤⢱⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀
          │⠘⡄⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀
    0.292 ┤⠀⠈⠑⠢⠤⠤⠤⣀⣀⣀⣀⣀"
  `);
});

test("steep steps stay joined, gaps stay gaps, a single value is a line", () => {
  expect(braillePlot([0, 8], { width: 1, height: 2 })).toMatchInlineSnapshot(`
    [
      "8.00 ┤⢸",
      "0.00 ┤⡸",
    ]
  `);
  const gap = braillePlot([1, Number.NaN, Number.NaN, 1], { width: 2, height: 1 }).join("");
  expect(gap).toMatchInlineSnapshot(`"1.00 ┤⡀⢀"`);
  expect(braillePlot([2], { width: 2, height: 1 })).toEqual(["2.00 ┤⣀⣀"]);
  expect(braillePlot([], size)).toEqual([]);
  expect(braillePlot([Number.NaN], size)).toEqual([]);
});

test("a block is drawn over itself, not too often, and not where there is no terminal", () => {
  let now = 0;
  let out = "";
  const io = {
    out: () => {},
    err: (t: string) => {
      out += t;
    },
    colours: pc.createColors(false),
    env: {},
  };
  const block = new LiveBlock({ ...io, live: true }, () => now);
  block.draw(() => ["a", "b"]);
  expect(out).toBe("a\nb\n");
  block.draw(() => ["too soon"]);
  now = 100;
  out = "";
  block.draw(() => ["c"]);
  expect(out).toBe("\u001b[2A\r\u001b[Jc\n");
  out = "";
  block.clear();
  block.clear();
  expect(out).toBe("\u001b[1A\r\u001b[J");
  out = "";
  new LiveBlock({ ...io, live: false }).draw(() => ["x"]);
  expect(out).toBe("");
});

test("rates and prices read as people say them", () => {
  expect([0.5, 42, 31_800, 1_240_000].map(rate)).toEqual(["0.500", "42.0", "31.8 k", "1.24 M"]);
  expect([0, 0.000412, 0.0521, 1.5, 35.7608].map(dollars)).toEqual([
    "$0.00",
    "$0.000412",
    "$0.0521",
    "$1.50",
    "$35.76",
  ]);
});
