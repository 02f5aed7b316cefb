/** An exception that the kernel itself raised, as opposed to a rule it broke. */
import { type ErrorCategory, errorCategories, OpenTrnError } from "@opentrn/base";

export class KernelException extends OpenTrnError {
  /** Python's traceback of the user's own frames. */
  readonly traceback: string;

  constructor(
    message: string,
    details: ConstructorParameters<typeof OpenTrnError>[1],
    traceback: string,
  ) {
    super(message, details);
    this.traceback = traceback;
  }
}

/** The error for a host's `exception` message. Mistakes that the package itself found keep their category. */
export function kernelException(m: Readonly<Record<string, unknown>>): KernelException {
  const category = m["category"] as ErrorCategory;
  const known = errorCategories.includes(category);
  const text = String(m["message"]);
  return new KernelException(
    known ? text : `the kernel raised ${m["exception"]}: ${text}`,
    {
      category: known ? category : "kernel exception",
      rule: (m["rule"] as string | null) ?? undefined,
      at:
        typeof m["file"] === "string" && typeof m["line"] === "number"
          ? { file: m["file"], line: m["line"] }
          : undefined,
    },
    String(m["traceback"] ?? ""),
  );
}
