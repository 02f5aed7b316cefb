/**
 * Which queue a DMA instruction uses when the kernel leaves it open. The real compiler decides by heuristics that are not
 * published; this policy is ours, and reports name the queue of every transfer.
 */
import type { InstructionClass, Program } from "@opentrn/isa";
import { queueOf, type Unit } from "./units.ts";

/** Queue by class id; -1 for classes that are no transfers. */
export function assignQueues(program: Program): Int8Array {
  const storer = storeIssuer(program);
  return Int8Array.from(program.classes, (c) =>
    c.op.cost.kind === "dma" ? queueFor(c, storer, program) : -1,
  );
}

/**
 * Explicit modes and engines are honoured. Otherwise gathers, scatters, conversions and arithmetic take software descriptors (no
 * other path can), loads go through SyncE, and everything that leaves SBUF goes through the less busy of ScalarE and GpSimd, so
 * that a store waiting for its data does not hold up the loads behind it. Chips without a DGE use descriptor rings.
 */
function queueFor(c: InstructionClass, storer: Unit, program: Program): number {
  const { dma } = program.chip;
  const { attr, tile } = c.call;
  const tiles = Object.entries(tile).filter((e) => e[1] !== undefined);
  const gathers = tiles.some(([, t]) => t!.dynamic === "vector" || t!.dynamic === "indirect");
  const mode = attr["dge_mode"];
  const engine = attr["engine"];
  if (gathers || mode === "swdge") return queueOf("gpsimd", "software");
  const source = tile["src"];
  const target = tile["dst"];
  const isLoad = target?.space === "sbuf" && source?.space === "hbm";
  const issuer: Unit =
    engine === "sync" || engine === "scalar" || engine === "gpsimd"
      ? engine
      : isLoad
        ? "sync"
        : storer;
  if (mode === "none" || !dma.hardwareDge.value) return queueOf(issuer, "ring");
  const types = new Set(tiles.map(([, t]) => t!.dtype));
  if (mode !== "hwdge" && (types.size > 1 || tiles.length > 2))
    return queueOf("gpsimd", "software");
  if (issuer === "gpsimd")
    return mode === "hwdge" ? queueOf("scalar", "hardware") : queueOf("gpsimd", "software");
  return queueOf(issuer, "hardware");
}

/** The unit with fewer instructions in the Program; ScalarE when both have none. */
function storeIssuer(program: Program): Unit {
  const count = { scalar: 0, gpsimd: 0 };
  for (let i = 0; i < program.classOf.length; i++) {
    const { engine } = program.classes[program.classOf[i]!]!;
    if (engine === "scalar" || engine === "gpsimd") count[engine]++;
  }
  return count.scalar <= count.gpsimd ? "scalar" : "gpsimd";
}
