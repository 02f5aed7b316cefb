/**
 * Waits of a kernel in which some instructions are left out. Where another instance does the work of one that is left out, who needed
 * its result waits for that instance; where nothing does (data that stays where it is), for whoever made the data. An instance that
 * stands in for others waits for the data that they needed.
 */
import { type AddWait, edge, sourceOf, type Timeline, type WaitRules } from "@opentrn/device";
import type { DataFlow } from "./data-flow.ts";

/** Marks of instances: there, or left out with the data staying where they are. */
export const PRESENT = -1;
export const PASSES = -2;

export class StandIns implements WaitRules {
  private readonly t: Timeline;
  private readonly flow: DataFlow;
  /** By instance: PRESENT, PASSES, or the instance that does its work. */
  private readonly standIn: Int32Array;
  /** Instances left out, by the one that does their work. */
  private readonly members = new Map<number, number[]>();

  constructor(t: Timeline, flow: DataFlow, standIn: Int32Array) {
    this.t = t;
    this.flow = flow;
    this.standIn = standIn;
    standIn.forEach((other, i) => {
      if (other < 0) return;
      const list = this.members.get(other);
      if (list) list.push(i);
      else this.members.set(other, [i]);
    });
  }

  conflict(consumer: number, producer: number, kind: number, _: unknown, add: AddWait): boolean {
    if (this.standIn[consumer] !== PRESENT) return false;
    const other = this.standIn[producer]!;
    if (other === PRESENT) return true;
    if (kind === edge.data) this.waitForData(producer, consumer, add);
    // Buffers of instances that are done later are no longer shared with what runs in between.
    else if (other >= 0 && other < consumer) add(other, kind, sourceOf(this.t.graph, other));
    return false;
  }

  close(instance: number, add: AddWait): void {
    for (const member of this.members.get(instance) ?? [])
      this.flow.visit(member, (producer) => this.waitForData(producer, instance, add));
  }

  private waitForData(producer: number, consumer: number, add: AddWait): void {
    const other = this.standIn[producer]!;
    if (other === PASSES) {
      this.flow.visit(producer, (maker) => this.waitForData(maker, consumer, add));
      return;
    }
    const real = other === PRESENT ? producer : other;
    if (real !== consumer) add(real, edge.data, sourceOf(this.t.graph, real));
  }
}
