/**
 * Rotary embedding of [D, B * H * N] fp32, both halves of D in partitions, as the kda-for-trainium operator kernels do it. Layouts:
 * `halves` keeps the halves in tiles of their own; `packed` keeps both in one tile, with the swapped halves made by ScalarE or, for
 * `turned`, by a matmul with a signed permutation.
 */
import { kernel, nisa, nl, type Range, type Tensor } from "opentrn";
import { at, type Case, fetch, output, psum, ring, sbuf, setting, share, size } from "./case.ts";

/** The two halves of D partitions. */
const halvesOf = (D: number): readonly [Range, Range] => [
  [0, D / 2],
  [D / 2, D],
];

function product(a: Tensor, b: Tensor, op: Parameters<typeof nisa.tensorTensor>[0]["op"]): Tensor {
  const dst = sbuf(b.shape, "float32");
  nisa.tensorTensor({ dst, data1: a, data2: b, op });
  return dst;
}

const halves = kernel("rope_halves", (x: Tensor, cos: Tensor, sin: Tensor, width: number) => {
  const [D, S] = x.shape as [number, number];
  const [lower, upper] = halvesOf(D);
  const result = output(x.shape, x.dtype);
  for (const j of share(S / width)) {
    const [x0, x1] = [
      fetch(x.slice(lower, at(j, width)), ring),
      fetch(x.slice(upper, at(j, width)), ring),
    ];
    const [c, s] = [
      fetch(cos.slice(":", at(j, width)), ring),
      fetch(sin.slice(":", at(j, width)), ring),
    ];
    const even = product(product(x0, c, nl.multiply), product(x1, s, nl.multiply), nl.subtract);
    nisa.dmaCopy({ dst: result.slice(lower, at(j, width)), src: even, ...ring });
    const right = product(x0, s, nl.multiply);
    const odd = product(product(x1, c, nl.multiply), right, nl.add);
    nisa.dmaCopy({ dst: result.slice(upper, at(j, width)), src: odd, ...ring });
  }
  return result;
});

/** A factor in both halves of a tile. */
function twice(source: Tensor, D: number): Tensor {
  const width = source.shape[1]!;
  const tile = sbuf([D, width], "float32");
  nisa.dmaCopy({ dst: tile.slice([0, D / 2]), src: source, ...ring });
  nisa.activation({
    dst: tile.slice([D / 2, D]),
    op: nl.copy,
    data: tile.slice([0, D / 2]),
    scale: 1,
  });
  return tile;
}

const packed = kernel(
  "rope_packed",
  (x: Tensor, cos: Tensor, sin: Tensor, permutation: Tensor, width: number, turned: boolean) => {
    const [D, S] = x.shape as [number, number];
    const result = output(x.shape, x.dtype);
    const swap = turned ? fetch(permutation, ring) : undefined;
    for (const j of share(S / width)) {
      const a = fetch(x.slice(":", at(j, width)), ring);
      const [c, s] = [
        twice(cos.slice(":", at(j, width)), D),
        twice(sin.slice(":", at(j, width)), D),
      ];
      const swapped = swap ? psum([D, width]) : sbuf([D, width], "float32");
      if (swap) nisa.ncMatmul({ dst: swapped, stationary: swap, moving: a });
      else {
        const [lower, upper] = halvesOf(D);
        nisa.activation({
          dst: swapped.slice(lower),
          op: nl.copy,
          data: a.slice(upper),
          scale: -1,
        });
        nisa.activation({ dst: swapped.slice(upper), op: nl.copy, data: a.slice(lower), scale: 1 });
      }
      const sum = product(product(a, c, nl.multiply), product(swapped, s, nl.multiply), nl.add);
      nisa.dmaCopy({ dst: result.slice(":", at(j, width)), src: sum, ...ring });
    }
    return result;
  },
);

export const cases = {
  rope: ((row) => {
    const D = size(row, "D");
    const S = size(row, "B") * size(row, "H") * size(row, "N");
    const { dtype, settings } = row;
    const layout = String(settings["layout"] ?? "halves");
    const args = { width: setting(row, "width", layout === "turned" ? 512 : 2048) };
    const inputs = {
      x: { shape: [D, S], dtype },
      cos: { shape: [D / 2, S], dtype },
      sin: { shape: [D / 2, S], dtype },
    };
    if (layout === "halves") return [{ kernel: halves, inputs, args }];
    return [
      {
        kernel: packed,
        inputs: { ...inputs, permutation: { shape: [D, D], dtype } },
        args: { ...args, turned: layout === "turned" },
      },
    ];
  }) as Case,
};
