// Draws what a `trn` command prints in a terminal as an SVG, for the README: `node scripts/picture.mjs [NAME]` writes docs/images/*.svg. The
// text is what the command printed on standard output, byte for byte; colours come from its escape codes, curves of Braille are drawn.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import pc from "picocolors";
import { main } from "../apps/cli/dist/main.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const tensor = "2048x128:bfloat16:normal";
const pictures = {
  demo: { shown: "npm run demo", args: ["demo"] },
  "flash-attention": {
    shown: "trn run 05-flash-attention.py --arg q=2048x128:bfloat16 … --check references.ts:…",
    args: [
      "run",
      `${root}examples/05-flash-attention.py:flash_attention`,
      ...["q", "k", "v"].flatMap((name) => ["--arg", `${name}=${tensor}`]),
      ...[
        "--check",
        `${root}examples/references.ts:causalAttention`,
        "--rtol",
        "0.0078125",
        "--atol",
        "0.00390625",
      ],
    ],
  },
};

const [cell, lineHeight, margin] = [8.43, 19, 24];
const colours = {
  31: "#ff7b72",
  32: "#7ee787",
  33: "#e3b341",
  34: "#79c0ff",
  35: "#d2a8ff",
  36: "#76e3ea",
};
const plain = "#e6edf3";
const code = `${String.fromCharCode(27)}\\[[\\d;]*m`;
const escapes = new RegExp(code, "g");
const escaped = (s) => s.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

/** Runs of one style: `[text, attributes]`. */
function runs(line, style) {
  const out = [];
  for (const part of line.split(new RegExp(`(${code})`))) {
    const codes = part.match(escapes) ? part.slice(2, -1) : undefined;
    if (codes === undefined) {
      if (part) out.push([part, { ...style }]);
      continue;
    }
    for (const code of codes.split(";").map(Number)) {
      if (code === 0) Object.assign(style, { bold: false, dim: false, fill: undefined });
      else if (code === 1) style.bold = true;
      else if (code === 2) style.dim = true;
      else if (code === 22) Object.assign(style, { bold: false, dim: false });
      else if (code === 39) style.fill = undefined;
      else if (colours[code]) style.fill = colours[code];
    }
  }
  return out;
}

/** Column and row of a Braille character's dots, by bit (Unicode, Braille Patterns). */
const brailleDots = [
  [0, 0],
  [0, 1],
  [0, 2],
  [1, 0],
  [1, 1],
  [1, 2],
  [0, 3],
  [1, 3],
];

/** Dots of Braille characters as a path: many fonts lack them, and others give them another width. */
function brailleOf(line, y) {
  const top = margin + 3 + y * lineHeight;
  return [...line].flatMap((c, i) =>
    brailleDots.flatMap(([column, row], bit) =>
      isBraille(c) && (c.codePointAt(0) >> bit) & 1
        ? [
            `M${(margin + (i + 0.25 + column / 2) * cell).toFixed(1)} ${(top + ((row + 0.5) * lineHeight) / 4).toFixed(1)}h0`,
          ]
        : [],
    ),
  );
}
const isBraille = (c) => c >= "\u2800" && c <= "\u28ff";

function svg(command, printed) {
  const whole = [`$ ${command}`, ...printed.trimEnd().split("\n")];
  const dots = whole.flatMap((line, y) => brailleOf(line.replace(escapes, ""), y));
  const lines = whole.map((line) => line.replace(/[\u2800-\u28ff]/g, " "));
  const style = {};
  const width = Math.max(...lines.map((l) => l.replace(escapes, "").length));
  const rows = lines.map((line, y) => {
    const spans = runs(line, style).map(
      ([t, { bold, dim, fill }]) =>
        `<tspan fill="${fill ?? plain}"${bold ? ' font-weight="bold"' : ""}${dim ? ' opacity="0.6"' : ""}>${escaped(t)}</tspan>`,
    );
    return `<text x="${margin}" y="${margin + 14 + y * lineHeight}">${spans.join("")}</text>`;
  });
  const [w, h] = [Math.ceil(2 * margin + width * cell), 2 * margin + lines.length * lineHeight];
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${w}" height="${h}" viewBox="0 0 ${w} ${h}" role="img" aria-label="${escaped(command)}">
<rect width="100%" height="100%" rx="10" fill="#0d1117"/>
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="14" xml:space="preserve">
${rows.join("\n")}
</g>${dots.length > 0 ? `\n<path d="${dots.join("")}" stroke="${colours[36]}" stroke-width="2.4" stroke-linecap="round"/>` : ""}
</svg>
`;
}

/** Standard output of a command on a terminal, run in an empty folder so that paths are as in a fresh clone. */
async function printed(args) {
  const folder = mkdtempSync(join(tmpdir(), "trn-picture-"));
  process.chdir(folder);
  let text = "";
  try {
    const code = await main(args, {
      out: (s) => {
        text += s;
      },
      err: () => {},
      colours: pc.createColors(true),
      live: true,
      env: {},
    });
    if (code !== 0) throw new Error(`trn ${args.join(" ")} ended with ${code}`);
    return text;
  } finally {
    process.chdir(root);
    rmSync(folder, { recursive: true, force: true });
  }
}

const wanted = process.argv.slice(2);
mkdirSync(`${root}docs/images`, { recursive: true });
for (const [name, { shown, args }] of Object.entries(pictures)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  writeFileSync(`${root}docs/images/${name}.svg`, svg(shown, await printed(args)));
  console.log(`docs/images/${name}.svg`);
}
