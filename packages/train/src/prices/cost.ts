/** From predicted tokens a second and a published price to dollars a million tokens. */
import { OpenTrnError } from "@opentrn/base";
import { type Chip, type Instance, instanceNamed, instances } from "@opentrn/chips";
import { type Price, type PriceTerm, prices } from "./price.ts";

export interface Cost {
  readonly instance: string;
  readonly price: Price;
  /** The same work on every core of the instance, without what talking to each other would take. */
  readonly tokensPerSecond: number;
  readonly usdPerMillionTokens: number;
}

export interface CostRequest {
  readonly chip: Chip;
  /** Tokens a second of the predicted program, and the physical cores it runs on. */
  readonly tokensPerSecond: number;
  readonly cores: number;
  /** The smallest instance with a price when left out. */
  readonly instance?: string;
  readonly term?: PriceTerm;
}

/**
 * Cost on an instance with that chip: price over the tokens that all its cores make when each group of `cores` runs the same program
 * on its own. Undefined where no price was published. Stops with `bad input` for an instance of another chip or an unknown one.
 */
export function costOf(request: CostRequest): Cost | undefined {
  const price = priceFor(request);
  if (!price) return undefined;
  const instance = instanceNamed(price.instance);
  const cores = instance.chips.value * request.chip.cores.value;
  const tokensPerSecond = (request.tokensPerSecond * cores) / request.cores;
  return {
    instance: instance.name,
    price,
    tokensPerSecond,
    usdPerMillionTokens: dollarsPerMillion(price.usdPerHour.value, tokensPerSecond),
  };
}

/** Dollars a million tokens at a price an hour. */
export const dollarsPerMillion = (usdPerHour: number, tokensPerSecond: number): number =>
  (usdPerHour / 3600 / tokensPerSecond) * 1e6;

function priceFor({ chip, instance, term }: CostRequest): Price | undefined {
  if (instance !== undefined) checkChip(instanceNamed(instance), chip);
  const machines = new Set(
    instances
      .filter((i) => i.chip === chip.name && (!instance || i.name === instance))
      .map((i) => i.name),
  );
  const found = prices.filter((p) => machines.has(p.instance) && (!term || p.term === term));
  if (found.length === 0 && (instance !== undefined || term !== undefined))
    throw new OpenTrnError(
      `no ${term ?? ""} price of ${instance ?? chip.name} is known; there are ${known(chip) || "none for this chip"}`,
      { category: "unknown specification", rule: "price" },
    );
  return found[0];
}

const known = (chip: Chip): string =>
  prices
    .filter((p) => instances.some((i) => i.name === p.instance && i.chip === chip.name))
    .map((p) => `${p.instance} ${p.term}`)
    .join(", ");

function checkChip(instance: Instance, chip: Chip): void {
  if (instance.chip === chip.name) return;
  throw new OpenTrnError(
    `${instance.name} has ${instance.chip}, the target is ${chip.name}; choose an instance with it`,
    { category: "bad input", rule: "--instance" },
  );
}
