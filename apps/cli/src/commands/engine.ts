/** `trn engine`: what the Python package starts where it carries no engine of its own. */
import { serveStdio } from "@opentrn/runtime";

export function engineCommand(): Promise<never> {
  serveStdio();
  return new Promise(() => {});
}
