/**
 * Tensors for random Programs: room around every tile so that stray writes show, contents carried in from HBM inputs, and every tensor that
 * was written carried back whole.
 */
import { Random } from "@opentrn/base";
import {
  type AccessPattern,
  instructionNamed,
  type Operand,
  type ProgramBuilder,
  type Space,
} from "@opentrn/isa";
import { bytesOf, type DType, dtypeInfo, encode } from "@opentrn/numerics";
import type { Contents, Form } from "./shape-parts.ts";

export type TileForm = Extract<Form, { readonly shape: readonly number[] }>;

const dmaCopy = instructionNamed("dma_copy")!;
const tensorCopy = instructionNamed("tensor_copy")!;
const r2 = (r: Random): boolean => r.below(2) === 0;

/** Declares tensors with room around the pattern and fills them from HBM inputs. */
export class TileMaker {
  readonly inputs: Uint8Array[] = [];
  private readonly pool: number[] = [];
  private readonly carried = new Set<number>();
  private readonly b: ProgramBuilder;
  private readonly r: Random;

  constructor(b: ProgramBuilder, r: Random) {
    this.b = b;
    this.r = r;
  }

  /** A tile of that form in `space`; now and then (`reuse`) a view into a tensor made before. */
  tile(space: Space, dtype: DType, form: TileForm, reuse = false): AccessPattern {
    const view = reuse && r2(this.r) ? this.view(space, dtype, form) : undefined;
    if (view) return view;
    const { r } = this;
    const { shape, start: inQuadrant, contents } = form;
    const onChip = space !== "hbm";
    const counts = onChip ? shape.slice(1) : shape;
    const strides: number[] = [];
    let reach = r.below(3) === 0 ? 2 : 1;
    for (let d = counts.length - 1; d >= 0; d--) {
      strides.unshift(reach);
      reach = reach * counts[d]! + (r.below(4) === 0 ? 1 + r.below(3) : 0);
    }
    const offset = r.below(3) === 0 ? r.below(8) : 0;
    const row = offset + reach + r.below(3);
    const P = onChip ? shape[0]! : 1;
    const quadrant = P <= 32 && onChip && r.below(3) === 0 ? 32 * r.below(4) : 0;
    const start = inQuadrant ?? quadrant;
    const size = onChip ? [Math.min(128, start + P), row] : [row];
    const storage = this.filled(space, dtype, size, contents);
    if (contents === undefined) this.pool.push(storage);
    const free = counts.map((n, d) => [strides[d]!, n] as const);
    return { storage, dtype, partition: start, offset, dims: onChip ? [[1, P], ...free] : free };
  }

  /** A tile whose place is known only when it runs: an index tile says where; now and then one index lies outside. */
  dynamicTile(
    kind: "scalar" | "vector" | "indirect",
    space: Space,
    dtype: DType,
    form: TileForm,
  ): AccessPattern {
    const { r } = this;
    const onChip = space !== "hbm";
    const counts = onChip ? form.shape.slice(1) : form.shape;
    const P = onChip ? form.shape[0]! : 1;
    const dims: [number, number][] = [];
    let dense = 1;
    for (const n of [...counts].reverse()) {
      dims.unshift([dense, n]);
      dense *= n;
    }
    const places = 1 + r.below(12);
    const stride = kind === "vector" ? dims[0]![0] : 1 + r.below(3);
    const row = dense + stride * places;
    const storage = this.filled(space, dtype, onChip ? [P, row] : [row]);
    const columns = Math.ceil(dense / 16);
    const shape = kind === "scalar" ? [1, 1] : kind === "vector" ? [counts[0]!, 1] : [P, columns];
    const reach = kind === "vector" ? Math.floor(row / stride) : places;
    const below = reach + (r.below(10) === 0 ? 2 : 0);
    const index = this.filled("sbuf", r.pick(["int32", "uint32"] as const), shape, { below });
    const { dtype: indexType } = this.b.storages[index]!;
    const indexTile: AccessPattern = {
      storage: index,
      dtype: indexType,
      partition: 0,
      offset: 0,
      dims: [
        [1, shape[0]!],
        [1, shape[1]!],
      ],
    };
    return {
      storage,
      dtype,
      partition: 0,
      offset: 0,
      dims: onChip ? [[1, P], ...dims] : dims,
      dynamic: { kind, stride, limit: reach, index: indexTile },
    };
  }

  /** A tensor that holds something, carried in where it lies on chip. */
  private filled(
    space: Space,
    dtype: DType,
    size: readonly number[],
    contents: Contents = undefined,
  ): number {
    const onChip = space !== "hbm";
    const storage = this.declare(space, dtype, size, onChip ? "internal" : "input");
    const count = size.reduce((a, b) => a * b, 1);
    const bytes = randomBytes(this.r, dtype, count, contents);
    if (!onChip) this.inputs.push(bytes);
    else this.carryIn(storage, space, dtype, size, bytes);
    return storage;
  }

