/** Inferentia2: the same NeuronCore-v2 and memory as Trainium1, with two NeuronLinks instead of four (docs: inf2-arch.rst). */
import type { Chip } from "../chip.ts";
import { fact } from "../fact.ts";
import { trn1 } from "./trn1.ts";

export const inf2: Chip = {
  ...trn1,
  name: "inf2",
  title: "Inferentia2",
  aliases: [],
  tensor: {
    ...trn1.tensor,
    sustainedRate: fact(
      0.64,
      "measured",
      "average throttle limit of a dense GEMM over minutes (pantheonneuron)",
    ),
  },
};
