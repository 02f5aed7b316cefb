// The activation functions over packed fp32 values: packages/numerics/src/functions/activation.ts, four lanes at a time.
import { antiSigmoidOf, arctan, decay, erf, exp, expBelow, expIsSafe, expSafely, log, log1p, sigmoid, sigmoidOf, sin, tanh } from "./math";
import { canonical, constant, half, isNumber, loadSome, magnitude, one, storeSome, two, zero } from "./vector";
import {
  ACT_abs, ACT_arctan, ACT_copy, ACT_erf, ACT_erf_dx, ACT_exp, ACT_gelu, ACT_gelu_apprx_sigmoid, ACT_gelu_apprx_sigmoid_dx,
  ACT_gelu_apprx_tanh, ACT_gelu_dx, ACT_log, ACT_mish, ACT_prelu, ACT_reciprocal, ACT_relu, ACT_rsqrt, ACT_sigmoid, ACT_sign,
  ACT_silu, ACT_silu_dx, ACT_sin, ACT_softplus, ACT_sqrt, ACT_square, ACT_tanh, I_minusHalf, I_minusOne, K_expLowest, K_gateHighest, K_gateLowest, K_geluSigmoid,
  K_geluTanhCubic, K_geluTanhLinear, K_inverseSqrt2, K_inverseSqrt2Pi, K_mishHighest, K_twoInverseSqrtPi,
} from "../generated/tables";

@inline function mul(a: v128, b: v128): v128 { return f32x4.mul(a, b); }
@inline function add(a: v128, b: v128): v128 { return f32x4.add(a, b); }
@inline function negative(x: v128): v128 { return f32x4.lt(x, zero()); }
@inline function gated(x: v128): v128 { return f32x4.pmax(x, constant(K_gateLowest)); }
@inline function gateInput(x: v128): v128 { return f32x4.pmin(gated(x), constant(K_gateHighest)); }
@inline function onePlusErf(x: v128): v128 { return add(one(), erf(mul(x, constant(K_inverseSqrt2)))); }
@inline function gateDx(u: v128): v128 {
  const e = decay(u);
  return mul(sigmoidOf(u, e), add(one(), mul(u, antiSigmoidOf(u, e))));
}

// One class a function, so that a loop over it compiles to it alone.
@unmanaged class Copy { @inline of(x: v128): v128 { return x; } }
@unmanaged class Square { @inline of(x: v128): v128 { return mul(x, x); } }
@unmanaged class Sigmoid { @inline of(x: v128): v128 { return sigmoid(x); } }
@unmanaged class Relu { @inline of(x: v128): v128 { return f32x4.max(x, zero()); } }
@unmanaged class Gelu { @inline of(x: v128): v128 { return mul(mul(half(), gated(x)), onePlusErf(x)); } }
@unmanaged class GeluDx {
  @inline of(x: v128): v128 {
    const y = gateInput(x);
    const density = mul(expBelow(mul(constant(I_minusHalf), mul(y, y))), constant(K_inverseSqrt2Pi));
    return add(mul(half(), onePlusErf(y)), mul(y, density));
  }
}
@unmanaged class GeluTanh {
  @inline of(x: v128): v128 {
    const cubic = add(constant(K_geluTanhLinear), mul(constant(K_geluTanhCubic), mul(x, x)));
    return mul(gated(x), sigmoid(mul(x, cubic)));
  }
}
@unmanaged class GeluSigmoid { @inline of(x: v128): v128 { return mul(gated(x), sigmoid(mul(constant(K_geluSigmoid), x))); } }
@unmanaged class GeluSigmoidDx { @inline of(x: v128): v128 { return gateDx(mul(constant(K_geluSigmoid), gateInput(x))); } }
@unmanaged class Silu { @inline of(x: v128): v128 { return mul(gated(x), sigmoid(x)); } }
@unmanaged class SiluDx { @inline of(x: v128): v128 { return gateDx(gateInput(x)); } }
@unmanaged class Tanh { @inline of(x: v128): v128 { return tanh(x); } }
@unmanaged class Softplus { @inline of(x: v128): v128 { return add(f32x4.pmax(x, zero()), log1p(decay(x))); } }
@unmanaged class Mish {
  @inline of(x: v128): v128 {
    const e = expBelow(f32x4.pmin(x, constant(K_mishHighest)));
    const t = mul(e, add(e, two()));
    return mul(gated(x), f32x4.div(t, add(t, two())));
  }
}
@unmanaged class Erf { @inline of(x: v128): v128 { return erf(x); } }
@unmanaged class ErfDx { @inline of(x: v128): v128 { return mul(constant(K_twoInverseSqrtPi), expBelow(f32x4.neg(mul(x, x)))); } }
@unmanaged class Exp { @inline of(x: v128): v128 { return exp(x); } }
@unmanaged class Log { @inline of(x: v128): v128 { return log(x); } }
@unmanaged class Sin { @inline of(x: v128): v128 { return sin(x); } }
@unmanaged class Arctan { @inline of(x: v128): v128 { return arctan(x); } }
@unmanaged class Sqrt { @inline of(x: v128): v128 { return f32x4.sqrt(x); } }
@unmanaged class Rsqrt { @inline of(x: v128): v128 { return f32x4.div(one(), f32x4.sqrt(x)); } }
@unmanaged class Reciprocal { @inline of(x: v128): v128 { return f32x4.div(one(), x); } }
@unmanaged class Sign {
  @inline of(x: v128): v128 {
    const up = v128.and(f32x4.gt(x, zero()), one());
    const down = v128.and(negative(x), constant(I_minusOne));
    return v128.bitselect(v128.or(up, down), x, isNumber(x));
  }
}
@unmanaged class Abs { @inline of(x: v128): v128 { return magnitude(x); } }

