/** A 32-bit scalar register of the engines' sequencers: loop indices, run-time offsets, loop conditions. */
export class Register {
  readonly id: number;
  /** The index of a loop is read only. */
  readonly frozen: boolean;

  constructor(id: number, frozen = false) {
    this.id = id;
    this.frozen = frozen;
  }
}
