/** A damaged Program file through everything that reads it: it is refused with a typed error or runs, and never takes long. */
import { OpenTrnError, Random } from "@opentrn/base";
import { loadProgram, type Program, printProgram, saveProgram } from "@opentrn/isa";
import { checkRaces } from "../check/races.ts";
import { prepare } from "../execute/executable.ts";
import { Hand } from "../execute/hand.testing.ts";
import { place } from "../placement/index.ts";
import { timeline } from "../timeline/index.ts";
import { drawn, subjects } from "./campaign.ts";
import { fuzzChipNamed } from "./fuzz-chips.ts";
import { mutated } from "./mutate-file.ts";

/** Programs that need more memory are loaded and placed but not run. */
const MOST_HBM_BYTES = 2 ** 26;
const MOST_STEPS = 5000;

export type Fate = "refused" | "stopped" | "ran" | "too large";

/** What becomes of a file. Throws whatever is no typed error of the user's category. */
export function feed(file: Uint8Array): Fate {
  let program: Program;
  try {
    program = loadProgram(file, fuzzChipNamed);
  } catch (e) {
    return typed(e, "refused");
  }
  try {
    printProgram(program);
    checkRaces(program);
    const placement = place(program);
    if (placement.hbmBytes > MOST_HBM_BYTES) return "too large";
    const inputs = program.inputs.map((id) => new Uint8Array(program.storages[id]!.rowBytes));
    const { executed } = prepare(program, placement, { maxSteps: MOST_STEPS }).run(inputs);
    timeline(program, placement, { executed, maxInstructions: MOST_STEPS });
    saveProgram(program);
    return "ran";
  } catch (e) {
    return typed(e, "stopped");
  }
}

function typed(e: unknown, fate: Fate): Fate {
  if (e instanceof OpenTrnError && e.category !== "internal") return fate;
  throw e;
}

/** Two cores that load, swap, meet, loop, print and store; and a collective of one rank. */
function joined(): Program {
  const h = new Hand(2);
  const x = h.tensor("hbm", "float32", [2, 8], "input");
  const out = h.tensor("hbm", "float32", [2, 8], "output");
  const dims = [
    [8, 1],
    [1, 8],
  ] as const;
  for (const core of [0, 1]) {
    h.core(core);
    const [src, dst] = [h.tensor("sbuf", "float32", [1, 8]), h.tensor("sbuf", "float32", [1, 8])];
    h.op("dma_copy", { dst: src, src: { ...x, offset: 8 * core, dims } });
    const other = 1 - core;
    h.op("sendrecv", { src, dst }, { send_to_rank: other, recv_from_rank: other, pipe_id: 0 });
    h.op("core_barrier", { data: out }, { cores: [0, 1] });
    h.op("loop_begin", { index: { register: 0 }, start: 0, stop: 3 });
    h.op("tensor_tensor", { dst, data1: dst, data2: src }, { op: "add" });
    h.op("loop_end", {});
    h.b.addPrint("sum", { kind: "tile", pattern: dst });
    h.op("dma_copy", { dst: { ...out, offset: 8 * core, dims }, src: dst });
    const group = { replica_group: [1, 0], op: "add" };
    h.op("all_reduce", { src0: { ...x, dims }, dst0: { ...out, offset: 8 * core, dims } }, group);
  }
  return h.program();
}

/** A valid file, damaged: of the fuzzer, or of two cores; undefined where the draw made none. */
export function hostileFile(seed: number, draw: number): Uint8Array | undefined {
  const r = new Random(Math.imul(seed ^ (draw * 7919), 0x9e3779b1));
  const program = r.below(4) === 0 ? joined() : drawn(r.pick(subjects), seed, draw)?.program;
  return program && mutated(r, saveProgram(program));
}
