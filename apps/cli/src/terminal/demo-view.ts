/** What the demo says at its end: how far the loss fell, how fast this host was, what the chip would take, and where files lie. */
import type { Cost } from "@opentrn/train";
import type { DemoReport } from "../demo/demo-report.ts";
import type { Colours } from "../io.ts";
import { dollars, rate } from "./train-view.ts";
import { hostTime, percent, size, time } from "./units.ts";

/** Lines under each other, each with its subject in front. */
export function demoSummary(
  report: DemoReport,
  cost: Cost | undefined,
  { dim }: Pick<Colours, "dim">,
): string {
  const rows = [
    ...loss(report),
    ...host(report),
    ...chip(report),
    ...(cost ? [["cost", price(cost)] as const] : []),
    ...files(report),
  ];
  return rows.map(([subject, text]) => `${dim(subject.padEnd(12))}${text}\n`).join("");
}

type Row = readonly [subject: string, text: string];

const fell = (from: number | null, to: number | null): string =>
  [from, to].flatMap((x) => (x === null ? [] : [x.toFixed(2)])).join(" to ");

function loss({ train, first_eval_loss: first }: DemoReport): readonly Row[] {
  if (train.loss === null) return [];
  const held = train.eval_loss === null ? "" : `; text held back ${fell(first, train.eval_loss)}`;
  return [["loss", `${fell(train.first_loss, train.loss)}${held}`]];
}

function host({ train, generate, host: all }: DemoReport): readonly Row[] {
  const { steps_here: steps, host: own } = train;
  const writing = generate ? `, writing ${rate(generate.host.tokens_per_second)} tokens/s` : "";
  return [
    [
      "this host",
      `${steps} steps in ${hostTime(own.seconds * 1000)}, ${rate(own.tokens_per_second)} tokens/s${writing}; all in ${hostTime(all.seconds * 1000)}, ${size(all.peak_bytes)}`,
    ],
  ];
}

/** What the chip would take, predicted. */
function chip({ train, generate }: DemoReport): readonly Row[] {
  const { predicted: p, target } = train;
  if (!p) return [];
  const range =
    p.low_ns === null || p.high_ns === null ? "" : ` (${time(p.low_ns)} to ${time(p.high_ns)})`;
  const mfu = p.mfu === null ? "" : `, MFU ${percent(p.mfu)}`;
  const writing = generate?.predicted;
  return [
    [
      target,
      `step ${time(p.step_ns)}${range} on ${p.cores} cores, ${rate(p.tokens_per_second)} tokens/s${mfu} (predicted)`,
    ],
    ...(writing
      ? [
          [
            "",
            `first token ${time(writing.ttft_ns)}, then ${time(writing.token_ns)} a token, ${rate(writing.tokens_per_second)} tokens/s (predicted)`,
          ] as const,
        ]
      : []),
  ];
}

const price = ({ usdPerMillionTokens, instance, price: p }: Cost): string =>
  `${dollars(usdPerMillionTokens)} a million tokens trained, ${instance} at ${dollars(p.usdPerHour.value)} an hour (${p.term}, ${p.date})`;

function files({ files: f, generate, train }: DemoReport): readonly Row[] {
  return [
    ...(f.checkpoint === null ? [] : [["checkpoint", f.checkpoint] as const]),
    ["logs", `${f.log}, ${f.csv}`],
    ["TensorBoard", f.tensorboard],
    ...(generate
      ? [["next", `trn generate --model ${train.out} --prompt "Call me" --seed 2`] as const]
      : []),
  ];
}
