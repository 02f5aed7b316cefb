/** Which instructions have a fast path. Their rows stand in bind-moves.ts, bind-elementwise.ts and bind-rows.ts. */
import type { BindRequest } from "./bind.ts";
import { elementwise } from "./bind-elementwise.ts";
import { moves } from "./bind-moves.ts";
import { rows } from "./bind-rows.ts";
import type { Binder } from "./binder.ts";
import type { Call } from "./commands.ts";
import { NoFastPath, Operands } from "./operands.ts";

const binders: Readonly<Record<string, Binder>> = { ...moves, ...elementwise, ...rows };

/** The kernel calls that carry out `request`, or undefined where only the reference meaning exists. */
export function bindFast(request: BindRequest): readonly Call[] | undefined {
  const bind = binders[request.op.name];
  if (!bind) return undefined;
  try {
    return bind(new Operands(request), request);
  } catch (e) {
    if (e instanceof NoFastPath) return undefined;
    throw e;
  }
}

/** Instructions that have a fast path for at least some calls. */
export const fastInstructions: readonly string[] = Object.keys(binders);
