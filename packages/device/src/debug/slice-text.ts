/** An access pattern as the slice that a kernel would write: `scores[0:64, 128:256]`. */
import { type AccessPattern, type Program, printPattern } from "@opentrn/isa";

/** Falls back to the pattern of `trn print` for what is no slice of the tensor's own shape. */
export function sliceText(program: Program, p: AccessPattern): string {
  const s = program.storages[p.storage]!;
  const parts = p.dtype === s.dtype && !p.dynamic ? slices(s, p) : undefined;
  return parts ? `${s.name}[${parts.join(", ")}]` : `${s.name} ${printPattern(program, p)}`;
}

function slices(s: Program["storages"][number], p: AccessPattern): readonly string[] | undefined {
  const onChip = s.space !== "hbm";
  const shape = onChip ? s.shape.slice(1) : s.shape;
  const strides = shape.map((_, k) => shape.slice(k + 1).reduce((a, b) => a * b, 1));
  let rest = p.offset;
  const starts = strides.map((stride) => {
    const at = Math.floor(rest / stride);
    rest %= stride;
    return at;
  });
  const steps = shape.map(() => 1);
  const counts = shape.map(() => 1);
  const free = onChip ? p.dims.slice(1) : p.dims;
  for (const [stride, n] of free) if (n > 1 && !take(stride, n)) return undefined;
  if (starts.some((a, k) => a + steps[k]! * (counts[k]! - 1) >= shape[k]!)) return undefined;
  const text = starts.map((a, k) => slice(a, counts[k]!, steps[k]!));
  if (!onChip) return text;
  const [stride, n] = p.dims[0]!;
  return stride === 0 && n > 1 ? undefined : [slice(p.partition, n, n > 1 ? stride : 1), ...text];

  /** Spreads a pattern's dimension over the tensor's, innermost first. */
  function take(stride: number, count: number): boolean {
    if (stride <= 0) return false;
    let k = strides.findIndex((t) => t <= stride && stride % t === 0);
    let left = count;
    let step = stride / (strides[k] ?? 1);
    for (; k >= 0 && left > 1; k--, step = 1) {
      if (counts[k] !== 1) return false;
      const whole = step === 1 && starts[k] === 0 && left > shape[k]!;
      if (whole && left % shape[k]! !== 0) return false;
      counts[k] = whole ? shape[k]! : left;
      steps[k] = step;
      left = whole ? left / shape[k]! : 1;
    }
    return left === 1;
  }
}

const slice = (from: number, count: number, step: number): string =>
  step === 1 ? `${from}:${from + count}` : `${from}:${from + step * (count - 1) + 1}:${step}`;
