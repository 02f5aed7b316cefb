/** Quantities as people read them: three significant digits and a unit, always the same width class. */

const three = (x: number): string => {
  if (x === 0) return "0";
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(x))));
  return x.toFixed(Math.min(digits, 2));
};

function scaled(x: number, base: number, units: readonly string[]): string {
  let i = 0;
  let v = x;
  while (Math.abs(v) >= base && i < units.length - 1) {
    v /= base;
    i++;
  }
  // 999.6 would print as 1000; move it to the next unit.
  if (Math.abs(v) >= base - 0.5 && base === 1000 && i < units.length - 1)
    [v, i] = [v / base, i + 1];
  return `${Number.isInteger(v) && (i === 0 || base === 1024) ? v : three(v)} ${units[i]}`;
}

/** Nanoseconds as ns, µs, ms or s. */
export const time = (ns: number): string => scaled(ns, 1000, ["ns", "µs", "ms", "s"]);
/** Bytes as B, KiB, MiB or GiB. */
export const size = (bytes: number): string =>
  scaled(bytes, 1024, ["B", "KiB", "MiB", "GiB", "TiB"]);
/** A count with thousands separated by spaces that do not break. */
export const count = (n: number): string => String(n).replace(/\B(?=(\d{3})+$)/g, "\u202f");
/** A share as a percentage. */
export const percent = (x: number): string =>
  x === 0
    ? "0%"
    : x >= 0.9995
      ? "100%"
      : x >= 0.1
        ? `${Math.round(100 * x)}%`
        : `${(100 * x).toFixed(1)}%`;
/** Milliseconds of host time. */
export const hostTime = (ms: number): string =>
  ms < 1000 ? `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`;
/** An error or tolerance: 2.4e-3. */
export const tiny = (x: number): string =>
  x === 0 ? "0" : Number.isFinite(x) ? x.toExponential(1).replace("e+", "e") : String(x);
