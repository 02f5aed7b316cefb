/** `trn chips`: the chips we know; `trn chips NAME`: every fact of one with its basis and source. */
import { type Chip, chipNamed, chips, type Fact, psumBytesPerPartition } from "@opentrn/chips";
import { exitCode } from "../failure.ts";
import type { Io } from "../io.ts";
import { table, wrap } from "../terminal/table.ts";
import { size } from "../terminal/units.ts";

const isFact = (v: unknown): v is Fact<unknown> =>
  typeof v === "object" && v !== null && "value" in v && "basis" in v && "source" in v;

interface FactRow {
  readonly path: string;
  readonly fact: Fact<unknown>;
}

/** Facts by their place in the chip file, such as `tensor.duty.threshold`. */
export function factsOf(value: unknown, path = ""): FactRow[] {
  if (isFact(value)) return [{ path, fact: value }];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([k, v]) => factsOf(v, path ? `${path}.${k}` : k));
}

const summary = (c: Chip): Record<string, unknown> => ({
  name: c.name,
  title: c.title,
  generation: c.generation,
  aliases: c.aliases,
  cores: c.cores.value,
  sbuf_bytes: c.partitions.value * c.sbuf.bytesPerPartition.value,
  psum_bytes: c.partitions.value * psumBytesPerPartition(c),
  hbm_bytes: c.hbm.bytes.value,
  peak_bf16_tflops: c.peakTflops.bf16.value,
});

export function chipsCommand(
  name: string | undefined,
  options: { readonly json?: boolean },
  io: Io,
): number {
  const chip = name === undefined ? undefined : chipNamed(name);
  if (options.json) io.out(`${JSON.stringify(chip ?? chips.map(summary))}\n`);
  else if (chip) showChip(chip, io);
  else listChips(io);
  return exitCode.passed;
}

function listChips(io: Io): void {
  const rows = chips.map((c) => [
    c.name,
    c.title,
    `NeuronCore-v${c.generation}`,
    String(c.cores.value),
    size(c.partitions.value * c.sbuf.bytesPerPartition.value),
    size(c.partitions.value * psumBytesPerPartition(c)),
    size(c.hbm.bytes.value),
    String(c.peakTflops.bf16.value),
    c.aliases.join(", "),
  ]);
  io.out(
    table(
      [
        { title: "chip" },
        { title: "name" },
        { title: "core" },
        { title: "cores", right: true },
        { title: "SBUF", right: true },
        { title: "PSUM", right: true },
        { title: "HBM", right: true },
        { title: "bf16", right: true },
        { title: "also" },
      ],
      rows,
      io.colours,
    ),
  );
  io.out(
    `${io.colours.dim("SBUF and PSUM a core, HBM a chip, bf16 in dense TFLOP/s a core. trn chips NAME shows sources.")}\n`,
  );
}

function showChip(chip: Chip, io: Io): void {
  const { bold, dim } = io.colours;
  io.out(`${bold(chip.name)} ${chip.title}, NeuronCore-v${chip.generation}\n\n`);
  const facts = factsOf(chip);
  const width = Math.max(...facts.map((f) => f.path.length));
  for (const { path, fact } of facts) {
    const mark = fact.basis === "assumed" ? io.colours.yellow(fact.basis) : fact.basis;
    io.out(`${path.padEnd(width)}  ${bold(JSON.stringify(fact.value))}  ${mark}\n`);
    const why = fact.note ? `${fact.source} (${fact.note})` : fact.source;
    io.out(`  ${dim(wrap(why, 78, "  "))}\n`);
  }
  const assumed = facts.filter((f) => f.fact.basis === "assumed").length;
  io.out(
    `\n${facts.length} facts, ${assumed} assumed. A copy of --json, changed, is a chip of your own: trn run --chip my.json\n`,
  );
}
