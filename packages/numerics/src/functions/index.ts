export * from "./activation.ts";
export * from "./alu.ts";
export { type CoefficientName, coefficients } from "./coefficients.ts";
export { arctan, erf, exp, log, log1p, sigmoid, sin, tanh } from "./elementary.ts";
export { inversePiWords } from "./large-angle.ts";
export { expSeries, logSeries, power, roundMagic64 } from "./power.ts";
export * from "./reduce.ts";
export * from "./round.ts";
export * from "./statistics.ts";
