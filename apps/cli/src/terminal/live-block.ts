/** A block of lines on standard error that is drawn over itself; nothing where that is no terminal. */
import type { Io } from "../io.ts";

/** Milliseconds between two drawings. */
const SHORTEST = 100;

export class LiveBlock {
  private lines = 0;
  private drawn = Number.NEGATIVE_INFINITY;
  private readonly io: Io;
  private readonly now: () => number;

  constructor(io: Io, now: () => number = () => performance.now()) {
    this.io = io;
    this.now = now;
  }

  /** Draws what `lines` gives, unless it did a moment ago. */
  draw(lines: () => readonly string[]): void {
    if (!this.io.live || this.now() - this.drawn < SHORTEST) return;
    this.drawn = this.now();
    const next = lines();
    this.io.err(`${this.erased()}${next.map((l) => `${l}\n`).join("")}`);
    this.lines = next.length;
  }

  /** Takes the block away, so that other output can follow. */
  clear(): void {
    if (this.lines > 0) this.io.err(this.erased());
    this.lines = 0;
    this.drawn = Number.NEGATIVE_INFINITY;
  }

  /** Up to the first line of the block, and away with everything below. */
  private erased(): string {
    return this.lines === 0 ? "" : `\u001b[${this.lines}A\r\u001b[J`;
  }
}
