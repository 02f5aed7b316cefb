import { fileURLToPath } from "node:url";
import { saveProgram } from "@opentrn/isa";
import type { DType } from "@opentrn/numerics";
import { describe, expect, test } from "vitest";
import { examples } from "../../../../examples/catalogue.ts";
import { pythonAvailable, traceCPython } from "./cpython.ts";
import "./generated.testing.ts";
import { tracePyodide } from "./pyodide.ts";

const folder = fileURLToPath(new URL("../../../../examples/", import.meta.url));

describe.skipIf(!pythonAvailable())("CPython and Pyodide", () => {
  test.each(examples.map((e) => [e.name, e] as const))(
    "give the same %s, byte for byte",
    async (_, e) => {
      const job = {
        file: `${folder}${e.file}.py`,
        kernel: e.name,
        args: Object.entries(e.small).map(([name, text]) => {
          const [size, dtype] = text.split(":") as [string, DType?];
          return dtype
            ? { name, shape: size.split("x").map(Number), dtype }
            : { name, literal: text };
        }),
      };
      const [c, p] = await Promise.all([traceCPython(job), tracePyodide(job)]);
      expect(Buffer.compare(saveProgram(p.program), saveProgram(c.program))).toBe(0);
      expect(p.outputs).toEqual(c.outputs);
    },
  );
});
