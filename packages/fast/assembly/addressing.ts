// Run-time addresses: an index read from memory puts an operand at another place, by rewriting the address in its descriptor. The record of
// one such operand is ten words: where the descriptor's address word lies, the address for index 0, where the index lies (or the table of
// row offsets, see `rows`), the index's type, bytes an index step, elements an index step, then the lowest and the highest shift in elements
// that stay inside the tensor (64 bits each).
import { OUT_OF_BOUNDS, OK } from "./status";
import { DT_bool_, DT_int16, DT_int32, DT_int8, DT_uint16, DT_uint32, DT_uint8 } from "../generated/tables";

/** Bytes of one record. */
export const RECORD: usize = 40;
/** In place of an index type: the operand's rows lie at fixed steps. */
export const STATIC: i32 = -1;

function integerAt(at: usize, dtype: i32): i64 {
  switch (dtype) {
    case DT_int32: return load<i32>(at);
    case DT_uint32: return load<u32>(at);
    case DT_int16: return load<i16>(at);
    case DT_uint16: return load<u16>(at);
    case DT_int8: return load<i8>(at);
    case DT_uint8: return load<u8>(at);
    case DT_bool_: return load<u8>(at);
  }
  return -1;
}

@inline function inside(record: usize, index: i64): bool {
  const shift = index * load<i32>(record, 20);
  return shift >= load<i64>(record, 24) && shift <= load<i64>(record, 32);
}

/** Puts the operand of `record` where its index says; false when that is outside the tensor. */
export function place(record: usize): bool {
  const index = integerAt(load<u32>(record, 8), load<i32>(record, 12));
  if (!inside(record, index)) return false;
  store<u32>(load<u32>(record), load<u32>(record, 4) + <u32>(index * load<i32>(record, 16)));
  return true;
}

/** Index of row `r`: the table holds the address of each row's index. */
@inline function rowIndex(record: usize, r: i32): i64 {
  return integerAt(load<u32>(load<u32>(record, 8) + (<usize>r << 2)), load<i32>(record, 12));
}

/** Whether every row of every record has its place. */
export function checkRows(count: i32, records: usize, n: i32): i32 {
  for (let i = 0; i < n; i++) {
    const record = records + <usize>i * RECORD;
    if (load<i32>(record, 12) == STATIC) continue;
    for (let r = 0; r < count; r++) {
      const index = rowIndex(record, r);
      if (index < 0 || !inside(record, index)) return OUT_OF_BOUNDS;
    }
  }
  return OK;
}

/** Puts the operands of all records on row `r`; false when a row lies outside its tensor. */
export function placeRow(r: i32, records: usize, n: i32): bool {
  for (let i = 0; i < n; i++) {
    const record = records + <usize>i * RECORD;
    const base = load<u32>(record, 4);
    if (load<i32>(record, 12) == STATIC) {
      store<u32>(load<u32>(record), base + r * load<i32>(record, 16));
      continue;
    }
    const index = rowIndex(record, r);
    if (index < 0 || !inside(record, index)) return false;
    store<u32>(load<u32>(record), base + <u32>(index * load<i32>(record, 16)));
  }
  return true;
}
