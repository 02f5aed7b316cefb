/** Runs a command line in this process, for tests. */
import pc from "picocolors";
import { main } from "./main.ts";

export interface Typed {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Types `trn ...argv`; nothing is a terminal. */
export async function trn(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Typed> {
  let out = "";
  let err = "";
  const code = await main(argv, {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    colours: pc.createColors(false),
    live: false,
    env,
  });
  return { code, out, err };
}
