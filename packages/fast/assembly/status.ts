// What a kernel returns; packages/fast/src/status.ts turns the others into errors.
export const OK: i32 = 0;
/** A packed type was asked to convert, or a type the operation does not take. */
export const BAD_DTYPE: i32 = 1;
/** Element counts of the operands do not agree. */
export const BAD_SHAPE: i32 = 2;
/** Operands overlap and the staging area cannot hold a copy. */
export const NO_ROOM: i32 = 3;
/** The operation number is not one this kernel knows. */
export const BAD_OP: i32 = 4;
/** A run-time address lies outside its tensor. */
export const OUT_OF_BOUNDS: i32 = 5;
