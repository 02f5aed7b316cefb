/** A short name for the exact layout of records, so that a host and an engine built apart notice that they disagree. */
import { control, instructions } from "@opentrn/isa";
import { activationNames, aluNames, dtypeNames } from "@opentrn/numerics";

/** FNV-1a over everything that decides what words mean. */
export function isaFingerprint(): string {
  const layout = JSON.stringify([
    dtypeNames,
    aluNames,
    activationNames,
    control,
    instructions.map((op) => [op.name, op.operands, op.attrs, op.params]),
  ]);
  let hash = 0x811c9dc5;
  for (let i = 0; i < layout.length; i++)
    hash = Math.imul(hash ^ layout.charCodeAt(i), 0x01000193) >>> 0;
  return hash.toString(16).padStart(8, "0");
}
