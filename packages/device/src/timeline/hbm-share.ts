/**
 * The bandwidth of one memory, shared by transfers that overlap. Time is cut into slots, each with room for so many bytes; a transfer
 * takes what is left in the slots from its first data on, never faster than its DMA engines move it. Room that a transfer leaves is
 * there for others, whatever order they were submitted in.
 */

/** Slots remembered; a transfer never starts longer ago than this before the latest one. */
const KEPT = 4096;

export class HbmShare {
  private readonly room: number;
  private readonly slotTicks: number;
  /** Bytes taken, by slot modulo KEPT, and which slot that is. */
  private readonly taken = new Float64Array(KEPT);
  private readonly slot = new Float64Array(KEPT).fill(-1);

  /** `bytesPerTick`: what the memory gives all users together; `slotTicks`: how long a slot is. */
  constructor(bytesPerTick: number, slotTicks: number) {
    this.slotTicks = slotTicks;
    this.room = bytesPerTick * slotTicks;
  }

  /** When `bytes` that engines could move from `start` to `end` are through; ticks. */
  reserve(start: number, end: number, bytes: number): number {
    if (bytes === 0) return end;
    const { slotTicks } = this;
    const perSlot = (bytes / Math.max(1, end - start)) * slotTicks;
    let left = bytes;
    let at = start;
    for (;;) {
      const s = Math.floor(at / slotTicks);
      const k = s % KEPT;
      if (this.slot[k] !== s) {
        this.slot[k] = s;
        this.taken[k] = 0;
      }
      const share = ((s + 1) * slotTicks - at) / slotTicks;
      const free = Math.max(0, this.room - this.taken[k]!) * share;
      const now = Math.min(left, perSlot * share, free);
      this.taken[k]! += now;
      left -= now;
      if (left <= bytes * 1e-9) {
        const used = now / Math.min(perSlot, Math.max(free / share, now / share));
        return Math.max(end, Math.min((s + 1) * slotTicks, at + used * slotTicks));
      }
      at = (s + 1) * slotTicks;
    }
  }
}
