/** The error of a kernel that its caller stopped. */
import { OpenTrnError } from "@opentrn/base";

export const stopped = (signal: AbortSignal): OpenTrnError =>
  new OpenTrnError(
    `the kernel was stopped: ${signal.reason instanceof Error ? signal.reason.message : String(signal.reason)}`,
    { category: "limit reached", rule: "stopped" },
  );