function loop<Fn>(dst: usize, x: usize, xStep: usize, n: i32): void {
  for (; n >= 8; n -= 8) {
    const low = changetype<Fn>(0).of(v128.load(x));
    const high = changetype<Fn>(0).of(v128.load(x + xStep));
    v128.store(dst, canonical(low));
    v128.store(dst, canonical(high), 16);
    x += 2 * xStep;
    dst += 32;
  }
  for (; n >= 4; n -= 4) {
    v128.store(dst, canonical(changetype<Fn>(0).of(v128.load(x))));
    x += xStep;
    dst += 16;
  }
  if (n > 0) storeSome(dst, canonical(changetype<Fn>(0).of(loadSome(x, n))), n);
}

/** e^x for any x; lanes whose power is 0 take no part, because hosts are slow where products become too small. */
@inline function expSlowly(x: v128, lowest: v128): v128 {
  const none = f32x4.le(x, lowest);
  return v128.andnot(canonical(exp(v128.andnot(x, none))), none);
}

/** e^x, with short ways for eight values that need no care at either end, and for eight whose power is 0, as masked scores have it. */
function expLoop(dst: usize, x: usize, n: i32): void {
  const lowest = constant(K_expLowest);
  for (; n >= 8; n -= 8) {
    const a = v128.load(x);
    const b = v128.load(x, 16);
    if (i32x4.all_true(v128.and(expIsSafe(a), expIsSafe(b)))) {
      const low = expSafely(a);
      const high = expSafely(b);
      v128.store(dst, low);
      v128.store(dst, high, 16);
    } else if (i32x4.all_true(v128.and(f32x4.le(a, lowest), f32x4.le(b, lowest)))) {
      v128.store(dst, zero());
      v128.store(dst, zero(), 16);
    } else {
      const low = expSlowly(a, lowest);
      const high = expSlowly(b, lowest);
      v128.store(dst, low);
      v128.store(dst, high, 16);
    }
    x += 32;
    dst += 32;
  }
  loop<Exp>(dst, x, 16, n);
}

@inline function preluOf(x: v128, alpha: v128): v128 { return canonical(v128.bitselect(mul(alpha, x), x, negative(x))); }
function prelu(dst: usize, x: usize, xStep: usize, alpha: usize, alphaStep: usize, n: i32): void {
  for (; n >= 4; n -= 4) {
    v128.store(dst, preluOf(v128.load(x), v128.load(alpha)));
    x += xStep;
    alpha += alphaStep;
    dst += 16;
  }
  if (n > 0) storeSome(dst, preluOf(loadSome(x, n), loadSome(alpha, n)), n);
}

@inline export function isFunction(fn: i32): bool { return fn >= ACT_copy && fn <= ACT_abs; }

/** n fp32 values: dst = f(x). Steps are 16, or 0 for one value in all four lanes. Only prelu reads `alpha`. */
export function functionChunk(fn: i32, dst: usize, x: usize, xStep: usize, alpha: usize, alphaStep: usize, n: i32): void {
  switch (fn) {
    case ACT_copy: { loop<Copy>(dst, x, xStep, n); return; }
    case ACT_square: { loop<Square>(dst, x, xStep, n); return; }
    case ACT_sigmoid: { loop<Sigmoid>(dst, x, xStep, n); return; }
    case ACT_relu: { loop<Relu>(dst, x, xStep, n); return; }
    case ACT_prelu: { prelu(dst, x, xStep, alpha, alphaStep, n); return; }
    case ACT_gelu: { loop<Gelu>(dst, x, xStep, n); return; }
    case ACT_gelu_dx: { loop<GeluDx>(dst, x, xStep, n); return; }
    case ACT_gelu_apprx_tanh: { loop<GeluTanh>(dst, x, xStep, n); return; }
    case ACT_gelu_apprx_sigmoid: { loop<GeluSigmoid>(dst, x, xStep, n); return; }
    case ACT_gelu_apprx_sigmoid_dx: { loop<GeluSigmoidDx>(dst, x, xStep, n); return; }
    case ACT_silu: { loop<Silu>(dst, x, xStep, n); return; }
    case ACT_silu_dx: { loop<SiluDx>(dst, x, xStep, n); return; }
    case ACT_tanh: { loop<Tanh>(dst, x, xStep, n); return; }
    case ACT_softplus: { loop<Softplus>(dst, x, xStep, n); return; }
    case ACT_mish: { loop<Mish>(dst, x, xStep, n); return; }
    case ACT_erf: { loop<Erf>(dst, x, xStep, n); return; }
    case ACT_erf_dx: { loop<ErfDx>(dst, x, xStep, n); return; }
    case ACT_exp: {
      if (xStep == 0) loop<Exp>(dst, x, xStep, n);
      else expLoop(dst, x, n);
      return;
    }
    case ACT_log: { loop<Log>(dst, x, xStep, n); return; }
    case ACT_sin: { loop<Sin>(dst, x, xStep, n); return; }
    case ACT_arctan: { loop<Arctan>(dst, x, xStep, n); return; }
    case ACT_sqrt: { loop<Sqrt>(dst, x, xStep, n); return; }
    case ACT_rsqrt: { loop<Rsqrt>(dst, x, xStep, n); return; }
    case ACT_reciprocal: { loop<Reciprocal>(dst, x, xStep, n); return; }
    case ACT_sign: { loop<Sign>(dst, x, xStep, n); return; }
    case ACT_abs: { loop<Abs>(dst, x, xStep, n); return; }
  }
}
