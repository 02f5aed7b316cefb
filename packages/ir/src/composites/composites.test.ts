/** Composites against the primitive attention, its gradient in float64, and finite differences; every rule broken once. */
import { describe, expect, test } from "vitest";
import * as ir from "../index.ts";
import { finiteDifferences, numbers, randomInputs, weighted, worst } from "../testing.ts";

const { tensor, func, compositeCalls: customCalls } = ir;
const double = { arithmetic: "float64", customCalls } as const;

interface Sizes {
  readonly b: number;
  readonly n: number;
  readonly m: number;
  readonly h: number;
  readonly g: number;
  readonly d: number;
}
const small: Sizes = { b: 2, n: 3, m: 3, h: 4, g: 2, d: 4 };
const cases: readonly (readonly [string, Sizes, ir.AttentionOpOptions])[] = [
  ["causal, grouped", small, { causal: true }],
  ["not causal, every head its own", { ...small, g: 4 }, {}],
  ["fewer queries than keys", { ...small, n: 2, m: 5 }, { causal: true, scale: 0.7 }],
  ["one query head a key head, one row", { ...small, n: 1, m: 1, h: 1, g: 1 }, { causal: true }],
];
const signature = ({ b, n, m, h, g, d }: Sizes, dtype: ir.ElementType = "float32") => ({
  q: tensor([b, n, h, d], dtype),
  k: tensor([b, m, g, d], dtype),
  v: tensor([b, m, g, d], dtype),
});

const composite = (sizes: Sizes, options: ir.AttentionOpOptions, dtype?: ir.ElementType): ir.Func =>
  func("composite", signature(sizes, dtype), ({ q, k, v }) => ir.attentionOp(q, k, v, options).o);

/** The same by `attention` on [b, h, n, d], key heads repeated. */
const primitive = (sizes: Sizes, options: ir.AttentionOpOptions, dtype?: ir.ElementType): ir.Func =>
  func("primitive", signature(sizes, dtype), ({ q, k, v }) => {
    const { b, m, h, g, d } = sizes;
    const heads = (x: ir.Value): ir.Value => ir.transpose(x, [0, 2, 1, 3]);
    const repeated = (x: ir.Value): ir.Value =>
      ir.reshape(ir.broadcastInDim(heads(x), [b, g, h / g, m, d], [0, 1, 3, 4]), [b, h, m, d]);
    return heads(ir.attention(heads(q), repeated(k), repeated(v), options));
  });

describe.each(cases)("attention, %s", (_, sizes, options) => {
  const fn = composite(sizes, options);
  const inputs = randomInputs(fn, {}, [-2, 2]);

  test("equals the primitive attention", () => {
    const expected = numbers(primitive(sizes, options), inputs, double);
    expect(worst(numbers(fn, inputs, double), expected)).toBeLessThan(1e-14);
  });

  test("has the primitive attention's gradient in float64", () => {
    const derivative = (f: ir.Func): number[][] =>
      numbers(ir.gradient(weighted(f), undefined, { customCalls }), inputs, double).slice(1);
    expect(worst(derivative(fn), derivative(primitive(sizes, options)))).toBeLessThan(1e-12);
  });

  test("has the gradient of finite differences, of the sums too", () => {
    const both = weighted(
      func("both", signature(sizes), ({ q, k, v }) =>
        Object.values(ir.attentionOp(q, k, v, options)),
      ),
    );
    for (const f of [weighted(fn), both]) {
      const found = numbers(ir.gradient(f, undefined, { customCalls }), inputs, double).slice(1);
      expect(worst(found, finiteDifferences(f, inputs, customCalls))).toBeLessThan(1e-8);
    }
  });

  test("decomposes to the same bits in bf16, gradient included", () => {
    const step = ir.gradient(weighted(composite(sizes, options, "bfloat16")), undefined, {
      customCalls,
    });
    const plain = ir.decompose(step);
    expect(ir.print(plain)).not.toContain("custom_call");
    expect(numbers(plain, inputs)).toEqual(numbers(step, inputs, { customCalls }));
  });
});

test("the gradient in bf16 stays within rounding of float64's", () => {
  const fn = weighted(composite(small, { causal: true }, "bfloat16"));
  const step = ir.gradient(fn, undefined, { customCalls });
  const raw = randomInputs(fn, {}, [-1, 1]);
  // Inputs that bf16 holds, so that only the computation differs.
  const inputs = Object.fromEntries(
    fn.params.map((v) => {
      const name = ir.parameterName(v);
      return [name, Array.from(ir.tensorOf(v.type, raw[name]!).data)];
    }),
  );
  const found = numbers(step, inputs, { customCalls });
  // P, dS, o and the results are each rounded to 8 bits.
  expect(worst(found, numbers(step, inputs, double))).toBeLessThan(4 * 2 ** -8);
});

test("sums of exp are those of scaled, masked scores", () => {
  const one = { b: 1, n: 2, m: 2, h: 1, g: 1, d: 1 };
  const fn = func("lse", signature(one), ({ q, k, v }) => [
    ir.attentionOp(q, k, v, { causal: true, scale: 0.5 }).lse,
  ]);
  const [lse] = numbers(fn, { q: [1, 2], k: [3, -1], v: [0, 0] }, double);
  expect(lse![0]).toBeCloseTo(1.5, 14);
  expect(lse![1]).toBeCloseTo(Math.log(Math.exp(3) + Math.exp(-1)), 14);
});

