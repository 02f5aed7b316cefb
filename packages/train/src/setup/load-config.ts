/** The model configuration that a word on the command line means. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { OpenTrnError } from "@opentrn/base";
import { type ModelConfig, parseConfig, presetConfig, presetNames } from "@opentrn/models";

export interface LoadedConfig {
  readonly config: ModelConfig;
  /** Where the file lies, and perhaps a tokenizer beside it; presets have none. */
  readonly folder?: string;
}

/** A preset's name, a JSON file, or a folder with a `config.json`. Stops with `bad input` naming the presets. */
export function findConfig(word: string): LoadedConfig {
  if (presetNames().includes(word)) return { config: presetConfig(word) };
  const path = configPath(word);
  if (path) return { config: parseConfig(readFileSync(path, "utf8"), path), folder: dirname(path) };
  throw new OpenTrnError(
    `--config ${word} is neither a file nor a preset; presets are ${presetNames().join(", ")}`,
    { category: "bad input", rule: "--config" },
  );
}

/** `findConfig` without the place. */
export const loadConfig = (word: string): ModelConfig => findConfig(word).config;

function configPath(word: string): string | undefined {
  const stat = statSync(word, { throwIfNoEntry: false });
  if (stat?.isFile()) return word;
  const inside = join(word, "config.json");
  return stat?.isDirectory() && existsSync(inside) ? inside : undefined;
}
