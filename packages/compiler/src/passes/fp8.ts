/**
 * Products of 16-bit operands in fp8, each operand scaled by its largest magnitude so that it fills the type's range (dynamic scaling a
 * tensor, as fp8 training does it). Sums stay fp32 and the scales are taken off before the result rounds to its type.
 */
import {
  abs,
  broadcastInDim,
  convert,
  divide,
  emitAny,
  type Func,
  maximum,
  multiply,
  reduce,
  rewrite,
  type Value,
} from "@opentrn/ir";
import { decode, dtypeInfo } from "@opentrn/numerics";

const narrow = "float8_e4m3";
/** The largest finite number of the type: the bit pattern below the first that is none. */
const largest = ((): number => {
  const bits = 2 ** (8 * dtypeInfo[narrow].bytes - 1);
  for (let b = bits - 1; b > 0; b--) {
    const x = decode(b, narrow);
    if (Number.isFinite(x)) return x;
  }
  return 1;
})();
/** A tensor of zeros is not scaled by infinity. */
const TINY = 2 ** -100;

/** x scaled and rounded, and by how much. */
function quantised(x: Value): readonly [narrow: Value, scale: Value] {
  const wide = convert(x, "float32");
  const most = reduce(
    abs(wide),
    "maximum",
    x.type.shape.map((_, d) => d),
  );
  const scale = divide(largest, maximum(most, TINY));
  const scaled = multiply(wide, broadcastInDim(scale, x.type.shape, []));
  return [convert(scaled, narrow), scale];
}

/** The function with its bf16 and fp16 products in fp8. A pass that changes values, for those who ask for it. */
export function narrowProducts(fn: Func): Func {
  const done = new Map<Value, ReturnType<typeof quantised>>();
  const once = (x: Value): ReturnType<typeof quantised> => {
    const made = done.get(x) ?? quantised(x);
    done.set(x, made);
    return made;
  };
  return rewrite(fn, (op, [x, w]) => {
    if (op.name !== "dot_general") return undefined;
    if (![x, w].every((v) => ["bfloat16", "float16"].includes(v!.type.dtype))) return undefined;
    const [[xq, xs], [wq, ws]] = [once(x!), once(w!)];
    const [y] = emitAny("dot_general", [xq, wq], { ...op.attrs, dtype: "float32" });
    const { shape, dtype } = op.results[0]!.type;
    const back = divide(1, multiply(xs, ws));
    return [convert(multiply(y!, broadcastInDim(back, shape, [])), dtype)];
  });
}
