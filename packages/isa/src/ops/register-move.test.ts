import { expect, test } from "vitest";
import { registerMove } from "./register-move.ts";
import { breaks, build } from "./testing.ts";

const dst = { register: 1 };

test("register_move takes a number or a register", () => {
  expect(build(registerMove, { dst, src: -5 }).call.immediate["src"]).toBe(-5);
  expect(build(registerMove, { dst, src: { register: 7 } }).call.register["src"]).toBe(7);
  expect(build(registerMove, { dst, src: 1 }).engine).toBe("sync");
});

test("register_move C1: a register holds a 32-bit integer", () => {
  breaks(registerMove, "C1", { dst, src: 0.5 });
  build(registerMove, { dst, src: 2 ** 31 - 1 });
});

test("register_move G8: the destination is a register", () => {
  breaks(registerMove, "G8", { dst: 3, src: 0 });
});
