export * from "./define.ts";
export { reduceCommands } from "./ops/activation.ts";
export { packedTypes, scaleFactor, scaleRow, unpacked } from "./ops/mx.ts";
export { matmulSizes } from "./ops/nc-matmul.ts";
export { lanesOf } from "./ops/shapes.ts";
export { instructionNamed, instructions, opcodeOf, opOf, records } from "./ops/table.ts";
export { tensorPasses } from "./ops/tensor-cost.ts";
export { seedGenerators } from "./ops/xorwow.ts";
export * from "./program/builder.ts";
export {
  decodeInstruction,
  defaultOf,
  encodeInstruction,
  readInstruction,
} from "./program/codec.ts";
export { generalRules } from "./program/general-rules.ts";
export * from "./program/pattern.ts";
export * from "./program/print.ts";
export * from "./program/program.ts";
export { storageWords } from "./program/relocate.ts";
export { loadProgram, saveProgram } from "./program/save.ts";
export { ProgramStream } from "./program/stream.ts";
export { control, WordReader, WordWriter } from "./program/words.ts";
