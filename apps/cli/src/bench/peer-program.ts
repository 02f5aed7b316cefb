/** A straight-line Program as the JSON that bench/numpy_peer.py interprets. */
import { OpenTrnError } from "@opentrn/base";
import { type AccessPattern, decodeInstruction, type Operand, type Program } from "@opentrn/isa";

/** Throws `unsupported here` for what the peer has no form of: registers, tensor indirection, several cores. */
export function peerProgram(program: Program): Record<string, unknown> {
  const refuse = (what: string): never => {
    throw new OpenTrnError(`the NumPy peer does not interpret ${what}`, {
      category: "unsupported here",
      rule: "numpy peer",
    });
  };
  if (program.cores !== 1) refuse(`${program.cores} cores`);
  const pattern = ({
    storage,
    dtype,
    partition,
    offset,
    dims,
    dynamic,
  }: AccessPattern): unknown => {
    if (dynamic?.kind === "register" || dynamic?.kind === "indirect")
      return refuse(`run-time addresses by ${dynamic.kind}`);
    return {
      storage,
      dtype,
      partition,
      offset,
      flat: program.storages[storage]!.space === "hbm",
      strides: dims.map((d) => d[0]),
      counts: dims.map((d) => d[1]),
      ...(dynamic ? { dynamic: { ...dynamic, index: pattern(dynamic.index) } } : {}),
    };
  };
  const operand = (o: Operand): unknown => {
    if (o.kind === "register") return refuse("registers");
    return o.kind === "tile" ? pattern(o.pattern) : o.value;
  };
  return {
    storages: program.storages.map((s) => ({
      name: s.name,
      partitions: s.partitions,
      row_bytes: s.rowBytes,
      input: s.kind === "input",
    })),
    outputs: program.outputs,
    instructions: Array.from(program.starts, (_, index) => {
      const { op, operands, attrs } = decodeInstruction(program, index);
      const present = Object.entries(operands).filter((e): e is [string, Operand] => !!e[1]);
      return [
        op.name,
        Object.fromEntries(present.map(([k, o]) => [k, operand(o)])),
        Object.fromEntries(Object.entries(attrs).map(([k, v]) => [k, v ?? null])),
      ];
    }),
  };
}
