/** A chip of the user's own from a file: `trn run --chip my-chip.json`. The form and its checks are chips' `chipFromJson`. */
import { readFileSync } from "node:fs";
import { OpenTrnError } from "@opentrn/base";
import { type Chip, chipFromJson } from "@opentrn/chips";

/** Reads and checks a chip file; what is wrong is `bad input` naming its place. */
export function readChipFile(path: string): Chip {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (e) {
    throw new OpenTrnError(`chip file ${path} cannot be read (${(e as Error).message})`, {
      category: "bad input",
      rule: "--chip",
    });
  }
  return chipFromJson(text, `chip file ${path}`);
}
