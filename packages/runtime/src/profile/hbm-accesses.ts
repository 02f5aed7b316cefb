/** Which bytes of which HBM tensors the transfers of a Program read and write, as patterns, one entry an instruction. */
import {
  type AccessPattern,
  decodeInstruction,
  type OperandSpec,
  type Program,
} from "@opentrn/isa";

export interface HbmAccess {
  readonly index: number;
  readonly pattern: AccessPattern;
  readonly writes: boolean;
  /** The pattern at the other end of the transfer, where it lies on chip. */
  readonly onChip: AccessPattern | undefined;
}

/** Accesses in program order. */
export function hbmAccesses(program: Program): HbmAccess[] {
  const found: HbmAccess[] = [];
  const transfers = program.classes.map((c) => c.op.cost.kind === "dma");
  const spaceOf = (p: AccessPattern): string => program.storages[p.storage]!.space;
  for (let index = 0; index < program.starts.length; index++) {
    if (!transfers[program.classOf[index]!]) continue;
    const { op, operands } = decodeInstruction(program, index);
    const specs = op.operands as Record<string, OperandSpec>;
    const tiles = Object.entries(operands).flatMap(([name, o]) =>
      o?.kind === "tile" ? [{ pattern: o.pattern, role: specs[name]!.role }] : [],
    );
    const onChip = tiles.find(({ pattern }) => spaceOf(pattern) !== "hbm")?.pattern;
    for (const { pattern, role } of tiles) {
      if (spaceOf(pattern) !== "hbm") continue;
      if (role !== "out") found.push({ index, pattern, writes: false, onChip });
      if (role !== "in") found.push({ index, pattern, writes: true, onChip });
    }
  }
  return found;
}
