// Draws what a `trn` command prints in a terminal as an SVG, for the README: `node scripts/picture.mjs` writes docs/images/*.svg. The text
// is what the command printed, byte for byte; colours come from its escape codes.
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const tensor = "2048x128:bfloat16:normal";
const pictures = {
  "flash-attention": {
    shown: "trn run 05-flash-attention.py --arg q=2048x128:bfloat16 … --check references.ts:…",
    args: [
      "run",
      "examples/05-flash-attention.py:flash_attention",
      ...["q", "k", "v"].flatMap((name) => ["--arg", `${name}=${tensor}`]),
      ...[
        "--check",
        "examples/references.ts:causalAttention",
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

function svg(command, text) {
  const lines = [`$ ${command}`, ...text.trimEnd().split("\n")];
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
</g>
</svg>
`;
}

mkdirSync(`${root}docs/images`, { recursive: true });
for (const [name, { shown, args }] of Object.entries(pictures)) {
  const text = execFileSync(process.execPath, ["apps/cli/bin/trn.mjs", ...args], {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, FORCE_COLOR: "1" },
  });
  writeFileSync(`${root}docs/images/${name}.svg`, svg(shown, text));
  console.log(`docs/images/${name}.svg`);
}