test("cached attention sees the keys up to each query's position", () => {
  const { b, h, g, d } = small;
  const [n, m, start] = [2, 6, 3];
  const cached = func(
    "cached",
    { ...signature({ ...small, n, m }), start: tensor([], "int32") },
    ({ q, k, v, start: at }) => ir.cachedAttention(q, k, v, at),
  );
  const inputs = randomInputs(cached, { start: [start] }, [-2, 2]);
  const whole = composite({ ...small, n, m: start + n }, { causal: true });
  const cut = (x: readonly number[]): readonly number[] =>
    Array.from({ length: b }, (_, i) => x.slice(i * m * g * d, (i * m + start + n) * g * d)).flat();
  const expected = numbers(
    whole,
    { q: inputs["q"]!, k: cut(inputs["k"]!), v: cut(inputs["v"]!) },
    double,
  );
  const found = numbers(cached, inputs, double);
  expect(found[0]).toHaveLength(b * n * h * d);
  expect(worst(found, expected)).toBeLessThan(1e-14);
  expect(numbers(ir.decompose(cached), inputs)).toEqual(numbers(cached, inputs, { customCalls }));
  expect(() => ir.gradient(weighted(cached), ["q"], { customCalls })).toThrow(
    /attention_cached has no gradient/,
  );
});

test("all_reduce is the identity of one replica, and its gradient is all_reduce", () => {
  const fn = func("f", { x: tensor([2]), y: tensor([3]) }, ({ x, y }) => {
    const [a, b] = ir.allReduce([x, y], 2);
    return [ir.add(ir.sum(ir.multiply(a!, a!)), ir.sum(b!))];
  });
  const step = ir.gradient(fn, undefined, { customCalls });
  expect(numbers(step, { x: [1, 2], y: [3, 4, 5] }, double)).toEqual([[17], [2, 4], [1, 1, 1]]);
  expect(ir.print(step).match(/all_reduce/g)).toHaveLength(2);
  expect(ir.print(ir.decompose(step))).not.toContain("all_reduce");
});

test("the text form reads back", () => {
  const text = ir.print(composite(small, { causal: true }));
  expect(ir.print(ir.parse(text))).toBe(text);
});

test("composites in called functions decompose once a function", () => {
  const layer = composite({ ...small, g: 4 }, {});
  const fn = func("two", signature({ ...small, g: 4 }), ({ q, k, v }) => {
    const [once] = ir.call(layer, [q, k, v]);
    return ir.call(layer, [once!, k, v]);
  });
  const plain = ir.decompose(fn);
  expect(ir.print(plain)).not.toContain("custom_call");
  expect(plain.body[0]!.attrs["callee"]).toBe(plain.body[1]!.attrs["callee"]);
});

describe("rules", () => {
  const { q, k, v } = signature(small);
  const build = (
    types: readonly ir.TensorType[],
    target: string,
    config: string,
    results = types,
  ) =>
    ir.decompose(
      ir.functionOf(
        "raw",
        [],
        ir.customCall(
          target,
          types.map((t) => ir.constant(t, 0)),
          { config, results },
        ),
      ),
    );
  const lse = tensor([2, 4, 3]);
  const plain = '{"causal": true, "scale": 1}';
  const broken: readonly (readonly [string, () => unknown])[] = [
    ["attention C0", () => build([q, k, v], "attention", plain)],
    ["attention C1", () => build([q, k, v], "attention", "causal")],
    ["attention C2", () => build([q, k, v], "attention", '{"causal": 1, "scale": 1}')],
    ["attention C3", () => build([q, k, v], "attention", '{"causal": true}')],
    ["attention C4", () => build([q, k], "attention", plain)],
    ["attention C4", () => build([tensor([3, 4, 4]), k, v], "attention", plain)],
    ["attention C5", () => build([q, k, tensor([2, 3, 2, 5])], "attention", plain)],
    [
      "attention C6",
      () => build([q, tensor([2, 3, 3, 4]), tensor([2, 3, 3, 4])], "attention", plain),
    ],
    ["attention C7", () => build([q, k, { ...v, dtype: "bfloat16" }], "attention", plain)],
    ["attention C8", () => build([tensor([2, 4, 4, 4]), k, v], "attention", plain)],
    ["attention_backward C9", () => build([q, k, v, q, q, lse], "attention_backward", plain)],
    ["attention_backward C9", () => build([q, k, v, q, lse], "attention_backward", plain)],
    ["attention_cached C9", () => build([q, k, v, tensor([])], "attention_cached", '{"scale": 1}')],
    ["attention_cached C3", () => build([q, k, v], "attention_cached", "{}")],
    ["all_reduce C2", () => build([q], "all_reduce", '{"replicas": 0}')],
    ["all_reduce C3", () => build([tensor([], "int32")], "all_reduce", '{"replicas": 2}')],
  ];
  test.each(broken)("%s", (rule, make) => {
    expect(make).toThrow(rule);
  });
});

test.each(["silu", "gelu_tanh"] as const)(
  "%s and its gradient equal the primitive form",
  (name) => {
    const x = ir.tensor([9]);
    const whole = { silu: ir.siluOp, gelu_tanh: ir.geluTanhOp }[name];
    const parts = { silu: ir.silu, gelu_tanh: ir.geluTanh }[name];
    const given = { x: [-30, -4, -1, -0.1, 0, 0.2, 1.5, 6, 40] };
    const options = { customCalls: ir.compositeCalls, arithmetic: "float64" } as const;
    const [composite, primitive] = [whole, parts].map((f) => {
      const fn = ir.func("f", { x }, (p) => ir.sum(f(p.x)));
      return ir.interpret(ir.gradient(fn, ["x"], options), given, options).map((t) => [...t.data]);
    });
    composite!.forEach((values, i) => {
      values.forEach((v, k) => {
        // Constants are fp32, and the two forms of GELU have different ones.
        expect(v).toBeCloseTo(primitive![i]![k]!, name === "silu" ? 13 : 7);
      });
    });
  },
);
