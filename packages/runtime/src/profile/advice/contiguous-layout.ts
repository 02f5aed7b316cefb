/** Transfers in small pieces: what an HBM layout would save in which each partition's elements follow each other. */
import { dmaShape, type Recast, retime } from "@opentrn/device";
import type { AnyCall, Tile } from "@opentrn/isa";
import { pieceBytes } from "../dma.ts";
import type { Adviser } from "./idea.ts";
import { bytesText, compare, placeOf } from "./words.ts";

/** Descriptors of at least this many bytes run close to the engines' rate. */
export const LARGE = 512;

/** The call with dense HBM tiles. */
export function denseCall(call: AnyCall): AnyCall {
  const tile: Record<string, Tile | undefined> = {};
  for (const [name, t] of Object.entries(call.tile)) {
    if (!t) continue;
    let dense = 1;
    const strides = t.shape
      .toReversed()
      .map((count) => {
        const stride = dense;
        dense *= count;
        return stride;
      })
      .toReversed();
    // On-chip tiles list no stride of the partition dimension.
    tile[name] = { ...t, strides: t.space === "hbm" ? strides : strides.slice(1) };
  }
  return { ...call, tile };
}

export const contiguousLayout: Adviser = function* (study) {
  const { t, e } = study;
  for (const site of e.sites) {
    const list = study.instructions[site.id]!;
    const [first] = list;
    if (first === undefined || !study.isTransfer(first)) continue;
    const { of } = study.kindOf(first);
    if (
      of?.op.name !== "dma_copy" ||
      Object.values(of.call.tile).some((x) => x?.dynamic !== "none")
    )
      continue;
    const before = dmaShape(of.op, of.call, 0);
    const after = dmaShape(of.op, denseCall(of.call), 0);
    if (pieceBytes(before) >= LARGE || pieceBytes(after) <= pieceBytes(before)) continue;
    const recast: Recast = { shape: (c, shift) => dmaShape(c.op, denseCall(c.call), shift) };
    yield {
      kind: "contiguous layout",
      site,
      weight: study.exposure(site),
      gain: "expected",
      variants: [
        {
          time: () => retime(t, { recasts: new Map([...list].map((i) => [i, recast])) }).totalNs,
          text: {
            says: `Transfers of ${site.tensor ?? "HBM"} at ${placeOf(site)} move pieces of ${bytesText(pieceBytes(before))}; DMA engines come near their rate from ${LARGE} B on.`,
            change: `Lay ${site.tensor ?? "the tensor"} out so that what one partition gets is contiguous (${bytesText(pieceBytes(after))} a piece).`,
            check: compare(
              `pass ${site.tensor ?? "the tensor"} in that layout, by tiles or transposed`,
            ),
          },
        },
      ],
    };
  }
};
