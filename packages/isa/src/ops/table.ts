/** Every instruction, in opcode order. Append only at the end of a release: positions are the opcodes of saved Programs. */
import { OpenTrnError } from "@opentrn/base";
import type { AnyInstruction } from "../define.ts";
import { activate2 } from "./activate2.ts";
import { activation } from "./activation.ts";
import { activationReduce } from "./activation-reduce.ts";
import { affineSelect } from "./affine-select.ts";
import { allGather } from "./all-gather.ts";
import { allGatherV } from "./all-gather-v.ts";
import { allReduce } from "./all-reduce.ts";
import { allToAll } from "./all-to-all.ts";
import { allToAllV } from "./all-to-all-v.ts";
import { bnAggr } from "./bn-aggr.ts";
import { bnStats } from "./bn-stats.ts";
import { collectivePermute } from "./collective-permute.ts";
import { collectivePermuteImplicit } from "./collective-permute-implicit.ts";
import { collectivePermuteImplicitCurrentProcessingRankId } from "./collective-permute-implicit-current-processing-rank-id.ts";
import { collectivePermuteImplicitReduce } from "./collective-permute-implicit-reduce.ts";
import { coreBarrier } from "./core-barrier.ts";
import { dmaCompute } from "./dma-compute.ts";
import { dmaCopy } from "./dma-copy.ts";
import { dmaTranspose } from "./dma-transpose.ts";
import { dropout } from "./dropout.ts";
import { exponential } from "./exponential.ts";
import { iota } from "./iota.ts";
import { localGather } from "./local-gather.ts";
import { loopBegin } from "./loop-begin.ts";
import { loopEnd } from "./loop-end.ts";
import { max8 } from "./max8.ts";
import { memset } from "./memset.ts";
import { ncFindIndex8 } from "./nc-find-index8.ts";
import { ncMatchReplace8 } from "./nc-match-replace8.ts";
import { ncMatmul } from "./nc-matmul.ts";
import { ncMatmulMx } from "./nc-matmul-mx.ts";
import { ncNGather } from "./nc-n-gather.ts";
import { ncStreamShuffle } from "./nc-stream-shuffle.ts";
import { ncTranspose } from "./nc-transpose.ts";
import { nonzeroWithCount } from "./nonzero-with-count.ts";
import { quantizeMx } from "./quantize-mx.ts";
import { randGetState } from "./rand-get-state.ts";
import { randSetState } from "./rand-set-state.ts";
import { rand2 } from "./rand2.ts";
import { rangeSelect } from "./range-select.ts";
import { rankId } from "./rank-id.ts";
import { reciprocal } from "./reciprocal.ts";
import { reduceScatter } from "./reduce-scatter.ts";
import { registerLoad } from "./register-load.ts";
import { registerMove } from "./register-move.ts";
import { registerStore } from "./register-store.ts";
import { rng } from "./rng.ts";
import { scalarTensorTensor } from "./scalar-tensor-tensor.ts";
import { selectReduce } from "./select-reduce.ts";
import { sendrecv } from "./sendrecv.ts";
import { sequenceBounds } from "./sequence-bounds.ts";
import { setRngSeed } from "./set-rng-seed.ts";
import { tensorCopy } from "./tensor-copy.ts";
import { tensorCopyPredicated } from "./tensor-copy-predicated.ts";
import { tensorPartitionReduce } from "./tensor-partition-reduce.ts";
import { tensorReduce } from "./tensor-reduce.ts";
import { tensorScalar } from "./tensor-scalar.ts";
import { tensorScalarCumulative } from "./tensor-scalar-cumulative.ts";
import { tensorScalarReduce } from "./tensor-scalar-reduce.ts";
import { tensorTensor } from "./tensor-tensor.ts";
import { tensorTensorScan } from "./tensor-tensor-scan.ts";
import { topk } from "./topk.ts";
import { whileBegin } from "./while-begin.ts";
import { whileEnd } from "./while-end.ts";

/** Every record under its camelCase name; TypeScript kernels take their typed calls from here (`nisa`). */
export const records = {
  dmaCopy,
  tensorCopy,
  memset,
  ncMatmul,
  activation,
  tensorTensor,
  registerMove,
  registerLoad,
  registerStore,
  loopBegin,
  loopEnd,
  whileBegin,
  whileEnd,
  dmaTranspose,
  ncTranspose,
  activationReduce,
  tensorScalar,
  scalarTensorTensor,
  tensorReduce,
  tensorPartitionReduce,
  reciprocal,
  affineSelect,
  rangeSelect,
  selectReduce,
  iota,
  bnStats,
  bnAggr,
  tensorTensorScan,
  tensorCopyPredicated,
  tensorScalarReduce,
  tensorScalarCumulative,
  localGather,
  ncNGather,
  ncStreamShuffle,
  max8,
  ncFindIndex8,
  ncMatchReplace8,
  sequenceBounds,
  nonzeroWithCount,
  topk,
  rng,
  rand2,
  dropout,
  setRngSeed,
  randSetState,
  randGetState,
  exponential,
  activate2,
  quantizeMx,
  ncMatmulMx,
  dmaCompute,
  coreBarrier,
  sendrecv,
  allReduce,
  allGather,
  reduceScatter,
  allToAll,
  collectivePermute,
  collectivePermuteImplicit,
  collectivePermuteImplicitReduce,
  allGatherV,
  allToAllV,
  rankId,
  collectivePermuteImplicitCurrentProcessingRankId,
} as const satisfies Readonly<Record<string, AnyInstruction>>;

export const instructions: readonly AnyInstruction[] = Object.values(records);

const opcodes = new Map(instructions.map((op, i) => [op.name, i]));

export const opcodeOf = (op: AnyInstruction): number => opcodes.get(op.name)!;

/** The instruction with that opcode; throws `invalid program`. */
export function opOf(opcode: number): AnyInstruction {
  const op = instructions[opcode];
  if (op === undefined)
    throw new OpenTrnError(`opcode ${opcode} does not exist; there are ${instructions.length}`, {
      category: "invalid program",
    });
  return op;
}

/** The instruction called `name` as NKI writes it, or undefined. */
export const instructionNamed = (name: string): AnyInstruction | undefined => {
  const opcode = opcodes.get(name);
  return opcode === undefined ? undefined : instructions[opcode];
};
