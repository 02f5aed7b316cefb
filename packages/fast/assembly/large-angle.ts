// sin beyond the three-part reduction: x / pi in 256-bit fixed point, one lane at a time. Mirrors numerics/functions/large-angle.ts.
import { tailAt } from "./layout";
import { K_inversePiWords } from "../generated/tables";
import { sinOfReduced } from "./math";

/** pi / 2^64, exactly the binary64 value of Math.PI / 2 ** 64. */
const PI_OVER_2_64: f64 = 1.7030607900432772e-19;

/** Word i of the 288-bit product kept at `product`; zero above it. */
@inline function word(product: usize, i: i32): u64 { return i < 9 ? load<u32>(product + (<usize>i << 2)) : 0; }

/** x modulo pi as fp32, its sign bit flipped where the number of half turns is odd. x is finite and at least 2^14 in magnitude. */
function reduce(bits: u32): v128 {
  const mantissa = <u64>((bits & 0x7fffff) | 0x800000);
  const exponent = <i32>((bits >> 23) & 0xff) - 150;
  const product = tailAt(2);
  let carry: u64 = 0;
  for (let i = 0; i < 8; i++) {
    carry += mantissa * load<u32>(K_inversePiWords + (<usize>i << 2));
    store<u32>(product + (<usize>i << 2), <u32>carry);
    carry >>= 32;
  }
  store<u32>(product, <u32>carry, 32);
  const shift = 192 - exponent;
  const at = shift >> 5;
  const down = <u64>(shift & 31);
  const a = word(product, at);
  const b = word(product, at + 1);
  const c = word(product, at + 2);
  const fraction = (a >> down) | (b << (32 - down)) | (down == 0 ? 0 : c << (64 - down));
  const turns = (c >> down) | (word(product, at + 3) << (32 - down));
  const nearest = turns + (fraction >> 63);
  const angle = <f32>(<f64>(<i64>fraction) * PI_OVER_2_64);
  const sign = (bits & 0x80000000) ^ (<u32>(nearest & 1) << 31);
  return i32x4.splat(reinterpret<i32>(angle) ^ sign);
}
/** `y` with the lanes in `large` replaced; NaN for the infinities. */
export function sinLarge(x: v128, y: v128, large: v128): v128 {
  const store4 = tailAt(3);
  v128.store(store4, x);
  for (let i = 0; i < 4; i++) {
    const bits = load<u32>(store4 + (<usize>i << 2));
    const infinite = (bits & 0x7fffffff) >= 0x7f800000;
    const s = infinite ? i32x4.splat(0x7fc00000) : sinOfReduced(reduce(bits));
    v128.store_lane<u32>(store4 + (<usize>i << 2), s, 0);
  }
  return v128.bitselect(v128.load(store4), y, large);
}
