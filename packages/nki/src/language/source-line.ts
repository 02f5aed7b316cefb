/**
 * Where in the user's file a call was made. One structured stack frame a call, and a cache by position, so that a kernel of a
 * hundred thousand instructions costs well under a second; the readable (source-mapped) position is asked for once a place.
 */

export interface Caller {
  readonly file: string;
  readonly line: number;
  readonly function: string;
}

type Entry = (...args: never[]) => unknown;
interface Site {
  getScriptNameOrSourceURL(): string | null;
  getPosition(): number;
  getFunctionName(): string | null;
}
interface V8ErrorConstructor {
  captureStackTrace?: (holder: object, above: Entry) => void;
  stackTraceLimit?: number;
  prepareStackTrace?: ((error: unknown, sites: Site[]) => unknown) | undefined;
}
const V8Error = Error as unknown as V8ErrorConstructor;

const unknownCaller: Caller = { file: "", line: 0, function: "" };
const known = new Map<string, Map<number, Caller>>();
const firstSite = (_: unknown, sites: Site[]): Site | undefined => sites[0];

/** The frame that called `entry`, a public function of this language. Line 0 where the host has no V8 stack frames. */
export function callerOf(entry: Entry): Caller {
  const { captureStackTrace, stackTraceLimit, prepareStackTrace } = V8Error;
  if (!captureStackTrace) return unknownCaller;
  V8Error.stackTraceLimit = 1;
  V8Error.prepareStackTrace = firstSite;
  const raw: { stack?: Site } = {};
  captureStackTrace(raw, entry);
  const site = raw.stack;
  V8Error.prepareStackTrace = prepareStackTrace;
  try {
    if (site === undefined) return unknownCaller;
    const script = site.getScriptNameOrSourceURL() ?? "";
    const position = site.getPosition();
    const places = known.get(script) ?? new Map<number, Caller>();
    known.set(script, places);
    let caller = places.get(position);
    if (!caller) {
      // The text form goes through the host's source maps; the structured one does not.
      const text: { stack?: string } = {};
      captureStackTrace(text, entry);
      caller = parseFrame(text.stack ?? "", site.getFunctionName() ?? "");
      places.set(position, caller);
    }
    return caller;
  } finally {
    V8Error.stackTraceLimit = stackTraceLimit as number;
  }
}

/** Reads `at name (file:line:column)` or `at file:line:column`. */
export function parseFrame(stack: string, name: string): Caller {
  const frame = stack.split("\n").find((l) => /^\s*at /.test(l)) ?? "";
  const place =
    /\((.*):(\d+):\d+\)\s*$/.exec(frame) ?? /at (?:async )?(.*):(\d+):\d+\s*$/.exec(frame);
  if (!place) return unknownCaller;
  return { file: filePath(place[1]!), line: Number(place[2]), function: name };
}

const filePath = (url: string): string =>
  url.startsWith("file://") ? decodeURIComponent(new URL(url).pathname) : url;
