/** The NumPy peers: run once a benchmark, only where python3 has NumPy, with the reason where not. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Program } from "@opentrn/isa";
import { pythonCommand } from "@opentrn/nki";
import { type StoredTensor, writeNpz } from "@opentrn/runtime";
import { repositoryFile } from "../repository.ts";
import { peerProgram } from "./peer-program.ts";

/** What a peer printed, or why there is none. */
export type Peer<T> = { readonly figures: T } | { readonly missing: string };

function runPython<T>(script: string, args: readonly string[]): Peer<T> {
  const python = pythonCommand();
  const done = spawnSync(python, [repositoryFile(script), ...args], { encoding: "utf8" });
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

/** The eager NumPy interpreter on a Program; its median time for values alone. */
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
    return runPython<InterpreterFigures>("bench/numpy_peer.py", [
      at("program.json"),
      at("inputs.npz"),
      at("outputs.npz"),
      String(repeats),
    ]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
