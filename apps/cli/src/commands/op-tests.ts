/** How many tests each instruction has, counted in the sources; null where the sources are not there (an installed package). */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = (): string =>
  join(dirname(fileURLToPath(import.meta.resolve("@opentrn/isa"))), "../src/ops");

/** Tests in `ops/<name>.test.ts`. */
export function testsOf(op: string): number | null {
  const path = join(folder(), `${op.replaceAll("_", "-")}.test.ts`);
  if (!existsSync(folder())) return null;
  if (!existsSync(path)) return 0;
  return readFileSync(path, "utf8").match(/^\s*(?:test|it)(?:\.\w+)*\(/gm)?.length ?? 0;
}
