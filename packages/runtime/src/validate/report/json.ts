/** What `trn validate --json` prints. */
import type { ProfileAccuracy } from "../profile-accuracy.ts";
import type { Validation } from "../validation.ts";

export interface ValidationJson {
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  readonly summary: readonly Readonly<Record<string, unknown>>[];
  readonly unchecked: readonly { readonly id: string; readonly why: string }[];
}

export function validationJson({ checked, unchecked, summary }: Validation): ValidationJson {
  return {
    rows: checked.map((c) => ({
      id: c.row.id,
      kernel: c.row.kernel,
      variant: c.row.variant ?? null,
      family: c.row.family ?? null,
      generation: c.row.generation,
      shapes: c.row.shapes,
      dtype: c.row.dtype,
      metric: c.row.metric,
      kind: c.row.kind ?? "measured",
      measured: c.row.value,
      predicted: c.predicted,
      error_pct: c.errorPct,
      error_points: c.errorPoints ?? null,
      predicted_low: c.range[0],
      predicted_high: c.range[1],
      in_envelope: c.inEnvelope,
      outside: c.outside,
      rebuilt_as: c.kernel,
      cores: c.cores,
    })),
    summary: summary.map((s) => ({
      generation: s.generation,
      metric: s.metric,
      n: s.n,
      median_abs_pct: s.medianAbsPct,
      p90_abs_pct: s.p90AbsPct,
      median_abs_points: s.medianAbsPoints ?? null,
    })),
    unchecked: unchecked.map((u) => ({ id: u.row.id, why: u.why })),
  };
}

/** What `trn validate --profile --json` prints of one profile. */
export const profileJson = (
  name: string,
  a: ProfileAccuracy,
): Readonly<Record<string, unknown>> => ({
  profile: name,
  kinds: a.kinds.map((k) => ({
    engine: k.engine,
    opcode: k.opcode,
    n: k.n,
    median_abs_pct: k.medianAbsPct,
    p90_abs_pct: k.p90AbsPct,
    median_drift_ns: k.medianDriftNs,
    worst_drift_ns: k.worstDriftNs,
  })),
  duration: {
    n: a.all.n,
    median_abs_pct: a.all.medianAbsPct,
    p90_abs_pct: a.all.p90AbsPct,
    kernel_n: a.kernel.n,
    kernel_median_abs_pct: a.kernel.medianAbsPct,
    kernel_p90_abs_pct: a.kernel.p90AbsPct,
  },
  drift: { median_ns: a.kernel.medianDriftNs, worst_ns: a.kernel.worstDriftNs },
  transfers: {
    n: a.transfers.n,
    median_abs_start_ns: a.transfers.medianAbsStartNs,
    median_abs_end_ns: a.transfers.medianAbsEndNs,
    worst_end_ns: a.transfers.worstEndNs,
    median_abs_span_pct: a.transfers.medianAbsSpanPct,
  },
  total: {
    measured_ns: a.total.measuredNs,
    predicted_ns: a.total.predictedNs,
    error_pct: a.total.errorPct,
  },
  unknown: a.unknown,
  approximate: a.approximate,
  given_starts: a.given,
});
