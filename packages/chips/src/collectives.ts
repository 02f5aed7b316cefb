/** What a chip file states about collectives between ranks. Times are from the moment all ranks are ready; host dispatch is none of it. */
import type { Fact } from "./fact.ts";

export interface CollectiveFacts {
  /** Nanoseconds of a collective besides its steps: the collective cores start the transfers, and all ranks see that they are over. */
  readonly launchNs: Fact;
  /** One step to the neighbour in a ring. */
  readonly hopNs: Fact;
  /** One step in which every rank reaches every other (mesh), or its partner in a hypercube (recursive doubling and halving). */
  readonly stepNs: Fact;
  /** Bytes a nanosecond that one physical core sends while it receives as many. */
  readonly bytesPerNs: Fact;
  /** Whether mesh and recursive doubling exist, with the largest sizes in bytes that use them; rings only otherwise. */
  readonly meshes: Fact<boolean>;
  readonly meshBytes: Fact;
  readonly doublingBytes: Fact;
  /** Whether two ranks of a chip share a place in rings between chips. */
  readonly sharedPlaces: Fact<boolean>;
  /** One step between machines. */
  readonly networkStepNs: Fact;
}
