/** One error class for everything a user can get wrong; it always says what, which rule, value, limit, way out and where. */

/** Exit-code relevant kind of a failure. */
export const errorCategories = [
  "invalid program",
  "capacity",
  "out of bounds",
  "uninitialised read",
  "unsupported here",
  "unknown specification",
  "bad input",
  "kernel exception",
  "limit reached",
  "internal",
] as const;
export type ErrorCategory = (typeof errorCategories)[number];

export interface SourceLocation {
  readonly file: string;
  readonly line: number;
}

export interface ErrorDetails {
  readonly category: ErrorCategory;
  /** Label of the broken rule, such as `nc_matmul C2`; hosts and tests match on it. */
  readonly rule?: string | undefined;
  readonly at?: SourceLocation | undefined;
}

/** Base class of every expected failure. `message` already carries value, limit and the way out; `at` is the user's own line. */
export class OpenTrnError extends Error {
  readonly category: ErrorCategory;
  readonly rule: string | undefined;
  at: SourceLocation | undefined;

  constructor(message: string, details: ErrorDetails) {
    super(message);
    this.name = "OpenTrnError";
    this.category = details.category;
    this.rule = details.rule;
    this.at = details.at;
  }

  /** `category: message (file:line)`, the form the command line prints. */
  describe(): string {
    const where = this.at ? ` (${this.at.file}:${this.at.line})` : "";
    return `${this.category}: ${this.message}${where}`;
  }

  toJSON(): Record<string, unknown> {
    return {
      category: this.category,
      rule: this.rule ?? null,
      message: this.message,
      file: this.at?.file ?? null,
      line: this.at?.line ?? null,
    };
  }
}

/** Stops with an internal error when an invariant of ours does not hold; never for user mistakes. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new OpenTrnError(message, { category: "internal" });
}
