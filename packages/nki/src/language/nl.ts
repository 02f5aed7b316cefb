/** `nl`: everything of `nki.language` that a TypeScript kernel needs beside instructions. */
import { type DType, dtypeNames } from "@opentrn/numerics";
import * as create from "./create.ts";
import * as loops from "./loops.ts";
import { math } from "./math.ts";
import { type Camel, camel } from "./names.ts";
import * as reductions from "./reductions.ts";
import { tileSize } from "./tile-size.ts";

type DTypes = { readonly [D in DType as Camel<D>]: D };

const dtypes = Object.fromEntries(dtypeNames.map((d) => [camel(d), d])) as unknown as DTypes;

const { ndarray, full, zeros, ones, load, store, sharedConstant, sharedIdentityMatrix } = create;
const { tiles, ds, foriLoop, whileLoop, noReorder, programId, numPrograms, devicePrint } = loops;
const { sum, prod, max, min, mean, transpose, matmul } = reductions;

export const nl = {
  ...dtypes,
  ...math,
  sbuf: "sbuf",
  psum: "psum",
  hbm: "private_hbm",
  privateHbm: "private_hbm",
  sharedHbm: "shared_hbm",
  tileSize,
  ndarray,
  full,
  zeros,
  ones,
  load,
  store,
  sharedConstant,
  sharedIdentityMatrix,
  tiles,
  ds,
  foriLoop,
  whileLoop,
  noReorder,
  programId,
  numPrograms,
  devicePrint,
  sum,
  prod,
  max,
  min,
  mean,
  transpose,
  matmul,
} as const;
