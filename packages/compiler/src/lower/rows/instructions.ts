/**
 * The few instructions that element-by-element work is made of, on tiles of any dimensions, each on the engine that is free first. All
 * compute in fp32 and round once on writing.
 */
import { records } from "@opentrn/isa";
import type { ActivationName, AluName } from "@opentrn/numerics";
import type { View } from "../../emit/view.ts";
import type { Way } from "./engines.ts";
import type { Site } from "./site.ts";
import { type Arg, compact, countsOf, inDims, isTile, repeated, type Tile } from "./tile.ts";

const inPsum = (...views: readonly View[]): boolean => views.some((v) => v.space === "psum");

/** A number, or one float32 a partition. */
export function operand(site: Site, a: Arg): View | number {
  if (!isTile(a)) return a;
  if (a.view.dtype === "float32") return compact(a.view);
  const wide = site.scratch("float32", countsOf(a));
  tensorScalar(site, wide, a, "bypass");
  return compact(wide.view);
}

export interface SecondStep {
  readonly op: AluName;
  readonly value?: Arg | undefined;
  readonly reverse?: boolean;
}

/** dst = (data op value) then the second step; dst and data have the same elements once data is repeated. */
export function tensorScalar(
  site: Site,
  dst: Tile,
  data: Tile,
  op: AluName,
  value?: Arg,
  reverse = false,
  then?: SecondStep,
): void {
  const by = value === undefined ? undefined : operand(site, value);
  const by1 = then?.value === undefined ? undefined : operand(site, then.value);
  const pointers = typeof by === "object" || typeof by1 === "object";
  inDims([dst.view, repeated(data, countsOf(dst))], ([d, x]) => {
    const ways: Way[] = [
      {
        engine: "vector",
        ns: site.engines.scalarForm([d!, x!], pointers),
        emit: () =>
          site.emit.emit(
            records.tensorScalar,
            { dst: d!, data: x!, operand0: by, operand1: by1 },
            {
              op0: op,
              reverse0: reverse,
              op1: then?.op,
              reverse1: then?.reverse ?? false,
              engine: "vector",
            },
          ),
      },
    ];
    const scaled = then ? undefined : multiplyAdd(op, by, reverse);
    if (scaled && site.emit.chip.generation > 2)
      ways.push({
        engine: "scalar",
        ns: site.engines.plain("scalar", d!, pointers),
        emit: () =>
          site.emit.emit(
            records.tensorScalar,
            { dst: d!, data: x!, ...scaled.operands },
            { ...scaled.attrs, engine: "scalar" },
          ),
      });
    site.engines.run(ways);
  });
}

interface MultiplyAdd {
  readonly operands: { readonly operand0: View | number; readonly operand1?: View | number };
  readonly attrs: { readonly op0: AluName; readonly op1?: AluName };
}

/** The operation as ScalarE's multiply, add, or multiply and add, where that gives the same bits. */
function multiplyAdd(
  op: AluName,
  by: View | number | undefined,
  reverse: boolean,
): MultiplyAdd | undefined {
  if (by === undefined) return undefined;
  if (op === "multiply" || op === "add") return { operands: { operand0: by }, attrs: { op0: op } };
  if (op !== "subtract") return undefined;
  if (reverse)
    return { operands: { operand0: -1, operand1: by }, attrs: { op0: "multiply", op1: "add" } };
  return typeof by === "number"
    ? { operands: { operand0: -by }, attrs: { op0: "add" } }
    : undefined;
}

/** dst = a op b of two tiles. */
export function tensorTensor(site: Site, dst: Tile, a: Tile, b: Tile, op: AluName): void {
  const counts = countsOf(dst);
  const both = inPsum(a.view) && inPsum(b.view);
  const x = repeated(both ? outOfPsum(site, a) : a, counts);
  inDims([dst.view, x, repeated(b, counts)], ([d, p, q]) => {
    const on = (engine: "vector" | "gpsimd"): Way => ({
      engine,
      ns: site.engines.twoTiles(engine, [d!, p!, q!]),
      emit: () =>
        site.emit.emit(records.tensorTensor, { dst: d!, data1: p!, data2: q! }, { op, engine }),
    });
    if (op === "power") site.engines.run([on("gpsimd")]);
    else if (inPsum(d!, p!, q!)) site.engines.run([on("vector")]);
    else site.engines.run([on("vector"), on("gpsimd")]);
  });
}

