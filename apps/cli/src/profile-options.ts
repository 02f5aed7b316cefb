/** The options of `trn profile`. */
import type { Command } from "commander";

const collect = (value: string, before: string[] = []): string[] => [...before, value];

const help = `
Subjects: FILE.py:KERNEL, FILE.ts[:KERNEL] or PROGRAM.otrn with --arg as in trn run; a report that
trn profile --json printed; JSON of neuron-profile or Neuron Explorer, which is replayed.

  trn profile kernel.py:kernel --arg x=128x1024:bf16
  trn profile kernel.py:kernel --arg x=128x1024:bf16 --json > before.json
  trn profile kernel.py:kernel --arg x=128x1024:bf16 --against before.json
  trn profile profile.json

Every advice was timed by running the timeline with the change; its last line says how to check it.

Exit codes: 0 done, 1 slower than --max-slower allows, 2 bad input.`;

export const addProfileOptions = (command: Command): Command =>
  command
    .description("says where a kernel's time goes and what would make it faster")
    .option("--against <subject>", "compare with another one: kernel, report or dump")
    .option("--arg <name=value>", "an argument of the kernel (repeatable)", collect, [])
    .option("--against-arg <name=value>", "an argument of the other one instead", collect, [])
    .option("--target <chip>", "chip to run on (default: the kernel's own, else trn2)")
    .option("--chip <file>", "a chip of your own as JSON")
    .option("--lnc <cores>", "physical cores of the launch")
    .option("--schedule <order>", "program-order, or list: as a list scheduler would issue")
    .option("--values", "compute values too, for loops whose bounds come from memory")
    .option("--seed <n>", "seed of made-up inputs", "0")
    .option("--no-advice", "only what is, not what could be")
    .option("--budget <millions>", "instructions that what-ifs may run through the timeline")
    .option("--top <n>", "rows of each list in the terminal")
    .option("--max-slower <percent>", "with --against: end with 1 when it is slower by more")
    .option("--report <file>", "write the report as JSON")
    .option("--python <host>", "cpython, pyodide or auto", "auto")
    .option("--max-instructions <n>", "stop a kernel that issues or executes more")
    .option("--json", "the report, or with --against the comparison, as JSON")
    .addHelpText("after", help);
