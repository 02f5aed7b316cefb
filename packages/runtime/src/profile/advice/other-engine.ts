/** Work that another engine could take: all of a line's instructions, or every second one. */
import type { Recast, Unit } from "@opentrn/device";
import { retime, units } from "@opentrn/device";
import type { Engine, InstructionClass } from "@opentrn/isa";
import type { Adviser, Variant } from "./idea.ts";
import type { Study } from "./study.ts";
import { compare, engineTitle, passed, percentText, placeOf } from "./words.ts";

/** Whether every rule holds for an instruction on another engine. */
export function runsOn({ op, call }: InstructionClass, engine: Engine): boolean {
  if (!op.engines(call.chip).includes(engine)) return false;
  // GpSimd has no way to PSUM.
  if (engine === "gpsimd" && Object.values(call.tile).some((t) => t?.space === "psum"))
    return false;
  const attr = "engine" in call.attr ? { ...call.attr, engine } : call.attr;
  const moved = { ...call, engine, attr };
  return Object.values(op.rules).every((r) => r.broken(moved as never) === undefined);
}

export const otherEngine: Adviser = function* (study) {
  const { e } = study;
  for (const site of e.sites) {
    const list = study.instructions[site.id]!;
    const kind = study.kindOf(list[0]!);
    if (!kind.of || kind.control || study.isTransfer(list[0]!) || kind.of.engine === "tensor")
      continue;
    // Without a parameter for it a kernel cannot choose.
    if (!("engine" in kind.of.op.attrs)) continue;
    const from = kind.of.engine;
    const targets = kind.of.op
      .engines(e.chip)
      .filter((engine) => engine !== from && (units as readonly string[]).includes(engine))
      .filter((engine) =>
        [...new Set([...list].map((i) => e.kindOf[i]!))].every((k) =>
          runsOn(e.kinds[k]!.of!, engine),
        ),
      );
    const variants = targets.flatMap((to) =>
      list.length > 1
        ? [variant(study, site.id, to, 2), variant(study, site.id, to, 1)]
        : [variant(study, site.id, to, 1)],
    );
    if (variants.length > 0)
      yield {
        kind: "other engine",
        site,
        weight: study.exposure(site),
        variants,
        gain: "expected",
      };
  }
};

function variant(study: Study, id: number, to: Engine, every: number): Variant {
  const { t, e } = study;
  const site = e.sites[id]!;
  const list = study.instructions[id]!;
  const recast: Recast = { engine: to };
  const busy = (engine: string): string =>
    `${engineTitle(engine)} is active ${percentText(t.engines[engine as Unit].activeNs / t.totalNs)} of the time`;
  const which = every === 1 ? "this line" : "every second instruction of this line";
  return {
    time: () => {
      const chosen = [...list].filter((_, n) => n % every === every - 1);
      return retime(t, { recasts: new Map(chosen.map((i) => [i, recast])) }).totalNs;
    },
    text: {
      says: `${site.instruction} at ${placeOf(site)} keeps ${engineTitle(site.engine)} (${busy(site.engine)}); ${busy(to)}.`,
      change: `Run ${which} on ${engineTitle(to)}.`,
      check: compare(
        `pass ${passed(site, { engine: to })} at ${placeOf(site)}${every === 1 ? "" : " in every second iteration"}`,
      ),
    },
  };
}
