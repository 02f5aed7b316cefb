/** The options of `trn compile` as typed. */
import type { Command } from "commander";

export interface TypedCompileOptions {
  readonly phase: string;
  readonly batch: string;
  readonly seq: string;
  readonly layers?: string;
  readonly target: string;
  readonly chip?: string;
  readonly computeDtype: string;
  readonly replicas: string;
  readonly recompute?: boolean;
  readonly fp8?: boolean;
  readonly instance?: string;
  readonly term?: string;
  readonly show?: string;
  readonly emit?: string;
  readonly out?: string;
  readonly modules: string;
  readonly json?: boolean;
}

const examples = `
Examples:
  trn compile gpt2 --batch 8 --seq 1024
  trn compile llama-3-8b --phase forward --batch 1 --seq 4096 --layers 2
  trn compile ./my-model --phase decode --batch 4 --seq 2048 --target trn1
  trn compile tiny-llama --phase forward --batch 1 --seq 64 --show fuse
  trn compile examples/linear-gelu.ir --show timeline
  trn compile tiny-llama --phase forward --batch 1 --seq 64 --emit nki --out forward.py
`;

export const addCompileOptions = (command: Command): Command =>
  command
    .description(
      "lowers a model to instructions and predicts time, memory and cost, without running it",
    )
    .argument(
      "<model>",
      "a preset, a config.json, a folder with one, or a function of the IR in a file that ends in .ir",
    )
    .option("--phase <name>", "train, forward, prefill or decode", "train")
    .option("--batch <n>", "sequences", "8")
    .option("--seq <n>", "tokens of a sequence; for decode those in the cache", "1024")
    .option("--layers <n>", "that many layers instead of the model's")
    .option("--compute-dtype <type>", "type of matmul operands and activations", "bfloat16")
    .option("--recompute", "train: keep only the layers' inputs and compute the rest again")
    .option(
      "--fp8",
      "products of bf16 operands in fp8, each operand scaled by its largest magnitude",
    )
    .option("--replicas <n>", "train: data-parallel cores; adds the all-reduce", "1")
    .option("--target <chip>", "chip to compile for", "trn2")
    .option("--chip <file>", "a chip of your own as JSON")
    .option("--instance <name>", "instance whose price is taken")
    .option("--term <term>", "on-demand, 3-year or capacity-block")
    .option("--modules <n>", "rows of the breakdown", "16")
    .option(
      "--show <stage>",
      "print the IR after a pass (inline, simplify, fuse), the Program (program), when its instructions run (timeline), or HBM at the fullest moment (memory)",
    )
    .option("--emit <form>", "nki: the compiled function as NKI Python; program: as a Program file")
    .option("--out <file>", "where --emit writes")
    .option("--json", "as JSON")
    .addHelpText("after", examples);
