/** One line on standard error that says what is going on; nothing where it is no terminal. */
import type { Io } from "./io.ts";

export class Progress {
  private shown = false;
  private readonly io: Io;
  /** `quiet` turns it off, e.g. for JSON. */
  constructor(io: Io) {
    this.io = io;
  }

  say(text: string): void {
    if (!this.io.live) return;
    this.shown = true;
    this.io.err(`\r\u001b[K${text}`);
  }

  /** Clears the line before anything else is written. */
  done(): void {
    if (this.shown) this.io.err("\r\u001b[K");
    this.shown = false;
  }
}
