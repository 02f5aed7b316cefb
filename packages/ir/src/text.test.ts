/** Printer and parser: what is printed reads back as the same, and a person can read it. */
import { OpenTrnError } from "@opentrn/base";
import { dtypeNames } from "@opentrn/numerics";
import { expect, test } from "vitest";
import * as ir from "./index.ts";
import { allSamples } from "./ops/samples.fixture.ts";
import { numbers, randomInputs, weighted } from "./testing.ts";

const { tensor, func } = ir;

test.each(allSamples)("%s and its gradient print, parse and print the same", (_, sample) => {
  const options = sample.customCalls ? { customCalls: sample.customCalls } : {};
  for (const fn of [sample.fn, ir.gradient(weighted(sample.fn), undefined, options)]) {
    const text = ir.print(fn);
    const again = ir.parse(text);
    expect(ir.print(again)).toBe(text);
    ir.verify(again);
    const inputs = randomInputs(fn, sample.given, sample.domain);
    expect(numbers(again, inputs, options)).toEqual(numbers(fn, inputs, options));
  }
});

test("a layer norm as text", () => {
  const fn = func(
    "norm",
    { x: tensor([4, 8], "bfloat16"), weight: tensor([8]), bias: tensor([8]) },
    ({ x, weight, bias }) =>
      ir.convert(ir.layerNorm(ir.convert(x, "float32"), weight, bias), "bfloat16"),
  );
  expect(ir.print(fn)).toMatchInlineSnapshot(`
    "func @norm(%x: tensor<4x8xbf16>, %weight: tensor<8xf32>, %bias: tensor<8xf32>) -> (tensor<4x8xbf16>) {
      %0 = convert %x : tensor<4x8xf32>
      %1 = reduce %0 {body = add, dimensions = [1]} : tensor<4xf32>
      %2 = constant {value = 0.125} : tensor<4xf32>
      %3 = multiply %1, %2 : tensor<4xf32>
      %4 = broadcast_in_dim %3 {broadcast_dimensions = [0]} : tensor<4x8xf32>
      %5 = subtract %0, %4 : tensor<4x8xf32>
      %6 = multiply %5, %5 : tensor<4x8xf32>
      %7 = reduce %6 {body = add, dimensions = [1]} : tensor<4xf32>
      %8 = constant {value = 0.125} : tensor<4xf32>
      %9 = multiply %7, %8 : tensor<4xf32>
      %10 = constant {value = 0.00001} : tensor<4xf32>
      %11 = add %9, %10 : tensor<4xf32>
      %12 = rsqrt %11 : tensor<4xf32>
      %13 = broadcast_in_dim %12 {broadcast_dimensions = [0]} : tensor<4x8xf32>
      %14 = multiply %5, %13 : tensor<4x8xf32>
      %15 = broadcast_in_dim %weight {broadcast_dimensions = [1]} : tensor<4x8xf32>
      %16 = multiply %14, %15 : tensor<4x8xf32>
      %17 = broadcast_in_dim %bias {broadcast_dimensions = [1]} : tensor<4x8xf32>
      %18 = add %16, %17 : tensor<4x8xf32>
      %19 = convert %18 : tensor<4x8xbf16>
      return %19
    }
    "
  `);
});

