/** Everything that is tried. */
import { batch } from "./batch.ts";
import { bf16Matmul } from "./bf16-matmul.ts";
import { contiguousLayout } from "./contiguous-layout.ts";
import { doNotSpill } from "./do-not-spill.ts";
import { groupFunctions } from "./group-functions.ts";
import type { Adviser } from "./idea.ts";
import { keepInSbuf } from "./keep-in-sbuf.ts";
import { mergeTransfers } from "./merge-transfers.ts";
import { moreBuffers } from "./more-buffers.ts";
import { morePartitions } from "./more-partitions.ts";
import { otherEngine } from "./other-engine.ts";
import { otherQueue } from "./other-queue.ts";
import { reorder } from "./reorder.ts";
import { transposeByDma } from "./transpose-by-dma.ts";

export const advisers: readonly Adviser[] = [
  keepInSbuf,
  doNotSpill,
  mergeTransfers,
  moreBuffers,
  otherQueue,
  otherEngine,
  batch,
  bf16Matmul,
  contiguousLayout,
  groupFunctions,
  transposeByDma,
  morePartitions,
  reorder,
];
