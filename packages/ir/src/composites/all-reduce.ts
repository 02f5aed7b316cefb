/** "all_reduce": tensors summed over the replicas of a data-parallel program, each of which runs the same function on its own data. */
import { customCall } from "../build/calls.ts";
import type { Value } from "../graph.ts";
import { isFloatType } from "../types.ts";
import { breaks, type Composite, printTypes, readConfig } from "./define.ts";

const name = "all_reduce";

/** Reads `{"replicas": 2}`. */
export function readAllReduceConfig(config: string): { readonly replicas: number } {
  const { replicas } = readConfig(name, config);
  if (!Number.isSafeInteger(replicas) || (replicas as number) < 1)
    breaks(
      name,
      "C2",
      "replicas is a whole number from 1",
      `replicas is ${JSON.stringify(replicas)}`,
    );
  return { replicas: replicas as number };
}

export const allReduceComposite: Composite = {
  summary:
    "Tensors -> the same types, summed over the replicas. The interpreter runs one replica and returns them as they are.",
  infer: (operands, config) => {
    readAllReduceConfig(config);
    if (operands.length === 0 || !operands.every(isFloatType))
      breaks(
        name,
        "C3",
        "there is at least one operand, all of float types",
        `the operands are ${printTypes(operands) || "none"}`,
      );
    return operands;
  },
  decompose: (operands) => operands,
  gradient: ({ attrs, cotangents }) => {
    const given = cotangents.filter((g) => g !== undefined);
    const { replicas } = readAllReduceConfig(String(attrs["backend_config"]));
    const summed = allReduce(given, replicas);
    return cotangents.map((g) => (g ? summed[given.indexOf(g)] : undefined));
  },
};

/** The values summed over `replicas` programs that run at the same time; one call, so that they travel together. */
export const allReduce = (values: readonly Value[], replicas: number): readonly Value[] => {
  const config = JSON.stringify({ replicas });
  const results = allReduceComposite.infer(
    values.map((v) => v.type),
    config,
  );
  return customCall(name, values, { config, results });
};
