import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { byteTokenizer, type Tokenizer } from "@opentrn/models";
import { afterAll, expect, test } from "vitest";
import { scratch } from "../testing.ts";
import { sourceFiles, textPieces } from "./source-files.ts";
import { split } from "./split.ts";
import { tokenise } from "./token-cache.ts";
import { epochOrder, evaluationBatches, TrainingBatches } from "./windows.ts";

const { at } = scratch(afterAll);
const file = (name: string, text: string | Uint8Array): string => {
  writeFileSync(at(name), text);
  return at(name);
};

test("a folder gives its files in the order of their names, without hidden ones and links", () => {
  mkdirSync(at("books", "b"), { recursive: true });
  mkdirSync(at("books", ".git"));
  for (const name of ["books/z.txt", "books/a.txt", "books/b/m.md", "books/.git/x", "books/.y"])
    file(name, name);
  symlinkSync(at("books"), at("books", "loop"));
  expect(sourceFiles([at("books")])).toEqual(
    ["a.txt", "b/m.md", "z.txt"].map((n) => at("books", n)),
  );
  expect(sourceFiles([at("books/z.txt"), at("books/a.txt")])).toHaveLength(2);
});

test("what is missing or holds no file is named", () => {
  mkdirSync(at("empty"));
  expect(() => sourceFiles([at("nothing.txt")])).toThrow(/nothing.txt: no such file or folder/);
  expect(() => sourceFiles([at("empty")])).toThrow(/empty: the folder holds no files/);
  expect(() => sourceFiles(["/dev/null"])).toThrow(/neither a file nor a folder/);
});

test("text comes in pieces that end with a line, whatever the reads", () => {
  const line = `${"ä€😀 words ".repeat(1000)}\n`;
  const text = line.repeat(100);
  const pieces = [...textPieces(file("long.txt", text))];
  expect(pieces.join("")).toBe(text);
  expect(pieces.length).toBeGreaterThan(1);
  for (const p of pieces) expect(p.endsWith("\n")).toBe(true);
});

test("a line without end is cut between characters; a byte order mark is no text", () => {
  const text = "😀".repeat(1_400_000);
  expect([...textPieces(file("line.txt", `\ufeff${text}`))].join("") === text).toBe(true);
});

test("binary data is refused with the file and the offset", () => {
  const zero = file("zero.bin", Uint8Array.of(65, 66, 0, 67));
  expect(() => [...textPieces(zero)]).toThrow(/zero.bin is not text: a zero byte at offset 2/);
  const latin = file("latin.txt", Uint8Array.of(65, 10, 66, 0xe9, 67, 68));
  expect(() => [...textPieces(latin)]).toThrow(/not UTF-8 at offset 4/);
  const cut = file("cut.txt", Uint8Array.of(65, 0xe2, 0x82));
  expect(() => [...textPieces(cut)]).toThrow(/not UTF-8 at offset/);
});

test("tokens are kept and used again, until the text or the tokenizer changes", () => {
  const text = file("cached.txt", "one two three\n");
  const first = tokenise([text], byteTokenizer, at("cache"));
  expect([first.encoded, first.tokens.length, first.bytes]).toEqual([true, 14, 14]);
  expect([...first.tokens.read(4, 3)]).toEqual([...Buffer.from("two")]);
  const again = tokenise([text], byteTokenizer, at("cache"));
  expect([again.encoded, again.fingerprint]).toEqual([false, first.fingerprint]);
  const other: Tokenizer = { ...byteTokenizer, fingerprint: "other" };
  expect(tokenise([text], other, at("cache")).encoded).toBe(true);
  file("cached.txt", "one two three!");
  expect(tokenise([text], byteTokenizer, at("cache")).encoded).toBe(true);
  expect(readdirSync(at("cache")).filter((n) => n.endsWith(".partial"))).toEqual([]);
});

test("a damaged cache is made again", () => {
  const text = file("damage.txt", "some text");
  const first = tokenise([text], byteTokenizer, at("damaged"));
  writeFileSync(first.tokens.path, "short");
  const again = tokenise([text], byteTokenizer, at("damaged"));
  expect([again.encoded, again.tokens.length]).toEqual([true, 9]);
});

test("texts are joined by the end-of-text token, and large vocabularies take four bytes", () => {
  const wide: Tokenizer = {
    ...byteTokenizer,
    vocabSize: 70_001,
    eos: 70_000,
    fingerprint: "wide",
  };
  const files = [file("w1.txt", "ab"), file("w2.txt", "cd")];
  const { tokens } = tokenise(files, wide, at("wide"));
  expect([...tokens.read(0, tokens.length)]).toEqual([97, 98, 70_000, 99, 100]);
});

