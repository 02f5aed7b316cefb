import pc from "picocolors";
import { expect, test } from "vitest";
import { wantsColours } from "../io.ts";
import { bar } from "./bars.ts";
import { table, wrap } from "./table.ts";
import { count, hostTime, percent, size, time, tiny } from "./units.ts";

const plain = pc.createColors(false);

test("quantities have three digits and a unit", () => {
  expect([0, 7, 999, 999.7, 1234, 98_765, 1.5e6, 2e9].map(time)).toEqual([
    "0 ns",
    "7 ns",
    "999 ns",
    "1.00 µs",
    "1.23 µs",
    "98.8 µs",
    "1.50 ms",
    "2.00 s",
  ]);
  expect([0, 512, 1024, 1536, 24 * 2 ** 20, 96 * 2 ** 30].map(size)).toEqual([
    "0 B",
    "512 B",
    "1 KiB",
    "1.50 KiB",
    "24 MiB",
    "96 GiB",
  ]);
  expect([0, 0.004, 0.0999, 0.5, 0.99951, 1].map(percent)).toEqual([
    "0%",
    "0.4%",
    "10.0%",
    "50%",
    "100%",
    "100%",
  ]);
  expect([1, 1000, 1_234_567].map(count)).toEqual(["1", "1\u202f000", "1\u202f234\u202f567"]);
  expect([0.25, 12.3, 1500].map(hostTime)).toEqual(["0.3 ms", "12 ms", "1.50 s"]);
  expect([0, 0.00123, 12, Number.POSITIVE_INFINITY].map(tiny)).toEqual([
    "0",
    "1.2e-3",
    "1.2e1",
    "Infinity",
  ]);
});

test("bars are eighths of a cell fine and keep their width", () => {
  expect(bar(0, 4)).toBe("    ");
  expect(bar(1, 4)).toBe("████");
  expect(bar(0.5, 4)).toBe("██  ");
  expect(bar(0.03125, 4)).toBe("▏   ");
  expect(bar(0.0001, 4)).toBe("▏   ");
  expect(bar(7, 4)).toBe("████");
});

test("tables align columns and cut what is too long", () => {
  const columns = [{ title: "name", max: 6 }, { title: "n", right: true }, { title: "rest" }];
  expect(
    table(
      columns,
      [
        ["abcdefgh", "1", "x"],
        ["b", "200", ""],
      ],
      plain,
    ),
  ).toBe("name      n  rest\nabcde…    1  x\nb       200\n");
});

test("wrapped lines stay within the width", () => {
  const text = wrap("one two three four five six", 12, "  ");
  expect(text).toBe("one two\n  three four\n  five six");
  expect(Math.max(...text.split("\n").map((l) => l.length))).toBeLessThanOrEqual(12);
});

test("colours only where they are wanted", () => {
  expect(wantsColours({}, true)).toBe(true);
  expect(wantsColours({}, false)).toBe(false);
  expect(wantsColours({ NO_COLOR: "1" }, true)).toBe(false);
  expect(wantsColours({ FORCE_COLOR: "1" }, false)).toBe(true);
  expect(wantsColours({ FORCE_COLOR: "1", NO_COLOR: "1" }, false)).toBe(false);
  expect(wantsColours({ TERM: "dumb" }, true)).toBe(false);
});