test("the gradient of a called layer as text", () => {
  const layer = func("layer", { x: tensor([2]), w: tensor([2]) }, ({ x, w }) =>
    ir.tanh(ir.multiply(x, w)),
  );
  const net = func("net", { x: tensor([2]), w: tensor([2]) }, ({ x, w }) => {
    const y = ir.call(layer, [x, w]);
    return ir.sum(ir.call(layer, [...y, w])[0]!);
  });
  expect(ir.print(ir.gradient(net, ["w"]))).toMatchInlineSnapshot(`
    "func @layer(%x: tensor<2xf32>, %w: tensor<2xf32>) -> (tensor<2xf32>) {
      %0 = multiply %x, %w : tensor<2xf32>
      %1 = tanh %0 : tensor<2xf32>
      return %1
    }

    func @layer_pullback(%x: tensor<2xf32>, %w: tensor<2xf32>, %cotangent.0: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>) {
      %0 = multiply %x, %w : tensor<2xf32>
      %1 = tanh %0 : tensor<2xf32>
      %2 = multiply %1, %1 : tensor<2xf32>
      %3 = constant {value = 1} : tensor<2xf32>
      %4 = subtract %3, %2 : tensor<2xf32>
      %5 = multiply %cotangent.0, %4 : tensor<2xf32>
      %6 = multiply %5, %w : tensor<2xf32>
      %7 = multiply %5, %x : tensor<2xf32>
      return %6, %7
    }

    func @layer_pullback.1(%x: tensor<2xf32>, %w: tensor<2xf32>, %cotangent.0: tensor<2xf32>) -> (tensor<2xf32>) {
      %0 = multiply %x, %w : tensor<2xf32>
      %1 = tanh %0 : tensor<2xf32>
      %2 = multiply %1, %1 : tensor<2xf32>
      %3 = constant {value = 1} : tensor<2xf32>
      %4 = subtract %3, %2 : tensor<2xf32>
      %5 = multiply %cotangent.0, %4 : tensor<2xf32>
      %6 = multiply %5, %x : tensor<2xf32>
      return %6
    }

    func @net_gradient(%x: tensor<2xf32>, %w: tensor<2xf32>) -> (tensor<f32>, tensor<2xf32>) {
      %0 = call %x, %w {callee = @layer} : tensor<2xf32>
      %1 = call %0, %w {callee = @layer} : tensor<2xf32>
      %2 = reduce %1 {body = add, dimensions = [0]} : tensor<f32>
      %3 = constant {value = 1} : tensor<f32>
      %4 = broadcast_in_dim %3 {broadcast_dimensions = []} : tensor<2xf32>
      %5, %6 = call %0, %w, %4 {callee = @layer_pullback} : tensor<2xf32>, tensor<2xf32>
      %7 = call %x, %w, %5 {callee = @layer_pullback.1} : tensor<2xf32>
      %8 = add %6, %7 : tensor<2xf32>
      return %2, %8
    }
    "
  `);
});

test("attributes and literals as text", () => {
  const fn = func("all", { x: tensor([2, 2]), s: tensor([4], "uint32") }, ({ x, s }) => [
    ir.constant(tensor([2, 2], "int8"), [1, -2, 3, 4]),
    ir.constant(tensor([]), [0.1]),
    ir.constant(tensor([3]), [Number.NaN, Number.NEGATIVE_INFINITY, -0]),
    ir.constant(tensor([2], "bfloat16"), 0.1),
    ir.constant(tensor([0, 2]), []),
    ...ir.customCall("flash", [x], { config: '{"causal": true}', results: [x.type, tensor([2])] }),
    ir.rngBitGenerator(s, [5]).bits,
    ir.addRows(x, ir.iota([2], 0), x),
  ]);
  const text = ir.print(fn);
  expect(text).toMatchInlineSnapshot(`
    "func @all(%x: tensor<2x2xf32>, %s: tensor<4xui32>) -> (tensor<2x2xi8>, tensor<f32>, tensor<3xf32>, tensor<2xbf16>, tensor<0x2xf32>, tensor<2x2xf32>, tensor<2xf32>, tensor<5xui32>, tensor<2x2xf32>) {
      %0 = constant {value = [[1, -2], [3, 4]]} : tensor<2x2xi8>
      %1 = constant {value = [0.1]} : tensor<f32>
      %2 = constant {value = [nan, -inf, -0]} : tensor<3xf32>
      %3 = constant {value = 0.1} : tensor<2xbf16>
      %4 = constant {value = []} : tensor<0x2xf32>
      %5, %6 = custom_call %x {call_target_name = "flash", backend_config = "{\\"causal\\": true}"} : tensor<2x2xf32>, tensor<2xf32>
      %7, %8 = rng_bit_generator %s {rng_algorithm = THREE_FRY, output_shape = [5]} : tensor<4xui32>, tensor<5xui32>
      %9 = iota {iota_dimension = 0} : tensor<2xi32>
      %10 = scatter %x, %9, %x {body = add, update_window_dims = [1], inserted_window_dims = [0], scatter_dims_to_operand_dims = [0], index_vector_dim = 1} : tensor<2x2xf32>
      return %0, %1, %2, %3, %4, %5, %6, %8, %10
    }
    "
  `);
  expect(ir.print(ir.parse(text))).toBe(text);
});

test("comments and spacing do not matter", () => {
  const fn = ir.parse(`// doubles
    func @f ( %x : tensor<f32> ) -> ( tensor<f32> ) { // here
      %y = add %x , %x : tensor<f32>
      return %y }`);
  expect(numbers(fn, { x: [3] })).toEqual([[6]]);
});

