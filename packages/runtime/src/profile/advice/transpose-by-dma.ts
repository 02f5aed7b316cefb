/** Tiles that are loaded only to be transposed on TensorE: the DMA transposes them on their way, and TensorE and the copy out of PSUM rest. */
import { dmaShape, type Recast, retime } from "@opentrn/device";
import { decodeInstruction, instructionNamed } from "@opentrn/isa";
import { bytesOf } from "@opentrn/numerics";
import { isTranspose } from "../utilisation.ts";
import type { Adviser } from "./idea.ts";
import { PASSES, PRESENT, StandIns } from "./stand-ins.ts";
import type { Study } from "./study.ts";
import { compare, placeOf, ticksText } from "./words.ts";

const absent: Recast = { absent: true };
const transposing: Recast = {
  shape: (c, shift) => dmaShape(instructionNamed("dma_transpose")!, c.call, shift),
};

/** Who reads and who writes a tensor on chip. */
interface Users {
  readonly readers: number[];
  readonly writers: number[];
}

/** Transposes on TensorE with the loads before and the copies behind them, all of which serve nothing else. */
interface Chain {
  readonly transposes: readonly number[];
  readonly loads: readonly number[];
  readonly copies: readonly number[];
}

export const transposeByDma: Adviser = function* (study) {
  if (!study.straight) return;
  const { t, e } = study;
  const chain = chainOf(study);
  const [first] = chain.transposes;
  if (first === undefined) return;
  const site = e.sites[e.siteOf[first]!]!;
  const left = [...chain.transposes, ...chain.copies];
  const sites = new Set(left.map((i) => e.siteOf[i]!));
  const weight = [...sites].reduce((w, s) => w + study.exposure(e.sites[s]!), 0);
  yield {
    kind: "transpose by DMA",
    site,
    weight,
    gain: "expected",
    variants: [
      {
        time: () => {
          const standIn = new Int32Array(t.graph.count).fill(PRESENT);
          const recasts = new Map<number, Recast>();
          for (const i of left) {
            recasts.set(i, absent);
            standIn[study.instance[i]!] = PASSES;
          }
          for (const i of chain.loads) recasts.set(i, transposing);
          return retime(t, { recasts, waits: () => new StandIns(t, study.dataFlow, standIn) })
            .totalNs;
        },
        text: {
          says: `${chain.transposes.length} tiles are loaded only to be transposed on TensorE at ${placeOf(site)} and copied out of PSUM (${ticksText(weight)} on the critical path or in others' waits).`,
          change:
            "Load them with dma_transpose, or keep the tensor transposed in HBM, which is faster still.",
          check: compare("dma_transpose instead of the load, without nc_transpose and the copy"),
        },
      },
    ],
  };
};

function chainOf(study: Study): Chain {
  const { program } = study.t;
  const users = usersOf(study);
  const chain = { transposes: [] as number[], loads: new Set<number>(), copies: new Set<number>() };
  const only = (list: readonly number[], accept: (i: number) => boolean): boolean =>
    list.length > 0 && list.every(accept);
  const transposes = (i: number): boolean => {
    const kind = study.kindOf(i);
    return isTranspose(kind) && kind.of!.engine === "tensor";
  };
  for (let i = 0; i < program.starts.length; i++) {
    if (!transposes(i)) continue;
    const { operands } = decodeInstruction(program, i);
    const [source, target] = [operands["data"] ?? operands["moving"], operands["dst"]];
    if (source?.kind !== "tile" || target?.kind !== "tile") continue;
    // dma_transpose moves 2-byte elements at its rate.
    if (bytesOf(source.pattern.dtype) !== 2) continue;
    const [from, to] = [users.get(source.pattern.storage)!, users.get(target.pattern.storage)!];
    const fits =
      only(from.writers, (w) => study.kindOf(w).instruction === "dma_copy") &&
      only(from.readers, transposes) &&
      only(to.writers, transposes) &&
      only(to.readers, (r) => study.kindOf(r).instruction === "tensor_copy");
    if (!fits) continue;
    chain.transposes.push(i);
    for (const w of from.writers) chain.loads.add(w);
    for (const r of to.readers) chain.copies.add(r);
  }
  return { transposes: chain.transposes, loads: [...chain.loads], copies: [...chain.copies] };
}

function usersOf({ t: { program } }: Study): ReadonlyMap<number, Users> {
  const users = new Map<number, Users>();
  for (let i = 0; i < program.starts.length; i++) {
    const { op, operands, attrs } = decodeInstruction(program, i);
    for (const [name, o] of Object.entries(operands)) {
      if (o?.kind !== "tile" || program.storages[o.pattern.storage]!.space === "hbm") continue;
      const u = users.get(o.pattern.storage) ?? { readers: [], writers: [] };
      users.set(o.pattern.storage, u);
      const { role } = op.operands[name]!;
      const reads = role === "in" || (role === "inout" && (op.readsOperand?.(name, attrs) ?? true));
      if (reads) u.readers.push(i);
      if (role !== "in") u.writers.push(i);
    }
  }
  return users;
}
