/** Files of the repository that the demo and the benchmark use; an installed package has none of them. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { OpenTrnError } from "@opentrn/base";

const root = fileURLToPath(new URL("../../..", import.meta.url));

/** Absolute path of a file given relative to the repository; throws `bad input` where it is not there. */
export function repositoryFile(path: string): string {
  const full = `${root}${path}`;
  if (existsSync(full.replace(/:[\w.$]+$/, ""))) return full;
  throw new OpenTrnError(
    `${path} is not here; this command needs a clone of the repository, not only the installed package`,
    { category: "bad input", rule: "repository" },
  );
}
