import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chipNamed } from "@opentrn/chips";
import { afterAll, describe, expect, test } from "vitest";
import { readChipFile } from "./chip-file.ts";

const folder = mkdtempSync(join(tmpdir(), "opentrn-"));
afterAll(() => rmSync(folder, { recursive: true }));
const read = (json: unknown) => {
  const path = join(folder, "chip.json");
  writeFileSync(path, typeof json === "string" ? json : JSON.stringify(json));
  return readChipFile(path);
};
const trn2 = chipNamed("trn2");

test("a few facts over a known chip; the rest stays", () => {
  const mine = read({ name: "mine", base: "trn2", facts: { "hbm.bytesPerNs": 5800 } });
  expect(mine).toMatchObject({ name: "mine", aliases: [], generation: trn2.generation });
  expect(mine.hbm.bytesPerNs).toMatchObject({ value: 5800, basis: "assumed" });
  expect(mine.tensor).toEqual(trn2.tensor);
  expect(trn2.hbm.bytesPerNs.value).not.toBe(5800);
});
test("a whole chip", () => {
  const copy = structuredClone(trn2) as unknown as Record<string, unknown>;
  expect(read({ ...copy, name: "copy" }).sbuf).toEqual(trn2.sbuf);
});
describe("what can be wrong", () => {
  const whole = structuredClone(trn2) as unknown as Record<string, unknown>;
  const over = (facts: unknown) => ({ name: "mine", base: "trn2", facts });
  const cases: readonly [unknown, string][] = [
    ["{", "cannot be read"],
    [[], "no JSON object"],
    [{}, 'has no "name"'],
    [{ name: "a", base: "trn9" }, "trn9 is not a chip we know"],
    [over({ "hbm.speed": 1 }), "has no fact hbm.speed"],
    [over({ "__proto__.x": 1 }), "has no fact __proto__.x"],
    [over({ hbm: 1 }), "has no fact hbm"],
    [over({ "hbm.bytesPerNs": "fast" }), 'hbm.bytesPerNs is "fast", must be a number'],
    [over({ "hbm.bytesPerNs": -1 }), "must be a number of at least 0"],
    [{ ...whole, hbm: undefined }, "hbm is missing"],
    [{ ...whole, hbm: { bytes: whole["partitions"] } }, "hbm.bytesPerNs is no fact"],
    [{ ...whole, partitions: 128 }, "partitions is no fact"],
    [{ ...whole, generation: "3" }, "generation is"],
  ];
  for (const [json, message] of cases)
    test(message, () => {
      expect(() => read(json)).toThrow(message);
    });
  test("no such file", () => {
    expect(() => readChipFile(join(folder, "none.json"))).toThrow("cannot be read");
  });
});
