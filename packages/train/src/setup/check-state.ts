/** Whether tensors that were read are those of the model. */
import { OpenTrnError } from "@opentrn/base";
import { type ModelConfig, parameterSpecs } from "@opentrn/models";
import type { NamedTensors, TrainingState } from "../engine/step-engine.ts";

/** Stops with `bad input` at the first tensor that is missing, too many or of another shape. */
export function checkState(
  from: string,
  config: ModelConfig,
  { parameters, optimizer }: TrainingState,
): void {
  const specs = parameterSpecs(config);
  compare(from, specs, parameters);
  const moments = ["m", "v"].flatMap((x) =>
    specs.map(({ name, shape }) => ({ name: `${x}.${name}`, shape })),
  );
  compare(from, moments, optimizer);
}

function compare(
  from: string,
  wanted: readonly { readonly name: string; readonly shape: readonly number[] }[],
  found: NamedTensors,
): void {
  const fail = (why: string): never => {
    throw new OpenTrnError(`${from}: ${why}; it belongs to another config.json`, {
      category: "bad input",
      rule: "checkpoint",
    });
  };
  for (const { name, shape } of wanted) {
    const tensor = found[name] ?? fail(`has no tensor ${name}`);
    if (tensor.shape.join() !== shape.join())
      fail(`${name} is [${tensor.shape}], the model's is [${shape}]`);
  }
  const names = new Set(wanted.map(({ name }) => name));
  const extra = Object.keys(found).find((name) => !names.has(name));
  if (extra !== undefined) fail(`holds a tensor ${extra} that the model has not`);
}
