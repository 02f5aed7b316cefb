/** Checkpoints out and in again, in every type and in shards, and everything that can be wrong with a folder. */
import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { roundTo } from "@opentrn/numerics";
import { tensorOf, writeSafetensors } from "@opentrn/runtime";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { initialise, type Parameters } from "../parameters/initialise.ts";
import { parameterSpecs } from "../parameters/specs.ts";
import { fixturePath } from "../pytorch.fixture.ts";
import { lively, small, smallModels } from "../testing.ts";
import { readCheckpoint, readConfig } from "./read-checkpoint.ts";
import { writeCheckpoint } from "./write-checkpoint.ts";

const root = mkdtempSync(join(tmpdir(), "opentrn-checkpoint-"));
afterAll(() => rmSync(root, { recursive: true }));
let count = 0;
let folder = "";
beforeEach(() => {
  folder = join(root, String(count++));
});

const name = "llama, grouped, tied";
const config = small(name);

describe.each(Object.keys(smallModels))("%s", (model) => {
  test("fp32 survives to the bit, config included", () => {
    const own = small(model);
    const parameters = lively(own);
    writeCheckpoint(folder, own, parameters);
    const read = readCheckpoint(folder);
    expect(read.parameters).toEqual(parameters);
    const { source: _, ...fields } = own;
    const { source: __, ...back } = read.config;
    expect(back).toEqual(fields);
  });
});

test.each(["bfloat16", "float16"] as const)("%s rounds to nearest even", (dtype) => {
  const parameters = lively(config);
  writeCheckpoint(folder, config, parameters, { dtype });
  const expected = Object.fromEntries(
    Object.entries(parameters).map(([key, x]) => [key, x.map((v) => roundTo(v, dtype))]),
  );
  expect(readCheckpoint(folder).parameters).toEqual(expected);
  expect(readConfig(folder).source["torch_dtype"]).toBe(dtype);
});

test("shards, and the single file that replaces them", () => {
  const parameters = initialise(config, 4);
  writeCheckpoint(folder, config, parameters, { shardBytes: 1000 });
  const files = readdirSync(folder);
  expect(files).toContain("model.safetensors.index.json");
  expect(files.filter((f) => f.endsWith(".safetensors")).length).toBeGreaterThan(3);
  expect(files).not.toContain("model.safetensors");
  expect(readCheckpoint(folder).parameters).toEqual(parameters);
  const index = JSON.parse(readFileSync(join(folder, "model.safetensors.index.json"), "utf8"));
  expect(Object.keys(index.weight_map)).toEqual(parameterSpecs(config).map((s) => s.name));
  writeCheckpoint(folder, config, parameters);
  expect(readdirSync(folder).sort()).toEqual(["config.json", "model.safetensors"]);
  expect(readCheckpoint(folder).parameters).toEqual(parameters);
});

/** The weights of `config` as stored tensors. */
const stored = (parameters: Parameters = lively(config)) =>
  Object.fromEntries(
    parameterSpecs(config).map((s) => [s.name, tensorOf("float32", s.shape, parameters[s.name]!)]),
  );
const weights = (tensors: Parameters | ReturnType<typeof stored>): void => {
  writeCheckpoint(folder, config, lively(config));
  writeFileSync(
    join(folder, "model.safetensors"),
    writeSafetensors(tensors as ReturnType<typeof stored>),
  );
};
const read = () => readCheckpoint(folder);

test("names without the model's prefix, old buffers and a repeated tied table are understood", () => {
  const bare = Object.fromEntries(
    Object.entries(stored()).map(([key, t]) => [key.replace(/^model\./, ""), t]),
  );
  weights({
    ...bare,
    "lm_head.weight": stored()["model.embed_tokens.weight"]!,
    "layers.0.self_attn.rotary_emb.inv_freq": tensorOf("float32", [2], [1, 2]),
  });
  expect(read().parameters).toEqual(lively(config));
});

