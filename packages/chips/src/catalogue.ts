/** The chips we know, by name and alias. */
import { OpenTrnError } from "@opentrn/base";
import type { Chip } from "./chip.ts";
import { trn2 } from "./chips/trn2.ts";

export const chips: readonly Chip[] = [trn2];

/** The chip called `name` (or one of its aliases); throws `bad input` with the known names. */
export function chipNamed(name: string): Chip {
  const found = chips.find((c) => c.name === name || c.aliases.includes(name));
  if (found) return found;
  const known = chips.flatMap((c) => [c.name, ...c.aliases]).join(", ");
  throw new OpenTrnError(`target ${name} is not a chip we know; choose one of ${known}`, {
    category: "bad input",
  });
}
