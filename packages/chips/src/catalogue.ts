/** The chips we know, by name and alias. */
import { OpenTrnError } from "@opentrn/base";
import type { Chip } from "./chip.ts";
import { inf2 } from "./chips/inf2.ts";
import { trn1 } from "./chips/trn1.ts";
import { trn2 } from "./chips/trn2.ts";
import { trn3 } from "./chips/trn3.ts";

export const chips: readonly Chip[] = [trn1, inf2, trn2, trn3];

/** The chip called `name` (or one of its aliases); throws `bad input` with the known names. */
export function chipNamed(name: string): Chip {
  const found = chips.find((c) => c.name === name || c.aliases.includes(name));
  if (found) return found;
  const known = chips.flatMap((c) => [c.name, ...c.aliases]).join(", ");
  throw new OpenTrnError(`target ${name} is not a chip we know; choose one of ${known}`, {
    category: "bad input",
  });
}
