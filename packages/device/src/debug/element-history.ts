/** Who wrote one element of an output: the instruction that wrote it last, and through copies, back to the one that computed it. */
import { type AccessPattern, decodeInstruction, locationOf, type Program } from "@opentrn/isa";
import { bytesOf } from "@opentrn/numerics";
import type { Executable } from "../execute/executable.ts";
import { sliceText } from "./slice-text.ts";
import { writersOf } from "./writes.ts";

export interface ElementWrite {
  readonly instruction: string;
  /** Program index. */
  readonly index: number;
  readonly core: number;
  readonly file: string | null;
  readonly line: number | null;
  /** The storage written, where it lies and where it was made. */
  readonly tensor: string;
  readonly space: string;
  readonly made_at: { readonly file: string; readonly line: number } | null;
  /** What the instruction wrote of it, as a slice where it is one. */
  readonly slice: string;
  /** Row-major number of the element among those the instruction wrote. */
  readonly element: number;
}

/** Instructions whose n-th result is their n-th source element. */
const COPIES: ReadonlySet<string> = new Set(["dma_copy", "tensor_copy"]);
/** Longest chain of copies followed; each takes a run. */
const MAX_CHAIN = 8;

interface Target {
  readonly storage: number;
  /** Host address; absent: element `element` of the storage, wherever it lies. */
  readonly address?: number;
  readonly element: number;
  /** Only writes before this many instructions of the run count. */
  readonly before: number;
}

/**
 * The writes behind element `element` (counted in the storage's own type) of `storage`, latest first: each but the last is a copy of the
 * next one's result. Empty when nothing writes it. Runs the Program once for each.
 */
export function elementHistory(
  executable: Executable,
  inputs: readonly Uint8Array[],
  storage: number,
  element: number,
): readonly ElementWrite[] {
  const chain: ElementWrite[] = [];
  let target: Target | undefined = { storage, element, before: Number.POSITIVE_INFINITY };
  while (target && chain.length < MAX_CHAIN) {
    const found: Found | undefined = lastWrite(executable, inputs, target);
    if (!found) break;
    chain.push(found.write);
    target = found.source;
  }
  return chain;
}

interface Found {
  readonly write: ElementWrite;
  readonly source?: Target;
}

function lastWrite(
  executable: Executable,
  inputs: readonly Uint8Array[],
  target: Target,
): Found | undefined {
  const { program } = executable;
  const writers = writersOf(program, new Set([target.storage]));
  const whole = elementPattern(program, target);
  let found: Found | undefined;
  executable.run(inputs, {
    instructions: new Set(writers.keys()),
    after: (o) => {
      if (o.step >= target.before) return;
      const address = target.address ?? o.address(whole, 0);
      for (const pattern of writers.get(o.index)!) {
        const element = o.find(pattern, address);
        if (element < 0) continue;
        const src = copiedFrom(program, o.index, pattern);
        found = {
          write: describe(program, o.index, o.core, pattern, element),
          ...(src
            ? {
                source: {
                  storage: src.storage,
                  address: o.address(src, element),
                  element: -1,
                  before: o.step,
                },
              }
            : {}),
        };
      }
    },
  });
  return found;
}

/** One element of an HBM storage as a pattern. */
const elementPattern = (program: Program, t: Target): AccessPattern => ({
  storage: t.storage,
  dtype: program.storages[t.storage]!.dtype,
  partition: 0,
  offset: Math.max(0, t.element),
  dims: [[1, 1]],
});

/** The source of a copy, where it has the shape of what was written and lies in memory that instructions write. */
function copiedFrom(
  program: Program,
  index: number,
  written: AccessPattern,
): AccessPattern | undefined {
  const i = decodeInstruction(program, index);
  const src = i.operands["src"];
  if (!COPIES.has(i.op.name) || src?.kind !== "tile") return undefined;
  const count = (p: AccessPattern): number => p.dims.reduce((n, d) => n * d[1], 1);
  const same = count(src.pattern) === count(written) && !isPacked(src.pattern, written);
  const { kind } = program.storages[src.pattern.storage]!;
  return same && kind !== "input" && kind !== "constant" ? src.pattern : undefined;
}

/** Types of different sizes that are moved as bits. */
const isPacked = (a: AccessPattern, b: AccessPattern): boolean =>
  (a.dtype.endsWith("_x4") || b.dtype.endsWith("_x4")) && bytesOf(a.dtype) !== bytesOf(b.dtype);

function describe(
  program: Program,
  index: number,
  core: number,
  pattern: AccessPattern,
  element: number,
): ElementWrite {
  const at = locationOf(program, index);
  const s = program.storages[pattern.storage]!;
  const made = program.lines[s.line];
  return {
    instruction: program.classes[program.classOf[index]!]!.op.name,
    index,
    core,
    file: at?.file ?? null,
    line: at?.line ?? null,
    tensor: s.name,
    space: s.space,
    made_at: made && made.line > 0 ? { file: made.file, line: made.line } : null,
    slice: sliceText(program, pattern),
    element,
  };
}
