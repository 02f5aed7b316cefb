/** Text that arrives in pieces, broken at spaces so that no line is too long; line ends of the text stay. */

export class WrappedStream {
  private column = 0;
  /** A word that may go on, and the spaces before it. */
  private word = "";
  private gap = "";
  private readonly out: (text: string) => void;
  private readonly width: number;

  constructor(out: (text: string) => void, width: number) {
    this.out = out;
    this.width = width;
  }

  push(text: string): void {
    for (const c of text)
      if (c === "\n") {
        this.flush();
        this.out("\n");
        this.column = 0;
        this.gap = "";
      } else if (c === " ") {
        this.flush();
        this.gap += c;
      } else this.word += c;
  }

  /** Writes what is left, and ends the line. */
  end(): void {
    this.flush();
    this.out("\n");
  }

  /** Writes the word, on the next line where this one has no room. */
  private flush(): void {
    const { word, gap } = this;
    if (word === "") return;
    const fits = this.column + gap.length + word.length <= this.width;
    if (fits || this.column === 0) {
      this.out(gap + word);
      this.column += gap.length + word.length;
    } else {
      this.out(`\n${word}`);
      this.column = word.length;
    }
    this.word = "";
    this.gap = "";
  }
}
