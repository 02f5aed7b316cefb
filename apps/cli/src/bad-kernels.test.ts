/** Every mistake of the list, made in a Python kernel and typed at the command line: category, rule, value, limit and line. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pythonAvailable } from "@opentrn/nki";
import { afterAll, describe, expect, test } from "vitest";
import { trn } from "./testing.ts";

const folder = mkdtempSync(join(tmpdir(), "opentrn-"));
afterAll(() => rmSync(folder, { recursive: true }));

interface Mistake {
  readonly what: string;
  /** Lines of the kernel's body; the one that must be named ends in `# here`. */
  readonly body: readonly string[];
  readonly category: string;
  readonly says: readonly RegExp[];
  readonly options?: readonly string[];
}

const tile = (shape: string, dtype = "float32", buffer = "sbuf"): string =>
  `nl.ndarray(${shape}, dtype=nl.${dtype}, buffer=nl.${buffer})`;
const filled = (name: string, shape: string, dtype = "float32", buffer = "sbuf"): string[] => [
  `${name} = ${tile(shape, dtype, buffer)}`,
  `nisa.memset(dst=${name}, value=0)`,
];

const mistakes: readonly Mistake[] = [
  {
    what: "129 partitions",
    body: [`t = ${tile("(129, 4)")}  # here`],
    category: "invalid program",
    says: [/129 partitions/, /at most 128/],
  },
  {
    what: "moving free size 640",
    body: [
      ...filled("s", "(128, 128)", "bfloat16"),
      ...filled("m", "(128, 640)", "bfloat16"),
      `p = ${tile("(128, 640)", "float32", "psum")}`,
      "nisa.nc_matmul(dst=p, stationary=s, moving=m)  # here",
    ],
    category: "invalid program",
    says: [/nc_matmul C2/, /640/, /at most 512/, /split/],
  },
  {
    what: "PSUM operand in a DMA",
    body: [`p = ${tile("(128, 4)", "float32", "psum")}`, "nisa.dma_copy(dst=p, src=x)  # here"],
    category: "invalid program",
    says: [/dma_copy/, /psum/i],
  },
  {
    what: "start partition 16 with 64 partitions",
    body: [...filled("t", "(128, 4)"), "nisa.tensor_copy(dst=t[0:64, :], src=t[16:80, :])  # here"],
    category: "invalid program",
    says: [/tensor_copy/, /16/, /64/],
  },
  {
    what: "SBUF overflow",
    body: [
      ...filled("small", "(128, 16)"),
      ...filled("huge", "(128, 40000)"),
      ...filled("vast", "(128, 30000)"),
      "nisa.tensor_copy(dst=small, src=huge[:, 0:16])",
      "nisa.tensor_copy(dst=small, src=vast[:, 0:16])",
    ],
    category: "capacity",
    // The largest tenants, with the lines that made them.
    says: [/SBUF overflow/, /224 KiB/, /\[128,40000\] \(line \d+\).*\[128,30000\] \(line \d+\)/],
  },
  {
    what: "reading unwritten SBUF",
    body: [
      `t = ${tile("(128, 4)")}`,
      `u = ${tile("(128, 4)")}`,
      "nisa.tensor_copy(dst=u, src=t)  # here",
    ],
    category: "uninitialised read",
    says: [/tensor_copy/],
  },
  {
    what: "a slice out of bounds",
    body: [...filled("t", "(128, 4)"), "nisa.memset(dst=t[:, 2:9], value=0)  # here"],
    category: "out of bounds",
    says: [/9/, /4/],
  },
  {
    what: "a dtype the engine cannot take",
    body: [
      ...filled("s", "(128, 128)", "int32"),
      ...filled("m", "(128, 128)", "int32"),
      `p = ${tile("(128, 128)", "float32", "psum")}`,
      "nisa.nc_matmul(dst=p, stationary=s, moving=m)  # here",
    ],
    category: "invalid program",
    says: [/nc_matmul/, /int32/, /bfloat16/],
  },
  {
    what: "an operation the target lacks",
    body: [...filled("t", "(128, 4)"), "nisa.exponential(dst=t, src=t, max_value=0.0)  # here"],
    category: "unsupported here",
    says: [/exponential/, /trn2/],
  },
  {
    what: "an exception in the kernel",
    body: ["y = {}['missing']  # here"],
    category: "kernel exception",
    says: [/KeyError/, /missing/],
  },
  {
    what: "a kernel that never ends",
    body: [...filled("t", "(128, 4)"), "while True:", "    nisa.memset(dst=t, value=0)"],
    category: "limit reached",
    says: [/5000 instructions/],
    options: ["--max-instructions", "5000"],
  },
];

