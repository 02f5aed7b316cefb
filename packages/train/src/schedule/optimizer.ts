/** What AdamW is set to for a whole run; compiled into the update. */
import type { AdamW } from "@opentrn/models";

export interface Optimizer extends AdamW {
  /** Largest norm of all gradients together; 0: gradients stay as they are. */
  readonly clip: number;
}
