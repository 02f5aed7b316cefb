/**
 * A replayed recording in the form that the analyses read. Recordings name no source lines; instructions are told apart by engine,
 * opcode and the compiler's name for the statement they come from.
 */
import { NO_QUEUE, queues, type Replay, units } from "@opentrn/device";
import type { InstructionClass } from "@opentrn/isa";
import type { ProfiledInstruction } from "@opentrn/trace";
import type { Execution, Kind, Site } from "./execution.ts";

/** What the sequencer does between instructions, and what a stream waits for outside the dump. */
const GAP = "(sequencer)";

/** `MATMUL I-12`: the opcode and the statement; `DRAIN` alone for what the runtime added. */
function instructionName(i: ProfiledInstruction | undefined): string {
  if (!i) return GAP;
  const statement = /^I-\d+/.exec(i.name)?.[0] ?? i.name;
  const opcode = i.kind === "TRANSPOSE" ? `${i.opcode} transpose` : i.opcode;
  return statement ? `${opcode} ${statement}` : opcode;
}

/** An fp32 matmul is recorded as two instructions, one for each half of the stationary values' bits. */
export const isHalf = (of: InstructionClass | undefined): boolean =>
  of?.op.name === "nc_matmul" &&
  of.call.tile["moving"]!.dtype === "float32" &&
  of.call.attr["is_transpose"] !== true;

export function executionOfReplay(name: string, { played, totalNs }: Replay): Execution {
  const { graph, plans, classes, instructionOf } = played;
  const ids = Uint32Array.from(plans, (_, i) => i);
  const sites: Site[] = [];
  const byName = new Map<string, number>();
  const siteOf = Uint32Array.from(plans, (_, i) => {
    const queue = graph.queue[i]!;
    const engine = queue === NO_QUEUE ? units[graph.unit[i]! % units.length]! : queues[queue]!.name;
    const instruction = instructionName(instructionOf[i]);
    const key = `${engine} ${instruction}`;
    let id = byName.get(key);
    if (id === undefined) {
      id = sites.length;
      byName.set(key, id);
      sites.push({ id, file: null, line: null, instruction, engine, tensor: null });
    }
    return id;
  });
  return {
    name,
    chip: played.chip,
    cores: played.cores,
    unitSets: played.cores + 1,
    totalNs,
    graph,
    schedule: played.schedule,
    kindOf: ids,
    siteOf,
    kinds: plans.map(
      (plan, i): Kind => ({
        instruction: instructionOf[i]?.opcode ?? GAP,
        of: classes[i],
        plan: isHalf(classes[i]) ? { ...plan, flops: plan.flops / 2 } : plan,
        control: classes[i] === undefined,
      }),
    ),
    sites,
    shapeOf: played.shapeOf,
  };
}
