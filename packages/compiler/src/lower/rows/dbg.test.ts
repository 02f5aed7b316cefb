import { chipNamed } from "@opentrn/chips";
import * as ir from "@opentrn/ir";
import { test } from "vitest";
import { compareGroup } from "../../testing.ts";
import { chooseTiling } from "./choose.ts";
import { domainOf } from "./domain.ts";
import { Graph } from "./fuzz.test.ts";

test("d", () => {
  const fn = new Graph(Number(process.env["SEED"])).build();
  console.log(ir.print(fn));
  const d = domainOf(fn.body, new Set(), fn.results);
  if (typeof d !== "string") {
    const t = chooseTiling(d, fn.results, chipNamed("trn2"));
    console.log(JSON.stringify(t));
    if (typeof t !== "string")
      console.log(
        t.layout.rows.map((a) => d.axes.size(a)),
        t.layout.free.map((a) => d.axes.size(a)),
      );
  }
  compareGroup(fn);
});