/** dst = x x. */
export function squared(site: Site, dst: Tile, x: Tile): void {
  inDims([dst.view, repeated(x, countsOf(dst))], ([d, v]) => {
    const on = (engine: "vector" | "gpsimd"): Way => ({
      engine,
      ns: site.engines.twoTiles(engine, [d!, v!, v!]),
      emit: () =>
        site.emit.emit(
          records.tensorTensor,
          { dst: d!, data1: v!, data2: v! },
          { op: "multiply", engine },
        ),
    });
    const ways: Way[] = [
      {
        engine: "scalar",
        ns: site.engines.plain("scalar", d!),
        emit: () => site.emit.emit(records.activation, { dst: d!, data: v! }, { op: "square" }),
      },
    ];
    // Two inputs of one instruction cannot both lie in PSUM.
    if (!inPsum(v!)) ways.push(on("vector"));
    if (!inPsum(d!, v!)) ways.push(on("gpsimd"));
    site.engines.run(ways);
  });
}

/** The tile where it lies in SBUF, else a copy that does. */
export function outOfPsum(site: Site, t: Tile): Tile {
  if (!inPsum(t.view)) return t;
  const held = site.scratch(t.view.dtype, countsOf(t));
  copy(site, held, t);
  return held;
}

interface FirstStep {
  readonly op: AluName;
  readonly value: Arg;
  readonly reverse: boolean;
}
interface TileStep {
  readonly op: AluName;
  readonly other: Tile;
  readonly reverse: boolean;
}

/** dst = (data op0 value) op1 other: one instruction of VectorE, or two where that has far more to do than the others. */
export function scalarTensorTensor(
  site: Site,
  dst: Tile,
  data: Tile,
  first: FirstStep,
  second: TileStep,
): void {
  const counts = countsOf(dst);
  const by = operand(site, first.value);
  const other = inPsum(data.view) ? outOfPsum(site, second.other) : second.other;
  inDims([dst.view, repeated(data, counts), repeated(other, counts)], ([d, x, y]) => {
    const one: Way = {
      engine: "vector",
      ns: site.engines.twoTiles("vector", [d!, x!, y!]),
      emit: () =>
        site.emit.emit(
          records.scalarTensorTensor,
          { dst: d!, data: x!, operand0: by, operand1: y! },
          { op0: first.op, reverse0: first.reverse, op1: second.op, reverse1: second.reverse },
        ),
    };
    const two = d!.free === dst.view.free ? apart(site, d!, x!, y!, by, first, second) : undefined;
    site.engines.run(two ? [one, two] : [one]);
  });
}

/** The two steps on ScalarE and GpSimd. */
function apart(
  site: Site,
  d: View,
  x: View,
  y: View,
  by: View | number,
  first: FirstStep,
  second: TileStep,
): Way | undefined {
  const scaled = multiplyAdd(first.op, by, first.reverse);
  if (!scaled || site.emit.chip.generation === 2 || inPsum(d, y)) return undefined;
  const { engines, emit } = site;
  return {
    engine: "scalar",
    ns: engines.plain("scalar", d, typeof by === "object"),
    also: { engine: "gpsimd", ns: engines.twoTiles("gpsimd", [d, y]) },
    emit: () => {
      const middle = d.dtype === "float32" ? d : compact(site.scratch("float32", d.shape).view);
      emit.emit(
        records.tensorScalar,
        { dst: middle, data: x, ...scaled.operands },
        { ...scaled.attrs, engine: "scalar" },
      );
      const [data1, data2] = second.reverse ? [y, middle] : [middle, y];
      emit.emit(
        records.tensorTensor,
        { dst: d, data1, data2 },
        { op: second.op, engine: "gpsimd" },
      );
    },
  };
}

export interface ActivationInput {
  readonly scale?: Arg;
  readonly bias?: Arg;
  /** Takes the sum of each partition's results: a [p, 1] tile. */
  readonly sums?: Tile;
}

