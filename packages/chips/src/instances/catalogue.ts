/** The machines we know. Sources: the architecture pages of the Neuron SDK and its runtime performance tips. */
import { OpenTrnError } from "@opentrn/base";
import { type Fact, fact } from "../fact.ts";
import type { Instance, Topology } from "./instance.ts";

const tips = "neuron-runtime/explore/runtime-performance-tips.rst";
const trn1Page = "about-neuron/arch/neuron-hardware/trn1-arch.rst";
const inf2Page = "about-neuron/arch/neuron-hardware/inf2-arch.rst";
const trn2Page = "about-neuron/arch/neuron-hardware/trn2-arch.rst";
const trn3Page = "about-neuron/arch/neuron-hardware/trn3-arch.rst";
const chipTable = "about-neuron/arch/neuron-hardware/trainium2.rst, comparison table";

const number = (value: number, source: string, note?: string): Fact =>
  fact(value, "documented", source, note) as Fact;
const wired = (topology: Topology, source: string, note?: string): Fact<Topology> =>
  fact(topology, "documented", source, note) as Fact<Topology>;
const single = wired({ kind: "single" }, tips);
const square = wired({ kind: "torus", sizes: [4, 4] }, tips, "rows and columns wrap around");

export const instances: readonly Instance[] = [
  { name: "trn1.2xlarge", chip: "trn1", chips: number(1, trn1Page), topology: single },
  {
    name: "trn1.32xlarge",
    chip: "trn1",
    chips: number(16, trn1Page),
    topology: square,
    vcpus: number(128, trn1Page),
    hostGiB: number(512, trn1Page),
    efaGbps: number(800, trn1Page),
    linkGBps: number(384, chipTable),
  },
  {
    name: "trn1n.32xlarge",
    chip: "trn1",
    chips: number(16, trn1Page),
    topology: square,
    vcpus: number(128, trn1Page),
    hostGiB: number(512, trn1Page),
    efaGbps: number(1600, trn1Page),
    linkGBps: number(768, trn1Page),
  },
  {
    name: "inf2.xlarge",
    chip: "inf2",
    chips: number(1, inf2Page),
    topology: single,
    vcpus: number(4, inf2Page),
    hostGiB: number(16, inf2Page),
  },
  {
    name: "inf2.8xlarge",
    chip: "inf2",
    chips: number(1, inf2Page),
    topology: single,
    vcpus: number(32, inf2Page),
    hostGiB: number(128, inf2Page),
  },
  {
    name: "inf2.24xlarge",
    chip: "inf2",
    chips: number(6, inf2Page),
    topology: wired({ kind: "ring", chips: 6 }, inf2Page),
    vcpus: number(96, inf2Page),
    hostGiB: number(384, inf2Page),
    linkGBps: number(206, inf2Page, "192 GiB/s"),
  },
  {
    name: "inf2.48xlarge",
    chip: "inf2",
    chips: number(12, inf2Page),
    topology: wired({ kind: "ring", chips: 12 }, tips),
    vcpus: number(192, inf2Page),
    hostGiB: number(768, inf2Page),
    linkGBps: number(206, inf2Page, "192 GiB/s"),
  },
  {
    name: "trn2.3xlarge",
    chip: "trn2",
    chips: fact(
      1,
      "measured",
      "metadata of neuron-profile dumps; no documentation page found",
    ) as Fact,
    topology: single,
  },
  {
    name: "trn2.48xlarge",
    chip: "trn2",
    chips: number(16, trn2Page),
    topology: wired({ kind: "torus", sizes: [4, 4] }, trn2Page),
    vcpus: number(192, trn2Page),
    hostGiB: number(2048, trn2Page),
    efaGbps: number(3200, trn2Page),
    linkGBps: number(1024, trn2Page, "inside the machine; 1280 with the links that leave it"),
  },
  {
    name: "trn2-ultraserver",
    chip: "trn2",
    chips: number(64, trn2Page),
    topology: wired(
      { kind: "torus", sizes: [4, 4, 4] },
      trn2Page,
      "chips of the same place in four trn2u.48xlarge form rings (first dimension)",
    ),
    vcpus: number(768, trn2Page),
    hostGiB: number(8192, trn2Page),
    efaGbps: number(3200, trn2Page),
    linkGBps: number(1280, chipTable, "1024 inside a machine, 256 between machines"),
  },
  {
    name: "trn3-gen1-ultraserver",
    chip: "trn3",
    chips: number(64, trn3Page),
    topology: wired({ kind: "switched", chips: 64 }, trn3Page, "NeuronSwitch-v1"),
    vcpus: number(768, trn3Page),
    hostGiB: number(8192, trn3Page),
    efaGbps: number(12800, trn3Page),
    linkGBps: number(
      2560,
      "about-neuron/arch/neuron-hardware/trainium3.rst",
      "the instance table says 2048 GiB/s",
    ),
  },
  {
    name: "trn3-gen2-ultraserver",
    chip: "trn3",
    chips: number(144, trn3Page),
    topology: wired({ kind: "switched", chips: 144 }, trn3Page, "NeuronSwitch-v1"),
    vcpus: number(2304, trn3Page),
    hostGiB: number(27648, trn3Page),
    efaGbps: number(28800, trn3Page),
    linkGBps: number(
      2560,
      "about-neuron/arch/neuron-hardware/trainium3.rst",
      "the instance table says 2048 GiB/s",
    ),
  },
];

/** The largest single machine with a chip, the one that ranks are placed on unless another is named; undefined for a chip of one's own. */
export const machineOf = (chip: string): Instance | undefined =>
  instances.find((i) => i.name === usual[chip]);

const usual: Readonly<Record<string, string>> = {
  inf2: "inf2.48xlarge",
  trn1: "trn1.32xlarge",
  trn2: "trn2.48xlarge",
  trn3: "trn3-gen1-ultraserver",
};

/** The machine called `name`; throws `bad input` with the known names. */
export function instanceNamed(name: string): Instance {
  const found = instances.find((i) => i.name === name);
  if (found) return found;
  throw new OpenTrnError(
    `${name} is not a machine we know; choose one of ${instances.map((i) => i.name).join(", ")}`,
    { category: "bad input" },
  );
}
