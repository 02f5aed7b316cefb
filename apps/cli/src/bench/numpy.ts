/** The NumPy peers: run once a benchmark, only where python3 has NumPy, with the reason where not. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { Program } from "@opentrn/isa";
import { pythonCommand } from "@opentrn/nki";
import { type StoredTensor, writeNpz } from "@opentrn/runtime";
import { repositoryFile } from "../repository.ts";
import { peerProgram } from "./peer-program.ts";

/** What a peer printed, or why there is none. */
export type Peer<T> = { readonly figures: T } | { readonly missing: string };

export function runPython<T>(
  script: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Peer<T> {
  const python = pythonCommand();
  const done = spawnSync(python, [repositoryFile(script), ...args], {
    encoding: "utf8",
    env: { ...process.env, ...environment },
  });
  if (done.error) return { missing: `no peer: ${python} is not on the path` };
  if (done.status !== 0) {
    const why = done.stderr.trim().split("\n").at(-1) ?? "";
    return { missing: `no peer: ${why.includes("numpy") ? `${python} has no NumPy` : why}` };
  }
  const figures = JSON.parse(done.stdout) as T & { error?: string };
  return figures.error === undefined ? { figures } : { missing: `no peer: ${figures.error}` };
}

export interface MicroFigures {
  readonly matmul: number;
  readonly exp: number;
  readonly to_bfloat16: number;
  readonly copy: number;
}

let micro: Peer<MicroFigures> | undefined;

/** NumPy on one thread on the jobs of the kernel rows. */
export function numpyMicro(): Peer<MicroFigures> {
  micro ??= runPython<MicroFigures>("bench/numpy_micro.py", []);
  return micro;
}

export interface InterpreterFigures {
  readonly seconds: number;
  readonly runs: readonly number[];
  readonly instructions: number;
}

/** Thread counts of NumPy's BLAS tried; on a busy machine one thread is faster than as many as there are cores. */
const THREADS = ["1", ""] as const;

const threads = (n: string): Readonly<Record<string, string>> =>
  n === ""
    ? {}
    : {
        OPENBLAS_NUM_THREADS: n,
        OMP_NUM_THREADS: n,
        MKL_NUM_THREADS: n,
        VECLIB_MAXIMUM_THREADS: n,
      };

/** The eager NumPy interpreter on a Program; its median time for values alone, with the thread count that suits it best. */
export function numpyInterpreter(
  program: Program,
  inputs: Readonly<Record<string, StoredTensor>>,
  repeats: number,
): Peer<InterpreterFigures> {
  const folder = mkdtempSync(join(tmpdir(), "trn-bench-"));
  const at = (name: string): string => join(folder, name);
  try {
    writeFileSync(at("program.json"), JSON.stringify(peerProgram(program)));
    writeFileSync(at("inputs.npz"), writeNpz(inputs));
    const args = [at("program.json"), at("inputs.npz"), at("outputs.npz"), String(repeats)];
    const runs = THREADS.map((n) =>
      runPython<InterpreterFigures>("bench/numpy_peer.py", args, threads(n)),
    );
    return runs.reduce((a, b) =>
      "figures" in a && "figures" in b && b.figures.seconds < a.figures.seconds ? b : a,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
