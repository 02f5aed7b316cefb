/**
 * The tensor engine's duty limiter: time is cut into windows of a fixed number of cycles; a window runs at full rate only when
 * the one before it did enough useful work, which counts cycles by the share of the array's rows in use. Measured on trn2 (docs/time.md); a chip without the fact always runs at full rate.
 * The grid's phase against a kernel is free on the chip; here a window starts with the kernel unless told otherwise, and the
 * first one is cold.
 */
import { toTicks } from "@opentrn/base";
import type { TensorEngineFacts } from "@opentrn/chips";

export class TensorDuty {
  /** Rate at which the last stream ended: 1, or the cold rate. */
  rate = 1;
  private readonly window: number;
  private readonly threshold: number;
  private readonly cold: number;
  private readonly cycleTicks: number;
  /** Window that `useful` counts for. */
  private current = -1;
  private useful = 0;
  private warm = false;

  private readonly phase: number;

  constructor(facts: TensorEngineFacts, phaseNs = 0) {
    const { duty, clockGHz, sustainedRate } = facts;
    this.cycleTicks = toTicks(1) / clockGHz.value / sustainedRate.value;
    this.phase = toTicks(phaseNs);
    this.window = duty ? Math.round(duty.windowCycles.value * this.cycleTicks) : 0;
    this.threshold = duty ? duty.threshold.value * duty.windowCycles.value * this.cycleTicks : 0;
    this.cold = duty ? duty.coldRate.value : 1;
  }

  /**
   * When a stream of `cycles` that starts at `start` and uses a share `rows` of the array's rows ends, in ticks; starts must not go
   * back in time.
   */
  stream(start: number, cycles: number, rows = 1): number {
    let left = cycles * this.cycleTicks;
    if (this.window === 0) return Math.round(start + left);
    let at = start;
    for (;;) {
      this.enter(Math.floor((at - this.phase) / this.window));
      this.rate = this.warm ? 1 : this.cold;
      const room = (this.current + 1) * this.window + this.phase - at;
      if (left <= room * this.rate) {
        this.useful += left * rows;
        return Math.round(at + left / this.rate);
      }
      this.useful += room * this.rate * rows;
      left -= room * this.rate;
      at += room;
    }
  }

  /** The rate at `time`, for work too short to count. */
  rateAt(time: number): number {
    if (this.window === 0) return 1;
    this.enter(Math.floor((time - this.phase) / this.window));
    return this.warm ? 1 : this.cold;
  }

  private enter(window: number): void {
    if (window <= this.current) return;
    this.warm = window === this.current + 1 && this.useful > this.threshold;
    this.current = window;
    this.useful = 0;
  }
}
