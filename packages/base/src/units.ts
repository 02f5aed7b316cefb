/** Numbers that carry their unit in the type, so that cycles, bytes and nanoseconds never mix. */
declare const unit: unique symbol;

export type Unit<T extends string> = number & { readonly [unit]: T };
/** Clock cycles of one engine; meaningless without that engine's clock. */
export type Cycles = Unit<"cycles">;
export type Bytes = Unit<"bytes">;
export type Nanoseconds = Unit<"nanoseconds">;
/** Integer simulation time: one tick is a picosecond, so sums stay exact below 2^53 ticks (2.5 hours). */
export type Ticks = Unit<"ticks">;

export const cycles = (n: number): Cycles => n as Cycles;
export const bytes = (n: number): Bytes => n as Bytes;
export const nanoseconds = (n: number): Nanoseconds => n as Nanoseconds;
export const ticks = (n: number): Ticks => n as Ticks;

export const TICKS_PER_NANOSECOND = 1000;
/** Nanoseconds to the nearest tick. */
export const toTicks = (ns: number): Ticks => Math.round(ns * TICKS_PER_NANOSECOND) as Ticks;
/** Ticks to nanoseconds; only for what leaves the simulation. */
export const toNanoseconds = (t: number): Nanoseconds => (t / TICKS_PER_NANOSECOND) as Nanoseconds;
