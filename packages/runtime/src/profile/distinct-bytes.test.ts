import type { AccessPattern } from "@opentrn/isa";
import { describe, expect, it } from "vitest";
import { distinctBytes, patternBytes } from "./distinct-bytes.ts";

const pattern = (
  offset: number,
  dims: AccessPattern["dims"],
  dtype: AccessPattern["dtype"] = "bfloat16",
): AccessPattern => ({ storage: 0, dtype, partition: 0, offset, dims });

/** The slow way: every element's bytes in a set. */
function counted(patterns: readonly AccessPattern[], size: number): number {
  const seen = new Set<number>();
  for (const p of patterns) {
    const walk = (d: number, at: number): void => {
      if (d === p.dims.length) {
        for (let b = 0; b < size; b++) seen.add(at * size + b);
        return;
      }
      const [stride, count] = p.dims[d]!;
      for (let i = 0; i < count; i++) walk(d + 1, at + i * stride);
    };
    walk(0, p.offset);
  }
  return seen.size;
}

describe("distinctBytes", () => {
  it("agrees with counting every element", () => {
    const cases: AccessPattern[][] = [
      [
        pattern(0, [
          [64, 16],
          [1, 64],
        ]),
      ],
      // Overlapping columns of one matrix.
      [
        pattern(0, [
          [64, 16],
          [1, 32],
        ]),
        pattern(16, [
          [64, 16],
          [1, 32],
        ]),
      ],
      // The same rows twice, and a row that every partition reads.
      [
        pattern(128, [
          [64, 4],
          [1, 64],
        ]),
        pattern(128, [
          [64, 4],
          [1, 64],
        ]),
        pattern(7, [
          [0, 128],
          [1, 33],
        ]),
      ],
      // Strided, backwards, and with the long dimension inside.
      [
        pattern(3, [
          [5, 40],
          [2, 2],
        ]),
        pattern(1000, [[-3, 50]]),
      ],
      [
        pattern(0, [
          [4, 3],
          [128, 8],
          [1, 4],
        ]),
      ],
      [],
    ];
    for (const patterns of cases) expect(distinctBytes(patterns, 4096)).toBe(counted(patterns, 2));
  });

  it("does not guess where positions are decided at run time", () => {
    const dynamic = { kind: "register", stride: 64, limit: 4, register: 0 } as const;
    expect(distinctBytes([{ ...pattern(0, [[1, 64]]), dynamic }], 4096)).toBeUndefined();
  });

  it("does not count what would take too long", () => {
    expect(distinctBytes([pattern(1, [[3, 2 ** 26]])], 2 ** 40)).toBeUndefined();
  });
});

it("patternBytes counts repetitions, and leaves them out", () => {
  expect(
    patternBytes(
      pattern(
        0,
        [
          [0, 128],
          [1, 64],
        ],
        "float32",
      ),
    ),
  ).toEqual({
    moved: 128 * 256,
    once: 256,
  });
});
