/** What activation and activation_reduce have in common: their rules, rows and cost. */
import { type ActivationName, activate } from "@opentrn/numerics";
import type { AnyCall, CoreState, EngineCost, OperandData } from "../define.ts";
import { perPartition } from "./alu-operands.ts";
import { streaming, withReadOut } from "./engine-cost.ts";
import { lanesOf } from "./shapes.ts";
import { columns, float32Tiles, oneOf, sameSizes } from "./shared-rules.ts";

export const activationRules = {
  C1: sameSizes("dst", "data"),
  C2: columns("data", "bias", "scale", "reduce_res"),
  C3: float32Tiles("scale"),
  C4: oneOf("reduce_op", ["add"]),
  C5: {
    says: "a bias number needs NeuronCore-v3; on v2 pass a [P, 1] tensor",
    broken: ({ immediate, chip }: AnyCall): string | undefined =>
      (immediate["bias"] ?? 0) !== 0 && chip.generation === 2
        ? `bias is the number ${immediate["bias"]} on ${chip.name}`
        : undefined,
  },
  C6: {
    says: "a bias tensor is not tfloat32",
    broken: ({ tile }: AnyCall): string | undefined =>
      tile["bias"]?.dtype === "tfloat32" ? "bias is tfloat32; view it as float32" : undefined,
  },
} as const;

/** f(data * scale + bias), row by row; adds each row into the ScalarE accumulators as `command` says. */
export function activateRows(
  data: Readonly<Record<string, OperandData>>,
  call: Pick<AnyCall, "tile" | "immediate">,
  op: ActivationName,
  command: string,
  state: CoreState,
): void {
  const { partitions: P, free: N } = call.tile["data"]!;
  const [dst, x] = [data["dst"]!, data["data"]!];
  const result = call.tile["reduce_res"] && data["reduce_res"];
  const lanes = lanesOf(state.scalarAccumulator, call.tile["data"]!);
  const [scale, bias] = [perPartition(call, data, "scale"), perPartition(call, data, "bias")];
  for (let p = 0; p < P; p++) {
    const [a, b] = [scale(p), bias(p)];
    let sum = command === "reduce" ? lanes[p]! : 0;
    for (let n = 0; n < N; n++) {
      const y = activate(op, Math.fround(Math.fround(x[p * N + n]! * a) + b));
      dst[p * N + n] = y;
      sum = Math.fround(sum + y);
    }
    if (command === "reset") lanes[p] = 0;
    else if (command !== "idle") lanes[p] = sum;
    if (result) result[p] = lanes[p]!;
  }
}

export const activationCost = {
  kind: "engine",
  basis: "measured",
  formula:
    "N + fixed cycles, + pointer cycles for a tensor bias or scale, + one minimum interval to read the accumulators",
  source:
    "neuron-profile dumps of a trn2.3xlarge; accumulator read-out from trainium_inferentia2_arch.rst",
  cycles: (call: AnyCall): EngineCost => {
    const { data, bias, scale, reduce_res } = call.tile as Record<string, AnyCall["tile"][string]>;
    const cost = streaming(call, data!.free, 1, bias || scale ? 1 : 0);
    return withReadOut(call, cost, reduce_res !== undefined);
  },
} as const;
