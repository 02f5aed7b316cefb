/** Where the Python package lies on disk. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { OpenTrnError } from "@opentrn/base";

/** The folder to put on PYTHONPATH: `OPENTRN_PYTHON`, the checkout's `python/`, or the copy inside the npm package. */
export function pythonPackagePath(): string {
  const places = [
    process.env["OPENTRN_PYTHON"],
    fileURLToPath(new URL("../../../../python", import.meta.url)),
    fileURLToPath(new URL("../../python", import.meta.url)),
  ];
  for (const p of places) if (p && existsSync(`${p}/nki/_isa_generated.py`)) return p;
  throw new OpenTrnError("the Python package is not built; run npm run build", {
    category: "internal",
    rule: "python package",
  });
}
