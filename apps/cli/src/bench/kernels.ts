/** How fast single instructions run inside a Program: the same instruction many times over, dispatch included. */
import { chipNamed } from "@opentrn/chips";
import { place, prepare } from "@opentrn/device";
import type { Program } from "@opentrn/isa";
import { type Kernel, kernel, nisa, nl, type Tensor } from "@opentrn/nki";
import { medianSeconds } from "./measure.ts";
import { type MicroFigures, numpyMicro } from "./numpy.ts";
import type { Bench, Measured } from "./rows.ts";

const REPEATS = 400;
const TINY_REPEATS = 100_000;
const ROWS = 128;
const COLUMNS = 512;
/** A tile that stays in the second-level cache, as tiles of a kernel do. */
const COPY_COLUMNS = 1024;

const tile = (columns: number, dtype: "float32" | "bfloat16"): Tensor =>
  nl.ndarray([ROWS, columns], { dtype, buffer: nl.sbuf });

/** A kernel that loads `x`, then runs `body` `count` times; it returns a tensor that nothing waits for. */
const repeated = (name: string, count: number, prepareTiles: (x: Tensor) => () => void): Kernel =>
  kernel(name, (x: Tensor) => {
    const once = prepareTiles(x);
    for (let i = 0; i < count; i++) once();
    const out = nl.ndarray([1, 1], { dtype: "float32", buffer: nl.sharedHbm });
    const last = nl.ndarray([1, 1], { dtype: "float32" });
    nisa.memset({ dst: last, value: 0 });
    nisa.dmaCopy({ dst: out, src: last });
    return out;
  });

const matmul = repeated("bench_matmul", REPEATS, (x) => {
  const stationary = tile(ROWS, "bfloat16");
  const moving = tile(COLUMNS, "bfloat16");
  nisa.dmaCopy({ dst: moving, src: x });
  nisa.dmaCopy({ dst: stationary, src: x.slice(":", [0, ROWS]) });
  const dst = nl.ndarray([ROWS, COLUMNS], { dtype: "float32", buffer: nl.psum });
  return () => nisa.ncMatmul({ dst, stationary, moving, accumulate: false });
});

const exp = repeated("bench_exp", REPEATS, (x) => {
  const [data, dst] = [tile(COLUMNS, "float32"), tile(COLUMNS, "float32")];
  nisa.dmaCopy({ dst: data, src: x });
  return () => nisa.activation({ dst, op: nl.exp, data });
});

const toBfloat16 = repeated("bench_to_bfloat16", REPEATS, (x) => {
  const [src, dst] = [tile(COLUMNS, "float32"), tile(COLUMNS, "bfloat16")];
  nisa.dmaCopy({ dst: src, src: x });
  return () => nisa.tensorCopy({ dst, src });
});

const copy = repeated("bench_copy", REPEATS, (x) => {
  const dst = tile(COPY_COLUMNS, "float32");
  return () => nisa.dmaCopy({ dst, src: x });
});

const tiny = repeated("bench_dispatch", TINY_REPEATS, (x) => {
  const src = nl.ndarray([1, 1], { dtype: "float32" });
  const dst = nl.ndarray([1, 1], { dtype: "float32" });
  nisa.dmaCopy({ dst: src, src: x });
  return () => nisa.tensorCopy({ dst, src });
});

/** Seconds of one repetition. */
function secondsEach(
  k: Kernel,
  shape: readonly [number, number],
  dtype: "float32" | "bfloat16",
  count: number,
): number {
  const program: Program = k.build({ chip: chipNamed("trn2"), inputs: { x: { shape, dtype } } });
  const executable = prepare(program, place(program));
  const bytes = new Uint8Array(shape[0] * shape[1] * (dtype === "float32" ? 4 : 2));
  // Small normal numbers in either type, so that no path for special values is measured.
  for (let i = 0; i < bytes.length; i++) bytes[i] = i % 2 === 1 ? 0x3f : (i * 37) & 0x7f;
  return medianSeconds(() => executable.run([bytes])) / count;
}

let matmulSeconds: number | undefined;

/** GFLOP/s of nc_matmul 128 x 128 x 512 in bfloat16 on this machine. */
export function matmulRate(): number {
  matmulSeconds ??= secondsEach(matmul, [ROWS, COLUMNS], "bfloat16", REPEATS);
  return (2 * ROWS * ROWS * COLUMNS) / matmulSeconds / 1e9;
}

/** With NumPy's figure beside it, or the reason why there is none. */
function besideNumpy(value: number, figure: keyof MicroFigures): Measured {
  const numpy = numpyMicro();
  return "figures" in numpy
    ? { value, peer: numpy.figures[figure], note: "peer: NumPy, one thread" }
    : { value, note: numpy.missing };
}

export const kernelBenches: readonly Bench[] = [
  {
    name: "nc_matmul 128x128x512 bf16",
    unit: "GFLOP/s",
    target: 45,
    higher: true,
    measure: () => besideNumpy(matmulRate(), "matmul"),
  },
  {
    name: "exp 128x512",
    unit: "G elements/s",
    target: 1,
    higher: true,
    measure: () => {
      const seconds = secondsEach(exp, [ROWS, COLUMNS], "float32", REPEATS);
      return besideNumpy((ROWS * COLUMNS) / seconds / 1e9, "exp");
    },
  },
  {
    name: "f32 to bf16 128x512",
    unit: "GB/s read",
    target: 20,
    higher: true,
    measure: () => {
      const seconds = secondsEach(toBfloat16, [ROWS, COLUMNS], "float32", REPEATS);
      return besideNumpy((4 * ROWS * COLUMNS) / seconds / 1e9, "to_bfloat16");
    },
  },
  {
    name: "contiguous DMA 512 KiB",
    unit: "GB/s",
    target: 40,
    higher: true,
    measure: () => {
      const seconds = secondsEach(copy, [ROWS, COPY_COLUMNS], "float32", REPEATS);
      return besideNumpy((4 * ROWS * COPY_COLUMNS) / seconds / 1e9, "copy");
    },
  },
  {
    name: "dispatch of one instruction",
    unit: "µs",
    target: 1,
    higher: false,
    measure: () => ({
      value: secondsEach(tiny, [1, 1], "float32", TINY_REPEATS) * 1e6,
      note: "a copy of one element, its work included",
    }),
  },
];
