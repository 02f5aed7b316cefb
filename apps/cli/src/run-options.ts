/** The options of `trn run`, as typed and as used. */
import { OpenTrnError } from "@opentrn/base";
import type { Command } from "commander";

/** As commander hands them over. */
export interface RunOptions {
  readonly arg: readonly string[];
  readonly target?: string;
  readonly chip?: string;
  readonly lnc?: string;
  readonly ranks?: string;
  /** Machine whose chips the ranks fill. */
  readonly machine?: string;
  readonly check?: string;
  readonly rtol?: string;
  readonly atol?: string;
  readonly trace?: string;
  readonly report?: string;
  readonly save?: string;
  readonly outputs?: string;
  readonly timingOnly?: boolean;
  /** False with --no-timing. */
  readonly timing: boolean;
  readonly seed?: string;
  readonly preciseFp?: string;
  readonly python?: string;
  readonly watch?: readonly string[];
  /** Findings of the linter are errors. */
  readonly strict?: boolean;
  readonly reference?: boolean;
  readonly maxInstructions?: string;
  readonly json?: boolean;
}

const collect = (value: string, before: string[] = []): string[] => [...before, value];

const help = `
Tensors:
  --arg q=128x1024:bfloat16:normal       made up: shape, type, distribution
  --arg q=128x1024:bf16:"normal(0,0.02)" zeros ones full(v) uniform(a,b) randint(a,b) arange eye
  --arg q=@q.npy                         a file; @w.npz#key, @m.safetensors#name
  --arg q=@q.npy:bfloat16                converted to (or, for nameless bits, taken as) a type
Values fixed at compile time:
  --arg eps=1e-6 --arg causal=True --arg "mode='fast'" --arg tiles="(128, 512)"

Ranks (--ranks): rank n makes up inputs from seed + n; files and values are the same for all.
Collectives are timed for ranks that fill the chips of --machine one after the other.

References (--check): REF.py:FN gets NumPy arrays by parameter name, REF.ts:FN gets
{ shape, data: Float64Array, dtype }; both return the expected outputs in float64.
Tolerance by the narrowest float at the kernel's border: float32 1e-4, float16 5e-3,
bfloat16 2e-2, float8_e4m3 0.15, float8_e5m2 0.3, times |expected|, plus as much of the
reference's root mean square; integers exactly. --rtol and --atol set both by hand.

Exit codes: 0 all checks pass, 1 a check failed, 2 bad input.`;

export const addRunOptions = (command: Command): Command =>
  command
    .description("runs a kernel: results, predicted time and what limits it")
    .option("--arg <name=value>", "an argument of the kernel (repeatable)", collect, [])
    .option("--target <chip>", "chip to run on (default: the kernel's own, else trn2)")
    .option("--chip <file>", "a chip of your own as JSON")
    .option("--lnc <cores>", "physical cores of the launch")
    .option("--ranks <n>", "run on n ranks joined by nki.collectives, each with inputs of its own")
    .option("--machine <name>", "machine of the ranks (default: the largest one with the chip)")
    .option("--check <ref>", "compare with REF.py:FN or REF.ts:FN")
    .option("--rtol <x>", "relative tolerance of --check")
    .option("--atol <x>", "absolute tolerance of --check")
    .option(
      "--trace <file>",
      "write a trace for ui.perfetto.dev; as .json, .csv, .parquet or .speedscope.json in those forms; DIR/ for all tables",
    )
    .option("--report <file>", "write the report as JSON")
    .option("--save <file>", "write the Program, to run again with trn run FILE.otrn")
    .option("--outputs <file>", "write the outputs as .npz, .safetensors or .npy")
    .option("--timing-only", "predict time without computing values")
    .option("--no-timing", "compute values without predicting time")
    .option("--seed <n>", "seed of made-up inputs and of the engines' generators", "0")
    .option("--precise-fp <on|off>", "off keeps narrow types in fp32 (also NKI_PRECISE_FP=0)")
    .option("--python <host>", "cpython, pyodide or auto", "auto")
    .option(
      "--watch <tensor>",
      "show every write to a tensor: its name, or FILE:LINE (repeatable)",
      collect,
    )
    .option("--strict", "what the NKI compiler would refuse is an error (see trn lint)")
    .option("--reference", "use the slow reference meanings instead of the fast kernels")
    .option("--max-instructions <n>", "stop a kernel that issues or executes more")
    .option("--json", "the report as JSON on standard output")
    .addHelpText("after", help);

/** A number from the command line within bounds; `bad input` with both otherwise. */
export function numberOption(
  name: string,
  text: string | undefined,
  low: number,
  high: number,
  whole = true,
): number | undefined {
  if (text === undefined) return undefined;
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (value >= low && value <= high && (!whole || Number.isInteger(value))) return value;
  throw new OpenTrnError(
    `${name} ${JSON.stringify(text)} is not ${whole ? "a whole number" : "a number"} from ${low} to ${high}`,
    { category: "bad input", rule: name },
  );
}

/** One of a few words. */
export function choiceOption<T extends string>(
  name: string,
  text: string,
  choices: readonly T[],
): T {
  const found = choices.find((c) => c === text);
  if (found !== undefined) return found;
  throw new OpenTrnError(`${name} ${JSON.stringify(text)} is not one of ${choices.join(", ")}`, {
    category: "bad input",
    rule: name,
  });
}
