/**
 * A plan as one Program: the calls' instructions one after another, with the storages of each call renamed. Values between calls are
 * HBM tensors of the Program, placed by live range like everything else.
 */
import type { InstructionClass, Program, SourceLine, Storage, StorageKind } from "@opentrn/isa";
import { storageWords } from "@opentrn/isa";
import { bytesOf } from "@opentrn/numerics";
import type { Call, Plan } from "./plan.ts";

interface Piece {
  readonly program: Program;
  readonly storageAt: Uint32Array;
  readonly firstClass: number;
  readonly firstLine: number;
  /** Numbers of the module's constants, which all calls share; -1 elsewhere. */
  readonly constants: Int32Array;
}

/** Links the calls of a plan; inputs and outputs of the Program are the plan's, in order. */
export function link(plan: Plan): Program {
  const storages: Storage[] = plan.buffers.map((b) => bufferStorage(b.id, b.name, b.kind, b.type));
  const lines: SourceLine[] = [{ file: "", line: 0, function: "" }];
  const classes: InstructionClass[] = [];
  const pieces = plan.modules.map(({ program }): Piece => {
    const piece = {
      program,
      storageAt: storageWords(program),
      firstClass: classes.length,
      firstLine: lines.length - 1,
      constants: constantsOf(program, storages),
    };
    // Line 0 means "no line" and stays.
    lines.push(...program.lines.slice(1));
    for (const c of program.classes) classes.push({ ...c, id: classes.length });
    return piece;
  });
  const total = plan.calls.reduce((n, c) => n + pieces[c.module]!.program.starts.length, 0);
  const length = plan.calls.reduce((n, c) => n + pieces[c.module]!.program.words.length, 0);
  const words = new Int32Array(length);
  const starts = new Uint32Array(total);
  const classOf = new Uint32Array(total);
  let [atWord, atInstruction] = [0, 0];
  for (const call of plan.calls) {
    const piece = pieces[call.module]!;
    const { program, storageAt, firstClass, firstLine } = piece;
    const names = renamed(piece, call, storages);
    words.set(program.words, atWord);
    for (const at of storageAt) words[atWord + at] = names[program.words[at]!]!;
    for (let i = 0; i < program.starts.length; i++) {
      const start = atWord + program.starts[i]!;
      starts[atInstruction + i] = start;
      if (words[start + 1] !== 0) words[start + 1]! += firstLine;
      classOf[atInstruction + i] = firstClass + program.classOf[i]!;
    }
    atWord += program.words.length;
    atInstruction += program.starts.length;
  }
  return {
    name: plan.name,
    chip: plan.chip,
    cores: 1,
    storages,
    lines,
    strings: [""],
    starts,
    words,
    classOf,
    classes,
    coreOf: new Uint8Array(total),
    outputs: plan.outputs,
    inputs: plan.inputs,
    depends: [],
    ordered: [],
    prints: [],
    warnings: [],
  };
}

/** Adds the constants of a module; their numbers by the module's own. */
function constantsOf(program: Program, storages: Storage[]): Int32Array {
  const names = new Int32Array(program.storages.length).fill(-1);
  for (const s of program.storages)
    if (s.kind === "constant") {
      names[s.id] = storages.length;
      storages.push({ ...s, id: storages.length, line: 0 });
    }
  return names;
}

/** Storage numbers of one call: inputs and outputs are buffers of the plan, what is left is the call's own. */
function renamed({ program, constants }: Piece, call: Call, storages: Storage[]): Int32Array {
  const names = constants.slice();
  program.inputs.forEach((id, k) => {
    names[id] = call.inputs[k]!;
  });
  program.outputs.forEach((id, k) => {
    names[id] = call.outputs[k]!;
  });
  for (const s of program.storages) {
    if (names[s.id] !== -1) continue;
    names[s.id] = storages.length;
    storages.push({ ...s, id: storages.length, line: 0 });
  }
  return names;
}

function bufferStorage(
  id: number,
  name: string,
  kind: StorageKind,
  { shape, dtype }: { readonly shape: readonly number[]; readonly dtype: Storage["dtype"] },
): Storage {
  const whole = shape.length === 0 ? [1] : shape;
  const rowBytes = whole.reduce((n, d) => n * d, 1) * bytesOf(dtype);
  return {
    id,
    name,
    space: "hbm",
    kind,
    core: -1,
    dtype,
    shape: whole,
    partitions: 1,
    rowBytes,
    line: 0,
  };
}
