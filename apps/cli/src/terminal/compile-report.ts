/** The report of `trn compile`: what the step costs, against its bound, by module. */
import type { Buffer } from "@opentrn/compiler";
import { sizeOf } from "@opentrn/ir";
import { bytesOf } from "@opentrn/numerics";
import type { ModelCost } from "@opentrn/train";
import type { Colours } from "../io.ts";
import { bar } from "./bars.ts";
import { table } from "./table.ts";
import { count, hostTime, percent, size, time } from "./units.ts";

export interface CompileTitle {
  readonly model: string;
  /** Absent for a function of the IR. */
  readonly phase?: string;
  readonly batch?: number;
  readonly seq?: number;
  readonly target: string;
}

const bytes = (b: Buffer): number => sizeOf(b.type.shape) * bytesOf(b.type.dtype);

export function compileReport(
  title: CompileTitle,
  c: ModelCost,
  rows: number,
  colours: Colours,
): string {
  const { bold, dim } = colours;
  const lines: readonly (readonly [string, string])[] = [
    ["time", `${bold(time(c.stepNs))} predicted on one core of ${title.target}`],
    [
      "bound",
      `${time(c.boundNs)} if every module ran at its roofline: ${percent(c.boundNs / c.stepNs)} of the time`,
    ],
    ["MFU", `${percent(c.mfu)} of the core's bf16 peak, ${(c.modelFlops / 1e12).toFixed(3)} TFLOP`],
    ...(c.tokens > 0 ? tokenLines(c) : []),
    [
      "HBM",
      `${size(c.memory.peakBytes)} of ${size(c.hbmLimit)} at the fullest moment; read ${size(c.time.hbm.readBytes)}, wrote ${size(c.time.hbm.writeBytes)}`,
    ],
    [
      "program",
      `${count(c.time.instructions)} instructions, ${c.plan.calls.length} calls of ${c.plan.modules.length} modules; compiled in ${hostTime(c.compileMs)}`,
    ],
  ];
  const shown = c.modules.slice(0, rows);
  const rest = c.modules.slice(rows);
  const body = shown.map((m) => [
    bar(m.share, 10),
    percent(m.share),
    time(m.totalNs),
    String(m.calls),
    time(m.ns),
    percent(m.boundNs / m.ns),
    m.boundBy,
    m.what,
    dim(m.bottleneck),
  ]);
  return [
    `\n ${bold(title.model)}  ${title.phase ? `${title.phase}, batch ${title.batch} x ${title.seq} tokens, ` : ""}${title.target}\n`,
    ...lines.map(([k, v]) => ` ${dim(k.padEnd(8))} ${v}`),
    "",
    table(
      [
        { title: "" },
        { title: "share", right: true },
        { title: "total", right: true },
        { title: "calls", right: true },
        { title: "each", right: true },
        { title: "of bound", right: true },
        { title: "bound by" },
        { title: "module", max: 56 },
        { title: "limited by", max: 90 },
      ],
      body,
      colours,
    ).trimEnd(),
    ...(rest.length > 0
      ? [
          dim(
            ` and ${rest.length} more modules, ${percent(rest.reduce((n, m) => n + m.share, 0))} of the time`,
          ),
        ]
      : []),
    "",
  ].join("\n");
}

function tokenLines({ cost, tokensPerSecond }: ModelCost): (readonly [string, string])[] {
  const price = cost
    ? `$${Number(cost.usdPerMillionTokens.toPrecision(3))} a million tokens on all cores of ${cost.instance} at $${cost.price.usdPerHour.value}/h (${cost.price.term})`
    : "no published price of this chip";
  return [
    ["tokens", `${count(Math.round(tokensPerSecond))} a second and core`],
    ["cost", price],
  ];
}

/** The largest tensors in HBM at the fullest moment. */
export function memoryReport(c: ModelCost, colours: Colours): string {
  const rows = c.memory.tenants
    .slice(0, 40)
    .map((b) => [size(bytes(b)), b.kind, `${b.type.dtype}[${b.type.shape}]`, b.name]);
  return table(
    [{ title: "size", right: true }, { title: "kind" }, { title: "type" }, { title: "tensor" }],
    rows,
    colours,
  );
}
