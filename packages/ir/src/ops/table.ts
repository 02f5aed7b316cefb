/** Every operation, one record each. Nothing else in the package lists operations. */
import type { AnyOp } from "../define.ts";
import { installOps } from "../graph.ts";
import * as arithmetic from "./arithmetic.ts";
import { call, customCall } from "./calls.ts";
import { dotGeneral } from "./dot-general.ts";
import { dynamicSlice, dynamicUpdateSlice } from "./dynamic-slice.ts";
import * as elementary from "./elementary.ts";
import { gather } from "./gather.ts";
import * as logical from "./logical.ts";
import { pad } from "./pad.ts";
import { reduce } from "./reduce.ts";
import { rngBitGenerator } from "./rng-bit-generator.ts";
import { scatter } from "./scatter.ts";
import { compare, convert, select, stopGradient } from "./selection.ts";
import { broadcastInDim, concatenate, reshape, slice, transpose } from "./shape.ts";
import { constant, iota, parameter } from "./sources.ts";

/** By name as StableHLO writes it. */
export const ops = {
  parameter,
  constant,
  iota,
  add: arithmetic.add,
  subtract: arithmetic.subtract,
  multiply: arithmetic.multiply,
  divide: arithmetic.divide,
  maximum: arithmetic.maximum,
  minimum: arithmetic.minimum,
  power: arithmetic.power,
  negate: elementary.negate,
  abs: elementary.abs,
  sign: elementary.sign,
  exponential: elementary.exponential,
  log: elementary.log,
  sqrt: elementary.sqrt,
  rsqrt: elementary.rsqrt,
  tanh: elementary.tanh,
  logistic: elementary.logistic,
  sine: elementary.sine,
  cosine: elementary.cosine,
  and: logical.and,
  or: logical.or,
  not: logical.not,
  compare,
  select,
  convert,
  dot_general: dotGeneral,
  reduce,
  broadcast_in_dim: broadcastInDim,
  reshape,
  transpose,
  slice,
  concatenate,
  pad,
  gather,
  scatter,
  dynamic_slice: dynamicSlice,
  dynamic_update_slice: dynamicUpdateSlice,
  rng_bit_generator: rngBitGenerator,
  stop_gradient: stopGradient,
  call,
  custom_call: customCall,
} as const;

export type OpTable = typeof ops;
export type OpName = keyof OpTable;

installOps(ops as Readonly<Record<string, AnyOp>>);
