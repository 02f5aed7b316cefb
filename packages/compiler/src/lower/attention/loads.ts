/** Brings parts of q, k and v on chip: features on partitions for scores, tokens on partitions for what is multiplied by weights. */
import { records } from "@opentrn/isa";
import { bytesOf } from "@opentrn/numerics";
import type { Emitter } from "../../emit/emitter.ts";
import type { View } from "../../emit/view.ts";
import { P } from "./plan.ts";

/** A [tokens, heads, d] part of a tensor with features on partitions: one tensor [features, heads, tokens] for every 128 features. */
export type Turned = readonly View[];

/** Heads and tokens of a load. */
export interface Loaded {
  readonly heads: number;
  readonly tokens: number;
}

/** Bytes of a partition that a part of `x`, [..., d], takes with features on partitions. */
export const turnedBytes = (x: View, { heads, tokens }: Loaded): number =>
  Math.ceil(x.shape.at(-1)! / P) * heads * tokens * bytesOf(x.dtype);

/** The same with tokens on partitions. */
export const loadedBytes = (x: View, { heads, tokens }: Loaded): number =>
  Math.ceil(tokens / P) * heads * x.shape.at(-1)! * bytesOf(x.dtype);

/** Where 128 features of [heads, tokens] are put: [at least the features, heads, tokens]. */
export type Room = (features: number, heads: number, tokens: number) => View;

/** `src` is [tokens, heads, d] in HBM. */
export function loadTurned(emit: Emitter, src: View, room: Room): Turned {
  const [tokens, heads, d] = src.shape as [number, number, number];
  const parts: View[] = [];
  for (let f = 0; f < d; f += P) {
    const features = Math.min(P, d - f);
    const whole = room(features, heads, tokens);
    const dst = whole.slice(0, 0, features);
    const from = src.slice(2, f, f + features);
    // One head is an ordinary transpose.
    if (heads === 1) emit.emit(records.dmaTranspose, { dst: dst.at(1, 0), src: from.at(1, 0) });
    else emit.emit(records.dmaTranspose, { dst, src: from });
    parts.push(whole);
  }
  return parts;
}

/** Tokens [from, to) of one head. */
export const tokensOf = (turned: Turned, head: number, from: number, to: number): Turned =>
  turned.map((part) => part.at(1, head).slice(1, from, to));

/** `src`, [tokens, heads, d] in HBM, as [128 tokens, chunks of them, heads, d] on chip; the last chunk may be shorter. */
export function loadTokens(emit: Emitter, src: View, name: string): View {
  const [tokens, heads, d] = src.shape as [number, number, number];
  const dst = emit.sbuf(src.dtype, [Math.min(P, tokens), Math.ceil(tokens / P), heads, d], name);
  loadTokensInto(emit, dst, src);
  return dst;
}

/** The same to a tensor that is there already. */
export function loadTokensInto(emit: Emitter, dst: View, src: View): void {
  moveTokens(src.shape[0]!, (to, from) => {
    emit.emit(records.dmaCopy, { dst: to(dst), src: from(src) });
  });
}

/** The reverse: `src` on chip as `loadTokens` makes it to `dst` in HBM. */
export function storeTokens(emit: Emitter, dst: View, src: View): void {
  moveTokens(dst.shape[0]!, (chip, hbm) => {
    emit.emit(records.dmaCopy, { dst: hbm(dst), src: chip(src) });
  });
}

type Part = (whole: View) => View;

/** Whole chunks in one transfer, the shorter last one in another. */
function moveTokens(tokens: number, move: (chip: Part, hbm: Part) => void): void {
  const whole = Math.floor(tokens / P);
  const rest = tokens - whole * P;
  if (whole > 0)
    move(
      (chip) => chip.slice(1, 0, whole),
      (hbm) => {
        const [, heads, d] = hbm.shape as [number, number, number];
        return hbm
          .slice(0, 0, whole * P)
          .reshape([whole, P, heads, d])
          .permute([1, 0, 2, 3]);
      },
    );
  if (rest > 0)
    move(
      (chip) => chip.slice(0, 0, rest).at(1, whole),
      (hbm) => hbm.slice(0, whole * P, tokens),
    );
}
