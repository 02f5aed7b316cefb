/** Medians of the kernels that decide simulation speed, measured in this process. Figures depend on the host; never assert them. */
import { activationId, aluId, bytesOf, type DType, dtypeInfo } from "@opentrn/numerics";
import { DescriptorArena } from "./descriptor.ts";
import { type KernelExports, loadKernels } from "./kernels.ts";

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
}

/** Room for the largest benchmark's operands, behind the kernels' own region. */
const PAGES = 128;
const NONE = -1;

/** A scratch memory with kernels and a way to lay out tiles in it. */
class Workbench {
  readonly exports: KernelExports;
  private readonly arena: DescriptorArena;
  private readonly memory = new WebAssembly.Memory({ initial: PAGES });
  private next: number;

  constructor() {
    const kernels = loadKernels(this.memory);
    this.exports = kernels.exports;
    this.next = kernels.firstFreeByte + 65536;
    this.arena = new DescriptorArena(this.memory, kernels.firstFreeByte, this.next);
  }

  /** A tile of small values, rows `gap` bytes apart beyond their length, as its descriptor. */
  tile(dtype: DType, partitions: number, free: number, gap = 64): number {
    const bytes = bytesOf(dtype);
    const pitch = free * bytes + gap;
    const address = this.next;
    this.next += pitch * partitions + 192;
    const raw = new Uint8Array(this.memory.buffer, address, pitch * partitions);
    // Patterns of values between 1 and 2 in every float type: sign and exponent of 1, mantissa bits that vary.
    const { exponent = 8, mantissa = 23 } = dtypeInfo[dtype];
    const one = (2 ** (exponent - 1) - 1) * 2 ** mantissa;
    const view = new DataView(this.memory.buffer, raw.byteOffset, raw.byteLength);
    for (let at = 0; at + bytes <= raw.length; at += bytes) {
      const bits = one + (((at * 2654435761) >>> 0) % 2 ** mantissa);
      if (bytes === 4) view.setUint32(at, bits, true);
      else if (bytes === 2) view.setUint16(at, bits, true);
      else raw[at] = bits;
    }
    return this.arena.operand({
      address,
      dtype,
      dims: [
        [pitch, partitions],
        [bytes, free],
      ],
    });
  }
}

/**
 * Nanoseconds of one call: the median of many batches of about half a millisecond, so that other processes disturb few of them, after
 * enough calls for V8 to have optimised.
 */
function nanoseconds(call: () => unknown, batches = 61): number {
  const warmUntil = performance.now() + 60;
  let perBatch = 0;
  while (performance.now() < warmUntil) {
    call();
    perBatch++;
  }
  const calls = Math.max(1, Math.ceil(perBatch / 120));
  const times = Array.from({ length: batches }, () => {
    const start = performance.now();
    for (let i = 0; i < calls; i++) call();
    return ((performance.now() - start) * 1e6) / calls;
  });
  times.sort((a, b) => a - b);
  return times[batches >> 1]!;
}

/** Runs every benchmark once, about two seconds. */
export function benchKernels(): Figure[] {
  const bench = new Workbench();
  const run = bench.exports;
  const figure = (name: string, work: number, unit: string, call: () => unknown): Figure => ({
    name,
    value: work / nanoseconds(call),
    unit,
  });
  const matmul = (dtype: DType): Figure => {
    const [k, m, n] = [128, 128, 512];
    const [stationary, moving] = [bench.tile(dtype, k, m), bench.tile(dtype, k, n)];
    const psum = bench.tile("float32", m, n);
    return figure(`nc_matmul ${k}x${m}x${n} ${dtype}`, 2 * k * m * n, "GFLOP/s", () =>
      run.matmul(psum, stationary, moving, 1, 0),
    );
  };
  const [p, f] = [128, 512];
  const x = bench.tile("float32", p, f);
  const y = bench.tile("float32", p, f);
  const narrow = bench.tile("bfloat16", p, f);
  const [from, to] = [bench.tile("float32", p, f, 0), bench.tile("float32", p, f, 0)];
  const one = [bench.tile("float32", 1, 1), bench.tile("float32", 1, 1)] as const;
  const sums = bench.tile("float32", p, 1);
  const elements = p * f;
  const function_ = (name: "exp" | "gelu" | "tanh"): Figure =>
    figure(`activation ${name} ${p}x${f} float32`, elements, "Gelem/s", () =>
      run.pipeline(y, x, NONE, 0, 0, NONE, 0, 0, activationId[name], 0, NONE, 0, 0),
    );
  return [
    matmul("bfloat16"),
    matmul("float32"),
    function_("exp"),
    function_("tanh"),
    function_("gelu"),
    figure(`cast ${p}x${f} float32 to bfloat16`, elements * 6, "GB/s", () => run.cast(narrow, x)),
    figure(`copy ${(4 * elements) >> 10} KiB contiguous`, elements * 8, "GB/s", () =>
      run.copy(to, from),
    ),
    figure(`copy ${p}x${f} float32 tile`, elements * 8, "GB/s", () => run.copy(y, x)),
    figure(`tensor_tensor add ${p}x${f} float32`, elements, "Gelem/s", () =>
      run.pipeline(y, x, aluId.add, x, 0, NONE, 0, 0, NONE, 0, NONE, 0, 0),
    ),
    figure(`tensor_reduce add ${p}x${f} float32`, elements, "Gelem/s", () =>
      run.tensorReduce(aluId.add, sums, x, 0),
    ),
    {
      name: "tensor_tensor add of one element",
      value: nanoseconds(() =>
        run.pipeline(one[0], one[1], aluId.add, one[1], 0, NONE, 0, 0, NONE, 0, NONE, 0, 0),
      ),
      unit: "ns",
    },
  ];
}
