/** Trainium2 sequencers: medians over the control instructions of both cores in two neuron-profile dumps (docs/accuracy.md). */
import { fact } from "../fact.ts";
import type { ByUnit, SequencerFacts } from "../sequencer.ts";

const profile =
  "neuron-profile dumps of a trn2.3xlarge (public repository trainium-kernel-fusion, MIT), both cores";

const by = (
  tensor: number,
  vector: number,
  scalar: number,
  gpsimd: number,
  sync: number,
): ByUnit => ({ tensor, vector, scalar, gpsimd, sync });

export const trn2Sequencer: SequencerFacts = {
  gapNs: fact(by(77, 55, 63, 43, 53), "measured", profile),
  instructionNs: fact(
    {
      EVENT_SEMAPHORE: by(52, 54, 40, 45, 30),
      "EVENT_SEMAPHORE hardware": by(52, 23, 40, 19, 30),
      DRAIN: by(12, 13, 7, 29, 8),
      NOP: by(20, 13, 7, 17, 8),
      NOTIFY: by(7, 13, 4, 12.5, 10),
      COMPARE_BRANCH: by(233, 158, 233, 127, 114),
      "COMPARE_BRANCH ALWAYS": by(185, 68, 171, 62, 57),
      SET_ORDERING_MODE: by(44, 56, 41, 41, 18),
      EVENT_SEMAPHORE_RANGE_CLEAR: by(374, 307, 265, 283, 99),
      WRITE: by(230, 230, 230, 230, 230),
      "WRITE 2": by(72, 72, 72, 72, 72),
      TENSOR_LOAD: by(637, 744, 620, 665, 636),
      "TENSOR_LOAD 2": by(1315, 1071, 1024, 1026, 971),
      ACT_TABLE_LOAD: by(1283, 1283, 1283, 1283, 1283),
      "DMA_DIRECT2D software": by(44, 44, 44, 44, 44),
    },
    "measured",
    profile,
    "opcodes that an engine did not run in the dumps carry another engine's figure",
  ),
  afterNs: fact(
    {
      COMPARE_BRANCH: by(87, 244, 70, 207, 214),
      "COMPARE_BRANCH ALWAYS": by(87, 244, 70, 207, 214),
      "TENSOR_LOAD 2": by(439, 195, 202, 194, 185),
      "EVENT_SEMAPHORE hardware": by(26, 80, 52, 43, 53),
      EVENT_SEMAPHORE_RANGE_CLEAR: by(123, 55, 63, 43, 40),
      WRITE: by(311, 311, 311, 311, 311),
    },
    "measured",
    profile,
  ),
  pollNs: fact(41, "measured", profile, "37 to 47 from the update to the end of the poll"),
  remoteNs: fact(117, "measured", profile, "112 to 119 over four writes"),
  drainNs: fact(54, "measured", profile, "tensor engine; 15 to 54 on others"),
};
