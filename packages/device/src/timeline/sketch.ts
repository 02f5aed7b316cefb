/** Kernels made by hand for tests and benchmarks: a tiled matmul with loads, multiplies, evictions and stores. */
import { type Chip, chipNamed } from "@opentrn/chips";
import {
  type AccessPattern,
  instructionNamed,
  type Operand,
  type Program,
  ProgramBuilder,
} from "@opentrn/isa";
import type { DType } from "@opentrn/numerics";

const op = (name: string) => instructionNamed(name)!;

/** A builder with short forms of what hand-made kernels need. */
export class Sketch {
  readonly builder: ProgramBuilder;

  constructor(target: string | Chip = "trn2", cores = 1) {
    const chip = typeof target === "string" ? chipNamed(target) : target;
    this.builder = new ProgramBuilder({ name: "sketch", chip, cores });
  }

  tile(
    space: "sbuf" | "psum" | "hbm",
    shape: readonly number[],
    dtype: DType = "bfloat16",
    kind: "internal" | "input" | "output" = "internal",
  ): number {
    const { builder } = this;
    const line = builder.line("kernel.py", builder.storages.length + 1);
    const id = builder.declare({
      name: `t${builder.storages.length}`,
      space,
      kind,
      dtype,
      shape,
      line,
    });
    if (kind === "output") builder.markOutput(id);
    return id;
  }

  /** An SBUF tile at a byte offset of its partitions. */
  pinned(
    shape: readonly number[],
    offset: number,
    dtype: DType = "bfloat16",
    partition = 0,
  ): number {
    const { builder } = this;
    const pinned = { partition, offset };
    const name = `t${builder.storages.length}`;
    return builder.declare({ name, space: "sbuf", kind: "internal", dtype, shape, pinned });
  }

  /** Rows and columns of a 2-D tensor; all of it when left out. */
  part(id: number, rows?: readonly [number, number], columns?: readonly [number, number]): Operand {
    const s = this.builder.storages[id]!;
    const width = s.shape[1] ?? 1;
    const [r0, r1] = rows ?? [0, s.shape[0]!];
    const [c0, c1] = columns ?? [0, width];
    const hbm = s.space === "hbm";
    const pattern: AccessPattern = {
      storage: id,
      dtype: s.dtype,
      partition: hbm ? 0 : r0,
      offset: hbm ? r0 * width + c0 : c0,
      dims: [
        [hbm ? width : 1, r1 - r0],
        [1, c1 - c0],
      ],
    };
    return { kind: "tile", pattern };
  }

  emit(
    name: string,
    operands: Readonly<Record<string, Operand>>,
    attrs: Readonly<Record<string, unknown>> = {},
  ): number {
    const { builder } = this;
    return builder.emit(op(name), operands, attrs, builder.line("kernel.py", 100 + builder.length));
  }

  copy(dst: Operand, src: Operand, attrs: Readonly<Record<string, unknown>> = {}): number {
    return this.emit("dma_copy", { dst, src }, attrs);
  }

  finish(): Program {
    return this.builder.finish();
  }
}

/**
 * `[k, m].T x [k, n]` with 128 x 512 output tiles. `hoisted`: the stationary tiles of a row of tiles are loaded once; otherwise
 * every matmul loads both its tiles.
 */
export function tiledMatmul(
  m: number,
  k: number,
  n: number,
  target = "trn2",
  dtype: DType = "bfloat16",
  hoisted = true,
): Program {
  const s = new Sketch(target);
  const a = s.tile("hbm", [k, m], dtype, "input");
  const b = s.tile("hbm", [k, n], dtype, "input");
  const c = s.tile("hbm", [m, n], dtype, "output");
  const loaded = (from: number, x: number, columns: readonly [number, number]): number => {
    const t = s.tile("sbuf", [128, columns[1] - columns[0]], dtype);
    s.copy(s.part(t), s.part(from, [x, x + 128], columns));
    return t;
  };
  for (let i = 0; i < m; i += 128) {
    const left = new Map<number, number>();
    if (hoisted) for (let x = 0; x < k; x += 128) left.set(x, loaded(a, x, [i, i + 128]));
    for (let j = 0; j < n; j += 512) {
      const sum = s.tile("psum", [128, 512], "float32");
      for (let x = 0; x < k; x += 128) {
        const stationary = s.part(left.get(x) ?? loaded(a, x, [i, i + 128]));
        const moving = s.part(loaded(b, x, [j, j + 512]));
        s.emit("nc_matmul", { dst: s.part(sum), stationary, moving });
      }
      const out = s.tile("sbuf", [128, 512], dtype);
      s.emit("tensor_copy", { dst: s.part(out), src: s.part(sum) }, { engine: "vector" });
      s.copy(s.part(c, [i, i + 128], [j, j + 512]), s.part(out));
    }
  }
  return s.finish();
}
