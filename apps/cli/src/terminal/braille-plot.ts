/** A curve in Braille characters: each holds 2 by 4 dots, so a small block of text shows a loss curve well enough. */

/** Bits of a Braille character by column and row, from the top. Source: Unicode, Braille Patterns block. */
const dots = [
  [0x01, 0x02, 0x04, 0x40],
  [0x08, 0x10, 0x20, 0x80],
] as const;
const BLANK = 0x2800;

export interface PlotSize {
  /** Characters of the plot, without the labels. */
  readonly width: number;
  readonly height: number;
}

/**
 * Lines of text: a scale at the left, then the curve. Values that are not finite leave a gap. More values than dots are averaged in
 * groups; fewer are spread over the whole width. Empty without a finite value.
 */
export function braillePlot(values: readonly number[], size: PlotSize): readonly string[] {
  const shown = resampled(values, 2 * size.width);
  const finite = shown.filter((y) => y !== undefined);
  if (finite.length === 0) return [];
  const low = Math.min(...finite);
  const high = Math.max(...finite);
  const rows = 4 * size.height;
  const level = (y: number): number =>
    high === low ? rows - 1 : Math.round(((high - y) / (high - low)) * (rows - 1));
  const cells = Array.from({ length: size.height }, () => new Uint8Array(size.width));
  const columns = shown.map((y) => (y === undefined ? y : level(y)));
  let before: number | undefined;
  for (const [x, y] of columns.entries()) {
    if (y !== undefined)
      for (const row of between(before ?? y, y))
        cells[row >> 2]![x >> 1]! |= dots[x & 1]![row & 3]!;
    before = y;
  }
  const labels = [high, low].map((y) => y.toPrecision(3));
  const room = Math.max(...labels.map((l) => l.length));
  return cells.map((row, i) => {
    const label = i === 0 ? labels[0]! : i === size.height - 1 ? labels[1]! : "";
    const curve = String.fromCharCode(...Array.from(row, (bits) => BLANK + bits));
    return `${label.padStart(room)} ${label ? "┤" : "│"}${curve}`;
  });
}

/** Rows from after `from` to `to`, `to` included, so that steep parts of the curve stay joined. */
function* between(from: number, to: number): Generator<number> {
  const step = Math.sign(to - from);
  for (let row = from; row !== to; row += step) if (row !== from) yield row;
  yield to;
}

/** One value a column: means of groups, or points along straight lines. */
function resampled(values: readonly number[], columns: number): (number | undefined)[] {
  return Array.from({ length: columns }, (_, x) => {
    if (values.length > columns) {
      const from = Math.floor((x * values.length) / columns);
      const group = values
        .slice(from, Math.floor(((x + 1) * values.length) / columns))
        .filter(Number.isFinite);
      return group.length === 0 ? undefined : group.reduce((a, b) => a + b, 0) / group.length;
    }
    const at = values.length === 1 ? 0 : (x * (values.length - 1)) / (columns - 1);
    const left = values[Math.floor(at)]!;
    const y = left + (values[Math.ceil(at)]! - left) * (at % 1);
    return Number.isFinite(y) ? y : undefined;
  });
}
