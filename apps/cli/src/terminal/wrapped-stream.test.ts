import { expect, test } from "vitest";
import { WrappedStream } from "./wrapped-stream.ts";

const written = (pieces: readonly string[], width: number): string => {
  let out = "";
  const stream = new WrappedStream((text) => {
    out += text;
  }, width);
  for (const piece of pieces) stream.push(piece);
  stream.end();
  return out;
};

test("lines break at spaces, wherever the pieces end", () => {
  const text = "Call me Ishmael. Some years ago";
  const wrapped = "Call me\nIshmael.\nSome years\nago\n";
  expect(written([text], 10)).toBe(wrapped);
  expect(written([...text], 10)).toBe(wrapped);
  expect(written(["Call me Ish", "mael. So", "me years ago"], 10)).toBe(wrapped);
});

test("line ends and indents of the text stay; a word that is too long is not cut", () => {
  expect(written(["a\n\n  b c"], 3)).toBe("a\n\n  b\nc\n");
  expect(written(["leviathanic a"], 4)).toBe("leviathanic\na\n");
  expect(written([], 4)).toBe("\n");
});
