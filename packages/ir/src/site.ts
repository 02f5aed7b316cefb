/** Which line of the user's file built an operation. The stack is captured cheaply and read only when somebody asks. */
import type { SourceLocation } from "@opentrn/base";

const path = (url: string): string =>
  url.startsWith("file://") ? decodeURIComponent(new URL(url).pathname) : url;
const ownFolder = path(new URL(".", import.meta.url).href);
const isOurs = (file: string): boolean =>
  file.startsWith(ownFolder) && !/\.test\.[jt]s$/.test(file);

/** The first frame outside this package, as `at name (file:line:column)` or `at file:line:column`. */
export function firstOutside(
  stack: string,
  ours: (file: string) => boolean = isOurs,
): SourceLocation | undefined {
  for (const frame of stack.split("\n")) {
    const place = /^\s*at (?:.*\()?(.*?):(\d+):\d+\)?\s*$/.exec(frame);
    if (!place) continue;
    const file = path(place[1]!.replace(/^async /, ""));
    if (!ours(file)) return { file, line: Number(place[2]) };
  }
  return undefined;
}

export class Site {
  private trace: Error | undefined;
  private found: SourceLocation | undefined;

  constructor(origin: Error | SourceLocation | undefined) {
    if (origin instanceof Error) this.trace = origin;
    else this.found = origin;
  }

  /** Absent where the host gives no stack or all of it is ours. */
  get location(): SourceLocation | undefined {
    if (this.trace) this.found = firstOutside(this.trace.stack ?? "");
    this.trace = undefined;
    return this.found;
  }
}

let current: Site | undefined;

/** The line that is building now: that of the enclosing `atSite`, or of the caller outside this package. */
export const siteHere = (): Site => current ?? new Site(new Error());

/** Runs `build` with every operation in it attributed to `site`: gradients and rewrites keep the line of what they come from. */
export function atSite<T>(site: Site, build: () => T): T {
  const before = current;
  current = site;
  try {
    return build();
  } finally {
    current = before;
  }
}
