/** What debuggers ask of a Program in the making. */
import { chipNamed } from "@opentrn/chips";
import { expect, test } from "vitest";
import { instructionNamed } from "../ops/table.ts";
import { ProgramBuilder } from "./builder.ts";
import type { AccessPattern, Operand } from "./pattern.ts";

function started() {
  const b = new ProgramBuilder({ name: "k", chip: chipNamed("trn2") });
  const shape = [4, 2];
  const storage = b.declare({
    name: "t",
    space: "sbuf",
    kind: "internal",
    dtype: "float32",
    shape,
  });
  const rows = (from: number, n: number): Operand & { pattern: AccessPattern } => ({
    kind: "tile",
    pattern: {
      storage,
      dtype: "float32",
      partition: from,
      offset: 0,
      dims: [
        [1, n],
        [1, 2],
      ],
    },
  });
  b.emit(instructionNamed("memset")!, { dst: rows(0, 2), value: { kind: "float", value: 1 } }, {});
  return { b, rows };
}

test("the Program so far ends with one print, says what is not written, and may go on", () => {
  const { b, rows } = started();
  b.addPrint("user's own", rows(0, 2));
  const { program, unwritten } = b.soFar(rows(1, 2));
  expect(unwritten).toEqual([2, 0]);
  expect(program.starts).toHaveLength(1);
  expect(program.prints).toMatchObject([{ before: 1, core: 0, prefix: "" }]);
  expect(b.soFar(rows(0, 2)).unwritten).toBeUndefined();
  expect(() => b.soFar(rows(3, 2))).toThrow(/t/);
  expect(() => b.soFar({ kind: "register", register: 9999 })).toThrow(/register 9999/);
  const whole = b.finish();
  expect(whole.prints.map((p) => p.prefix)).toEqual(["user's own"]);
  expect(whole.warnings).toEqual([]);
});

test("a device_print of what nothing wrote is a warning", () => {
  const { b, rows } = started();
  b.addPrint("early", rows(0, 4));
  expect(b.finish().warnings).toEqual([
    {
      rule: "uninitialised read",
      message: 'device_print "early" shows elements of t that no instruction wrote before it',
    },
  ]);
});
