import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chipNamed } from "@opentrn/chips";
import { afterAll, expect, test } from "vitest";
import { readChipFile } from "./chip-file.ts";

const folder = mkdtempSync(join(tmpdir(), "opentrn-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("a chip that extends a known one", () => {
  const path = join(folder, "chip.json");
  writeFileSync(path, JSON.stringify({ name: "mine", extends: "trn2", hbm: { bytesPerNs: 5800 } }));
  const mine = readChipFile(path);
  expect(mine).toMatchObject({
    name: "mine",
    hbm: { bytesPerNs: { value: 5800, basis: "assumed" } },
  });
  expect(mine.tensor).toEqual(chipNamed("trn2").tensor);
});
test("a file that is not there, and one that is no chip", () => {
  expect(() => readChipFile(join(folder, "none.json"))).toThrow("cannot be read");
  const path = join(folder, "bad.json");
  writeFileSync(path, "{");
  expect(() => readChipFile(path)).toThrow("it is not JSON");
});
