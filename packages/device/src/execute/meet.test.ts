import type { OpenTrnError } from "@opentrn/base";
import { describe, expect, it } from "vitest";
import { place } from "../placement/index.ts";
import { prepare } from "./executable.ts";
import { floatBytes, floatsOf, Hand } from "./hand.testing.ts";

const swap = (core: number, more: Record<string, unknown> = {}) => ({
  send_to_rank: 1 - core,
  recv_from_rank: 1 - core,
  pipe_id: 0,
  ...more,
});

/** Both cores load a row of x, run `body`, and store what they then hold. */
function twoCores(body: (h: Hand, core: number, mine: never, other: never) => void) {
  const h = new Hand(2);
  const x = h.tensor("hbm", "float32", [2, 2], "input");
  const out = h.tensor("hbm", "float32", [2, 2], "output");
  const row = (p: typeof x, core: number) => ({
    ...p,
    offset: 2 * core,
    dims: [
      [2, 1],
      [1, 2],
    ] as const,
  });
  for (const core of [0, 1]) {
    h.core(core);
    const [mine, other] = [
      h.tensor("sbuf", "float32", [1, 2]),
      h.tensor("sbuf", "float32", [1, 2]),
    ];
    h.op("dma_copy", { dst: mine, src: row(x, core) });
    h.op("dma_copy", { dst: other, src: row(x, core) });
    body(h, core, mine as never, other as never);
    h.op("dma_copy", { dst: row(out, core), src: other });
  }
  const program = h.program();
  return floatsOf(prepare(program, place(program)).run([floatBytes(1, 2, 3, 4)]).outputs[0]!);
}
const failure = (body: Parameters<typeof twoCores>[0]): OpenTrnError => {
  try {
    twoCores(body);
  } catch (e) {
    return e as OpenTrnError;
  }
  throw new Error("no error");
};

describe("cores that meet", () => {
  it("sendrecv swaps tiles", () => {
    expect(twoCores((h, core, src, dst) => h.op("sendrecv", { src, dst }, swap(core)))).toEqual([
      3, 4, 1, 2,
    ]);
  });

  it("a core may send to itself as long as both say so", () => {
    const own = { send_to_rank: 0, recv_from_rank: 0 };
    expect(
      twoCores((h, core, src, dst) =>
        h.op(
          "sendrecv",
          { src, dst },
          swap(core, core === 0 ? own : { send_to_rank: 1, recv_from_rank: 1 }),
        ),
      ),
    ).toEqual([1, 2, 3, 4]);
  });

  it("different pipes deadlock; both cores and lines are named", () => {
    const e = failure((h, core, src, dst) =>
      h.op("sendrecv", { src, dst }, swap(core, { pipe_id: core })),
    );
    expect({ rule: e.rule, at: e.at }).toEqual({
      rule: "deadlock",
      at: { file: "hand.py", line: 3 },
    });
    expect(e.message).toBe(
      "deadlock: core 0 waits at sendrecv on pipe 0 (hand.py:3); core 1 waits at sendrecv on pipe 1 (hand.py:7). All cores that take part must reach the same meeting with the same arguments",
    );
  });

  it("a barrier that one core never reaches deadlocks", () => {
    const e = failure((h, core, src) => {
      if (core === 0) h.op("core_barrier", { data: shared(h) }, { cores: [0, 1] });
      else h.op("tensor_copy", { dst: src, src });
    });
    expect(e.message).toContain("core 0 waits at core_barrier of cores 0 and 1 (hand.py:3)");
    expect(e.message).toContain("core 1 has finished");
  });

  it("barriers and swaps in another order deadlock", () => {
    const e = failure((h, core, src, dst) => {
      const barrier = () => h.op("core_barrier", { data: shared(h) }, { cores: [0, 1] });
      if (core === 0) barrier();
      h.op("sendrecv", { src, dst }, swap(core));
      if (core === 1) barrier();
    });
    expect(e.rule).toBe("deadlock");
  });

  it("ranks that do not name each other are refused", () => {
    const e = failure((h, _, src, dst) =>
      h.op("sendrecv", { src, dst }, { send_to_rank: 0, recv_from_rank: 0, pipe_id: 0 }),
    );
    expect(e.rule).toBe("sendrecv ranks");
    expect(e.message).toContain("core 1 receives from core 0, which sends to core 0");
  });

  it("sides of different sizes are refused", () => {
    const e = failure((h, core, src, dst) => {
      const one = (p: typeof src) =>
        ({
          ...(p as object),
          dims: [
            [1, 1],
            [1, 1],
          ],
        }) as never;
      h.op("sendrecv", core ? { src, dst } : { src: one(src), dst: one(dst) }, swap(core));
    });
    expect(e.rule).toBe("sendrecv size");
  });
});

const shared = (h: Hand) => h.tensor("hbm", "float32", [1]);
