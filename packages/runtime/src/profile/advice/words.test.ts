import { expect, it } from "vitest";
import { bytesText, counted, nanoseconds, passed, placeOf } from "./words.ts";

it("advice shows figures with their units and places by file and line", () => {
  expect([640, 12_300, 456_789].map(nanoseconds)).toEqual(["640 ns", "12.3 µs", "457 µs"]);
  expect([512, 1536, 4096, 3 * 2 ** 20].map(bytesText)).toEqual([
    "512 B",
    "1.5 KiB",
    "4 KiB",
    "3 MiB",
  ]);
  expect([counted(1, "transfer"), counted(3, "transfer")]).toEqual(["1 transfer", "3 transfers"]);
  expect(placeOf({ file: "/a/b/k.py", line: 7, instruction: "memset" })).toBe("k.py:7");
  expect(placeOf({ file: null, line: null, instruction: "MATMUL I-12" })).toBe("MATMUL I-12");
});

it("arguments are written in the kernel's own language", () => {
  const given = { dgeMode: "hwdge", engine: "scalar" };
  expect(passed({ file: "k.py" }, given)).toBe(
    "dge_mode=nki.isa.dge_mode.hwdge, engine=nki.isa.engine.scalar",
  );
  expect(passed({ file: "k.ts" }, given)).toBe('dgeMode: "hwdge", engine: "scalar"');
  expect(passed({ file: "k.ts" }, { engine: "gpsimd" })).toBe('engine: "gpsimd"');
});
