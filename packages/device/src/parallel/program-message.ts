/** A Program as another thread can receive it: records of instructions, which hold functions, travel as names; large arrays are shared. */
import { invariant } from "@opentrn/base";
import { type InstructionClass, instructionNamed, type Program } from "@opentrn/isa";

type Arrays = "starts" | "words" | "classOf" | "coreOf";

export interface ProgramMessage
  extends Omit<Program, "classes" | "chip" | "lines" | "strings" | "warnings" | Arrays>,
    Readonly<Pick<Program, "chip" | "lines" | Arrays>> {
  readonly classes: readonly (Omit<InstructionClass, "op" | "call"> & {
    readonly op: string;
    readonly call: Omit<InstructionClass["call"], "chip">;
  })[];
}

/** A copy of an array that threads read in place. */
function shared<T extends Int32Array | Uint32Array | Uint8Array>(source: T): T {
  const Typed = source.constructor as new (buffer: SharedArrayBuffer) => T;
  const copy = new Typed(new SharedArrayBuffer(source.byteLength));
  copy.set(source);
  return copy;
}

export function programMessage(program: Program): ProgramMessage {
  const { name, chip, cores, lines, outputs, inputs, depends, ordered, prints } = program;
  return {
    ...{ name, chip, cores, lines, outputs, inputs, depends, ordered, prints },
    starts: shared(program.starts),
    words: shared(program.words),
    classOf: shared(program.classOf),
    coreOf: shared(program.coreOf),
    // Constants are put into the shared memory by the thread that made it.
    storages: program.storages.map(({ data: _, ...s }) => s),
    // The chip travels once.
    classes: program.classes.map(({ id, engine, op, call: { chip: _, ...call } }) => ({
      ...{ id, engine, call },
      op: op.name,
    })),
  };
}

export const programFrom = ({ classes, ...rest }: ProgramMessage): Program => ({
  ...rest,
  strings: [""],
  warnings: [],
  classes: classes.map((c) => {
    const op = instructionNamed(c.op);
    invariant(op, `this build has no instruction ${c.op}`);
    return { ...c, op, call: { ...c.call, chip: rest.chip } };
  }),
});
