/** What renting an instance costs. Each price carries where it is from; there is none for what nobody published. */
import { type Fact, fact } from "@opentrn/chips";

export const priceTerms = ["on-demand", "3-year", "capacity-block"] as const;
export type PriceTerm = (typeof priceTerms)[number];

export interface Price {
  readonly instance: string;
  readonly term: PriceTerm;
  /** US dollars an hour for the whole instance. */
  readonly usdPerHour: Fact;
  readonly region: string;
  /** When the price was published or billed. */
  readonly date: string;
}

const sdk = (file: string): string => `aws-neuron/aws-neuron-sdk, general/benchmarks/${file}`;
const trn1Prices = sdk("trn1/trn1_instance_prices.csv");
const inf2Prices = sdk("inf2/inf2_instance_prices.csv");
const catalogue = "skypilot-org/skypilot-catalog, catalogs/v8/aws/vms.csv";
const regionNotPrinted = "the file prints no region";

type Row = readonly [
  instance: string,
  term: PriceTerm,
  usdPerHour: number,
  region: string,
  date: string,
  source: string,
  note?: string,
];

const rows: readonly Row[] = [
  ["trn1.2xlarge", "on-demand", 1.34375, "us-east-1", "2025-2026", catalogue],
  ["trn1.32xlarge", "on-demand", 21.5, "us-east-1", "2025-2026", catalogue],
  ["trn1n.32xlarge", "on-demand", 24.78, "us-east-1", "2025-2026", catalogue],
  ["trn1.2xlarge", "3-year", 0.512, "us-east-1", "2024-09-16", trn1Prices, regionNotPrinted],
  ["trn1.32xlarge", "3-year", 8.197, "us-east-1", "2024-09-16", trn1Prices, regionNotPrinted],
  [
    "trn1.32xlarge",
    "capacity-block",
    15.49,
    "ap-southeast-4",
    "2024-Q4",
    "AWS pricing page of Capacity Blocks for ML",
  ],
  ["inf2.xlarge", "on-demand", 0.758, "us-east-1", "2023-04-13", inf2Prices, regionNotPrinted],
  ["inf2.8xlarge", "on-demand", 1.97, "us-east-1", "2023-05-11", inf2Prices, regionNotPrinted],
  ["inf2.24xlarge", "on-demand", 6.49, "us-east-1", "2023-09-28", inf2Prices, regionNotPrinted],
  ["inf2.48xlarge", "on-demand", 12.981, "us-east-1", "2023-04-13", inf2Prices, regionNotPrinted],
  ["inf2.xlarge", "3-year", 0.328, "us-east-1", "2024-09-16", inf2Prices, regionNotPrinted],
  ["inf2.8xlarge", "3-year", 0.85, "us-east-1", "2024-09-16", inf2Prices, regionNotPrinted],
  ["inf2.24xlarge", "3-year", 2.804, "us-east-1", "2024-09-16", inf2Prices, regionNotPrinted],
  ["inf2.48xlarge", "3-year", 5.608, "us-east-1", "2024-09-16", inf2Prices, regionNotPrinted],
  [
    "trn2.3xlarge",
    "capacity-block",
    2.235,
    "sa-east-1",
    "2026-08",
    "LokaHQ/esmc-neuronx",
    "also stated for ap-southeast-4 in 2026-05",
  ],
  [
    "trn2.48xlarge",
    "capacity-block",
    35.7608,
    "us-east-1",
    "2026-02",
    "three public cost modules of third parties",
    "they call it on-demand; 16 times the rate of trn2.3xlarge, so it may be the capacity-block price",
  ],
];

/** Published prices, checked on no price list of today. */
export const prices: readonly Price[] = rows.map(
  ([instance, term, usd, region, date, source, note]) => ({
    instance,
    term,
    usdPerHour: fact(usd, "documented", source, note),
    region,
    date,
  }),
);
