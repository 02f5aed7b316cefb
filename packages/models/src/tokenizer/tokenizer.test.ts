/** Tokenizers: exact round trips, the same numbers as Hugging Face's Rust library, streams, and files that are refused. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { fixtureJson, fixturePath } from "../pytorch.fixture.ts";
import { trainTokenizer } from "./bpe-tokenizer.ts";
import { lettersOf } from "./byte-letters.ts";
import { byteTokenizer } from "./byte-tokenizer.ts";
import { loadTokenizer, parseTokenizer } from "./load-tokenizer.ts";
import { decodeStream, type Tokenizer } from "./tokenizer.ts";
import { tokenizerFiles } from "./tokenizer-file.ts";
import { trainBpe } from "./train-bpe.ts";

const text = readFileSync(fixturePath("moby-dick-chapter-1.txt"), "utf8");
const trained = trainTokenizer(text, { vocabSize: 400 });
const folder = mkdtempSync(join(tmpdir(), "opentrn-tokenizer-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe.each([
  ["bytes", byteTokenizer],
  ["byte pairs", trained],
] as const)("%s", (_, tokenizer) => {
  test("every text comes back", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 40 }), (s) => {
        const ids = tokenizer.encode(s);
        expect(tokenizer.decode(ids)).toBe(s);
        expect(ids.every((id) => id >= 0 && id < tokenizer.vocabSize)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  test("its files give the same tokenizer", () => {
    for (const [name, contents] of Object.entries(tokenizer.files))
      writeFileSync(join(folder, name), contents);
    const read = loadTokenizer(folder)!;
    expect(read.vocabSize).toBe(tokenizer.vocabSize);
    expect([read.bos, read.eos]).toEqual([tokenizer.bos, tokenizer.eos]);
    for (const s of [text, "naïve 🐋 \u0000\n\n  x", ""])
      expect(read.encode(s)).toEqual(tokenizer.encode(s));
  });

  test("a stream shows the text as it becomes certain", () => {
    const s = "Queequeg’s 🐋 was naïve.";
    const stream = decodeStream(tokenizer);
    const parts = Array.from(tokenizer.encode(s), (id) => stream.push(id));
    expect(parts.join("") + stream.end()).toBe(s);
    expect(parts.some((part) => part.includes("\ufffd"))).toBe(false);
  });

  test("numbers that are no tokens are refused", () => {
    expect(() => tokenizer.decode([tokenizer.vocabSize])).toThrow(/is no token of/);
    expect(() => tokenizer.decode([-1])).toThrow(/-1 at 0/);
    expect(() => tokenizer.decode([0.5])).toThrow(/0\.5 at 0/);
  });
});

test("a stream that never completes a character says so after all", () => {
  const stream = decodeStream(byteTokenizer);
  expect(stream.push(0xf0)).toBe("");
  expect(stream.push(0x9f)).toBe("");
  expect(stream.end()).toBe("\ufffd");
});

describe("byte pairs", () => {
  test("the same text gives the same file", () => {
    expect(trained.files["tokenizer.json"]).toBe(
      readFileSync(fixturePath("tokenizer/tokenizer.json"), "utf8"),
    );
    expect(trained).toMatchObject({ vocabSize: 400, bos: 0, eos: 0 });
  });

  test("the same numbers as Hugging Face's library gives", () => {
    const { cases } = fixtureJson<{ cases: { text: string; ids: number[] }[] }>(
      "pytorch/tokenizer.json",
    );
    expect(cases.length).toBeGreaterThan(5);
    for (const c of cases) expect([...trained.encode(c.text)], c.text).toEqual(c.ids);
  });

  test("what is merged is what is most frequent, ties by the smaller numbers", () => {
    const { merges } = trainBpe("ab ab ab cd cd xy", { vocabSize: 263 });
    // Spaces belong to the word behind them: " ab" twice, " cd" twice, "ab" in all three.
    const space = lettersOf(" ");
    expect(merges).toEqual([
      ["a", "b"],
      [space, "c"],
      [space, "ab"],
      [`${space}c`, "d"],
    ]);
  });

  test("pairs that overlap are taken from the left", () => {
    const { merges } = trainBpe("aaaaa aaaaa", { vocabSize: 259, specials: [] });
    expect(merges[0]).toEqual(["a", "a"]);
    const own = trainTokenizer("aaaaa aaaaa", { vocabSize: 257, specials: [] });
    expect([...own.encode("aaaaa")]).toEqual([256, 256, 0x61]);
  });

  test("a text without repetition gives fewer tokens than asked for", () => {
    expect(trainTokenizer("abc", { vocabSize: 1000 }).vocabSize).toBe(257);
  });

  test("special tokens are one number in and nothing out", () => {
    expect([...trained.encode("<|endoftext|>a")]).toEqual([0, 1 + 0x61]);
    expect(trained.decode([0, 1 + 0x61])).toBe("a");
  });

  test("sizes and texts that make no vocabulary are refused", () => {
    expect(() => trainBpe(text, { vocabSize: 256 })).toThrow("from 257");
    expect(() => trainBpe(text, { vocabSize: 2 ** 21 })).toThrow("to 1048576");
    expect(() => trainBpe("", { vocabSize: 300 })).toThrow("the text is empty");
  });
});

describe("files", () => {
  const file = (change: object): string =>
    JSON.stringify({ ...JSON.parse(trained.files["tokenizer.json"]!), ...change });
  const parse = (contents: string) => () => parseTokenizer(contents);

  test("a first token is added where it is asked for", () => {
    const processor = {
      type: "TemplateProcessing",
      single: [
        { SpecialToken: { id: "<|endoftext|>", type_id: 0 } },
        { Sequence: { id: "A", type_id: 0 } },
      ],
      pair: [],
      special_tokens: {
        "<|endoftext|>": { id: "<|endoftext|>", ids: [0], tokens: ["<|endoftext|>"] },
      },
    };
    const own: Tokenizer = parseTokenizer(file({ post_processor: processor }));
    expect([...own.encode("a", { specials: true })]).toEqual([0, 1 + 0x61]);
    expect([...own.encode("a")]).toEqual([1 + 0x61]);
  });

  const model = (change: object) => file({ model: { ...JSON.parse(file({})).model, ...change } });
  test.each([
    ["no JSON", "{", /is no JSON/],
    ["a list", "[]", /holds no JSON object/],
    ["no model", "{}", /has no model object/],
    [
      "an unknown model",
      model({ type: "Magic" }),
      /model type "Magic" is not supported; known are BPE/,
    ],
    ["no vocabulary", model({ vocab: 3 }), /model\.vocab is no vocabulary/],
    ["a negative number", model({ vocab: { a: -1 } }), /has token number -1/],
    ["a huge number", model({ vocab: { a: 1e12 } }), /has token number 1000000000000/],
    ["a text for a number", model({ vocab: { a: "x" } }), /has token number "x"/],
    [
      "an empty vocabulary",
      file({ model: { type: "BPE", vocab: {}, merges: [] }, added_tokens: [] }),
      /has no tokens/,
    ],
    ["added tokens that are none", file({ added_tokens: [1] }), /added_tokens is no list/],
    ["a part that the library lacks", file({ pre_tokenizer: { type: "Magic" } }), /cannot be used/],
  ])("%s", (_, contents, message) => {
    expect(parse(contents)).toThrow(message);
  });

  test("a folder without tokenizer.json has none", () => {
    expect(loadTokenizer(join(folder, "none"))).toBeUndefined();
  });

  test("a vocabulary of bytes has the letters of GPT-2", () => {
    const { tokens } = trainBpe("x", { vocabSize: 256, specials: [] });
    expect([tokens[0x20], tokens[0x0a], tokens[0x41], tokens[0xad]]).toEqual(["Ġ", "Ċ", "A", "Ń"]);
    expect(new Set(tokens).size).toBe(256);
    expect(Object.keys(tokenizerFiles({ tokens, merges: [], specials: [] }))).toHaveLength(2);
  });
});
