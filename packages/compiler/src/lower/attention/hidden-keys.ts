/** Row maxima of scores of which a row sees only keys up to a bound that is known at run time. */
import { records } from "@opentrn/isa";
import type { Emitter } from "../../emit/emitter.ts";
import type { View } from "../../emit/view.ts";
import { P } from "./plan.ts";
import { lazily } from "./sources.ts";

/** Added to scores of keys that are not seen, where no instruction selects by position. */
const unseen = -1e30;

export class HiddenKeys {
  private readonly emit: Emitter;
  /** fp32 [128, width]: 0, 1, 2, ... in every partition. */
  private readonly positions: () => View;
  private readonly hides: () => View;

  /** `width`: most columns at once. */
  constructor(emit: Emitter, width: number) {
    this.emit = emit;
    this.positions = lazily(() => {
      const made = emit.sbuf("float32", [P, width], "positions");
      emit.emit(records.iota, { dst: made }, { pattern: [1, width] });
      return made;
    });
    this.hides = lazily(() => emit.sbuf("float32", [P, width], "hides"));
  }

  /**
   * VectorE: hides scores [rows, keys] of keys beyond `bound` [rows, 1], where they stand, and writes the maximum of the others to `dst`
   * [rows, 1]; the first key is key number `from`. A row that sees none gets a maximum far below any score.
   */
  maximum(dst: View, scores: View, bound: View, from: number): void {
    const { emit } = this;
    if (records.rangeSelect.generations.some((g) => g === emit.chip.generation)) {
      emit.emit(
        records.rangeSelect,
        { dst: scores, on_true_tile: scores, bound0: bound, bound1: bound, reduce_res: dst },
        { comp_op0: "less_equal", comp_op1: "less_equal", range_start: from },
      );
      return;
    }
    const part = (x: View): View => x.slice(0, 0, scores.partitions).slice(1, 0, scores.free);
    const hides = part(this.hides());
    emit.emit(
      records.tensorScalar,
      { dst: hides, data: part(this.positions()), operand0: from, operand1: bound },
      { op0: "add", op1: "greater", engine: "vector" },
    );
    emit.emit(
      records.scalarTensorTensor,
      { dst: scores, data: hides, operand0: unseen, operand1: scores },
      { op0: "multiply", op1: "add" },
    );
    emit.emit(records.tensorReduce, { dst, data: scores }, { op: "maximum", axis: [1] });
  }
}
