// Bytes from one strided array to another, unchanged.
import { Operand, here, nextRun, overlap, restage, sameLayout, seek } from "./operand";
import { operandAt } from "./layout";

/** n bytes that do not overlap. */
export function copyBytes(dst: usize, src: usize, n: usize): void {
  if (n >= 1024) {
    memory.copy(dst, src, n);
    return;
  }
  const end = src + (n & ~31);
  while (src < end) {
    v128.store(dst, v128.load(src));
    v128.store(dst, v128.load(src, 16), 16);
    src += 32;
    dst += 32;
  }
  if (n & 16) {
    v128.store(dst, v128.load(src));
    src += 16;
    dst += 16;
  }
  if (n & 8) {
    store<u64>(dst, load<u64>(src));
    src += 8;
    dst += 8;
  }
  if (n & 4) {
    store<u32>(dst, load<u32>(src));
    src += 4;
    dst += 4;
  }
  for (let i: usize = 0; i < (n & 3); i++) store<u8>(dst + i, load<u8>(src + i));
}

@inline function loop<T>(dst: usize, dstStep: i32, src: usize, srcStep: i32, n: i32): void {
  for (; n >= 4; n -= 4) {
    const a = load<T>(src);
    const b = load<T>(src + srcStep);
    const c = load<T>(src + 2 * srcStep);
    const d = load<T>(src + 3 * srcStep);
    store<T>(dst, a);
    store<T>(dst + dstStep, b);
    store<T>(dst + 2 * dstStep, c);
    store<T>(dst + 3 * dstStep, d);
    src += 4 * srcStep;
    dst += 4 * dstStep;
  }
  for (; n > 0; n--) {
    store<T>(dst, load<T>(src));
    src += srcStep;
    dst += dstStep;
  }
}

/** n elements of `bytes` bytes from one stride to another; a source stride of 0 repeats. */
export function moveRun(dst: usize, dstStep: i32, src: usize, srcStep: i32, bytes: i32, n: i32): void {
  if (dstStep == bytes && srcStep == bytes) {
    copyBytes(dst, src, <usize>n * bytes);
    return;
  }
  if (bytes == 4) {
    if (srcStep == 0 && dstStep == 4) {
      const v = v128.load32_splat(src);
      for (; n >= 4; n -= 4) {
        v128.store(dst, v);
        dst += 16;
      }
    }
    loop<u32>(dst, dstStep, src, srcStep, n);
  } else if (bytes == 2) loop<u16>(dst, dstStep, src, srcStep, n);
  else loop<u8>(dst, dstStep, src, srcStep, n);
}

/** Elements e .. e + n - 1 of `op`, packed at `dst`. */
export function gather(op: Operand, e: u32, n: i32, dst: usize): void {
  seek(op, e);
  const bytes = op.bytes;
  for (;;) {
    const m = min(op.run - op.within, n);
    moveRun(dst, bytes, here(op), op.step, bytes, m);
    n -= m;
    if (n == 0) return;
    dst += <usize>m * bytes;
    op.element += m;
    nextRun(op);
  }
}

/** The packed elements at `src` to elements e .. e + n - 1 of `op`. */
export function scatter(op: Operand, e: u32, n: i32, src: usize): void {
  seek(op, e);
  const bytes = op.bytes;
  for (;;) {
    const m = min(op.run - op.within, n);
    moveRun(here(op), op.step, src, bytes, bytes, m);
    n -= m;
    if (n == 0) return;
    src += <usize>m * bytes;
    op.element += m;
    nextRun(op);
  }
}

/** All elements of `src` to `dst`, in row-major order of each; equal totals and element sizes, no shared bytes. */
export function moveAll(dst: Operand, src: Operand): void {
  seek(dst, 0);
  seek(src, 0);
  const bytes = src.bytes;
  let left = src.total;
  while (left > 0) {
    const m = min(min(dst.run - dst.within, src.run - src.within), <i32>left);
    moveRun(here(dst), dst.step, here(src), src.step, bytes, m);
    left -= m;
    seek(dst, dst.element + m);
    seek(src, src.element + m);
  }
}

/** Replaces `op` by a dense copy of itself; false when the staging area is too small. */
function detach(op: Operand): bool {
  const before = changetype<Operand>(operandAt(15));
  memory.copy(operandAt(15), changetype<usize>(op), 256);
  if (!restage(op)) return false;
  moveAll(op, before);
  return true;
}

/**
 * Makes it safe to write `dst` while `input` is still being read. `elementwise`: each output element is written only after the input
 * element of the same number was read, so that in place is safe. False when the staging area is too small.
 */
export function guard(input: Operand, dst: Operand, elementwise: bool): bool {
  if (!overlap(input, dst)) return true;
  if (elementwise && sameLayout(input, dst)) return true;
  return detach(input);
}
