/** Every instruction, in opcode order. Append only at the end of a release: positions are the opcodes of saved Programs. */
import { OpenTrnError } from "@opentrn/base";
import type { AnyInstruction } from "../define.ts";
import { activation } from "./activation.ts";
import { dmaCopy } from "./dma-copy.ts";
import { loopBegin } from "./loop-begin.ts";
import { loopEnd } from "./loop-end.ts";
import { memset } from "./memset.ts";
import { ncMatmul } from "./nc-matmul.ts";
import { registerLoad } from "./register-load.ts";
import { registerMove } from "./register-move.ts";
import { registerStore } from "./register-store.ts";
import { tensorCopy } from "./tensor-copy.ts";
import { tensorTensor } from "./tensor-tensor.ts";
import { whileBegin } from "./while-begin.ts";
import { whileEnd } from "./while-end.ts";

/** Every record under its camelCase name; TypeScript kernels take their typed calls from here (`nisa`). */
export const records = {
  dmaCopy,
  tensorCopy,
  memset,
  ncMatmul,
  activation,
  tensorTensor,
  registerMove,
  registerLoad,
  registerStore,
  loopBegin,
  loopEnd,
  whileBegin,
  whileEnd,
} as const satisfies Readonly<Record<string, AnyInstruction>>;

export const instructions: readonly AnyInstruction[] = Object.values(records);

const opcodes = new Map(instructions.map((op, i) => [op.name, i]));

export const opcodeOf = (op: AnyInstruction): number => opcodes.get(op.name)!;

/** The instruction with that opcode; throws `invalid program`. */
export function opOf(opcode: number): AnyInstruction {
  const op = instructions[opcode];
  if (op === undefined)
    throw new OpenTrnError(`opcode ${opcode} does not exist; there are ${instructions.length}`, {
      category: "invalid program",
    });
  return op;
}

/** The instruction called `name` as NKI writes it, or undefined. */
export const instructionNamed = (name: string): AnyInstruction | undefined => {
  const opcode = opcodes.get(name);
  return opcode === undefined ? undefined : instructions[opcode];
};
