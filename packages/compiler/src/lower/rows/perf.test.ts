import { chipNamed } from "@opentrn/chips";
import { listSchedule, place, timeline } from "@opentrn/device";
import * as ir from "@opentrn/ir";
import { test } from "vitest";
import { crossEntropy } from "../../../../models/src/build/cross-entropy.ts";
import { lowerGroup } from "../lower-group.ts";

const { func, tensor } = ir;
const bf = "bfloat16" as const;
const trn2 = chipNamed("trn2");
const _cot = (f: ir.Func, _name: string): ir.Func => f;
const adam = (n: readonly number[]) =>
  func(
    "adam",
    {
      p: tensor(n),
      m: tensor(n),
      v: tensor(n),
      g: tensor(n),
      scale: tensor([]),
      lr: tensor([]),
      mc: tensor([]),
      vc: tensor([]),
    },
    ({ p, m, v, g, scale, lr, mc, vc }) => {
      const whole = (x: ir.Value) => ir.broadcastInDim(x, n, []);
      const gc = ir.multiply(g, whole(scale));
      const nm = ir.add(ir.multiply(m, 0.9), ir.multiply(gc, 0.1));
      const nv = ir.add(ir.multiply(v, 0.95), ir.multiply(ir.multiply(gc, gc), 0.05));
      const root = ir.add(ir.sqrt(ir.multiply(nv, whole(vc))), 1e-8);
      const change = ir.divide(ir.multiply(nm, whole(ir.multiply(lr, mc))), root);
      const left = ir.multiply(p, whole(ir.subtract(1, ir.multiply(lr, 0.1))));
      return [ir.subtract(left, change), nm, nv];
    },
  );
