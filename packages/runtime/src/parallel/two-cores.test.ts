/** Random Programs of two cores that compute on their own, send each other tiles and share HBM behind barriers: threads or not, one result. */
import { Random } from "@opentrn/base";
import { checkRaces, place, prepare } from "@opentrn/device";
import type { AccessPattern, Program } from "@opentrn/isa";
import { expect, test } from "vitest";
import { floatBytes, Hand } from "./hand.testing.ts";
import { startRanks } from "./start-ranks.ts";

const P = 32;
const N = 64;
const ROUNDS = 12;

function randomTwoCores(r: Random): Program {
  const h = new Hand(2);
  const shape = [P, N];
  const x = [0, 1].map((c) => h.tensor("hbm", "float32", shape, `x${c}`, "input"));
  const y = [0, 1].map((c) => h.tensor("hbm", "float32", shape, `y${c}`, "output"));
  const shared = [0, 1].map((c) => h.tensor("hbm", "bfloat16", shape, `shared${c}`));
  const tiles: AccessPattern[][] = [];
  const psum: AccessPattern[] = [];
  const on = (core: number, what: (t: AccessPattern[], acc: AccessPattern) => void): void => {
    h.b.setCore(core);
    what(tiles[core]!, psum[core]!);
  };
  for (const core of [0, 1]) {
    h.b.setCore(core);
    tiles.push([0, 1, 2].map(() => h.tensor("sbuf", "float32", shape)));
    psum.push(h.tensor("psum", "float32", [N, N]));
    for (const t of tiles[core]!) h.op("dma_copy", { dst: t, src: x[core]! });
  }
  const both = (what: (core: number, t: AccessPattern[], acc: AccessPattern) => void): void => {
    for (const core of [0, 1]) on(core, (t, acc) => what(core, t, acc));
  };
  const steps: Record<string, (core: number, t: AccessPattern[], acc: AccessPattern) => void> = {
    compute: (_, t) =>
      h.op(
        "tensor_tensor",
        { dst: r.pick(t), data1: r.pick(t), data2: r.pick(t) },
        { op: r.pick(["add", "multiply", "maximum"]) },
      ),
    squash: (_, t) =>
      h.op("activation", { dst: r.pick(t), data: r.pick(t) }, { op: r.pick(["tanh", "sigmoid"]) }),
    multiply: (_, t, acc) => {
      h.op("nc_matmul", { dst: acc, stationary: r.pick(t), moving: r.pick(t) });
      const top = { ...acc, dims: [[1, P], acc.dims[1]!] as const };
      h.op("tensor_copy", { dst: r.pick(t), src: top });
    },
    random: (_, t) => h.op("dropout", { dst: r.pick(t), data: r.pick(t), prob: 0.3 }),
  };
  for (let round = 0; round < ROUNDS; round++) {
    // Cores do different amounts of work, so that threads reach a meeting in either order.
    both((core, t, acc) => {
      for (let n = r.below(6); n > 0; n--) steps[r.pick(Object.keys(steps))]!(core, t, acc);
    });
    if (r.below(2) === 0) {
      both((core, t) =>
        h.op(
          "sendrecv",
          { src: t[0]!, dst: t[1]! },
          { send_to_rank: 1 - core, recv_from_rank: 1 - core, pipe_id: 0 },
        ),
      );
      continue;
    }
    const barrier = (): void =>
      both(() => h.op("core_barrier", { data: shared[0]! }, { cores: [0, 1] }));
    both((core, t) => h.op("dma_copy", { dst: shared[core]!, src: r.pick(t) }));
    barrier();
    both((core, t) => h.op("dma_copy", { dst: r.pick(t), src: shared[1 - core]! }));
    barrier();
  }
  both((core, t) => h.op("dma_copy", { dst: y[core]!, src: r.pick(t) }));
  return h.b.finish();
}

test.each([1, 2, 3, 4])("two cores on two threads, Program %i", async (seed) => {
  const r = new Random(seed);
  const program = randomTwoCores(r);
  checkRaces(program);
  const placement = place(program);
  const inputs = [0, 1].map(() => floatBytes(Array.from({ length: P * N }, () => r.normal())));
  const one = prepare(program, placement, { seed }).run(inputs);
  const group = await startRanks(program, placement, { threads: 2, seed });
  try {
    expect(group.threads).toBe(2);
    for (const n of [0, 1]) group.write(0, `x${n}`, inputs[n]!);
    for (let again = 0; again < 3; again++) {
      await group.execute();
      expect([group.read(0, "y0"), group.read(0, "y1")]).toEqual(one.outputs);
    }
  } finally {
    await group.close();
  }
});
