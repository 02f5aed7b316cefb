/** HBM traffic that need not be: bytes loaded more than once, and data that leaves SBUF only to come back. */
import type { Timeline } from "@opentrn/device";
import type { AccessPattern } from "@opentrn/isa";
import { distinctBytes, patternBytes } from "./distinct-bytes.ts";
import type { Execution } from "./execution.ts";
import { type HbmAccess, hbmAccesses } from "./hbm-accesses.ts";
import type { HbmReport, ReloadReport, SiteReport, SpillReport } from "./profile-report.ts";
import { siteReport } from "./rows.ts";

/** Source lines shown of a tensor. */
const LINES = 4;

/** What happens to one HBM tensor. */
interface Tensor {
  loaded: number;
  broadcast: number;
  stored: number;
  reads: AccessPattern[];
  readonly readSites: Map<number, number>;
  readonly writeSites: Map<number, number>;
}

export function hbmReport(e: Execution, { program, graph }: Timeline): HbmReport {
  const times = new Uint32Array(program.starts.length);
  for (const i of graph.index) times[i]!++;
  const tensors = new Map<number, Tensor>();
  for (const a of hbmAccesses(program)) count(tensors, a, times[a.index]!, e);
  const reloads: ReloadReport[] = [];
  const spills: SpillReport[] = [];
  for (const [id, t] of tensors) {
    const s = program.storages[id]!;
    const distinct = distinctBytes(t.reads, s.rowBytes);
    if (distinct !== undefined && t.loaded > distinct)
      reloads.push({
        tensor: s.name,
        loaded_bytes: t.loaded,
        distinct_bytes: distinct,
        again_bytes: t.loaded - distinct,
        broadcast_bytes: t.broadcast,
        lines: sites(e, t.readSites),
      });
    if (t.stored > 0 && t.loaded > 0)
      spills.push({
        tensor: s.name,
        stored_bytes: t.stored,
        reloaded_bytes: t.loaded,
        stores: sites(e, t.writeSites),
        reloads: sites(e, t.readSites),
      });
  }
  reloads.sort((a, b) => b.again_bytes - a.again_bytes);
  spills.sort((a, b) => b.reloaded_bytes - a.reloaded_bytes);
  const { hbmRead, hbmWrite } = e.schedule.dma;
  return {
    read_bytes: hbmRead,
    write_bytes: hbmWrite,
    reloaded_bytes: reloads.reduce((n, r) => n + r.again_bytes, 0),
    spilled_bytes: spills.reduce((n, s) => n + s.stored_bytes + s.reloaded_bytes, 0),
    reloads,
    spills,
  };
}

function count(
  tensors: Map<number, Tensor>,
  { index, pattern, writes, onChip }: HbmAccess,
  times: number,
  e: Execution,
): void {
  let t = tensors.get(pattern.storage);
  if (!t) {
    t = {
      loaded: 0,
      broadcast: 0,
      stored: 0,
      reads: [],
      readSites: new Map(),
      writeSites: new Map(),
    };
    tensors.set(pattern.storage, t);
  }
  const { moved, once } = patternBytes(pattern);
  const site = e.siteOf[index]!;
  const of = writes ? t.writeSites : t.readSites;
  of.set(site, (of.get(site) ?? 0) + moved * times);
  if (writes) {
    // Copies inside HBM spill nothing.
    if (onChip) t.stored += moved * times;
    return;
  }
  t.loaded += moved * times;
  t.broadcast += (moved - once) * times;
  t.reads.push(pattern);
}

const sites = (e: Execution, bytes: ReadonlyMap<number, number>): SiteReport[] =>
  [...bytes]
    .sort((a, b) => b[1] - a[1])
    .slice(0, LINES)
    .map(([id]) => siteReport(e.sites[id]!));
