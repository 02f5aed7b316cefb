import { describe, expect, it } from "vitest";
import { sectionOf, withSection } from "./page.ts";
import { readResult } from "./result.ts";

const result = {
  commit: "0123abc",
  kernels: [
    { file: "a.py", kernel: "add", api: "nki", status: "pass", reason: "", ms: 3 },
    { file: "b.py", kernel: "mul", api: "nki", status: "fail", reason: "5 | 4\n!= 3", ms: 1 },
    {
      file: "c.py",
      kernel: "x",
      api: "nki",
      status: "pass",
      reason: "called inside other kernels",
      ms: 0,
    },
    {
      file: "c.py",
      kernel: "y",
      api: "nki",
      status: "pass",
      reason: "called inside other kernels",
      ms: 0,
    },
  ],
  counts: { pass: 3, fail: 1, unsupported: 0, invalid: 0 },
} as const;

describe("the page", () => {
  it("names commit, counts, exceptions and remarks", () => {
    expect(sectionOf("owner/name", result)).toMatchInlineSnapshot(`
      "## owner/name

      Commit \`0123abc\`: 4 kernels, 3 pass, 1 fail, 0 unsupported, 0 invalid.

      | kernel | status | reason |
      |---|---|---|
      | \`b.py\` mul | fail | 5 \\| 4 != 3 |

      Remarks on kernels that pass:

      - 2 kernels: called inside other kernels"
    `);
  });

  it("replaces its own section and keeps the others", () => {
    const one = withSection("# Conformance\n", "a", "first");
    const two = withSection(one, "b", "second");
    const again = withSection(two, "a", "third");
    expect(again).toContain("third");
    expect(again).not.toContain("first");
    expect(again).toContain("second");
    expect(withSection(again, "a", "third")).toBe(again);
  });
});

describe("the child's answer", () => {
  it("is read", () => {
    expect(readResult(JSON.stringify(result)).counts.pass).toBe(3);
  });

  it("is an internal error when it is something else", () => {
    for (const text of ["", "{}", "[1]", "Traceback"])
      expect(() => readResult(text)).toThrow(/no result/);
  });
});
