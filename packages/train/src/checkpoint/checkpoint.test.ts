import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { identity, plan, scratch } from "../testing.ts";
import { CheckpointFolder, latestCheckpoint, type SaveRequest } from "./checkpoint-folder.ts";
import { readCheckpoint } from "./read-checkpoint.ts";

const { at } = scratch(afterAll);
const request = (step: number): SaveRequest => ({
  record: {
    format: "opentrn-checkpoint",
    version: 1,
    step,
    tokens: step * 8,
    position: { epoch: 0, window: step },
    identity,
    schedule: plan.schedule,
    optimizer: plan.optimizer,
    loss: null,
    evaluationLoss: null,
    versions: { opentrn: "0" },
  },
  state: {
    parameters: { "model.w": { shape: [2, 2], data: Float32Array.of(1, 2, step, Number.NaN) } },
    optimizer: { "m.model.w": { shape: [2, 2], data: Float32Array.of(0, -0, 5e-45, step) } },
  },
  beside: { "config.json": new TextEncoder().encode('{"a":1}') },
});
const steps = (folder: string): string[] =>
  readdirSync(folder)
    .filter((n) => n.startsWith("step-"))
    .sort();
const message = (act: () => unknown): string => {
  try {
    act();
    return "no error";
  } catch (e) {
    return (e as Error).message;
  }
};

test("what is saved is read back to the bit", () => {
  const folder = new CheckpointFolder(at("a"), 3);
  const path = folder.save(request(3));
  const back = readCheckpoint(path);
  const { record, state, beside } = request(3);
  expect(back.record).toMatchObject(record);
  const bits = (x: Float32Array) => [...new Uint32Array(x.buffer)];
  expect(bits(back.state.parameters["model.w"]!.data)).toEqual(
    bits(state.parameters["model.w"]!.data),
  );
  expect(bits(back.state.optimizer["m.model.w"]!.data)).toEqual(
    bits(state.optimizer["m.model.w"]!.data),
  );
  expect(back.beside).toEqual(beside);
});

test("the last k stay, `latest` names the newest, and the same step twice is one", () => {
  const folder = new CheckpointFolder(at("b"), 2);
  for (const s of [1, 2, 10]) folder.save(request(s));
  folder.save(request(10));
  expect(steps(at("b"))).toEqual(["step-00000002", "step-00000010"]);
  expect(readFileSync(at("b", "latest"), "utf8")).toBe("step-00000010\n");
  expect([folder.has(10), folder.has(2)]).toEqual([true, false]);
  expect(latestCheckpoint(at("b"))).toBe(at("b", "step-00000010"));
});

test("what a process that died left behind is neither used nor kept", () => {
  const folder = new CheckpointFolder(at("c"), 3);
  folder.save(request(1));
  // Died while writing: the folder still has its other name.
  mkdirSync(at("c", "step-00000002.99.partial"));
  writeFileSync(at("c", "step-00000002.99.partial", "model.safetensors"), "half");
  expect(folder.latest()).toBe(at("c", "step-00000001"));
  // Died between the rename and the pointer: the folder is whole, `latest` names the one before.
  new CheckpointFolder(at("d"), 3).save(request(2));
  mkdirSync(at("c", "step-00000002"));
  for (const f of readdirSync(at("d", "step-00000002")))
    writeFileSync(at("c", "step-00000002", f), readFileSync(at("d", "step-00000002", f)));
  expect(folder.latest()).toBe(at("c", "step-00000001"));
  folder.save(request(2));
  expect(readdirSync(at("c")).sort()).toEqual(["latest", "step-00000001", "step-00000002"]);
  rmSync(at("c", "latest"));
  expect(folder.latest()).toBe(at("c", "step-00000002"));
});

for (const [code, why] of [
  ["ENOSPC", "the disk is full"],
  ["EDQUOT", "the disk quota is used up"],
  ["EIO", "it cannot be written (EIO)"],
] as const)
  test(`${code} at any write leaves the last checkpoint whole`, () => {
    const place = at(`full-${code}`);
    const good = new CheckpointFolder(place, 1).save(request(1));
    const writes = 5;
    for (let fails = 0; fails < writes; fails++) {
      let n = 0;
      const full = new CheckpointFolder(place, 1, (_fd, bytes) => {
        if (n++ === fails) throw Object.assign(new Error(code), { code });
        return bytes.length;
      });
      const said = message(() => full.save(request(2)));
      expect(said).toContain(why);
      expect(said).toContain("--resume");
      // The pointer is written last: only then is the new one there as well.
      const left = fails === writes - 1 ? ["step-00000001", "step-00000002"] : ["step-00000001"];
      expect(steps(place)).toEqual(left);
      expect(readCheckpoint(good).record.step).toBe(1);
      expect(latestCheckpoint(place)).toBe(good);
    }
  });

test("no checkpoint, and a first one that fails", () => {
  expect(message(() => latestCheckpoint(at("nothing")))).toMatch(
    /holds no checkpoint; start without/,
  );
  const full = new CheckpointFolder(at("first"), 1, () => {
    throw Object.assign(new Error(), { code: "ENOSPC" });
  });
  expect(message(() => full.save(request(1)))).toMatch(/disk is full; there is no earlier one/);
});

test("a changed, short or missing file is found", () => {
  const path = new CheckpointFolder(at("e"), 1).save(request(1));
  const model = join(path, "model.safetensors");
  const whole = readFileSync(model);
  const changed = Buffer.from(whole);
  changed[whole.length - 1]! ^= 1;
  for (const [bytes, what] of [
    [changed, /the bytes of model.safetensors have changed; it is damaged/],
    [whole.subarray(0, 40), /model.safetensors has 40 bytes of \d+/],
  ] as const) {
    writeFileSync(model, bytes);
    expect(message(() => readCheckpoint(path))).toMatch(what);
  }
  rmSync(model);
  expect(message(() => readCheckpoint(path))).toMatch(
    /model.safetensors cannot be read \(ENOENT\)/,
  );
});

test("a record of another form, version or with foreign paths is refused", () => {
  const path = new CheckpointFolder(at("f"), 1).save(request(1));
  const place = join(path, "trainer.json");
  const record = JSON.parse(readFileSync(place, "utf8"));
  for (const [text, what] of [
    ["{", /is no JSON .*; it is damaged/],
    ["null", /is not a checkpoint/],
    ["{}", /is not a checkpoint/],
    [JSON.stringify({ ...record, version: 99 }), /has version 99, this trn reads 1/],
    [JSON.stringify({ ...record, schedule: undefined }), /lacks schedule/],
    [JSON.stringify({ ...record, step: -1 }), /has step -1/],
    [
      JSON.stringify({ ...record, position: { epoch: 0, window: -3 } }),
      /has position.window -3; it is damaged/,
    ],
    [
      JSON.stringify({ ...record, files: { "../../x": { bytes: 1, sha256: "" } } }),
      /names a file "..\/..\/x"/,
    ],
    [JSON.stringify({ ...record, files: {} }), /has no tensors/],
  ] as const) {
    writeFileSync(place, text);
    expect(message(() => readCheckpoint(path))).toMatch(what);
  }
  expect(existsSync(place)).toBe(true);
});
