import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pythonAvailable, traceCPython } from "@opentrn/nki";
import { afterAll, expect, test } from "vitest";
import { runProgramRanks } from "./run-ranks.ts";

const kernels = `
import nki
import nki.collectives as ncc
import nki.isa as nisa
import nki.language as nl

@nki.jit
def total(x):
    out = nl.ndarray(x.shape, dtype=x.dtype, buffer=nl.shared_hbm)
    ncc.all_reduce([x], [out], ncc.ReplicaGroup([[0, 1]]), nl.add)
    return out

@nki.jit
def swapped(x):
    group = ncc.ReplicaGroup([[0, 1]])
    out = nl.ndarray(x.shape, dtype=x.dtype, buffer=nl.shared_hbm)
    ids = nl.ndarray((1, 2), dtype=nl.int32, buffer=nl.shared_hbm)
    ncc.collective_permute_implicit([[x]], [[out]], group)
    seen = nl.ndarray((1, 2), dtype=nl.int32, buffer=nl.sbuf)
    nisa.register_store(seen[:, 0:1], ncc.rank_id())
    nisa.register_store(seen[:, 1:2], ncc.collective_permute_implicit_current_processing_rank_id(1, group))
    nisa.dma_copy(ids, seen)
    return out, ids
`;
const folder = mkdtempSync(join(tmpdir(), "opentrn-"));
afterAll(() => rmSync(folder, { recursive: true }));
const file = join(folder, "kernels.py");
writeFileSync(file, kernels);

const x = (...values: number[]) => ({
  x: {
    dtype: "float32" as const,
    shape: [1, 2],
    bytes: new Uint8Array(Float32Array.from(values).buffer),
  },
});
async function ranksOf(kernel: string) {
  const args = [{ name: "x", shape: [1, 2], dtype: "float32" }] as const;
  const { program, outputs } = await traceCPython({ file, kernel, args });
  return runProgramRanks(program, [x(1, 2), x(10, 20)], { outputs }).ranks;
}
const floats = (bytes: Uint8Array) => [...new Float32Array(bytes.slice().buffer)];
const integers = (bytes: Uint8Array) => [...new Int32Array(bytes.slice().buffer)];

test.skipIf(!pythonAvailable())("a Python kernel reduces over two ranks", async () => {
  const ranks = await ranksOf("total");
  expect(ranks.map((r) => floats(r.outputs[0]!.bytes))).toEqual([
    [11, 22],
    [11, 22],
  ]);
});

test.skipIf(!pythonAvailable())(
  "a Python kernel knows its rank and whose data it got",
  async () => {
    const ranks = await ranksOf("swapped");
    expect(ranks.map((r) => floats(r.outputs[0]!.bytes))).toEqual([
      [10, 20],
      [1, 2],
    ]);
    expect(ranks.map((r) => integers(r.outputs[1]!.bytes))).toEqual([
      [0, 1],
      [1, 0],
    ]);
  },
);
