// The arithmetic ALU operations on four lanes, one class each, so that a loop over an operation compiles to that operation alone
// (`changetype<Op>(0).of(a, b)`). Meanings: packages/numerics/src/functions/alu.ts.
import { magnitude, one, zero } from "./vector";
import { power } from "./power";

@inline function truth(mask: v128): v128 { return v128.and(mask, one()); }
@inline function isTrue(x: v128): v128 { return f32x4.ne(x, zero()); }

@unmanaged export class Bypass { @inline of(a: v128, b: v128): v128 { return a; } }
@unmanaged export class Add { @inline of(a: v128, b: v128): v128 { return f32x4.add(a, b); } }
@unmanaged export class Subtract { @inline of(a: v128, b: v128): v128 { return f32x4.sub(a, b); } }
@unmanaged export class Multiply { @inline of(a: v128, b: v128): v128 { return f32x4.mul(a, b); } }
@unmanaged export class Maximum { @inline of(a: v128, b: v128): v128 { return f32x4.max(a, b); } }
@unmanaged export class Minimum { @inline of(a: v128, b: v128): v128 { return f32x4.min(a, b); } }
@unmanaged export class Equal { @inline of(a: v128, b: v128): v128 { return truth(f32x4.eq(a, b)); } }
@unmanaged export class NotEqual { @inline of(a: v128, b: v128): v128 { return truth(f32x4.ne(a, b)); } }
@unmanaged export class GreaterEqual { @inline of(a: v128, b: v128): v128 { return truth(f32x4.ge(a, b)); } }
@unmanaged export class Greater { @inline of(a: v128, b: v128): v128 { return truth(f32x4.gt(a, b)); } }
@unmanaged export class LessEqual { @inline of(a: v128, b: v128): v128 { return truth(f32x4.le(a, b)); } }
@unmanaged export class Less { @inline of(a: v128, b: v128): v128 { return truth(f32x4.lt(a, b)); } }
@unmanaged export class LogicalAnd { @inline of(a: v128, b: v128): v128 { return truth(v128.and(isTrue(a), isTrue(b))); } }
@unmanaged export class LogicalOr { @inline of(a: v128, b: v128): v128 { return truth(v128.or(isTrue(a), isTrue(b))); } }
@unmanaged export class LogicalXor { @inline of(a: v128, b: v128): v128 { return truth(v128.xor(isTrue(a), isTrue(b))); } }
@unmanaged export class Power { @inline of(a: v128, b: v128): v128 { return power(a, b); } }
@unmanaged export class AbsMax { @inline of(a: v128, b: v128): v128 { return v128.bitselect(a, b, f32x4.gt(magnitude(a), magnitude(b))); } }
@unmanaged export class AbsMin { @inline of(a: v128, b: v128): v128 { return v128.bitselect(a, b, f32x4.lt(magnitude(a), magnitude(b))); } }
@unmanaged export class Abs { @inline of(a: v128, b: v128): v128 { return magnitude(a); } }
@unmanaged export class Square { @inline of(a: v128, b: v128): v128 { return f32x4.mul(a, a); } }
@unmanaged export class Relu { @inline of(a: v128, b: v128): v128 { return f32x4.max(a, zero()); } }
@unmanaged export class Rsqrt { @inline of(a: v128, b: v128): v128 { return f32x4.div(one(), f32x4.sqrt(a)); } }
@unmanaged export class Reciprocal { @inline of(a: v128, b: v128): v128 { return f32x4.div(one(), a); } }
