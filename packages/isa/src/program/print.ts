/** The readable form of a Program: one line a storage, one line an instruction, source lines at the end. Tests snapshot it. */
import { dtypeInfo } from "@opentrn/numerics";
import { decodeInstruction, defaultOf } from "./codec.ts";
import type { AccessPattern, Operand } from "./pattern.ts";
import type { Program } from "./program.ts";
import { locationOf } from "./program.ts";

/** `%3:bf16[0:128, +512 1x64]`: storage, type, partitions, offset, then stride×count of the free dimensions. */
export function printPattern(program: Program, p: AccessPattern): string {
  const s = program.storages[p.storage]!;
  const short = dtypeInfo[p.dtype].short;
  const free = (s.space === "hbm" ? p.dims : p.dims.slice(1))
    .map(([stride, count]) => `${stride}x${count}`)
    .join(" ");
  const rows =
    s.space === "hbm"
      ? ""
      : `${p.partition}:${p.partition + (p.dims[0]?.[1] ?? 1)}${p.dims[0]?.[0] === 0 ? "*0" : ""}, `;
  const at = p.offset === 0 ? "" : `+${p.offset} `;
  const d = p.dynamic;
  const dynamic = !d
    ? ""
    : d.kind === "register"
      ? ` +r${d.register}*${d.stride}`
      : ` +${d.kind}(${printPattern(program, d.index)})*${d.stride}`;
  return `%${p.storage}:${short}[${rows}${at}${free}${dynamic}]`;
}

export const printOperand = (program: Program, o: Operand): string =>
  o.kind === "tile"
    ? printPattern(program, o.pattern)
    : o.kind === "register"
      ? `r${o.register}`
      : `${o.value}`;

export function printInstruction(program: Program, index: number): string {
  const i = decodeInstruction(program, index);
  const parts: string[] = [];
  for (const name in i.op.operands) {
    const o = i.operands[name];
    if (o !== undefined) parts.push(`${name}=${printOperand(program, o)}`);
  }
  for (const name in i.op.attrs) {
    const v = i.attrs[name];
    const d = defaultOf(i.op.attrs[name]);
    if (v === undefined || v === d || (Array.isArray(v) && v.length === 0)) continue;
    parts.push(`${name}=${Array.isArray(v) ? `[${v}]` : String(v)}`);
  }
  const at = locationOf(program, index);
  const where = at ? `  ; ${at.file.split("/").at(-1)}:${at.line}` : "";
  return `${i.op.name} ${parts.join(", ")}${where}`;
}

export function printProgram(program: Program): string {
  const out = [`program ${program.name} target=${program.chip.name} cores=${program.cores}`];
  for (const s of program.storages) {
    const pin = s.pinned ? ` at (${s.pinned.partition}, ${s.pinned.offset})` : "";
    const kind = s.kind === "internal" ? "" : ` ${s.kind}`;
    out.push(
      `%${s.id} = ${s.space} ${dtypeInfo[s.dtype].short}[${s.shape.join(",")}]${kind}${pin} "${s.name}"`,
    );
  }
  for (let i = 0; i < program.starts.length; i++) {
    const core = program.cores > 1 ? `c${program.coreOf[i]} ` : "";
    out.push(`${core}${printInstruction(program, i)}`);
  }
  if (program.outputs.length > 0)
    out.push(`return ${program.outputs.map((o) => `%${o}`).join(", ")}`);
  return `${out.join("\n")}\n`;
}
