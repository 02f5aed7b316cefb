/** A chip of every NeuronCore generation for the fuzzer: the catalogue's own, or trn2 relabelled until its file exists. */
import { type Chip, chipNamed, chips, fact } from "@opentrn/chips";

const without = (why: string) => fact(false, "assumed", why);

function chipOf(generation: Chip["generation"]): Chip {
  const known = chips.find((c) => c.generation === generation);
  if (known) return known;
  const trn2 = chipNamed("trn2");
  const made = { ...trn2, generation, name: `trn2 as v${generation}`, aliases: [] };
  if (generation !== 2) return made;
  return {
    ...made,
    tensor: { ...made.tensor, transposeMode: without("nki.isa.nc_transpose") },
    dma: { ...made.dma, hardwareDge: without("nki.isa.dma_transpose") },
  };
}

export const fuzzChips: readonly Chip[] = ([2, 3, 4] as const).map(chipOf);

/** A chip of the fuzzer by name, for loading its Programs back. */
export const fuzzChipNamed = (name: string): Chip =>
  fuzzChips.find((c) => c.name === name) ?? chipNamed(name);
