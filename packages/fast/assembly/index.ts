// What the module exports. Every kernel takes addresses of operand descriptors (operand.ts) and returns a status (status.ts).
export { init } from "./layout";
export { pipeline } from "./pipeline";
export { cast, copy, copyPredicated, fill } from "./copy";
export { matmul } from "./matmul";
export { transpose } from "./transpose";
