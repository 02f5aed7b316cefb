/** Operands that attention, its gradient and its cached form share: their rules and sizes. */
import { isFloatType, type TensorType, tensor } from "../types.ts";
import { breaks, printTypes, readConfig } from "./define.ts";

export interface AttentionConfig {
  /** Query i sees keys up to its own position; the last query stands at the last key. */
  readonly causal: boolean;
  /** Multiplies the scores. */
  readonly scale: number;
}

/** Reads `{"causal": false, "scale": 0.125}`; the text of `attention` and `attention_backward`. */
export function readAttentionConfig(composite: string, config: string): AttentionConfig {
  const { causal, scale } = readConfig(composite, config);
  if (typeof causal !== "boolean")
    breaks(composite, "C2", "causal is true or false", `causal is ${JSON.stringify(causal)}`);
  return { causal, scale: readScale(composite, scale) };
}

export const readScale = (composite: string, scale: unknown): number =>
  typeof scale === "number" && Number.isFinite(scale)
    ? scale
    : breaks(composite, "C3", "scale is a finite number", `scale is ${JSON.stringify(scale)}`);

/** Sizes: b sequences, n queries, m keys, h query heads, g key heads, r = h / g query heads a key head, d a head. */
export interface AttentionSizes {
  readonly b: number;
  readonly n: number;
  readonly m: number;
  readonly h: number;
  readonly g: number;
  readonly r: number;
  readonly d: number;
}

/** The sizes of q [b, n, h, d], k and v [b, m, g, d]; rules C4 to C7. */
export function attentionSizes(
  composite: string,
  operands: readonly TensorType[],
  causal: boolean,
): AttentionSizes {
  const [q, k, v] = operands as [TensorType, TensorType, TensorType];
  const given = [q, k, v].filter((t) => t !== undefined);
  if (given.length < 3 || given.some((t) => t.shape.length !== 4 || t.shape.includes(0)))
    breaks(
      composite,
      "C4",
      "q is [b, n, h, d], k and v are [b, m, g, d], none empty",
      `the operands are ${printTypes(given)}`,
    );
  const [b, n, h, d] = q.shape as [number, number, number, number];
  const [kb, m, g, kd] = k.shape as [number, number, number, number];
  if (kb !== b || kd !== d || !k.shape.every((size, i) => v.shape[i] === size))
    breaks(
      composite,
      "C5",
      "k and v have one shape, and q's b and d",
      `the operands are ${printTypes(given)}`,
    );
  if (h % g !== 0)
    breaks(
      composite,
      "C6",
      "the number of key heads g divides that of query heads h",
      `${g} key heads, ${h} query heads`,
    );
  if (!isFloatType(q) || k.dtype !== q.dtype || v.dtype !== q.dtype)
    breaks(
      composite,
      "C7",
      "q, k and v have one float type",
      `the operands are ${printTypes(given)}; convert them`,
    );
  if (causal && n > m)
    breaks(
      composite,
      "C8",
      "causal attention has at least as many keys as queries, so that every query sees one",
      `${n} queries, ${m} keys`,
    );
  return { b, n, m, h, g, r: h / g, d };
}

/** The types of o [b, n, h, d] and lse [b, h, n]. */
export const attentionResults = (
  { b, n, h }: AttentionSizes,
  q: TensorType,
): readonly [TensorType, TensorType] => [q, tensor([b, h, n])];
