/** A chip's fixed times in ticks, as the schedule uses them. */
import { toTicks } from "@opentrn/base";
import type { Chip } from "@opentrn/chips";

/** A transfer's way from its trigger to the engines. */
export interface Path {
  readonly startUp: number;
  readonly stagger: number;
}

export interface Times {
  readonly semaphore: number;
  readonly semaphoreToTensor: number;
  readonly extraWait: number;
  readonly tableLoad: number;
  readonly complete: number;
  readonly tensorCycle: number;
  readonly tensorTail: number;
  readonly tensorColdTail: number;
  readonly paths: Readonly<
    Record<"hardware" | "software" | "ring", Readonly<Record<"read" | "write", Path>>>
  >;
}

/** The fixed times of a chip. */
export function timesOf(chip: Chip): Times {
  const { sync, dma, tensor } = chip;
  const cycles = (n: number): number => toTicks(n / tensor.clockGHz.value);
  const { startNs, staggerNs } = dma;
  const path = (start: number, stagger: number): Path => ({
    startUp: toTicks(start),
    stagger: toTicks(stagger),
  });
  return {
    semaphore: toTicks(sync.semaphoreNs.value),
    semaphoreToTensor: toTicks(sync.semaphoreToTensorNs.value),
    extraWait: toTicks(sync.extraWaitNs.value),
    tableLoad: toTicks(sync.activationTableLoadNs.value),
    complete: toTicks(dma.completeNs.value),
    tensorCycle: toTicks(1) / tensor.clockGHz.value,
    tensorTail: cycles(tensor.latencyCycles.value),
    tensorColdTail: cycles(tensor.duty?.coldLatencyCycles.value ?? tensor.latencyCycles.value),
    paths: {
      hardware: {
        read: path(startNs.hardwareRead.value, staggerNs.hardwareRead.value),
        write: path(startNs.hardwareWrite.value, staggerNs.hardwareWrite.value),
      },
      software: {
        read: path(startNs.softwareRead.value, staggerNs.software.value),
        write: path(startNs.softwareWrite.value, staggerNs.software.value),
      },
      ring: {
        read: path(startNs.ring.value, staggerNs.ring.value),
        write: path(startNs.ring.value, staggerNs.ring.value),
      },
    },
  };
}