  /** A dense view of the form in a tensor of the same type and space, if one has room. */
  private view(space: Space, dtype: DType, form: TileForm): AccessPattern | undefined {
    if (form.contents !== undefined || form.start !== undefined) return undefined;
    const onChip = space !== "hbm";
    const counts = onChip ? form.shape.slice(1) : form.shape;
    const wanted = counts.reduce((a, b) => a * b, 1);
    const P = onChip ? form.shape[0]! : 1;
    const fitting = this.pool.filter((id) => {
      const s = this.b.storages[id]!;
      const row = s.rowBytes / bytesOf(s.dtype);
      return s.space === space && s.dtype === dtype && row >= wanted && s.partitions >= P;
    });
    if (fitting.length === 0) return undefined;
    const s = this.b.storages[this.r.pick(fitting)]!;
    const room = s.rowBytes / bytesOf(dtype) - wanted;
    const dims: [number, number][] = [];
    let stride = 1;
    for (const n of [...counts].reverse()) {
      dims.unshift([stride, n]);
      stride *= n;
    }
    const offset = room > 0 && this.r.below(2) ? this.r.below(room + 1) : 0;
    const free = dims as AccessPattern["dims"];
    return { storage: s.id, dtype, partition: 0, offset, dims: onChip ? [[1, P], ...free] : free };
  }

  private whole(storage: number, dtype: DType, size: readonly number[], onChip: boolean): Operand {
    const dims = onChip
      ? ([
          [1, size[0]!],
          [1, size[1]!],
        ] as const)
      : ([[1, size.reduce((a, b) => a * b, 1)]] as const);
    return { kind: "tile", pattern: { storage, dtype, partition: 0, offset: 0, dims } };
  }

  private declare(
    space: Space,
    dtype: DType,
    size: readonly number[],
    kind: "input" | "internal" | "output" = "internal",
  ): number {
    return this.b.declare({ name: `${space}_${kind}`, space, kind, dtype, shape: size });
  }

  private carryIn(
    storage: number,
    space: Space,
    dtype: DType,
    size: readonly number[],
    bytes: Uint8Array,
  ): void {
    const flat = [size[0]! * size[1]!];
    const input = this.declare("hbm", dtype, flat, "input");
    this.inputs.push(bytes);
    const landing = space === "sbuf" ? storage : this.declare("sbuf", dtype, size);
    this.b.emit(
      dmaCopy,
      { dst: this.whole(landing, dtype, size, true), src: this.whole(input, dtype, flat, false) },
      {},
    );
    if (landing !== storage)
      this.b.emit(
        tensorCopy,
        {
          dst: this.whole(storage, dtype, size, true),
          src: this.whole(landing, dtype, size, true),
        },
        {},
      );
  }

  /** Returns everything in the pattern's tensor. */
  carryOut(p: AccessPattern): void {
    const s = this.b.storages[p.storage]!;
    if (this.carried.has(s.id)) return;
    this.carried.add(s.id);
    if (s.space === "hbm") {
      this.b.markOutput(s.id);
      return;
    }
    const size = s.shape;
    const flat = [size[0]! * size[1]!];
    const out = this.declare("hbm", s.dtype, flat, "output");
    const leaving = s.space === "sbuf" ? s.id : this.declare("sbuf", s.dtype, size);
    if (leaving !== s.id)
      this.b.emit(
        tensorCopy,
        {
          dst: this.whole(leaving, s.dtype, size, true),
          src: this.whole(s.id, s.dtype, size, true),
        },
        {},
      );
    this.b.emit(
      dmaCopy,
      { dst: this.whole(out, s.dtype, flat, false), src: this.whole(leaving, s.dtype, size, true) },
      {},
    );
    this.b.markOutput(out);
  }
}

/** Encodings of ordinary values of a type, drawn once: random numbers cost more than what is tested with them. */
const ordinary = new Map<DType, Uint32Array>();
const ORDINARY = 4096;

function ordinaryBits(dtype: DType): Uint32Array {
  let table = ordinary.get(dtype);
  if (!table) {
    const r = new Random(ORDINARY);
    table = Uint32Array.from({ length: ORDINARY }, () =>
      encode(Math.fround(r.normal() * r.pick([0.1, 1, 8])), dtype),
    );
    ordinary.set(dtype, table);
  }
  return table;
}

/** Mostly ordinary values; now and then any bit pattern, infinities and NaN included. */
function randomBytes(r: Random, dtype: DType, n: number, contents: Contents): Uint8Array {
  const size = bytesOf(dtype);
  const out = new Uint8Array(n * size);
  const wild = r.below(4) === 0;
  const table = dtypeInfo[dtype].kind === "packed" ? undefined : ordinaryBits(dtype);
  for (let i = 0; i < n; i++) {
    const random = r.u32();
    let bits = random;
    if (contents !== undefined) bits = bitsIn(r, dtype, contents);
    else if (table && !(wild && random >>> 30 === 0)) bits = table[random & (ORDINARY - 1)]!;
    for (let b = 0; b < size; b++) out[i * size + b] = bits >>> (8 * b);
  }
  return out;
}

/** One element of prescribed contents; scale bytes are taken as they are. */
const bitsIn = (r: Random, dtype: DType, contents: NonNullable<Contents>): number =>
  contents === "unit"
    ? encode(Math.fround(r.uniform()), dtype)
    : dtype === "float8_e8m0fnu"
      ? r.below(contents.below)
      : encode(r.below(contents.below), dtype);
