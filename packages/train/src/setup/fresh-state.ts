/** The state that a run starts from: fresh parameters by the seed, moments at zero. */
import { initialise, type ModelConfig, parameterSpecs } from "@opentrn/models";
import type { TrainingState } from "../engine/step-engine.ts";

export function freshState(config: ModelConfig, seed: number): TrainingState {
  const values = initialise(config, seed);
  const specs = parameterSpecs(config);
  const moments = ["m", "v"].flatMap((moment) =>
    specs.map(({ name, shape }) => {
      const zeros = new Float32Array(values[name]!.length);
      return [`${moment}.${name}`, { shape, data: zeros }] as const;
    }),
  );
  return {
    parameters: Object.fromEntries(
      specs.map(({ name, shape }) => [name, { shape, data: values[name]! }]),
    ),
    optimizer: Object.fromEntries(moments),
  };
}
