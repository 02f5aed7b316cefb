/** Ctrl-C while work goes on in steps: the first asks for an end after the step, the second ends the process at once. */
import process from "node:process";

/** What shells expect of a process that a signal ended: 128 and the signal's number. */
const codes = { SIGINT: 130, SIGTERM: 143 } as const;

export class StopRequest {
  private first: keyof typeof codes | undefined;
  private readonly handler: (signal: NodeJS.Signals) => void;

  /** `asked` is told of the first signal. Signals are taken until `release`. */
  constructor(asked: () => void, exit: (code: number) => void = process.exit) {
    this.handler = (signal) => {
      if (this.first !== undefined) exit(codes[this.first]);
      this.first = signal as keyof typeof codes;
      asked();
    };
    for (const signal of Object.keys(codes)) process.on(signal, this.handler);
  }

  /** The exit code of a stopped command; undefined while nobody asked. */
  get exitCode(): number | undefined {
    return this.first && codes[this.first];
  }

  release(): void {
    for (const signal of Object.keys(codes)) process.off(signal, this.handler);
  }
}
