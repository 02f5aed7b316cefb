/** The model configuration that a word on the command line means. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { OpenTrnError } from "@opentrn/base";
import { type ModelConfig, parseConfig, presetConfig, presetNames } from "@opentrn/models";

/** A preset's name, a JSON file, or a folder with a `config.json`. Stops with `bad input` naming the presets. */
export function loadConfig(word: string): ModelConfig {
  if (presetNames().includes(word)) return presetConfig(word);
  const path = configPath(word);
  if (path) return parseConfig(readFileSync(path, "utf8"), path);
  throw new OpenTrnError(
    `--config ${word} is neither a file nor a preset; presets are ${presetNames().join(", ")}`,
    { category: "bad input", rule: "--config" },
  );
}

function configPath(word: string): string | undefined {
  const stat = statSync(word, { throwIfNoEntry: false });
  if (stat?.isFile()) return word;
  const inside = join(word, "config.json");
  return stat?.isDirectory() && existsSync(inside) ? inside : undefined;
}
