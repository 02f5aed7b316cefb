/** The trn command line: what there is to type, and how failures end. Commands are loaded when they are used. */
import { readFileSync } from "node:fs";
import { Command } from "commander";
import { addCompileOptions } from "./compile-options.ts";
import { exitCode, reportFailure } from "./failure.ts";
import type { Io } from "./io.ts";
import { addProfileOptions } from "./profile-options.ts";
import { addRunOptions } from "./run-options.ts";
import { addGenerateOptions, addTrainOptions } from "./train-options.ts";

const version = (): string =>
  (
    JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
      version: string;
    }
  ).version;

const examples = `
Examples:
  trn train --config tiny-llama --data book.txt --out out/tiny
  trn generate --model out/tiny --prompt "Call me"
  trn run softmax.py:softmax --arg x=4096x1024:bfloat16:normal
  trn run matmul.ts --arg lhsT=@weights.safetensors#w --arg rhs=512x512:bf16
  trn run rmsnorm.py:rmsnorm --arg x=@x.npy --arg eps=1e-6 --check ref.py:rmsnorm --trace out.pftrace
  trn python train.py --epochs 1
  trn isa nc_matmul
`;

const demoHelp = `
A demo that was stopped with Ctrl-C goes on when it is typed again. A finished one stays: the
next goes to out/demo-2.`;