const header = "import nki\nimport nki.isa as nisa\nimport nki.language as nl\n\n";
const name = (i: number): string => `mistake${i}`;
const source =
  header +
  mistakes
    .map((m, i) => {
      const out = `    out = ${tile("(128, 4)", "float32", "shared_hbm")}\n`;
      const body = m.body.map((l) => `    ${l}\n`).join("");
      return `@nki.jit\ndef ${name(i)}(x):\n${out}${body}    return out\n\n`;
    })
    .join("\n");
const file = join(folder, "mistakes.py");
writeFileSync(file, source);
const lineOf = (i: number): number | undefined => {
  const lines = source.split("\n");
  const from = lines.indexOf(`def ${name(i)}(x):`);
  const at = lines.findIndex((l, k) => k > from && l.endsWith("# here"));
  const next = lines.indexOf(`def ${name(i + 1)}(x):`);
  return at < 0 || (next > 0 && at > next) ? undefined : at + 1;
};

describe.skipIf(!pythonAvailable())("mistakes in Python kernels", () => {
  mistakes.forEach((m, i) => {
    test(m.what, async () => {
      const argv = ["run", `${file}:${name(i)}`, "--arg", "x=128x4:float32", ...(m.options ?? [])];
      const { code, out, err } = await trn([...argv, "--json"]);
      expect(code).toBe(2);
      const { error } = JSON.parse(out) as { error: Record<string, unknown> };
      expect(error["category"]).toBe(m.category);
      for (const pattern of m.says) expect(error["message"]).toMatch(pattern);
      const line = lineOf(i);
      if (line !== undefined) expect([error["file"], error["line"]]).toEqual([file, line]);
      if (m.category !== "kernel exception") expect(error["rule"]).toEqual(expect.any(String));
      expect(err).not.toMatch(/\n\s+at |Traceback/);
    });
  });
});

describe("python3", () => {
  const bin = join(import.meta.dirname, "../bin/trn.mjs");
  const args = ["run", file, "--arg", "x=128x4:float32"];
  const typed = (more: readonly string[], env: Readonly<Record<string, string>>) =>
    new Promise<{ code: number | null; err: string }>((resolve) => {
      const child = spawn(process.execPath, [bin, ...args.slice(0, 1), ...more, ...args.slice(2)], {
        env: { ...process.env, ...env },
        stdio: ["ignore", "ignore", "pipe"],
      });
      let err = "";
      child.stderr.on("data", (d) => {
        err += d;
      });
      child.on("close", (code) => resolve({ code, err }));
    });

  test("is missing: the message says what to install and what works without", async () => {
    const none = { OPENTRN_PYTHON_BIN: join(folder, "no-python") };
    const asked = await typed([`${file}:mistake0`, "--python", "cpython"], none);
    expect(asked.code).toBe(2);
    expect(asked.err).toMatch(/^bad input: .*no-python.*install Python 3.9 or newer/);
    // Left to choose, Pyodide runs the kernel and finds the kernel's own mistake.
    const auto = await typed([`${file}:mistake0`], none);
    expect(auto.err).toMatch(/^invalid program: .*129 partitions.*mistakes.py:\d+\)/);
  });
});
