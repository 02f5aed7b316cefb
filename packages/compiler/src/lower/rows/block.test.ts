/** Blocks as a matmul uses them: tiles of an accumulator in, results out, against the interpreter. */
import { chipNamed } from "@opentrn/chips";
import * as ir from "@opentrn/ir";
import { type Program, records } from "@opentrn/isa";
import { expect, test } from "vitest";
import { Emitter } from "../../emit/emitter.ts";
import type { View } from "../../emit/view.ts";
import { type Compared, compareProgram } from "../../testing.ts";
import { Block, type BlockSpec, isColumnLocal } from "./block.ts";

const { func, tensor } = ir;
const trn2 = chipNamed("trn2");

interface Cut {
  readonly rows: readonly number[];
  readonly columns: readonly number[];
  /** Columns of a block. */
  readonly width: number;
}

/** Runs the group as blocks over its first parameter, which is given on chip as an accumulator would be. */
function inBlocks(
  fn: ir.Func,
  { rows, columns, width }: Cut,
): { readonly program: Program; readonly results: readonly Compared[] } {
  const emit = new Emitter("blocks", trn2);
  const inputs = new Map<ir.Value, View>(
    fn.params.map((v) => [v, emit.hbm(ir.parameterName(v), v.type.dtype, v.type.shape, "input")]),
  );
  const outputs = fn.results.map((v, i) =>
    emit.hbm(`result${i}`, v.type.dtype, v.type.shape, "output"),
  );
  const root = fn.params[0]!;
  const spec: BlockSpec = {
    ops: fn.body,
    root: { value: root, rows, columns },
    onChip: [root],
    results: fn.results,
  };
  const block = Block.of(spec, emit);
  if (typeof block === "string") throw new Error(block);
  const size = (dims: readonly number[]) => dims.reduce((n, d) => n * root.type.shape[d]!, 1);
  const [n, m] = [size(rows), size(columns)];
  const flat = inputs.get(root)!.permute([...rows, ...columns]);
  for (let c = 0; c < m; c += width)
    for (let r = 0; r < n; r += 128) {
      const [p, q] = [Math.min(128, n - r), Math.min(width, m - c)];
      const tile = emit.sbuf(root.type.dtype, [p, q]);
      const src = flat
        .reshape([n, m])
        .slice(0, r, r + p)
        .slice(1, c, c + q);
      emit.emit(records.dmaCopy, { dst: tile, src });
      const psum = root.type.dtype === "float32" && q <= 512 ? emit.psum("float32", [p, q]) : tile;
      if (psum !== tile)
        emit.emit(records.tensorCopy, { dst: psum, src: tile }, { engine: "vector" });
      block.emit({
        rows: [r, r + p],
        columns: [c, c + q],
        bind: (v) => (v === root ? psum : inputs.get(v)!),
      });
      fn.results.forEach((v, i) => {
        block.store(v, outputs[i]!);
      });
    }
  const program = emit.finish();
  return { program, results: compareProgram(fn, program) };
}

const bf16 = "bfloat16";
const gelu = func(
  "gelu",
  { acc: tensor([200, 96]), bias: tensor([96], bf16), skip: tensor([200, 96], bf16) },
  ({ acc, bias, skip }) => {
    const x = ir.add(acc, ir.broadcastInDim(ir.convert(bias, "float32"), [200, 96]));
    return [ir.add(ir.convert(ir.geluTanh(x), bf16), skip), ir.convert(x, bf16)];
  },
);
const rotary = func(
  "rotary",
  { acc: tensor([2, 80, 3, 16]), cos: tensor([80, 16]), sin: tensor([80, 16]) },
  ({ acc, cos, sin }) => {
    const spread = (v: ir.Value) => ir.broadcastInDim(v, [2, 80, 3, 16], [1, 3]);
    return [ir.rotary(acc, spread(cos), spread(sin))];
  },
);
const normed = func("normed", { acc: tensor([130, 64]), w: tensor([64]) }, ({ acc, w }) => [
  ir.rmsNorm(acc, w),
]);
const turned = func(
  "turned",
  { acc: tensor([70, 140], bf16), bias: tensor([140], bf16) },
  ({ acc, bias }) => [ir.silu(ir.add(acc, ir.broadcastInDim(bias, [70, 140])))],
);

const cases: Readonly<Record<string, readonly [ir.Func, Cut, local: boolean]>> = {
  "epilogue of column chunks": [gelu, { rows: [0], columns: [1], width: 32 }, true],
  "rotary by heads": [rotary, { rows: [0, 1], columns: [2, 3], width: 32 }, true],
  "norm of whole rows": [normed, { rows: [0], columns: [1], width: 64 }, false],
  "transposed accumulator": [turned, { rows: [1], columns: [0], width: 35 }, true],
};

test("columns without rows are loaded once for blocks of all rows", () => {
  const { program } = inBlocks(gelu, { rows: [0], columns: [1], width: 32 });
  const spread = program.classes.flatMap((c, id) =>
    c.op.name === "dma_copy" && c.call.tile["src"]!.strides[0] === 0 ? [id] : [],
  );
  // The bias of three chunks, for two blocks of rows each.
  expect(program.classOf.filter((id) => spread.includes(id)).length).toBe(3);
});

test.each(Object.entries(cases))("%s", (_, [fn, cut, local]) => {
  const root = { value: fn.params[0]!, rows: cut.rows, columns: cut.columns };
  expect(isColumnLocal({ ops: fn.body, root, results: fn.results })).toBe(local);
  for (const r of inBlocks(fn, cut).results) {
    const worst = Math.max(...r.chip.map((x, i) => Math.abs(x - r.interpreter[i]!)));
    expect(worst).toBeLessThanOrEqual(2 ** (r.type.dtype === "float32" ? -21 : -8) * r.scale);
  }
});