describe("what is refused", () => {
  const norm = "model.norm.weight";
  const cases: readonly (readonly [string, RegExp, () => void])[] = [
    [
      "a missing tensor",
      /1 of 20 parameters are missing: model\.norm\.weight/,
      () => {
        const { [norm]: _, ...rest } = stored();
        weights(rest);
      },
    ],
    [
      "an extra tensor",
      /1 tensors are no parameters of this model: model\.extra/,
      () => weights({ ...stored(), "model.extra": tensorOf("float32", [1], [0]) }),
    ],
    [
      "a wrong shape",
      /model\.norm\.weight is \[9\], config\.json makes it \[8\]/,
      () => weights({ ...stored(), [norm]: tensorOf("float32", [9], new Float32Array(9)) }),
    ],
    [
      "integers",
      /model\.norm\.weight holds int32; weights are float32, bfloat16, float16, float64/,
      () => weights({ ...stored(), [norm]: tensorOf("int32", [8], new Int32Array(8)) }),
    ],
    [
      "a NaN",
      /model\.norm\.weight holds NaN at element 3/,
      () =>
        weights({
          ...stored(),
          [norm]: tensorOf("float32", [8], [1, 1, 1, Number.NaN, 1, 1, 1, 1]),
        }),
    ],
    [
      "a tied table that differs",
      /lm_head\.weight differs from model\.embed_tokens\.weight/,
      () =>
        weights({
          ...stored(),
          "lm_head.weight": stored(initialise(config, 77))["model.embed_tokens.weight"]!,
        }),
    ],
    [
      "a file that is cut off",
      /cut off/,
      () => {
        weights(stored());
        const path = join(folder, "model.safetensors");
        writeFileSync(path, readFileSync(path).subarray(0, -10));
      },
    ],
    [
      "a header that is nonsense",
      /its header is no JSON|declares a header/,
      () => {
        weights(stored());
        writeFileSync(join(folder, "model.safetensors"), Buffer.alloc(200, 0x61));
      },
    ],
    [
      "no weights",
      /holds neither model\.safetensors nor/,
      () => {
        weights(stored());
        rmSync(join(folder, "model.safetensors"));
      },
    ],
    [
      "no config",
      /config\.json: no such file/,
      () => {
        weights(stored());
        rmSync(join(folder, "config.json"));
      },
    ],
    [
      "a config of another model",
      /parameters are missing|makes it/,
      () => {
        weights(stored());
        copyFileSync(fixturePath("pytorch/qwen3/config.json"), join(folder, "config.json"));
      },
    ],
  ];
  test.each(cases)("%s", (_, message, make) => {
    make();
    expect(read).toThrow(message);
  });

  test("no folder", () => {
    expect(() => readCheckpoint(join(folder, "none"), config)).toThrow(/no such folder/);
  });

  const index = (map: unknown) => () => {
    writeCheckpoint(folder, config, lively(config), { shardBytes: 1000 });
    writeFileSync(
      join(folder, "model.safetensors.index.json"),
      typeof map === "string" ? map : JSON.stringify(map),
    );
    return read();
  };
  test.each([
    ["an index that is no JSON", index("{"), /index\.json is no JSON/],
    ["an index without a map", index({ weight_map: [] }), /has no weight_map object/],
    [
      "a path that leaves the folder",
      index({ weight_map: { a: "../x.safetensors" } }),
      /shards are safetensors files beside it/,
    ],
    [
      "an absolute path",
      index({ weight_map: { a: "/etc/x.safetensors" } }),
      /shards are safetensors files beside it/,
    ],
    [
      "a shard that is not there",
      index({ weight_map: { a: "gone.safetensors" } }),
      /checkpoint is incomplete/,
    ],
    [
      "a tensor that its shard lacks",
      index({ weight_map: { a: "model-00001-of-00008.safetensors" } }),
      /it does not|does not list/,
    ],
  ])("%s", (_, make, message) => {
    expect(make).toThrow(message);
  });

  test("parameters of the wrong size are not written", () => {
    const parameters = { ...lively(config), [norm]: new Float32Array(3) };
    expect(() => writeCheckpoint(folder, config, parameters)).toThrow(
      "model.norm.weight has 3 elements, its shape [8] takes 8",
    );
    expect(() =>
      writeCheckpoint(folder, config, lively(config), { dtype: "int8" as never }),
    ).toThrow("weights are stored as float32, bfloat16, float16");
  });
});
