import { describe, expect, it } from "vitest";
import { chipNamed, chips } from "./catalogue.ts";
import { chipFrom, chipFromJson } from "./from-json.ts";

const trn2 = chipNamed("trn2");

describe("chipFromJson", () => {
  it("extends a chip with only what differs", () => {
    const c = chipFromJson(
      '{"extends": "trn2", "name": "fast-hbm", "hbm": {"bytesPerNs": 5800}, "dma": {"bytesPerNs": {"value": 54, "basis": "measured", "source": "our board"}}}',
      "fast.json",
    );
    expect(c.name).toBe("fast-hbm");
    expect(c.hbm.bytesPerNs).toEqual({ value: 5800, basis: "assumed", source: "fast.json" });
    expect(c.dma.bytesPerNs).toEqual({ value: 54, basis: "measured", source: "our board" });
    expect(c.hbm.bytes).toBe(trn2.hbm.bytes);
    expect(c.tensor).toEqual(trn2.tensor);
    expect(c.aliases).toEqual([]);
  });

  it("takes a whole chip: every known chip survives the way through JSON", () => {
    for (const chip of chips) {
      const { name, aliases, ...rest } = JSON.parse(JSON.stringify(chip));
      const back = chipFrom({ ...rest, name: `${name}-copy` });
      expect({ ...back, name, aliases }).toEqual(chip);
    }
  });

  it("can drop or add the duty limiter", () => {
    expect(chipFrom({ extends: "trn2", name: "x", tensor: { duty: null } }).tensor.duty).toBeNull();
    const duty = {
      windowCycles: 4096,
      threshold: 0.5,
      coldRate: 0.5,
      coldLatencyCycles: 500,
      coldLoadLatencyCycles: 300,
    };
    const added = chipFrom({ extends: "trn1", name: "x", tensor: { duty } });
    expect(added.tensor.duty?.windowCycles.value).toBe(4096);
  });

  it.each([
    ["{", /not JSON/],
    ["[]", /top level must be an object/],
    ['{"extends": "trn9", "name": "x"}', /target trn9 is not a chip we know/],
    [
      '{"extends": 2, "name": "x"}',
      /extends must name a chip; choose one of trn1, inf2, trn2, trn3/,
    ],
    ['{"extends": "trn2"}', /name must be a word/],
    ['{"extends": "trn2", "name": "trn1"}', /name trn1 is taken by a known chip/],
    ['{"name": "x", "generation": 3}', /cores is missing; give it, or extend a chip/],
    ['{"extends": "trn2", "name": "x", "generation": 5}', /generation is 5; use 2, 3 or 4/],
    [
      '{"extends": "trn2", "name": "x", "hbm": {"speed": 1}}',
      /hbm\.speed is not known; hbm has bytes, bytesPerNs/,
    ],
    ['{"extends": "trn2", "name": "x", "hbm": 7}', /hbm must be an object/],
    [
      '{"extends": "trn2", "name": "x", "hbm": {"bytes": "96 GB"}}',
      /hbm\.bytes is "96 GB"; it must be a number/,
    ],
    [
      '{"extends": "trn2", "name": "x", "partitions": 256}',
      /partitions is 256; it must be an integer from 32 to 128/,
    ],
    [
      '{"extends": "trn2", "name": "x", "dma": {"packetNs": -1}}',
      /dma\.packetNs is -1; it must be at least zero/,
    ],
    [
      '{"extends": "trn2", "name": "x", "tensor": {"clockGHz": 0}}',
      /tensor\.clockGHz is 0; it must be above zero/,
    ],
    [
      '{"extends": "trn2", "name": "x", "tensor": {"doubleRow": 1}}',
      /tensor\.doubleRow is 1; it must be true or false/,
    ],
    [
      '{"extends": "trn2", "name": "x", "lnc": [0]}',
      /lnc\[0\] is 0; it must be a positive integer/,
    ],
    [
      '{"extends": "trn2", "name": "x", "cores": {"value": 8, "basis": "felt"}}',
      /basis "felt"; choose one of documented/,
    ],
    [
      '{"extends": "trn2", "name": "x", "cores": {"value": 8, "unit": "cores"}}',
      /a figure has value, basis, source and note/,
    ],
    [
      '{"extends": "trn1", "name": "x", "tensor": {"duty": {"threshold": 0.5}}}',
      /tensor\.duty\.windowCycles is missing/,
    ],
  ])("refuses %s", (text, message) => {
    expect(() => chipFromJson(text)).toThrow(message);
  });
});
