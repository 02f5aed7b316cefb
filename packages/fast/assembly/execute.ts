// Runs a stream of commands: kernel calls with their arguments as words, written once when a Program is prepared. A command is its length
// in bytes times 256 plus the kernel's number (generated/tables.ts), then its arguments.
import { affineSelect, iota } from "./affine";
import { checkRows, place, placeRow } from "./addressing";
import { bitvec, bitvecPartitionReduce, bitvecReduce, integer } from "./bits";
import { cast, copy, copyPredicated, fill } from "./copy";
import { matmul } from "./matmul";
import { matmulMx, quantizeMx } from "./mx";
import { pipeline, rangeSelect, selectReduce } from "./pipeline";
import { partitionReduce, tensorReduce } from "./reduce";
import { scan } from "./scan";
import { bnAggregate, bnStats } from "./statistics";
import { exchange, transpose } from "./transpose";
import { BAD_OP, OK, OUT_OF_BOUNDS } from "./status";
import {
  CALL_affineSelect, CALL_at, CALL_bitvec, CALL_bitvecPartitionReduce, CALL_bitvecReduce, CALL_bnAggregate, CALL_bnStats, CALL_cast,
  CALL_copy, CALL_copyPredicated, CALL_exchange, CALL_fill, CALL_integer, CALL_iota, CALL_matmul, CALL_matmulMx, CALL_partitionReduce, CALL_pipeline,
  CALL_quantizeMx, CALL_rangeSelect, CALL_rows, CALL_scan, CALL_selectReduce, CALL_tensorReduce, CALL_transpose,
} from "../generated/tables";

/** Argument `i` of the command at `at`. */
@inline function arg(at: usize, i: usize): i32 { return load<i32>(at + 4 + (i << 2)); }

let refused: usize = 0;
/** Address of the command that made `execute` stop. */
export function refusedCommand(): usize { return refused; }

/** Runs the commands in [at, end); stops at the first whose status is not OK and returns that. */
export function execute(at: usize, end: usize): i32 {
  while (at != end) {
    const head = load<u32>(at);
    const kernel = head & 255;
    if (kernel == CALL_at) {
      // [bytes of the rest of the instruction to leave out, or 0 where an address outside is an error], the record
      if (!place(at + 8)) {
        const rest = arg(at, 0);
        if (rest == 0) {
          refused = at;
          return OUT_OF_BOUNDS;
        }
        at += rest;
      }
    } else {
      const status = kernel == CALL_rows ? rows(at) : call(kernel, at);
      if (status != OK) {
        refused = at;
        return status;
      }
    }
    at += head >> 8;
  }
  return OK;
}

/**
 * Runs the commands inside it once a row, the operands of its records on that row. [rows, records, skip, bytes before the inner commands],
 * the records, the inner commands; its length covers all of them. With `skip`, rows outside are left out.
 */
function rows(at: usize): i32 {
  const count = arg(at, 0);
  const n = arg(at, 1);
  const records = at + 20;
  const inner = at + arg(at, 3);
  const end = at + (load<u32>(at) >> 8);
  if (arg(at, 2) == 0 && checkRows(count, records, n) != OK) return OUT_OF_BOUNDS;
  for (let r = 0; r < count; r++) {
    if (!placeRow(r, records, n)) continue;
    const status = execute(inner, end);
    if (status != OK) return status;
  }
  return OK;
}

function call(kernel: i32, at: usize): i32 {
  switch (kernel) {
    case CALL_copy: return copy(arg(at, 0), arg(at, 1));
    case CALL_cast: return cast(arg(at, 0), arg(at, 1));
    case CALL_fill: return fill(arg(at, 0), arg(at, 1));
    case CALL_copyPredicated: return copyPredicated(arg(at, 0), arg(at, 1), arg(at, 2), arg(at, 3));
    case CALL_pipeline:
      return pipeline(
        arg(at, 0), arg(at, 1), arg(at, 2), arg(at, 3), arg(at, 4), arg(at, 5), arg(at, 6), arg(at, 7), arg(at, 8), arg(at, 9),
        arg(at, 10), arg(at, 11), arg(at, 12),
      );
    case CALL_rangeSelect:
      return rangeSelect(
        arg(at, 0), arg(at, 1), arg(at, 2), arg(at, 3), arg(at, 4), arg(at, 5), arg(at, 6), arg(at, 7), arg(at, 8), arg(at, 9),
        arg(at, 10),
      );
    case CALL_selectReduce:
      return selectReduce(arg(at, 0), arg(at, 1), arg(at, 2), arg(at, 3), arg(at, 4), arg(at, 5), arg(at, 6), arg(at, 7));
    case CALL_matmul: return matmul(arg(at, 0), arg(at, 1), arg(at, 2), arg(at, 3), arg(at, 4));
    case CALL_matmulMx: return matmulMx(arg(at, 0), arg(at, 1), arg(at, 2), arg(at, 3), arg(at, 4), arg(at, 5));
    case CALL_quantizeMx: return quantizeMx(arg(at, 0), arg(at, 1), arg(at, 2));
    case CALL_exchange: return exchange(arg(at, 0), arg(at, 1));
    case CALL_transpose: return transpose(arg(at, 0), arg(at, 1));
    case CALL_tensorReduce: return tensorReduce(arg(at, 0), arg(at, 1), arg(at, 2), arg(at, 3));
    case CALL_partitionReduce: return partitionReduce(arg(at, 0), arg(at, 1), arg(at, 2));
    case CALL_scan:
      return scan(
        arg(at, 0), arg(at, 1), arg(at, 2), arg(at, 3), arg(at, 4), arg(at, 5), arg(at, 6), arg(at, 7), arg(at, 8), arg(at, 9),
        arg(at, 10), arg(at, 11),
      );
    case CALL_bnStats: return bnStats(arg(at, 0), arg(at, 1));
    case CALL_bnAggregate: return bnAggregate(arg(at, 0), arg(at, 1));
    case CALL_iota: return iota(arg(at, 0), arg(at, 1));
    case CALL_affineSelect: return affineSelect(arg(at, 0), arg(at, 1), arg(at, 2), arg(at, 3), arg(at, 4));
    case CALL_bitvec:
      return bitvec(arg(at, 0), arg(at, 1), arg(at, 2), arg(at, 3), arg(at, 4), arg(at, 5), arg(at, 6), arg(at, 7));
    case CALL_bitvecReduce: return bitvecReduce(arg(at, 0), arg(at, 1), arg(at, 2));
    case CALL_bitvecPartitionReduce: return bitvecPartitionReduce(arg(at, 0), arg(at, 1), arg(at, 2));
    case CALL_integer: return integer(arg(at, 0), arg(at, 1), arg(at, 2), arg(at, 3), arg(at, 4));
  }
  return BAD_OP;
}