/** Builds the command tree; each action leaves its exit code with `done`. */
export function commandLine(io: Io, done: (code: number) => void): Command {
  const trn = new Command("trn")
    .description(
      "Trains transformers and runs NKI kernels on a virtual Trainium: exact numbers, predicted time.",
    )
    .version(version(), "-V, --version")
    .addHelpText("after", examples)
    .showSuggestionAfterError()
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: io.out,
      writeErr: () => {},
      getOutHasColors: () => io.colours.isColorSupported,
    })
    .configureHelp({ styleTitle: (s) => io.colours.bold(s), helpWidth: 80 });

  addRunOptions(
    trn.command("run").argument("<kernel>", "FILE.py:KERNEL, FILE.ts[:KERNEL] or PROGRAM.otrn"),
  ).action(async (kernel: string, options) => {
    const { runCommand } = await import("./commands/run.ts");
    done(await runCommand(kernel, options, io));
  });

  trn
    .command("print")
    .description("prints the Program of a kernel or a saved Program as text")
    .argument("<kernel>", "FILE.py:KERNEL, FILE.ts[:KERNEL] or PROGRAM.otrn")
    .option("--arg <name=value...>", "an argument, as in trn run", collect, [])
    .option("--target <chip>", "chip to build for")
    .option("--chip <file>", "a chip of your own as JSON")
    .option("--lnc <cores>", "physical cores of the launch")
    .option("--python <host>", "cpython, pyodide or auto", "auto")
    .option("--max-instructions <n>", "stop a kernel that issues or executes more")
    .option("--json", "failures as JSON on standard output")
    .action(async (kernel: string, options) => {
      const { printCommand } = await import("./commands/print.ts");
      done(await printCommand(kernel, options, io));
    });

  trn
    .command("python")
    .description("runs your own Python script with the nki package on its path")
    .argument("<script>", "the script; what follows is handed to it")
    .argument("[args...]", "arguments of the script")
    .passThroughOptions()
    .option("--target <chip>", "chip that kernels run on")
    .option("--json", "failures as JSON on standard output")
    .action(async (script: string, args: string[], options) => {
      const { pythonCommand } = await import("./commands/python.ts");
      done(await pythonCommand(script, args, options, io));
    });

  trn
    .command("engine")
    .description("serves the nki package of Python over standard input and output")
    .action(async () => {
      const { engineCommand } = await import("./commands/engine.ts");
      await engineCommand();
    });

  addCompileOptions(trn.command("compile")).action(async (model: string, options) => {
    const { compileCommand } = await import("./commands/compile.ts");
    done(await compileCommand(model, options, io));
  });

  addTrainOptions(trn.command("train")).action(async (options) => {
    const { trainCommand } = await import("./commands/train.ts");
    done(await trainCommand(options, io, version()));
  });

  addGenerateOptions(trn.command("generate")).action(async (options) => {
    const { generateCommand } = await import("./commands/generate.ts");
    done(await generateCommand(options, io));
  });

  trn
    .command("chips")
    .description("lists chips, or every fact of one with its basis and source")
    .argument("[name]", "a chip")
    .option("--json", "as JSON")
    .action(async (name: string | undefined, options) => {
      const { chipsCommand } = await import("./commands/chips.ts");
      done(chipsCommand(name, options, io));
    });

  trn
    .command("isa")
    .description("lists instructions, or one in full: operands, rules, cost, source")
    .argument("[op]", "an instruction, e.g. nc_matmul")
    .option("--json", "as JSON")
    .action(async (name: string | undefined, options) => {
      const { isaCommand } = await import("./commands/isa.ts");
      done(isaCommand(name, options, io));
    });

  trn
    .command("bench")
    .description("measures this machine against the project's targets and against NumPy")
    .option("--train", "training and decoding of a 10 M Llama against PyTorch instead")
    .option("--filter <text>", "only rows whose name contains it")
    .option("--json", "as JSON")
    .action(async (options) => {
      const { benchCommand } = await import("./commands/bench.ts");
      done(await benchCommand(options, io));
    });

  trn
    .command("conformance")
    .description("runs the kernels of a public checkout with their own tests")
    .argument("<folder>", "checkout of a repository")
    .option("--only <text>", "only files whose path contains it")
    .option("--timeout <seconds>", "longest a test or script may take", "120")
    .option("--target <chip>", "chip that kernels run on")
    .option("--commit <hash>", "commit to name where the folder is no git checkout")
    .option("--write <page>", "put the section of this repository into a Markdown page")
    .option("--name <owner/name>", "name of the repository on that page")
    .option("--json", "as JSON")
    .action(async (folder: string, options) => {
      const { conformanceCommand } = await import("./commands/conformance.ts");
      done(await conformanceCommand(folder, options, io));
    });

  trn
    .command("validate")
    .description("compares predictions with published measurements, or with a recorded profile")
    .option("--profile <file...>", "replay neuron-profile JSON instead of checking rows")
    .option("--rows <file>", "rows in the form of validation/rows instead of those")
    .option("--only <text>", "only rows with it in id, kernel, family, variant or source")
    .option("--schedule <order>", "order of instructions: list or program-order", "list")
    .option("--target <chip>", "chip that a profile was recorded on", "trn2")
    .option("--each", "print every row")
    .option("--write", "write docs/accuracy.md; with --profile, the figures it shows of profiles")
    .option("--check", "say whether docs/accuracy.md is what --write would write")
    .option("--json", "as JSON")
    .action(async (options) => {
      const { validateCommand } = await import("./commands/validate.ts");
      done(await validateCommand(options, io));
    });

  addProfileOptions(
    trn
      .command("profile")
      .argument(
        "<subject>",
        "a kernel or PROGRAM.otrn as in trn run, a saved report or a profile dump",
      ),
  ).action(async (subject: string, options) => {
    const { profileCommand } = await import("./commands/profile.ts");
    done(await profileCommand(subject, options, io));
  });

  trn
    .command("migrate-report")
    .description("names each line of a kernel file to change for the newest NKI")
    .argument("<file>", "a Python file")
    .option("--json", "as JSON")
    .action(async (file: string, options) => {
      const { migrateReportCommand } = await import("./commands/migrate-report.ts");
      done(await migrateReportCommand(file, options, io));
    });

  trn
    .command("lint")
    .description("names what the NKI compiler refuses in kernels, line by line")
    .argument("<kernel>", "FILE.py or FILE.py:KERNEL")
    .option("--json", "as JSON")
    .action(async (kernel: string, options) => {
      const { lintCommand } = await import("./commands/lint.ts");
      done(await lintCommand(kernel, options, io));
    });

  trn
    .command("demo")
    .description("trains a small Llama on Moby-Dick for a minute, then lets it write")
    .argument("[what]", "train, or kernels: a transformer block and flash attention, checked")
    .option("--out <folder>", "where everything goes (default: out/demo; of kernels: out)")
    .option("--steps <n>", "optimiser steps of training")
    .option("--json", "as JSON")
    .addHelpText("after", demoHelp)
    .action(async (what: string | undefined, options) => {
      const { demo } = await import("./commands/demo.ts");
      done(await demo(what ?? "train", options, io, version()));
    });
  return trn;
}

/** Collects a repeatable option. */
export const collect = (value: string, before: string[]): string[] => [...before, value];

/** Runs `argv` (without node and script); returns the exit code: 0 passed, 1 a check failed, 2 bad input. */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  let code: number = exitCode.passed;
  const trn = commandLine(io, (c) => {
    code = c;
  });
  try {
    if (argv.length === 0) trn.outputHelp();
    else await trn.parseAsync([...argv], { from: "user" });
    return code;
  } catch (e) {
    return reportFailure(e, io, wantsJson(argv));
  }
}

/** Known even where the command line itself is wrong. Options behind a user's script are the script's. */
function wantsJson(argv: readonly string[]): boolean {
  const own = argv[0] === "python" ? argv.slice(0, 1) : argv;
  return own.includes("--json");
}
