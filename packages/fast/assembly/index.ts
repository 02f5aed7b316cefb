// What the module exports. Every kernel takes addresses of operand descriptors (operand.ts) and returns a status (status.ts).
export { init } from "./layout";
export { pipeline, rangeSelect, selectReduce } from "./pipeline";
export { cast, copy, copyPredicated, fill } from "./copy";
export { matmul } from "./matmul";
export { matmulMx, quantizeMx } from "./mx";
export { exchange, transpose } from "./transpose";
export { partitionReduce, tensorReduce } from "./reduce";
export { scan } from "./scan";
export { bnAggregate, bnStats } from "./statistics";
export { bitvec, bitvecPartitionReduce, bitvecReduce, integer } from "./bits";
export { affineSelect, iota } from "./affine";
export { execute, refusedCommand } from "./execute";
