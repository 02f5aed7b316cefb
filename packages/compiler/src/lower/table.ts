/** Every template, in the order they are tried: the more special first. */
import { attention } from "./attention/attention.ts";
import { attentionBackward } from "./attention/attention-backward.ts";
import { attentionCached } from "./attention/attention-cached.ts";
import { collective } from "./collective/collective.ts";
import { indexed } from "./indexed/indexed.ts";
import { matmul } from "./matmul/matmul.ts";
import { move } from "./move/move.ts";
import { random } from "./random/random.ts";
import { rows } from "./rows/rows.ts";
import type { Template } from "./template.ts";

export const templates: readonly Template[] = [
  attention,
  attentionBackward,
  attentionCached,
  collective,
  random,
  indexed,
  matmul,
  move,
  rows,
];
