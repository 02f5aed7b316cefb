/** Where a command writes and what the terminal can show; tests give their own. */
import process from "node:process";
import pc from "picocolors";

export type Colours = ReturnType<typeof pc.createColors>;

export interface Io {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Colours of standard output; plain functions where it is no terminal or NO_COLOR is set. */
  readonly colours: Colours;
  /** Standard error is a terminal, so a progress line may be rewritten. */
  readonly live: boolean;
  /** Standard input is the user's, for kernels that stop at breakpoint(). */
  readonly stdin?: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** NO_COLOR (no-color.org) wins, then FORCE_COLOR, then whether it is a capable terminal. */
export function wantsColours(env: Io["env"], terminal: boolean): boolean {
  if (env["NO_COLOR"]) return false;
  if (env["FORCE_COLOR"] !== undefined) return env["FORCE_COLOR"] !== "0";
  return terminal && env["TERM"] !== "dumb";
}

/** The process's own streams. A reader that goes away (`trn isa | head`) ends the process quietly. */
export function processIo(): Io {
  process.stdout.on("error", (e: NodeJS.ErrnoException) => {
    if (e.code === "EPIPE") process.exit(0);
    throw e;
  });
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    colours: pc.createColors(wantsColours(process.env, process.stdout.isTTY === true)),
    live: process.stderr.isTTY === true && process.env["TERM"] !== "dumb",
    stdin: true,
    env: process.env,
  };
}
