import { fileURLToPath } from "node:url";
import { chipNamed } from "@opentrn/chips";
import { printProgram } from "@opentrn/isa";
import { aluNames, aluOps } from "@opentrn/numerics";
import { expect, test } from "vitest";
import { pythonAvailable, traceCPython } from "../hosts/index.ts";
import { kernel, nl } from "./index.ts";
import { promote } from "./math.ts";

const chip = chipNamed("trn2");

/** The twin of fixtures/nl_functions.py. */
const functions = kernel("functions", (a, b, column, flags) => {
  const [x, y, c] = [nl.load(a), nl.load(b), nl.load(column)];
  const out = nl.ndarray(a.shape, { dtype: nl.float32, buffer: nl.sharedHbm });
  let r = nl.add(x, y);
  r = nl.multiply(r, 2);
  r = nl.subtract(1.5, r);
  r = nl.maximum(r, c);
  r = nl.subtract(c, r);
  r = nl.multiply(r, nl.load(b, { dtype: nl.bfloat16 }));
  r = nl.lessEqual(r, 0.5);
  r = nl.exp(r);
  r = nl.gelu(nl.abs(r));
  r = nl.rsqrt(nl.square(r));
  r = nl.reciprocal(nl.copy(r));
  r = nl.add(r, nl.mean(x, 1, { keepdims: true }));
  r = nl.add(r, nl.sum(y, [-1]));
  r = nl.minimum(r, nl.max(y, 1, { dtype: nl.bfloat16 }));
  let f = nl.load(flags);
  f = nl.bitwiseAnd(f, nl.leftShift(f, 1));
  f = nl.invert(f);
  r = nl.add(r, f);
  const s = nl.matmul(x, nl.load(a), { transposeX: true });
  const t = nl.transpose(nl.copy(s));
  const u = nl.matmul(t, t);
  r = nl.add(r, nl.add(u, s));
  nl.store(out, r);
  const third = nl.ndarray([64, 64], { dtype: nl.float32, buffer: nl.sharedHbm });
  nl.store(third, u);
  return [out, third];
});

const inputs = {
  a: { shape: [64, 64], dtype: "float32" },
  b: { shape: [64, 64], dtype: "float32" },
  column: { shape: [64, 1], dtype: "float32" },
  flags: { shape: [64, 64], dtype: "int32" },
} as const;
const instructionsOf = (text: string): string =>
  text.replace(/ {2}; .*/g, "").replace(/ "[^"]*"$/gm, "");

test.skipIf(!pythonAvailable())(
  "nl functions lower as the Python package lowers them",
  async () => {
    const { program } = await traceCPython({
      file: fileURLToPath(new URL("fixtures/nl_functions.py", import.meta.url)),
      kernel: "functions",
      args: Object.entries(inputs).map(([name, spec]) => ({ name, ...spec })),
      chip,
    });
    const mine = printProgram(functions.build({ chip, inputs }));
    expect(instructionsOf(mine)).toBe(instructionsOf(printProgram(program)));
  },
);

test("every operation is a value of op parameters, and a function where it takes tiles", () => {
  for (const name of aluNames) {
    const camel = name.replace(/_(.)/g, (_, c: string) => c.toUpperCase()) as "add";
    expect(nl[camel].alu).toBe(name);
    if (aluOps[name].arity === 2) expect(nl[camel]).toBeTypeOf("function");
  }
  expect(nl.exp.activation).toBe("exp");
  expect([nl.abs.alu, nl.abs.activation]).toEqual(["abs", "abs"]);
  expect(nl.sin).toEqual({ activation: "sin" });
});

test("promotion keeps every value where it can", () => {
  expect(promote("bfloat16", "float16")).toBe("float32");
  expect(promote("int32", "bfloat16")).toBe("bfloat16");
  expect(promote("uint8", "int8")).toBe("int8");
  expect(promote("float8_e5m2", "bfloat16")).toBe("bfloat16");
});

test("tiles that do not fit stop at the user's line", () => {
  const wrong = kernel("wrong", (a, b) => {
    nl.add(nl.load(a), nl.load(b));
    return a;
  });
  const shapes = {
    a: { shape: [64, 8], dtype: "float32" },
    b: { shape: [64, 4], dtype: "float32" },
  } as const;
  expect(() => wrong.build({ chip, inputs: shapes })).toThrow("does not fit [64,8]");
});
