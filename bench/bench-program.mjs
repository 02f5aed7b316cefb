import { chipNamed } from "../packages/chips/dist/index.js";
import { instructionNamed, ProgramBuilder } from "../packages/isa/dist/index.js";

const chip = chipNamed("trn2");

/** A Program of one instruction, many times over, with operands that were written before. */
export class BenchProgram {
  constructor() {
    this.b = new ProgramBuilder({ name: "bench", chip });
  }
  /** A tile with rows `gap` elements longer than the part used. */
  tile(space, dtype, shape, { fill = 1, gap = 0, kind = "internal" } = {}) {
    const whole = [...shape.slice(0, -1), shape.at(-1) + gap];
    const storage = this.b.declare({ name: "t", space, kind, dtype, shape: whole });
    const stride = (i) => whole.slice(i + 1).reduce((a, c) => a * c, 1);
    const dims = shape.map((n, i) => [space !== "hbm" && i === 0 ? 1 : stride(i), n]);
    const pattern = { storage, dtype, partition: 0, offset: 0, dims };
    if (kind === "internal" && fill !== undefined && space !== "hbm") {
      if (/int|bool/.test(dtype)) this.op("iota", { dst: pattern }, this.ramp(pattern));
      else this.op("memset", { dst: pattern, value: fill });
    } else if (kind === "internal" && fill !== undefined) {
      const from = this.tile("sbuf", dtype, [1, whole.reduce((a, c) => a * c, 1)], { fill });
      this.op("dma_copy", { dst: pattern, src: from });
    }
    return pattern;
  }
  /** Row numbers 0, 1, 2, … down the partitions. */
  ramp(p) {
    const free = p.dims.slice(1).reduce((n, d) => n * d[1], 1);
    return { pattern: [0, free], channel_multiplier: 1 };
  }
  op(name, operands, attrs = {}) {
    const forms = Object.entries(operands).map(([k, o]) => [
      k,
      typeof o === "number" ? { kind: "float", value: o } : { kind: "tile", pattern: o },
    ]);
    this.b.emit(instructionNamed(name), Object.fromEntries(forms), attrs, 0);
  }
}