const f32 = (v: ir.Value) => ir.convert(v, "float32");
const cases: Record<string, () => ir.Func> = {
  add4M: () =>
    func("f", { x: tensor([4096, 1024]), y: tensor([4096, 1024]) }, ({ x, y }) => [ir.add(x, y)]),
  copyCast: () => func("f", { x: tensor([4096, 2048]) }, ({ x }) => [ir.convert(x, bf)]),
  rms: () =>
    func("f", { x: tensor([4096, 2048], bf), w: tensor([2048]) }, ({ x, w }) => [
      ir.convert(ir.rmsNorm(f32(x), w), bf),
    ]),
  softmax: () =>
    func("f", { x: tensor([4096, 2048], bf) }, ({ x }) => [ir.convert(ir.softmax(f32(x)), bf)]),
  layernorm: () =>
    func("f", { x: tensor([8192, 768], bf), w: tensor([768]), b: tensor([768]) }, ({ x, w, b }) => [
      ir.convert(ir.layerNorm(f32(x), w, b), bf),
    ]),
  layernormG: () => {
    const y = func(
      "f",
      {
        x: tensor([8192, 768], bf),
        w: tensor([768]),
        b: tensor([768]),
        g: tensor([8192, 768], bf),
      },
      ({ x, w, b, g }) => {
        const out = ir.convert(ir.layerNorm(f32(x), w, b), bf);
        return ir.pullback([out], [g], [x, w, b]);
      },
    );
    return ir.cleanUp(y);
  },
  rmsG: () => {
    const y = func(
      "f",
      { x: tensor([4096, 2048], bf), w: tensor([2048]), g: tensor([4096, 2048], bf) },
      ({ x, w, g }) => {
        const out = ir.convert(ir.rmsNorm(f32(x), w), bf);
        return ir.pullback([out], [g], [x, w]);
      },
    );
    return ir.cleanUp(y);
  },
  rotary: () =>
    func(
      "f",
      { x: tensor([2, 2048, 16, 128], bf), c: tensor([2048, 128], bf), s: tensor([2048, 128], bf) },
      ({ x, c, s }) => [
        ir.rotary(
          x,
          ir.broadcastInDim(c, x.type.shape, [1, 3]),
          ir.broadcastInDim(s, x.type.shape, [1, 3]),
        ),
      ],
    ),
  rotaryG: () => {
    const y = func(
      "f",
      {
        x: tensor([2, 2048, 16, 128], bf),
        c: tensor([2048, 128], bf),
        s: tensor([2048, 128], bf),
        g: tensor([2, 2048, 16, 128], bf),
      },
      ({ x, c, s, g }) =>
        ir.pullback(
          [
            ir.rotary(
              x,
              ir.broadcastInDim(c, x.type.shape, [1, 3]),
              ir.broadcastInDim(s, x.type.shape, [1, 3]),
            ),
          ],
          [g],
          [x],
        ),
    );
    return ir.cleanUp(y);
  },
  swiglu: () =>
    func("f", { a: tensor([4096, 4096], bf), b: tensor([4096, 4096], bf) }, ({ a, b }) => [
      ir.swiglu(a, b),
    ]),
  swigluG: () =>
    ir.cleanUp(
      func(
        "f",
        { a: tensor([4096, 4096], bf), b: tensor([4096, 4096], bf), g: tensor([4096, 4096], bf) },
        ({ a, b, g }) => ir.pullback([ir.swiglu(a, b)], [g], [a, b]),
      ),
    ),
  gelu: () => func("f", { a: tensor([8192, 3072], bf) }, ({ a }) => [ir.geluTanh(a)]),
  geluG: () =>
    ir.cleanUp(
      func("f", { a: tensor([8192, 3072], bf), g: tensor([8192, 3072], bf) }, ({ a, g }) =>
        ir.pullback([ir.geluTanh(a)], [g], [a]),
      ),
    ),
  ce: () =>
    func(
      "f",
      { x: tensor([1024, 50257], bf), l: tensor([1024], "int32"), w: tensor([]) },
      ({ x, l, w }) => {
        const { loss, cotangent } = crossEntropy(x, l, w);
        return [loss, cotangent];
      },
    ),
  ceOld: () =>
    func(
      "f",
      { x: tensor([1024, 50257], bf), l: tensor([1024], "int32"), w: tensor([]) },
      ({ x: logits, l: labels, w: weight }) => {
        const x = ir.convert(logits, "float32");
        const { shape } = x.type;
        const rows = (v: ir.Value): ir.Value => ir.broadcastOver(v, shape, [1]);
        const top = ir.reduce(x, "maximum", [1]);
        const lse = ir.add(top, ir.log(ir.sum(ir.exponential(ir.subtract(x, rows(top))), [1])));
        const hit = ir.compare(ir.iota(shape, 1), rows(labels), "EQ");
        const own = ir.sum(ir.select(hit, x, 0), [1]);
        const weights = ir.select(
          ir.compare(labels, -100, "NE"),
          ir.broadcastInDim(weight, labels.type.shape, []),
          0,
        );
        const loss = ir.sum(ir.multiply(ir.subtract(lse, own), weights));
        const error = ir.subtract(
          ir.exponential(ir.subtract(x, rows(lse))),
          ir.convert(hit, "float32"),
        );
        return [loss, ir.convert(ir.multiply(error, rows(weights)), bf)];
      },
    ),
  ceBig: () =>
    func(
      "f",
      { x: tensor([256, 128256], bf), l: tensor([256], "int32"), w: tensor([]) },
      ({ x, l, w }) => {
        const { loss, cotangent } = crossEntropy(x, l, w);
        return [loss, cotangent];
      },
    ),
  adam: () => adam([4096, 1024]),
  norm: () => func("f", { x: tensor([4096, 1024]) }, ({ x }) => [ir.sum(ir.multiply(x, x))]),
  biasG: () => func("f", { x: tensor([8192, 768], bf) }, ({ x }) => [ir.sum(x, [0])]),
  residual: () =>
    func("f", { x: tensor([8192, 768], bf), y: tensor([8192, 768], bf) }, ({ x, y }) => [
      ir.add(x, y),
    ]),
};
const only = process.env["ONLY"]?.split(",");
for (const [name, make] of Object.entries(cases))
  if (!only || only.includes(name))
    test(name, () => {
      const fn = make();
      const t0 = performance.now();
      const module = lowerGroup(fn, trn2);
      const t1 = performance.now();
      const t = timeline(module.program, place(module.program));
      const t2 = performance.now();
      if (process.env["LIST"])
        for (const w of [32, 128]) {
          const q = listSchedule(module.program, { window: w });
          const tt = timeline(q, place(q));
          console.log(
            "LIST",
            name,
            w,
            (tt.totalNs / 1000).toFixed(1),
            (tt.totalNs / t.totalNs).toFixed(2),
          );
        }
      const bytes = [...fn.params, ...fn.results].reduce(
        (n, v) =>
          n +
          ir.sizeOf(v.type.shape) *
            ({ float32: 4, bfloat16: 2, int32: 4 } as Record<string, number>)[v.type.dtype]!,
        0,
      );
      const bound = bytes / 360;
      const e = Object.entries(t.engines)
        .map(([k, u]) => `${k} ${((100 * u.activeNs) / t.totalNs).toFixed(0)}%`)
        .join(" ");
      console.log(
        `PERF ${name.padEnd(11)} ${module.template} n=${String(module.program.starts.length).padEnd(5)} ${(t.totalNs / 1000).toFixed(1).padStart(8)}us bound ${(bound / 1000).toFixed(1).padStart(7)}us ratio ${(t.totalNs / bound).toFixed(2)} ${e} dma ${((100 * t.dma.activeNs) / t.totalNs).toFixed(0)}% bytes ${((t.hbm.readBytes + t.hbm.writeBytes) / bytes).toFixed(2)}x sbuf ${(t.placement.sbufPeakBytes / 128 / 1024).toFixed(0)}K lower ${(t1 - t0).toFixed(0)}ms time ${(t2 - t1).toFixed(0)}ms`,
      );
      if (process.env["DUMP"]) {
        const by = new Map<string, number>();
        const p = module.program;
        for (let i = 0; i < p.classOf.length; i++) {
          const c = p.classes[p.classOf[i]!]!;
          const k = `${c.op.name} ${c.engine} ${JSON.stringify(c.call.attr).slice(0, 80)} ${Object.entries(
            c.call.tile,
          )
            .map(([n, x]) => (x ? `${n}:${x.dtype}[${x.shape}]` : ""))
            .join(" ")}`;
          by.set(k, (by.get(k) ?? 0) + 1);
        }
        for (const [k, v] of by) console.log(v, k);
        console.log(t.bottleneck);
      }
    });
