/** A job as the Python side reads it (python/nki/_host.py). */
import type { KernelJob } from "./kernel-job.ts";
import { targetFacts } from "./python-isa.ts";

export const jobMessage = (job: KernelJob): Readonly<Record<string, unknown>> => ({
  file: job.file,
  kernel: job.kernel ?? null,
  arguments: job.args,
  target: job.chip?.name ?? null,
  facts: job.chip ? targetFacts(job.chip) : null,
  cores: job.lnc ?? null,
  lint: job.lint === true,
  stdin: job.stdin === true,
});
