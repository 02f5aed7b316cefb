/** Plots as SVG text: the same input gives the same bytes. */

export interface Series {
  readonly name: string;
  readonly colour: string;
  readonly points: readonly { readonly x: number; readonly y: number; readonly label: string }[];
}

const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [640, 420, 64, 16, 20, 44];
const at = (x: number): string => x.toFixed(1);
const escaped = (text: string): string =>
  text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");

const frame = (title: string, body: readonly string[]): string =>
  [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" font-size="12" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    ...body,
    "</svg>",
    "",
  ].join("\n");

const text = (x: number, y: number, content: string, more = ""): string =>
  `<text x="${at(x)}" y="${at(y)}" fill="#444"${more}>${escaped(content)}</text>`;
const line = (x1: number, y1: number, x2: number, y2: number, more: string): string =>
  `<line x1="${at(x1)}" y1="${at(y1)}" x2="${at(x2)}" y2="${at(y2)}" ${more}/>`;

/** Powers of ten as people write them. */
const tick = (x: number): string =>
  x >= 1000 ? `${x / 1000}k` : x >= 1 ? String(x) : x.toFixed(-Math.floor(Math.log10(x)));

/** Points on two logarithmic axes of one scale, with the diagonal on which both agree and lines a third off. */
export function scatter(
  title: string,
  [xTitle, yTitle]: readonly [string, string],
  series: readonly Series[],
): string {
  const values = series.flatMap((s) => s.points.flatMap((p) => [p.x, p.y])).filter((v) => v > 0);
  const low = Math.floor(Math.log10(Math.min(...values)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))));
  const x = (v: number): number =>
    LEFT + ((Math.log10(v) - low) / (high - low)) * (WIDTH - LEFT - RIGHT);
  const y = (v: number): number =>
    HEIGHT - BOTTOM - ((Math.log10(v) - low) / (high - low)) * (HEIGHT - TOP - BOTTOM);
  const body: string[] = [];
  for (let p = low; p <= high; p++) {
    const v = 10 ** p;
    body.push(
      line(x(v), TOP, x(v), HEIGHT - BOTTOM, 'stroke="#eee"'),
      line(LEFT, y(v), WIDTH - RIGHT, y(v), 'stroke="#eee"'),
      text(x(v), HEIGHT - BOTTOM + 16, tick(v), ' text-anchor="middle"'),
      text(LEFT - 6, y(v) + 4, tick(v), ' text-anchor="end"'),
    );
  }
  const [a, b] = [10 ** low, 10 ** high];
  body.push(line(x(a), y(a), x(b), y(b), 'stroke="#888"'));
  for (const off of [1.3, 1 / 1.3]) {
    const [from, to] = off > 1 ? [a, b / off] : [a / off, b];
    body.push(
      line(x(from), y(from * off), x(to), y(to * off), 'stroke="#bbb" stroke-dasharray="4 3"'),
    );
  }
  for (const s of series)
    for (const p of s.points)
      body.push(
        `<circle cx="${at(x(p.x))}" cy="${at(y(p.y))}" r="3" fill="${s.colour}" fill-opacity="0.55"><title>${escaped(p.label)}</title></circle>`,
      );
  for (const [i, s] of series.entries())
    body.push(
      `<circle cx="${LEFT + 14}" cy="${TOP + 12 + 16 * i}" r="4" fill="${s.colour}"/>`,
      text(LEFT + 24, TOP + 16 + 16 * i, s.name),
    );
  body.push(
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, xTitle, ' text-anchor="middle"'),
    `<text transform="translate(14 ${at((TOP + HEIGHT - BOTTOM) / 2)}) rotate(-90)" text-anchor="middle" fill="#444">${escaped(yTitle)}</text>`,
  );
  return frame(title, body);
}

/** How many values fall into each step; what lies beyond the ends counts into the outer ones. */
export function histogram(
  title: string,
  xTitle: string,
  values: readonly number[],
  { from, to, step }: { readonly from: number; readonly to: number; readonly step: number },
): string {
  const bins = Array.from({ length: Math.round((to - from) / step) }, () => 0);
  for (const v of values) {
    const bin = Math.floor((v - from) / step);
    bins[Math.min(bins.length - 1, Math.max(0, bin))]! += 1;
  }
  const most = Math.max(1, ...bins);
  const wide = (WIDTH - LEFT - RIGHT) / bins.length;
  const tall = HEIGHT - TOP - BOTTOM;
  const body = bins.flatMap((n, i) => {
    const height = (n / most) * tall;
    const x = LEFT + i * wide;
    const low = from + i * step;
    const label =
      i % 4 === 0 ? text(x, HEIGHT - BOTTOM + 16, String(low), ' text-anchor="middle"') : "";
    return [
      `<rect x="${at(x + 1)}" y="${at(HEIGHT - BOTTOM - height)}" width="${at(wide - 2)}" height="${at(height)}" fill="#4477aa"><title>${low} to ${low + step}: ${n}</title></rect>`,
      ...(label ? [label] : []),
      ...(n > 0
        ? [text(x + wide / 2, HEIGHT - BOTTOM - height - 4, String(n), ' text-anchor="middle"')]
        : []),
    ];
  });
  const zero = LEFT + ((0 - from) / step) * wide;
  body.push(
    line(zero, TOP, zero, HEIGHT - BOTTOM, 'stroke="#888" stroke-dasharray="4 3"'),
    line(LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM, 'stroke="#888"'),
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, xTitle, ' text-anchor="middle"'),
  );
  return frame(title, body);
}
