/** ScalarE loading activation tables over and over because functions take turns: each table is loaded once. */
import { type Recast, retime } from "@opentrn/device";
import type { Adviser } from "./idea.ts";
import { compare, nanoseconds, placeOf } from "./words.ts";

export const groupFunctions: Adviser = function* ({ t, e }) {
  const { tableLoads } = t.schedule;
  const seen = new Set<number>();
  const again: number[] = [];
  for (const [instance] of tableLoads) {
    const index = t.graph.index[instance]!;
    const { table } = t.plans[t.program.classOf[index]!]!;
    if (seen.has(table)) again.push(index);
    else seen.add(table);
  }
  const [first] = again;
  if (first === undefined) return;
  const site = e.sites[e.siteOf[first]!]!;
  const loadNs = t.program.chip.sync.activationTableLoadNs.value;
  const functions = new Set(
    again.map((i) => {
      const { op, call } = t.program.classes[t.program.classOf[i]!]!;
      const attrs = op.attrs as Record<string, { readonly kind: string }>;
      const name = Object.keys(attrs).find((a) => attrs[a]!.kind === "activation");
      return String(name === undefined ? op.name : call.attr[name]);
    }),
  );
  const recast: Recast = { plan: (plan) => ({ ...plan, table: 0 }) };
  yield {
    kind: "group functions",
    site,
    weight: again.length * loadNs * 1000,
    gain: "at most",
    variants: [
      {
        time: () => retime(t, { recasts: new Map(again.map((i) => [i, recast])) }).totalNs,
        text: {
          says: `ScalarE loads activation tables ${tableLoads.length} times, ${nanoseconds(loadNs)} each, because ${[...functions].join(", ")} take turns (from ${placeOf(site)} on).`,
          change:
            "Run all activations of one function before those of the next (the tiles in between stay in SBUF), or use functions of one table.",
          check: compare("issue the activations of several iterations function by function"),
        },
      },
    ],
  };
};