test("an id outside the vocabulary, and text that is none, leave no cache", () => {
  const small: Tokenizer = {
    ...byteTokenizer,
    vocabSize: 98,
    name: "small",
    fingerprint: "s",
  };
  const text = file("abc.txt", "abc");
  expect(() => tokenise([text], small, at("bad"))).toThrow(
    /tokenizer small gave the id 98, its vocabulary has 98/,
  );
  expect(() => tokenise([file("n.txt", "a\0")], byteTokenizer, at("bad"))).toThrow(/is not text/);
  expect(existsSync(at("bad")) ? readdirSync(at("bad")) : []).toEqual([]);
});

test("the split holds back the end of the text", () => {
  const request = { tokens: 1000, sequence: 9, share: 0.1, required: true };
  expect(split(request)).toEqual({
    train: { start: 0, length: 900 },
    evaluation: { start: 900, length: 100 },
  });
  expect(split({ ...request, share: 0 }).evaluation).toBeUndefined();
  expect(split({ ...request, tokens: 50 }).evaluation).toEqual({ start: 40, length: 10 });
});

test("too little text says how many tokens there must be", () => {
  const request = { tokens: 0, sequence: 16, share: 0.1, required: true };
  expect(() => split(request)).toThrow(/text is empty; training needs at least 17 tokens/);
  expect(() => split({ ...request, tokens: 12 })).toThrow(/at least 17 tokens .* there are 12/);
  expect(() => split({ ...request, tokens: 20 })).toThrow(/at least 34 tokens .* there are 20/);
  expect(split({ ...request, tokens: 20, required: false })).toEqual({
    train: { start: 0, length: 20 },
  });
});

const numbers = tokenise(
  [file("count.txt", String.fromCharCode(...Array(128).keys()).slice(1))],
  byteTokenizer,
  at("n"),
).tokens;
const range = { start: 0, length: 127 };
const shape = { batch: 3, sequence: 10 };

test("an epoch sees every window once, labels are the next tokens, and the next epoch differs", () => {
  const batches = new TrainingBatches(numbers, range, shape, 5);
  expect(batches.windows).toBe(12);
  const seen: number[] = [];
  for (let i = 0; i < 4; i++) {
    const { tokens, labels } = batches.next();
    expect([...labels]).toEqual([...tokens].map((t) => t + 1));
    for (let r = 0; r < 3; r++) seen.push(tokens[r * 10]!);
  }
  const { shift } = epochOrder(5, 0, range, 10);
  const all = Array.from({ length: 12 }, (_, i) => 1 + shift + 10 * i);
  expect(seen).not.toEqual(all);
  expect(seen.toSorted((a, b) => a - b)).toEqual(all);
  expect(batches.position).toEqual({ epoch: 0, window: 12 });
  batches.next();
  expect(batches.position).toEqual({ epoch: 1, window: 3 });
  expect(epochOrder(5, 1, range, 10).order).not.toEqual(epochOrder(5, 0, range, 10).order);
  expect(epochOrder(6, 0, range, 10).order).not.toEqual(epochOrder(5, 0, range, 10).order);
});

test("a loader goes on from a position as if it had not stopped, across epochs", () => {
  const whole = new TrainingBatches(numbers, range, { batch: 5, sequence: 10 }, 3);
  const first = Array.from({ length: 3 }, () => whole.next());
  const resumed = new TrainingBatches(
    numbers,
    range,
    { batch: 5, sequence: 10 },
    3,
    whole.position,
  );
  expect(first).toHaveLength(3);
  for (let i = 0; i < 7; i++) expect(resumed.next()).toEqual(whole.next());
});

test("evaluation takes the same windows in order, at most as many as asked", () => {
  const batches = [...evaluationBatches(numbers, range, shape, 2)];
  expect(batches).toHaveLength(2);
  expect(batches[1]!.tokens[0]).toBe(31);
  expect([...evaluationBatches(numbers, range, shape, 99)]).toHaveLength(4);
  const few = [...evaluationBatches(numbers, { start: 0, length: 22 }, shape, 9)];
  expect(few).toHaveLength(1);
  expect([0, 10, 20].map((i) => few[0]!.tokens[i])).toEqual([1, 11, 1]);
});
