/** Damaged kernels end in a Program or in a typed error at once: no hang, no crash, nothing untyped. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { OpenTrnError, Random } from "@opentrn/base";
import { printProgram } from "@opentrn/isa";
import { afterAll, describe, expect, test } from "vitest";
import { pythonAvailable, traceCPython } from "./cpython.ts";
import "./generated.testing.ts";
import { mutatedSource } from "./mutate-source.testing.ts";

const DAMAGED = Number(process.env["OPENTRN_FUZZ_SOURCES"] ?? 16);
const seed = Number(process.env["OPENTRN_FUZZ_SEED"] ?? 20_26);
/** A kernel that runs on is stopped; the process ends at once. */
const STOP_MS = 4000;

const tensor = (...shape: number[]) => ({ shape, dtype: "bfloat16" }) as const;
const kernels = [
  ["01-tensor-add", "tensor_add", [tensor(128, 64), tensor(128, 64)]],
  ["02-matmul", "matmul_tiled", [tensor(128, 128), tensor(128, 512)]],
  ["03-softmax", "softmax", [tensor(128, 64)]],
  ["04-rmsnorm", "rms_norm", [tensor(128, 64), tensor(64)]],
  ["05-flash-attention", "flash_attention", [tensor(128, 128), tensor(128, 128), tensor(128, 128)]],
] as const;

const example = (name: string): string =>
  readFileSync(fileURLToPath(new URL(`../../../../examples/${name}.py`, import.meta.url)), "utf8");

const folder = mkdtempSync(join(tmpdir(), "opentrn-damaged-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What became of a damaged source; a reason when it is not what a user may see. */
async function fate(n: number): Promise<string | undefined> {
  const r = new Random(seed * 1009 + n);
  const [name, kernel, args] = r.pick(kernels);
  const file = join(folder, `damaged-${n}.py`);
  const source = mutatedSource(r, example(name));
  writeFileSync(file, source);
  const started = performance.now();
  let why: string | undefined;
  try {
    const signal = AbortSignal.timeout(STOP_MS);
    const job = { file, kernel, args, maxInstructions: 20_000, signal, onPrint: () => undefined };
    printProgram((await traceCPython(job)).program);
  } catch (e) {
    if (!(e instanceof OpenTrnError)) why = `untyped: ${(e as Error).stack}`;
    else if (e.category === "internal") why = e.describe();
  }
  const ms = performance.now() - started;
  if (ms > 2 * STOP_MS) why = `took ${ms.toFixed(0)} ms`;
  return why && `damaged source ${n} (seed ${seed}, ${name}): ${why}\n${source}`;
}

describe.skipIf(!pythonAvailable())("damaged kernels", () => {
  test(
    "end in a Program or a typed error",
    async () => {
      const wrong: string[] = [];
      for (let n = 0; n < DAMAGED; n += 2)
        for (const why of await Promise.all([fate(n), fate(n + 1)])) if (why) wrong.push(why);
      expect(wrong.slice(0, 2)).toEqual([]);
    },
    DAMAGED * STOP_MS,
  );
});
