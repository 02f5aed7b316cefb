/** Configurations that come with the package. */
import { readdirSync, readFileSync } from "node:fs";
import { OpenTrnError } from "@opentrn/base";
import type { ModelConfig } from "./model-config.ts";
import { parseConfig } from "./parse-config.ts";

const folder = new URL("../../configs/", import.meta.url);

/** Names of the presets. */
export const presetNames = (): readonly string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .map((name) => name.slice(0, -".json".length))
    .sort();

/** The configuration of that preset; stops with the list when there is none of that name. */
export function presetConfig(name: string): ModelConfig {
  const known = presetNames();
  if (!known.includes(name))
    throw new OpenTrnError(`no preset is called ${name}; there are ${known.join(", ")}`, {
      category: "bad input",
      rule: "preset",
    });
  return parseConfig(readFileSync(new URL(`${name}.json`, folder), "utf8"), `${name}.json`);
}
