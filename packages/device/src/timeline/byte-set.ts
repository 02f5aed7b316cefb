/**
 * Which bytes an access touches, as a set that two accesses can be compared by: `lo + k * pitch + [0, run)`, cut off at `hi`. One
 * repeated run describes rows, columns and tiles exactly; deeper patterns are widened to the set that contains them, so that an
 * overlap is never missed and neighbouring tiles of one tensor stay apart.
 */

/** Shape of an access relative to its first byte. */
export interface ByteShape {
  /** Offset of the lowest byte from the pattern's own offset; below zero only for negative strides. */
  readonly base: number;
  /** Bytes from the lowest to the end of the highest. */
  readonly length: number;
  /** Distance of the runs; 0 when the bytes are one run. */
  readonly pitch: number;
  readonly run: number;
}

/** The bytes of elements of `size` bytes over `dims` (strides in elements, any order and sign). */
export function byteShape(
  dims: readonly (readonly [stride: number, count: number])[],
  size: number,
): ByteShape {
  let base = 0;
  const levels: [stride: number, count: number][] = [];
  for (const [stride, count] of dims) {
    if (stride < 0) base += stride * (count - 1);
    if (count > 1 && stride !== 0) levels.push([Math.abs(stride), count]);
  }
  levels.sort((a, b) => a[0] - b[0]);
  let run = 1;
  let length = 1;
  let pitch = 0;
  for (const [stride, count] of levels) {
    if (pitch === 0 && stride <= run) run = stride * (count - 1) + run;
    else if (pitch === 0) pitch = stride;
    else if (stride % pitch !== 0) pitch = -1;
    length += stride * (count - 1);
  }
  const strided = pitch > run;
  return {
    base: base * size,
    length: length * size,
    pitch: strided ? pitch * size : 0,
    run: (strided ? run : length) * size,
  };
}

const modulo = (a: number, n: number): number => {
  const r = a % n;
  return r < 0 ? r + n : r;
};

/** Whether two sets may share a byte; exact when their pitches are equal or one is a single run, apart from cut-off ends. */
export function overlaps(
  aLo: number,
  aHi: number,
  aPitch: number,
  aRun: number,
  bLo: number,
  bHi: number,
  bPitch: number,
  bRun: number,
): boolean {
  if (aLo >= bHi || bLo >= aHi) return false;
  if (aPitch === 0 && bPitch === 0) return true;
  if (aPitch === 0) return runMeets(bLo, bPitch, bRun, aLo, aHi - aLo);
  if (bPitch === 0) return runMeets(aLo, aPitch, aRun, bLo, bHi - bLo);
  if (aPitch <= bPitch)
    return bPitch % aPitch === 0 ? runMeets(aLo, aPitch, aRun, bLo, bRun) : true;
  return aPitch % bPitch === 0 ? runMeets(bLo, bPitch, bRun, aLo, aRun) : true;
}

/** Whether `[at, at + length)` meets one of the endless runs from `lo`. */
function runMeets(lo: number, pitch: number, run: number, at: number, length: number): boolean {
  const d = modulo(at - lo, pitch);
  return d < run || d + length > pitch;
}

/** Whether set a contains all of set b. */
export function contains(
  aLo: number,
  aHi: number,
  aPitch: number,
  aRun: number,
  bLo: number,
  bHi: number,
  bPitch: number,
  bRun: number,
): boolean {
  if (bLo < aLo || bHi > aHi) return false;
  if (aPitch === 0) return true;
  const d = modulo(bLo - aLo, aPitch);
  if (bPitch === 0) return d + (bHi - bLo) <= aRun;
  return bPitch % aPitch === 0 && d + bRun <= aRun;
}
