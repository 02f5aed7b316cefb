/** Every template, in the order they are tried: the more special first. */
import { indexed } from "./indexed/indexed.ts";
import { move } from "./move/move.ts";
import type { Template } from "./template.ts";

export const templates: readonly Template[] = [indexed, move];
