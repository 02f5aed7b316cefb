/** Operands as Python expressions: plain slices where they say it, `ap` elsewhere. */
import type { AccessPattern, Storage } from "@opentrn/isa";
import { bytesOf, type DType } from "@opentrn/numerics";
import { type Affine, affineText, digits, type LoopVariable, most, plus } from "./affine.ts";

export interface Place {
  readonly storage: Storage;
  readonly name: string;
}

/** Numbers of a pattern that change from round to round: partition and offset, of the run-time index too. */
export function patternNumbers(p: AccessPattern): readonly number[] {
  const own = [p.partition, p.offset];
  return p.dynamic && p.dynamic.kind !== "register"
    ? [...own, ...patternNumbers(p.dynamic.index)]
    : own;
}

/** What of a pattern must be equal for statements to share a shape. */
export function patternShape(p: AccessPattern): string {
  const d = p.dynamic;
  const dynamic = !d
    ? ""
    : `${d.kind} ${d.stride} ${d.limit} ${d.kind === "register" ? d.register : patternShape(d.index)}`;
  return `${p.storage} ${p.dtype} ${p.dims} ${dynamic}`;
}

/** The expression of a pattern; `numbers` are those of {@link patternNumbers}, `place` names storages. */
export function patternText(
  p: AccessPattern,
  numbers: readonly Affine[],
  loops: readonly LoopVariable[],
  place: (storage: number) => Place,
): string {
  const { storage: own, name } = place(p.storage);
  const storage = viewed(own, p.dtype);
  const base = p.dtype === own.dtype ? name : `${name}.view(nl.${p.dtype})`;
  const [partition, offset] = numbers as [Affine, Affine];
  if (p.dynamic) return dynamicText(p, base, numbers, loops, storage, place);
  return (
    sliceText(p, base, partition, offset, loops, storage) ??
    apText(p, base, partition, offset, loops, storage)
  );
}

/** The storage as `view` shows it: the last dimension counts elements of that type. */
function viewed(s: Storage, dtype: DType): Storage {
  const last = (s.shape.at(-1)! * bytesOf(s.dtype)) / bytesOf(dtype);
  return { ...s, dtype, shape: s.shape.with(-1, last) };
}

const rowOf = (s: Storage): number => s.shape.slice(1).reduce((a, b) => a * b, 1);

const rowMajor = (shape: readonly number[]): readonly number[] => {
  const strides = shape.map(() => 1);
  for (let d = shape.length - 2; d >= 0; d--) strides[d] = strides[d + 1]! * shape[d + 1]!;
  return strides;
};

/** `name[a:b, i, c:d:2]`, when every dimension of the pattern runs along one of the tensor's, in order. */
function sliceText(
  p: AccessPattern,
  base: string,
  partition: Affine,
  offset: Affine,
  loops: readonly LoopVariable[],
  storage: Storage,
): string | undefined {
  const onChip = storage.space !== "hbm";
  const shape = onChip ? storage.shape.slice(1) : storage.shape;
  const strides = rowMajor(shape);
  const at = digits(offset, strides, shape, loops);
  if (!at) return undefined;
  const keys: string[] = [];
  let dims = p.dims;
  if (onChip) {
    const [stride, count] = dims[0]!;
    if (stride !== 1 && count > 1) return undefined;
    keys.push(range(partition, count, 1, storage.shape[0]!, loops));
    dims = dims.slice(1);
  }
  let next = 0;
  for (let d = 0; d < shape.length; d++) {
    const dim = dims[next];
    const runs =
      dim && (dim[1] === 1 ? remaining(dims, next, shape, d) : alongOf(dim[0], strides, d));
    if (!runs) {
      keys.push(affineText(at[d]!, loops));
      continue;
    }
    const [stride, count] = dim!;
    const step = count === 1 ? 1 : stride / strides[d]!;
    if (most(at[d]!, loops) + (count - 1) * step >= shape[d]!) return undefined;
    keys.push(range(at[d]!, count, step, shape[d]!, loops));
    next++;
  }
  return next === dims.length ? `${base}[${keys.join(", ")}]` : undefined;
}

/** Whether steps of `stride` stay inside dimension `d` before a coarser dimension would take them. */
const alongOf = (stride: number, strides: readonly number[], d: number): boolean =>
  stride > 0 && stride % strides[d]! === 0 && (d === 0 || stride < strides[d - 1]!);

/** A dimension of one element goes to the first dimension that leaves enough of them for what follows. */
const remaining = (
  dims: AccessPattern["dims"],
  next: number,
  shape: readonly number[],
  d: number,
): boolean => shape.length - d <= dims.length - next;

function range(
  from: Affine,
  count: number,
  step: number,
  size: number,
  loops: readonly LoopVariable[],
): string {
  const still = from.steps.every((s) => s === 0);
  if (still && from.base === 0 && count === size && step === 1) return ":";
  const end = affineText(plus(from, (count - 1) * step + 1), loops);
  return `${affineText(from, loops)}:${end}${step === 1 ? "" : `:${step}`}`;
}

/** `name.ap(pattern=[[stride, count], ...], offset=...)`; on chip the first stride and the offset count elements of whole rows. */
function apText(
  p: AccessPattern,
  base: string,
  partition: Affine,
  offset: Affine,
  loops: readonly LoopVariable[],
  storage: Storage,
): string {
  const row = storage.space === "hbm" ? 0 : rowOf(storage);
  const pairs = p.dims.map(([stride, count], d) =>
    row > 0 && d === 0 ? [stride * row, count] : [stride, count],
  );
  const from: Affine = {
    base: partition.base * row + offset.base,
    steps: partition.steps.map((s, i) => s * row + offset.steps[i]!),
  };
  const list = pairs.map(([s, n]) => `[${s}, ${n}]`).join(", ");
  return `${base}.ap(pattern=[${list}], offset=${affineText(from, loops)})`;
}

function dynamicText(
  p: AccessPattern,
  base: string,
  numbers: readonly Affine[],
  loops: readonly LoopVariable[],
  storage: Storage,
  place: (storage: number) => Place,
): string {
  const d = p.dynamic!;
  if (d.kind === "register" || d.kind === "indirect")
    throw new Error(`${d.kind} offsets have no NKI text here`);
  const index = patternText(d.index, numbers.slice(2), loops, place);
  const elements = storage.shape.reduce((a, b) => a * b, 1);
  // Rows of `stride` elements, so that an index of 1 moves by that much.
  const rows = elements % d.stride === 0 ? `${elements / d.stride}, ${d.stride}` : undefined;
  if (!rows) throw new Error(`${elements} elements are no rows of ${d.stride}`);
  const list = p.dims.map(([s, n]) => `[${s}, ${n}]`).join(", ");
  const which = d.kind === "vector" ? "vector_offset" : "scalar_offset";
  return `${base}.reshape((${rows})).ap(pattern=[${list}], offset=${affineText(numbers[1]!, loops)}, ${which}=${index}, indirect_dim=0)`;
}
