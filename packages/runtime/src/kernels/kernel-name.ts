/** What `trn run` is given: `FILE.py:KERNEL`, `FILE.ts`, `FILE.ts:KERNEL` or a saved Program. */
import { existsSync, statSync } from "node:fs";
import { extname, resolve } from "node:path";
import { OpenTrnError } from "@opentrn/base";

export type KernelLanguage = "python" | "script" | "program";

export interface KernelName {
  readonly language: KernelLanguage;
  /** Absolute path of the file. */
  readonly path: string;
  /** As the user wrote it. */
  readonly file: string;
  /** Function or export; absent where the file has only one. */
  readonly kernel?: string;
}

const languages: Readonly<Record<string, KernelLanguage>> = {
  ".py": "python",
  ".ts": "script",
  ".mts": "script",
  ".js": "script",
  ".mjs": "script",
  ".otrn": "program",
};

const bad = (message: string, rule = "kernel file"): never => {
  throw new OpenTrnError(message, { category: "bad input", rule });
};

/** Splits at the last colon behind a file ending; checks that the file is there. `what` begins the messages. */
export function readKernelName(text: string, what = "kernel"): KernelName {
  const form = /^(.*?\.(?:py|m?ts|m?js|otrn))(?::([A-Za-z_$][\w.$]*))?$/.exec(text);
  if (!form)
    bad(
      `${what} ${JSON.stringify(text)} is not FILE.py:KERNEL, FILE.ts, FILE.ts:KERNEL or PROGRAM.otrn`,
    );
  const [, file, kernel] = form!;
  const path = resolve(file!);
  if (!existsSync(path))
    bad(`${what} ${file}: no such file; paths are relative to where trn is run`);
  if (!statSync(path).isFile()) bad(`${what} ${file}: is not a file`);
  const language = languages[extname(file!)]!;
  if (language === "program" && kernel !== undefined)
    bad(`${what} ${text}: a saved Program holds one kernel; leave out :${kernel}`);
  return { language, path, file: file!, ...(kernel === undefined ? {} : { kernel }) };
}