test("every element type but the packed ones has a name that parses", () => {
  expect(
    [...ir.elementTypes, "float8_e4m3fn_x4", "float8_e5m2_x4", "float4_e2m1fn_x4"].toSorted(),
  ).toEqual(dtypeNames.toSorted());
  for (const t of ir.elementTypes) {
    const fn = func("same", { x: tensor([2], t) }, ({ x }) => x);
    expect(ir.parse(ir.print(fn)).params[0]!.type).toEqual(tensor([2], t));
  }
});

test("constants of every 16-bit float print shortest and read back exactly", () => {
  for (const t of ["bfloat16", "float16", "float8_e4m3"] as const)
    for (let k = 1; k < 400; k++) {
      const x = ir.representable(Math.exp((k - 200) / 40) / 3, t);
      expect(ir.representable(Number(ir.printNumber(x, t)), t)).toBe(x);
    }
  expect(ir.printNumber(ir.representable(0.1, "bfloat16"), "bfloat16")).toBe("0.1");
  expect(ir.printNumber(Math.fround(1 / 3), "float32")).toBe("0.33333334");
});

const wrap = (line: string, result = "%x") =>
  `func @f(%x: tensor<2xf32>) -> (tensor<2xf32>) {\n  ${line}\n  return ${result}\n}`;
test.each([
  ["an unknown operation", wrap("%0 = softmax %x : tensor<2xf32>"), 2, /no operation softmax/],
  ["an undefined value", wrap("%0 = add %x, %y : tensor<2xf32>"), 2, /%y is not defined above/],
  [
    "a wrong result type",
    wrap("%0 = add %x, %x : tensor<3xf32>"),
    2,
    /gives tensor<2xf32>, the text says tensor<3xf32>/,
  ],
  [
    "a broken rule",
    wrap("%0 = transpose %x {permutation = [1]} : tensor<2xf32>"),
    2,
    /transpose C1/,
  ],
  ["a missing attribute", wrap("%0 = transpose %x : tensor<2xf32>"), 2, /transpose G3/],
  [
    "an unknown attribute",
    wrap("%0 = add %x, %x {fast = true} : tensor<2xf32>"),
    2,
    /no attribute fast/,
  ],
  ["an unknown type", wrap("%0 = add %x, %x : tensor<2xf64>"), 2, /f64 is no element type/],
  ["a bad dimension", wrap("%0 = add %x, %x : tensor<?xf32>"), 2, /expected a shape/],
  ["a name twice", wrap("%x = add %x, %x : tensor<2xf32>"), 2, /%x is defined twice/],
  ["too many names", wrap("%0, %1 = add %x, %x : tensor<2xf32>"), 2, /2 names for 1 results/],
  [
    "an unknown function",
    wrap("%0 = call %x {callee = @g} : tensor<2xf32>"),
    2,
    /@g is not defined above/,
  ],
  ["a value out of range", wrap("%0 = constant {value = 300} : tensor<2xi8>"), 2, /300 is no int8/],
  [
    "a wrong return",
    "func @f(%x: tensor<2xf32>) -> (tensor<f32>) {\n return %x\n}",
    2,
    /returns \(tensor<2xf32>\)/,
  ],
  [
    "a ragged value",
    wrap("%0 = constant {value = [[1, 2], [3]]} : tensor<3xf32>"),
    2,
    /lists do not have the shape of tensor<3xf32>/,
  ],
  [
    "a short value",
    wrap("%0 = constant {value = [1]} : tensor<2xf32>"),
    2,
    /lists do not have the shape/,
  ],
  [
    "a hostile depth",
    wrap(`%0 = constant {value = ${"[".repeat(1e5)}`),
    2,
    /nested more than 64 deep/,
  ],
  [
    "a parameter in the body",
    wrap('%0 = parameter {name = "y"} : tensor<2xf32>'),
    2,
    /no operation parameter/,
  ],
  ["an early end", "func @f(%x: tensor<2xf32>) -> (", 1, /found the end/],
  [
    "a bad string",
    wrap('%0 = custom_call %x {call_target_name = "\\q"} : tensor<2xf32>'),
    2,
    /no JSON string/,
  ],
  ["nothing", "// empty", 1, /has no function/],
  ["a function twice", `${wrap("")}\n${wrap("")}`, 8, /@f is there twice/],
])("a text with %s stops at its line", (_, text, line, message) => {
  let error: unknown;
  try {
    ir.parse(text, "model.ir");
  } catch (e) {
    error = e;
  }
  expect(error).toBeInstanceOf(OpenTrnError);
  expect((error as OpenTrnError).message).toMatch(message);
  expect((error as OpenTrnError).at).toEqual({ file: "model.ir", line });
});