/** dst = f(data * scale + bias) on ScalarE. */
export function activation(
  site: Site,
  dst: Tile,
  data: Tile,
  op: ActivationName,
  { scale = 1, bias = 0, sums }: ActivationInput = {},
): void {
  const by = scale === 1 ? undefined : operand(site, scale);
  const plus = bias === 0 ? undefined : biasOf(site, bias, countsOf(dst)[0]!);
  const pointers = typeof by === "object" || typeof plus === "object";
  inDims([dst.view, repeated(data, countsOf(dst))], ([d, x]) => {
    site.engines.run([
      {
        engine: "scalar",
        ns: site.engines.plain("scalar", d!, pointers),
        emit: () =>
          sums
            ? site.emit.emit(
                records.activationReduce,
                { dst: d!, data: x!, scale: by, bias: plus, reduce_res: compact(sums.view) },
                { op, reduce_op: "add" },
              )
            : site.emit.emit(
                records.activation,
                { dst: d!, data: x!, scale: by, bias: plus },
                { op },
              ),
      },
    ]);
  });
}

/** A bias; NeuronCore-v2 takes numbers as tensors only. */
function biasOf(site: Site, bias: Arg, partitions: number): View | number {
  if (isTile(bias)) return operand(site, bias);
  if (site.emit.chip.generation > 2) return bias;
  return compact(site.fixed(bias, "float32", partitions).view);
}

/** A copy that converts as writing does: floats round to the type, to integers to nearest. */
export function copy(site: Site, dst: Tile, src: Tile): void {
  inDims([dst.view, repeated(src, countsOf(dst))], ([d, x]) => {
    const move = (engine: "vector" | "scalar" | "gpsimd", ns: number): Way => ({
      engine,
      ns,
      emit: () => site.emit.emit(records.tensorCopy, { dst: d!, src: x! }, { engine }),
    });
    const ways = [move("vector", site.engines.copyForm([d!, x!]))];
    // The tensor-scalar form converts twice as fast; only copies between equal types keep all bits.
    if (d!.dtype !== x!.dtype)
      ways.push({
        engine: "vector",
        ns: site.engines.scalarForm([d!, x!]),
        emit: () =>
          site.emit.emit(
            records.tensorScalar,
            { dst: d!, data: x! },
            { op0: "bypass", engine: "vector" },
          ),
      });
    if (site.emit.chip.generation > 2) ways.push(move("scalar", site.engines.plain("scalar", d!)));
    if (!inPsum(d!, x!)) ways.push(move("gpsimd", site.engines.plain("gpsimd", d!)));
    site.engines.run(ways);
  });
}

/** dst = predicate ? yes : no for floats and integers of 16 and fewer bits, one side a number or one value a partition; on VectorE. */
export function selectBeside(
  site: Site,
  dst: Tile,
  predicate: Tile,
  tile: Tile,
  other: Arg,
  reverse: boolean,
): void {
  const counts = countsOf(dst);
  const by = isTile(other) ? compact(other.view) : other;
  const bits = repeated(predicate, counts).bits("uint8");
  const [x, p] =
    inPsum(tile.view) && inPsum(predicate.view)
      ? [repeated(outOfPsum(site, tile), counts), bits]
      : [repeated(tile, counts), bits];
  inDims([dst.view, x!, p!], ([d, t, b]) => {
    site.engines.run([
      {
        engine: "vector",
        ns: site.engines.twoTiles("vector", [d!, t!]),
        emit: () =>
          site.emit.emit(
            records.selectReduce,
            { dst: d!, predicate: b!, on_true: t!, on_false: by },
            { reduce_cmd: "idle", reverse_pred: reverse },
          ),
      },
    ]);
  });
}

/** dst = src where the predicate holds; both of one type, bit by bit; on VectorE. */
export function copyPredicated(site: Site, dst: Tile, src: Tile, predicate: Tile): void {
  const counts = countsOf(dst);
  const views = [dst.view, repeated(outOfPsum(site, src), counts), repeated(predicate, counts)];
  inDims(views, ([d, x, p]) => {
    site.engines.run([
      {
        engine: "vector",
        ns: site.engines.plain("vector", d!, false, 2),
        emit: () =>
          site.emit.emit(
            records.tensorCopyPredicated,
            { dst: d!, src: x!, predicate: p!.bits("uint8") },
            { reverse_pred: false },
          ),
      },
    ]);
  });
}
