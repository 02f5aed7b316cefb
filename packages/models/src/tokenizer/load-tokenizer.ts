/** Tokenizers from `tokenizer.json`, by Hugging Face's library. The file is not trusted: size, shape and numbers are checked first. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Tokenizer as Library } from "@huggingface/tokenizers";
import { OpenTrnError } from "@opentrn/base";
import { readText } from "../checkpoint/shards.ts";
import { checkIds, type Tokenizer } from "./tokenizer.ts";

const limits = { bytes: 2 ** 27, tokens: 2 ** 22, configBytes: 2 ** 24 } as const;
const models = ["BPE", "Unigram", "WordPiece"] as const;

type Json = Readonly<Record<string, unknown>>;
const isObject = (x: unknown): x is Json =>
  typeof x === "object" && x !== null && !Array.isArray(x);

const bad = (name: string, why: string): OpenTrnError =>
  new OpenTrnError(`${name}: ${why}`, { category: "bad input", rule: "tokenizer file" });

function objectOf(name: string, text: string): Json {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (e) {
    throw bad(name, `is no JSON (${(e as Error).message})`);
  }
  if (!isObject(json)) throw bad(name, "holds no JSON object");
  return json;
}

/** The numbers of all tokens, checked: whole, from 0, within the limit. */
function numbersOf(name: string, json: Json): readonly number[] {
  const { model, added_tokens: added = [] } = json;
  if (!isObject(model)) throw bad(name, "has no model object");
  const { vocab } = model;
  // Files of older libraries leave the type out where the model is BPE.
  const type = model["type"] ?? ("merges" in model ? "BPE" : undefined);
  if (!models.includes(type as never))
    throw new OpenTrnError(
      `${name}: model type ${JSON.stringify(type) ?? "missing"} is not supported; known are ${models.join(", ")}`,
      { category: "unsupported here", rule: "tokenizer model" },
    );
  if (!isObject(vocab) && !Array.isArray(vocab)) throw bad(name, "model.vocab is no vocabulary");
  if (!Array.isArray(added) || !added.every((t) => isObject(t) && typeof t["content"] === "string"))
    throw bad(name, "added_tokens is no list of tokens");
  const own = Array.isArray(vocab) ? vocab.map((_, id) => id) : Object.values(vocab);
  const all = [...own, ...added.map((t) => (t as Json)["id"])];
  if (all.length === 0) throw bad(name, "has no tokens");
  const wrong = all.find(
    (id) => !Number.isInteger(id) || (id as number) < 0 || (id as number) >= limits.tokens,
  );
  if (wrong !== undefined)
    throw bad(
      name,
      `has token number ${JSON.stringify(wrong)}; they are whole numbers below ${limits.tokens}`,
    );
  return all as readonly number[];
}

/** A token named in tokenizer_config.json: its text, or an object that holds it. */
const contentOf = (token: unknown): string | undefined =>
  typeof token === "string"
    ? token
    : isObject(token) && typeof token["content"] === "string"
      ? token["content"]
      : undefined;

/**
 * The tokenizer of those texts of `tokenizer.json` and `tokenizer_config.json`. Stops with `bad input` when a file is no tokenizer, and with
 * `unsupported here` when it asks for a part that the library lacks.
 */
export function parseTokenizer(
  text: string,
  configText = "{}",
  name = "tokenizer.json",
): Tokenizer {
  const json = objectOf(name, text);
  const config = objectOf("tokenizer_config.json", configText);
  const vocabSize = numbersOf(name, json).reduce((n, id) => Math.max(n, id + 1), 0);
  const within = <T>(what: string, run: () => T): T => {
    try {
      return run();
    } catch (e) {
      throw new OpenTrnError(`${name}: ${what}: ${(e as Error).message}`, {
        category: "unsupported here",
        rule: "tokenizer library",
      });
    }
  };
  const library = within("cannot be used", () => new Library(json, config));
  const numberOf = (key: string): number | undefined => {
    const content = contentOf(config[key]);
    return content === undefined ? undefined : library.token_to_id(content);
  };
  const [bos, eos] = [numberOf("bos_token"), numberOf("eos_token")];
  const own = { name, vocabSize };
  return {
    ...own,
    fingerprint: createHash("sha256").update(text).update(configText).digest("hex"),
    ...(bos === undefined ? {} : { bos }),
    ...(eos === undefined ? {} : { eos }),
    encode: (given, { specials = false } = {}) =>
      within("cannot encode", () =>
        Int32Array.from(library.encode(given, { add_special_tokens: specials }).ids),
      ),
    decode: (ids) => {
      checkIds(ids, own);
      if (ids.length === 0) return "";
      return within("cannot decode", () =>
        library.decode(Array.from(ids), { skip_special_tokens: true }),
      );
    },
    files: { "tokenizer.json": text, "tokenizer_config.json": configText },
  };
}

/** The tokenizer in a folder, such as a checkpoint; undefined when there is no tokenizer.json. */
export function loadTokenizer(folder: string): Tokenizer | undefined {
  const path = join(folder, "tokenizer.json");
  if (!existsSync(path)) return undefined;
  const config = join(folder, "tokenizer_config.json");
  return parseTokenizer(
    readText(path, limits.bytes),
    existsSync(config) ? readText(config, limits.configBytes) : "{}",
    path,
  );
}
