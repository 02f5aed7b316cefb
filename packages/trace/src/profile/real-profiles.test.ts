import { createReadStream } from "node:fs";
import { expect, it } from "vitest";
import { readProfileStream } from "./read.ts";
import { needsProfiles, realProfiles } from "./real-profiles.fixture.ts";

it.skipIf(realProfiles.length === 0)(needsProfiles("imports real dumps whole"), async () => {
  for (const path of realProfiles) {
    const p = await readProfileStream(createReadStream(path));
    expect(p.instructions.length).toBeGreaterThan(400);
    // The profiler counts packets by kind itself.
    const software = p.packets.filter((k) => k.source === "software_dynamic").length;
    expect(software).toBe(p.summary["software_dynamic_dma_packet_count"]);
    // Every dependency that the compiler names resolves.
    const ids = new Set(p.instructions.map((i) => i.id));
    const dangling = p.instructions.flatMap((i) => i.predecessors).filter((d) => !ids.has(d.id));
    expect(dangling).toEqual([]);
  }
});
