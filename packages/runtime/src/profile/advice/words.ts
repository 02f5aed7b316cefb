/** Figures and places as advice writes them. */
import { basename } from "node:path";
import { toNanoseconds } from "@opentrn/base";
import { engineTitles, type Site } from "../execution.ts";

/** `rmsnorm.py:18`, or what a recording calls the instruction. */
export const placeOf = ({
  file,
  line,
  instruction,
}: Pick<Site, "file" | "line" | "instruction">) =>
  file === null || line === null ? instruction : `${basename(file)}:${line}`;

const titles: Readonly<Record<string, string>> = engineTitles;

/** VectorE for vector; queues keep their names. */
export const engineTitle = (engine: string): string => titles[engine] ?? engine;

export const nanoseconds = (ns: number): string =>
  ns < 1000 ? `${ns.toFixed(0)} ns` : `${(ns / 1000).toFixed(ns < 100_000 ? 1 : 0)} µs`;

export const ticksText = (ticks: number): string => nanoseconds(toNanoseconds(ticks));

export const bytesText = (bytes: number): string =>
  bytes < 1024
    ? `${Math.round(bytes)} B`
    : bytes < 2 ** 20
      ? `${(bytes / 1024).toFixed(bytes % 1024 === 0 ? 0 : 1)} KiB`
      : `${(bytes / 2 ** 20).toFixed(bytes % 2 ** 20 === 0 ? 0 : 1)} MiB`;

export const percentText = (share: number): string => `${(100 * share).toFixed(0)} %`;

/** How a change is checked: made, and held against the report of the kernel before it. */
export const compare = (what: string): string => `${what}; rerun with --against the saved report`;

/** `1 transfer`, `12 transfers`. */
export const counted = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`;

/** How a kernel passes an engine or a descriptor mode: `engine=nki.isa.engine.scalar`, or `engine: "scalar"` in TypeScript. */
export function passed(
  { file }: Pick<Site, "file">,
  given: { readonly engine?: string; readonly dgeMode?: string },
): string {
  const script = file !== null && /\.[cm]?[jt]s$/.test(file);
  const { engine, dgeMode } = given;
  return [
    dgeMode && (script ? `dgeMode: "${dgeMode}"` : `dge_mode=nki.isa.dge_mode.${dgeMode}`),
    engine && (script ? `engine: "${engine}"` : `engine=nki.isa.engine.${engine}`),
  ]
    .filter(Boolean)
    .join(", ");
}
