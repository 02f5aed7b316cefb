/** A kernel that prints tensors while it is traced sees their values, in either Python, and only where there are inputs. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type KernelJob, pythonAvailable, traceCPython, tracePyodide } from "@opentrn/nki";
import { afterAll, describe, expect, test } from "vitest";
import { evaluateSoFar } from "./evaluate-so-far.ts";

const folder = mkdtempSync(join(tmpdir(), "opentrn-"));
afterAll(() => rmSync(folder, { recursive: true }));
const file = join(folder, "looks.py");
writeFileSync(
  file,
  `import nki
import nki.isa as nisa
import nki.language as nl

@nki.jit
def looks(a):
    t = nl.load(a)
    out = nl.ndarray(a.shape, dtype=a.dtype, buffer=nl.shared_hbm)
    # t is not used after this point of the Program, and lives on when it is looked at.
    nisa.dma_copy(dst=out, src=t)
    u = nl.ndarray((2, 4000), dtype=nl.float32, buffer=nl.sbuf)
    nisa.memset(dst=u, value=9)
    print(t)
    print(out[1:2, 0:1].tolist())
    return out

@nki.jit
def meets(a):
    c = nl.program_id(0)
    t = nl.load(a[c : c + 1, :])
    print("before", c, t.tolist())
    nisa.core_barrier(a, (0, 1))
    print("after", c, t)
    return a

@nki.jit
def stops(a):
    breakpoint()
    return a
`,
);

const hosts = [
  ["cpython", traceCPython],
  ["pyodide", tracePyodide],
] as const;

describe.each(hosts)("%s", (name, trace) => {
  const skip = name === "cpython" && !pythonAvailable();
  const bytes = new Uint8Array(Float32Array.of(1, 2.5, -3, 4).buffer);
  const run = async (kernel: string, more: Partial<KernelJob> = {}) => {
    let printed = "";
    const traced = await trace({
      file,
      kernel,
      args: [{ name: "a", shape: [2, 2], dtype: "float32" }],
      onPrint: (text) => {
        printed += text;
      },
      ...more,
    });
    return { traced, printed };
  };

  test.skipIf(skip)("print shows values", async () => {
    const { printed } = await run("looks", { evaluate: evaluateSoFar(() => [bytes]) });
    expect(printed).toBe("NkiTensor((2, 2), float32, sbuf)\n[[1 2.5]\n [-3 4]]\n[[-3.0]]\n");
  });

  test.skipIf(skip)(
    "of two cores, the one that is traced last shows values behind a barrier",
    async () => {
      const { printed } = await run("meets", { lnc: 2, evaluate: evaluateSoFar(() => [bytes]) });
      expect(printed.split("\n").slice(0, -1)).toEqual([
        "before 0 [[1.0, 2.5]]",
        expect.stringMatching(/^after 0 .* has no values: the core waits for another one/),
        "before 1 [[-3.0, 4.0]]",
        "after 1 NkiTensor((1, 2), float32, sbuf)",
        "[[-3 4]]",
      ]);
    },
  );

  test.skipIf(skip)("without an evaluator print says so", async () => {
    const failure = await run("looks").catch((e: Error) => e);
    expect(failure).toMatchObject({ message: /no values are computed in this run/ });
  });

  test.skipIf(skip)("breakpoint() without standard input is refused", async () => {
    const failure = await run("stops").catch((e: Error) => e);
    expect(failure).toMatchObject({ category: "bad input", message: /breakpoint\(\) needs/ });
  });

  test.skipIf(skip)("the linter's findings come along", async () => {
    const { traced } = await run("looks", {
      lint: true,
      evaluate: evaluateSoFar(() => [bytes]),
    });
    expect(traced.lints).toEqual([
      { rule: "lint tensor-value", message: expect.any(String), file, line: 14 },
    ]);
  });
});
