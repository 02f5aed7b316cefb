/** `trainer.json`: everything of a run that is no tensor, so that it goes on as if it had never stopped. */
import { OpenTrnError } from "@opentrn/base";
import type { DataPosition } from "../data/windows.ts";
import type { Schedule } from "../schedule/learning-rate.ts";
import type { Optimizer } from "../schedule/optimizer.ts";

/** Changes when a reader of the old form would go wrong. */
export const CHECKPOINT_VERSION = 1;

export interface RunShape {
  /** Rows of a micro-batch, over all cores. */
  readonly batch: number;
  readonly sequence: number;
  /** Micro-batches of a step. */
  readonly accumulate: number;
}

/** Choices that make two runs compute different bytes; a resumed run keeps them. */
export interface RunIdentity {
  readonly shape: RunShape;
  readonly seed: number;
  readonly cores: number;
  readonly engine: string;
  readonly computeDtype: string;
  readonly stochasticRounding: boolean;
  readonly fp8: boolean;
  /** Of the text and its tokenizer. */
  readonly data: string;
  /** Share of the text held back for evaluation. */
  readonly evaluationShare: number;
}

export interface CheckpointRecord {
  readonly format: "opentrn-checkpoint";
  readonly version: number;
  /** Optimiser steps done. */
  readonly step: number;
  readonly tokens: number;
  readonly position: DataPosition;
  readonly identity: RunIdentity;
  readonly schedule: Schedule;
  readonly optimizer: Optimizer;
  /** Loss of the last step; null before the first. */
  readonly loss: number | null;
  readonly evaluationLoss: number | null;
  readonly versions: { readonly opentrn: string };
  /** Size and SHA-256 of the files beside this one. */
  readonly files: Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>;
}

/** The record in that text; stops with `bad input` for anything else. */
export function parseRecord(text: string, path: string): CheckpointRecord {
  const fail = (why: string): never => {
    throw new OpenTrnError(`checkpoint ${path}: ${why}`, {
      category: "bad input",
      rule: "checkpoint",
    });
  };
  let value: Partial<CheckpointRecord> | null = null;
  try {
    value = JSON.parse(text) as Partial<CheckpointRecord> | null;
  } catch (e) {
    fail(`is no JSON (${(e as Error).message}); it is damaged`);
  }
  if (value?.format !== "opentrn-checkpoint") return fail("is not a checkpoint of trn train");
  if (value.version !== CHECKPOINT_VERSION)
    fail(
      `has version ${value.version}, this trn reads ${CHECKPOINT_VERSION}; use the trn that wrote it`,
    );
  const needed = [
    "step",
    "tokens",
    "position",
    "identity",
    "schedule",
    "optimizer",
    "files",
  ] as const;
  for (const key of needed) if (value[key] === undefined) fail(`lacks ${key}; it is damaged`);
  const counts = {
    step: value.step,
    tokens: value.tokens,
    "position.epoch": value.position!.epoch,
    "position.window": value.position!.window,
  };
  for (const [name, n] of Object.entries(counts))
    if (!Number.isSafeInteger(n) || n! < 0) fail(`has ${name} ${n}; it is damaged`);
  return value as CheckpointRecord;
}
