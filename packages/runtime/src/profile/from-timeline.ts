/** A predicted timeline in the form that the analyses read. */
import { NO_QUEUE, queues, type Timeline, units, visitStorages } from "@opentrn/device";
import type { Program } from "@opentrn/isa";
import type { Execution, Kind, Site } from "./execution.ts";

export function executionOf(t: Timeline): Execution {
  const { program, graph } = t;
  const kinds = program.classes.map(
    (c, id): Kind => ({
      instruction: c.op.name,
      of: c,
      plan: t.plans[id]!,
      control: c.op.control === true,
    }),
  );
  return {
    name: program.name,
    chip: program.chip,
    cores: program.cores,
    unitSets: program.cores,
    totalNs: t.totalNs,
    graph,
    schedule: t.schedule,
    kindOf: program.classOf,
    kinds,
    ...sitesOf(program, kinds),
    shapeOf: (i) => t.shapeOf(program.classOf[graph.index[i]!]!, graph.shift.get(i) ?? 0),
  };
}

/** The HBM tensor that each transfer reads or, where it reads none, writes; -1 for other instructions. */
export function transferTensors(program: Program, kinds: readonly Kind[]): Int32Array {
  const tensors = new Int32Array(program.starts.length).fill(-1);
  // Operands come in the record's order, the destination first: the source is what remains.
  visitStorages(program, (i, storage) => {
    if (kinds[program.classOf[i]!]!.plan.queue < 0) return;
    if (program.storages[storage]!.space === "hbm") tensors[i] = storage;
  });
  return tensors;
}

function sitesOf(program: Program, kinds: readonly Kind[]): Pick<Execution, "siteOf" | "sites"> {
  const { words, starts, classOf, lines, storages } = program;
  const tensors = transferTensors(program, kinds);
  const siteOf = new Uint32Array(starts.length);
  const sites: Site[] = [];
  // Lines and classes repeat, so names are put together once for each combination and not once an instruction.
  const known = new Map<number, number>();
  const named = new Map<string, number>();
  for (let i = 0; i < starts.length; i++) {
    const line = words[starts[i]! + 1]!;
    const key = (line * kinds.length + classOf[i]!) * (storages.length + 1) + tensors[i]! + 1;
    let id = known.get(key);
    if (id === undefined) {
      const kind = kinds[classOf[i]!]!;
      const at = lines[line];
      const found = at && at.line > 0 ? at : undefined;
      const { queue, unit } = kind.plan;
      const site = {
        file: found?.file ?? null,
        line: found?.line ?? null,
        instruction: kind.instruction,
        engine: queue < 0 || queue === NO_QUEUE ? units[unit]! : queues[queue]!.name,
        tensor: tensors[i]! < 0 ? null : storages[tensors[i]!]!.name,
      };
      const name = Object.values(site).join("|");
      id = named.get(name);
      if (id === undefined) {
        id = sites.length;
        named.set(name, id);
        sites.push({ id, ...site });
      }
      known.set(key, id);
    }
    siteOf[i] = id;
  }
  return { siteOf, sites };
}
