/** Independent instructions in the order that a list scheduler finds, instead of the program's. */
import { listSchedule, mustKeepOrder, place, timeline } from "@opentrn/device";
import type { Adviser } from "./idea.ts";
import { nanoseconds, percentText } from "./words.ts";

export const reorder: Adviser = function* ({ t, e }) {
  if (mustKeepOrder(t.program) !== undefined) return;
  const [longest] = [...t.criticalPath.instances];
  if (longest === undefined) return;
  const site = e.sites[e.siteOf[t.graph.index[longest]!]!]!;
  const busiest = Math.max(...Object.values(t.engines).map((u) => u.activeNs), t.dma.activeNs);
  yield {
    kind: "reorder",
    site,
    weight: (t.totalNs - busiest) * 1000,
    gain: "expected",
    variants: [
      {
        time: () => {
          const program = listSchedule(t.program);
          return timeline(program, place(program), t.options).totalNs;
        },
        text: {
          says: `The busiest part works ${percentText(busiest / t.totalNs)} of ${nanoseconds(t.totalNs)}: instructions stand behind others that wait.`,
          change:
            "Issue what does not depend on them earlier: the loads of the next iteration before this one's work. The real compiler reorders by rules of its own.",
          check: "trn profile … --schedule list times that order",
        },
      },
    ],
  };
};
