import { expect, it } from "vitest";
import { BusyTime } from "./busy-time.ts";

it("counts overlapping intervals of different lanes once, in whatever order lanes are filled", () => {
  const b = new BusyTime();
  expect(b.total()).toBe(0);
  b.add(1, 100, 200);
  b.add(1, 250, 300);
  // Submitted later, moving data earlier.
  b.add(2, 50, 120);
  b.add(3, 60, 70);
  b.add(2, 290, 310);
  expect(b.total()).toBe(150 + 60);
});
