/** Free byte ranges of one memory, in address order. Few gaps exist at a time, so flat arrays beat trees. */

export class FreeSpace {
  private readonly from: number[];
  private readonly to: number[];
  /** Where the last allocation ended; rotation goes on from here. */
  private cursor = 0;
  private readonly step: number;

  /** `[0, size)` is free; every allocation starts at a multiple of `step`. */
  constructor(size: number, step: number) {
    this.from = [0];
    this.to = [size];
    this.step = step;
  }

  /**
   * Takes `size` bytes after the last allocation, going round: the space that was freed longest ago is reused first. Returns
   * the address, or -1 when no gap is wide enough.
   */
  rotate(size: number): number {
    const n = this.from.length;
    let start = 0;
    while (start < n && this.to[start]! <= this.cursor) start++;
    for (let k = 0; k <= n; k++) {
      const g = (start + k) % n;
      if (n === 0) return -1;
      const low = k === 0 && start < n ? Math.max(this.from[g]!, this.cursor) : this.from[g]!;
      const at = this.align(low);
      if (at + size > this.to[g]!) continue;
      this.take(g, at, at + size);
      this.cursor = at + size;
      return at;
    }
    return -1;
  }

  /** Takes the lowest address that fits, or returns -1. */
  lowest(size: number): number {
    for (let g = 0; g < this.from.length; g++) {
      const at = this.align(this.from[g]!);
      if (at + size > this.to[g]!) continue;
      this.take(g, at, at + size);
      return at;
    }
    return -1;
  }

  /** Takes `[from, to)` whether or not parts of it are taken already. */
  reserve(from: number, to: number): void {
    for (let g = this.from.length - 1; g >= 0; g--) {
      const low = Math.max(from, this.from[g]!);
      const high = Math.min(to, this.to[g]!);
      if (low < high) this.take(g, low, high);
    }
  }

  /** Gives `[from, to)` back. */
  free(from: number, to: number): void {
    let g = this.from.length;
    while (g > 0 && this.from[g - 1]! > from) g--;
    const joinsLeft = g > 0 && this.to[g - 1] === from;
    const joinsRight = g < this.from.length && this.from[g] === to;
    if (joinsLeft && joinsRight) {
      this.to[g - 1] = this.to[g]!;
      this.from.splice(g, 1);
      this.to.splice(g, 1);
    } else if (joinsLeft) this.to[g - 1] = to;
    else if (joinsRight) this.from[g] = from;
    else {
      this.from.splice(g, 0, from);
      this.to.splice(g, 0, to);
    }
  }

  private align(address: number): number {
    return Math.ceil(address / this.step) * this.step;
  }

  private take(g: number, from: number, to: number): void {
    const [low, high] = [this.from[g]!, this.to[g]!];
    if (low === from && high === to) {
      this.from.splice(g, 1);
      this.to.splice(g, 1);
    } else if (low === from) this.from[g] = to;
    else if (high === to) this.to[g] = from;
    else {
      this.to[g] = from;
      this.from.splice(g + 1, 0, to);
      this.to.splice(g + 1, 0, high);
    }
  }
}
