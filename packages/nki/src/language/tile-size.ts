/** `nl.tileSize`: the limits of the target the kernel is traced for. */
import { psumBytesPerPartition } from "@opentrn/chips";
import { tracing } from "./trace.ts";

const chip = (): ReturnType<typeof tracing>["chip"] => tracing(chip).chip;

export const tileSize = {
  /** Partitions of a tile. */
  get pmax(): number {
    return chip().partitions.value;
  },
  /** fp32 elements of a PSUM bank, per partition. */
  get psumBankFmax(): number {
    return chip().psum.bankBytes.value / 4;
  },
  get psumBankFmaxBytes(): number {
    return chip().psum.bankBytes.value;
  },
  get psumNumBanks(): number {
    return psumBytesPerPartition(chip()) / chip().psum.bankBytes.value;
  },
  /** Free elements of the stationary tile of a matmul. */
  get gemmStationaryFmax(): number {
    return chip().tensor.stationaryMax.value;
  },
  /** Free elements of the moving tile of a matmul. */
  get gemmMovingFmax(): number {
    return chip().tensor.movingMax.value;
  },
  /** Free elements of one bn_stats. */
  get bnStatsFmax(): number {
    return 512;
  },
  /** Usable bytes of SBUF per partition. */
  get sbufFmaxBytes(): number {
    return chip().sbuf.usableBytesPerPartition.value;
  },
} as const;
