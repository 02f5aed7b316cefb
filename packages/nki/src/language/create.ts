/** `nl`: making tensors, and moving them between HBM and SBUF. */
import type { Space } from "@opentrn/isa";
import { bytesOf, type DType, encode, isInteger } from "@opentrn/numerics";
import { contiguousStrides } from "./layout.ts";
import { issue } from "./nisa.ts";
import { type Buffer, Tensor } from "./tensor.ts";
import { type Entry, stop, tracing } from "./trace.ts";

export interface TensorOptions {
  readonly dtype: DType;
  /** Default sbuf. */
  readonly buffer?: Buffer | undefined;
  /** Shown in errors, reports and traces. */
  readonly name?: string | undefined;
}

export interface AllocationOptions extends TensorOptions {
  /** Pins the place: first partition and byte offset inside the partition. */
  readonly address?: readonly [partition: number, offset: number];
}

const spaces: Readonly<Record<Buffer, Space>> = {
  sbuf: "sbuf",
  psum: "psum",
  hbm: "hbm",
  private_hbm: "hbm",
  shared_hbm: "hbm",
};

/** The view of a whole storage. */
export function wholeTensor(
  storage: number,
  name: string,
  shape: readonly number[],
  dtype: DType,
  buffer: Buffer,
): Tensor {
  const first = spaces[buffer] === "hbm" ? 0 : 1;
  return new Tensor({
    name,
    storage,
    buffer,
    dtype,
    base: { shape, dtype },
    layout: { shape, strides: contiguousStrides(shape, first), offset: 0, partition: 0 },
  });
}

function allocate(entry: Entry, shape: readonly number[], options: AllocationOptions): Tensor {
  const { dtype, buffer = "sbuf", name = "", address } = options;
  const space = spaces[buffer];
  if (space === undefined)
    return stop(
      entry,
      "ndarray buffer",
      `ndarray: buffer is ${String(buffer)}; choose ${Object.keys(spaces).join(", ")}`,
    );
  const trace = tracing(entry);
  const storage = trace.declare(
    entry,
    {
      name,
      space,
      kind: "internal",
      dtype,
      shape,
      ...(address ? { pinned: { partition: address[0], offset: address[1] } } : {}),
    },
    buffer === "shared_hbm",
  );
  return wholeTensor(storage, trace.builder.storages[storage]!.name, shape, dtype, buffer);
}

/** A new tensor with nothing in it; reading it before writing it is an error. */
export function ndarray(shape: readonly number[], options: AllocationOptions): Tensor {
  return allocate(ndarray, shape, options);
}

/** A new tensor in SBUF or PSUM filled with one value (one memset). */
export function full(shape: readonly number[], value: number, options: TensorOptions): Tensor {
  return tracing(full).at(full, () => {
    const dst = allocate(full, shape, options);
    issue("memset", { dst, value });
    return dst;
  });
}

export function zeros(shape: readonly number[], options: TensorOptions): Tensor {
  return tracing(zeros).at(zeros, () => full(shape, 0, options));
}

export function ones(shape: readonly number[], options: TensorOptions): Tensor {
  return tracing(ones).at(ones, () => full(shape, 1, options));
}

/** A new tile in SBUF with the contents of an HBM tensor (one dma_copy). */
export function load(src: Tensor, options: { readonly dtype?: DType } = {}): Tensor {
  return tracing(load).at(load, () => {
    const shape = src.ndim > 1 ? src.shape : [1, ...src.shape];
    const dst = allocate(load, shape, { dtype: options.dtype ?? src.dtype });
    issue("dmaCopy", { dst, src });
    return dst;
  });
}

/** Writes a tile to an HBM tensor (one dma_copy; a tile in PSUM goes through SBUF first). */
export function store(dst: Tensor, value: Tensor): void {
  tracing(store).at(store, () => {
    let src = value;
    if (value.space === "psum") {
      src = allocate(store, value.shape, { dtype: dst.dtype });
      issue("tensorCopy", { dst: src, src: value });
    }
    issue("dmaCopy", { dst, src });
  });
}

/** A tensor in shared HBM whose bytes are part of the Program. */
export function sharedConstant(
  bytes: Uint8Array,
  shape: readonly number[],
  options: { readonly dtype: DType; readonly name?: string },
): Tensor {
  const { dtype, name = "" } = options;
  const trace = tracing(sharedConstant);
  const needed = shape.reduce((a, b) => a * b, 1) * bytesOf(dtype);
  if (bytes.length !== needed)
    return stop(
      sharedConstant,
      "constant size",
      `sharedConstant: ${bytes.length} bytes for ${dtype}[${shape}], which has ${needed}`,
    );
  const request = { name, space: "hbm", kind: "constant", dtype, shape, data: bytes } as const;
  const storage = trace.declare(sharedConstant, request, true);
  return wholeTensor(storage, trace.builder.storages[storage]!.name, shape, dtype, "shared_hbm");
}

/** An n by n identity matrix in SBUF, copied from a constant. */
export function sharedIdentityMatrix(n: number, options: { readonly dtype?: DType } = {}): Tensor {
  return tracing(sharedIdentityMatrix).at(sharedIdentityMatrix, () => {
    const { dtype = "uint8" } = options;
    const size = bytesOf(dtype);
    const one = isInteger(dtype) ? 1 : encode(1, dtype);
    const bytes = new Uint8Array(n * n * size);
    for (let i = 0; i < n; i++)
      for (let b = 0; b < size; b++) bytes[(i * n + i) * size + b] = one >>> (8 * b);
    const src = sharedConstant(bytes, [n, n], { dtype, name: "identity" });
    const dst = allocate(sharedIdentityMatrix, [n, n], { dtype });
    issue("dmaCopy", { dst, src });
    return dst;
  });
}
