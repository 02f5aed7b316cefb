/** Reads the operand text of a profiled instruction: semaphore waits and updates, access patterns, other settings. */

/** What has to hold before an instruction starts. `counter` waits (`$S`) poll inside the instruction; others hold back its issue. */
export interface SemaphoreWait {
  readonly semaphore: number;
  readonly relation: ">=" | "==";
  readonly value: number;
  readonly polled: boolean;
}

/** What an instruction does to a semaphore when it completes. */
export interface SemaphoreUpdate {
  readonly semaphore: number;
  readonly kind: "add" | "set";
  readonly value: number;
}

/** One operand in memory; strides and counts are in elements, innermost first, per partition. */
export interface ProfiledPattern {
  readonly dtype: string | undefined;
  readonly address: number;
  readonly strides: readonly number[];
  readonly counts: readonly number[];
}

export interface ProfiledOperands {
  readonly waits: readonly SemaphoreWait[];
  readonly updates: readonly SemaphoreUpdate[];
  readonly patterns: Readonly<Record<string, ProfiledPattern>>;
  /** Every other `key=value`, as text. */
  readonly settings: Readonly<Record<string, string>>;
  /** Words without a key: the activation function of ACTIVATE, the array size of MATMUL. */
  readonly words: readonly string[];
}

const semaphore = String.raw`(\$?)S\[(\d+)\](?: \([^)]*\))?`;
const update = new RegExp(String.raw`${semaphore}(\+\+|--|[+-]?=\d+)@complete`, "g");
const wait = new RegExp(String.raw`${semaphore}(>=|==)(\d+)`, "g");
const pattern = /^(?:([a-z]\w*)@)?0x([0-9a-f]+)((?:\[-?\d+(?:,-?\d+)*\])*)$/;

function updateOf(id: string, action: string): SemaphoreUpdate {
  const semaphore = Number(id);
  if (action === "++") return { semaphore, kind: "add", value: 1 };
  if (action === "--") return { semaphore, kind: "add", value: -1 };
  const value = Number(action.replace(/^[+-]?=/, ""));
  if (action.startsWith("=")) return { semaphore, kind: "set", value };
  return { semaphore, kind: "add", value: action.startsWith("-") ? -value : value };
}

const numbers = (list: string | undefined): number[] =>
  list === undefined || list === "" ? [] : list.split(",").map(Number);

function patternOf(text: string): ProfiledPattern | undefined {
  const m = pattern.exec(text);
  if (m === null) return undefined;
  const [strides, counts] = [...(m[3] ?? "").matchAll(/\[([^\]]*)\]/g)].map((g) => numbers(g[1]));
  return {
    dtype: m[1],
    address: Number.parseInt(m[2]!, 16),
    strides: strides ?? [],
    counts: counts ?? [],
  };
}

/** Never throws: text of a form not known here ends up in `settings` or `words`. */
export function parseOperands(text: string): ProfiledOperands {
  const updates: SemaphoreUpdate[] = [];
  const waits: SemaphoreWait[] = [];
  const rest = text
    .replace(update, (_, _polled: string, id: string, action: string) => {
      updates.push(updateOf(id, action));
      return "";
    })
    .replace(wait, (_, polled: string, id: string, relation: ">=" | "==", value: string) => {
      waits.push({
        semaphore: Number(id),
        relation,
        value: Number(value),
        polled: polled === "$",
      });
      return "";
    });
  const patterns: Record<string, ProfiledPattern> = {};
  const settings: Record<string, string> = {};
  const words: string[] = [];
  for (const token of rest.split(/\s+/)) {
    if (token === "") continue;
    const eq = token.indexOf("=");
    if (eq <= 0) {
      words.push(token);
      continue;
    }
    const [key, value] = [token.slice(0, eq), token.slice(eq + 1)];
    const found = patternOf(value);
    if (found && (found.counts.length > 0 || found.dtype !== undefined)) patterns[key] = found;
    else settings[key] = value;
  }
  return { waits, updates, patterns, settings, words };
}
