// The instructions that bench/instructions.mjs measures: a name, what emits one copy, and its work: flops, or elements where not 128 x 512.
const P = 128;
const N = 512;
const elementwise = (name, operands, attrs) => (s) => {
  const made = {};
  for (const [k, o] of Object.entries(operands))
    made[k] = typeof o === "number" ? o : s.tile(o[0], o[1], o[2] ?? [P, N], o[3]);
  return () => s.op(name, made, attrs);
};
const bf16 = (space = "sbuf", shape) => [space, "bfloat16", shape];
const f32 = (space = "sbuf", shape) => [space, "float32", shape];
const column = ["sbuf", "float32", [P, 1]];
const activation = (op, dst, data, more = {}) => [
  `activation ${op} ${data[1]} ${data[0]} to ${dst[1]}`,
  elementwise("activation", { dst, data, ...more }, { op }),
];
const matmul = (dtype, k, m, n, more = "") => [
  `nc_matmul ${dtype} ${k}x${m}x${n}${more}`,
  (s) => {
    const [a, b] = [s.tile("sbuf", dtype, [k, m]), s.tile("sbuf", dtype, [k, n])];
    const out = s.tile("psum", "float32", [m, n], { fill: undefined });
    return () =>
      s.op(
        "nc_matmul",
        { dst: out, stationary: a, moving: b },
        { is_transpose: more === " transpose" },
      );
  },
  2 * k * m * n,
];
const gather = (name, dtype, scatter) => (s) => {
  const table = s.tile("hbm", dtype, [8192, 320], { kind: "input" });
  const index = s.tile("sbuf", "int32", [P, 1]);
  const rows = s.tile("sbuf", dtype, [P, 320]);
  const dims = [
    [320, P],
    [1, 320],
  ];
  const dynamic = { kind: "vector", stride: 320, limit: 8192, index };
  const at = { ...table, dims, dynamic };
  return () => {
    if (name === "dma_compute") s.op(name, { dst: at, src0: at, src1: rows }, { reduce_op: "add" });
    else s.op(name, scatter ? { dst: at, src: rows } : { dst: rows, src: at });
  };
};
const tensors = (op, dst, data1, data2) => [
  `tensor_tensor ${op} ${data1[1]} ${data1[0]}, ${data2[1]} ${data2[0]}${data2[3]?.repeat ? " repeated" : ""} to ${dst[1]}`,
  elementwise("tensor_tensor", { dst, data1, data2 }, { op }),
];
const turned = (n) => ({ cmp_op: "greater_equal", pattern: [-1, n], channel_multiplier: 1 });

export const rows = [
  ...[
    [128, 128, 512],
    [64, 128, 512],
    [128, 64, 512],
    [64, 64, 512],
    [128, 128, 256],
    [128, 128, 128],
    [128, 128, 64],
    [64, 128, 128],
    [96, 128, 512],
    [128, 128, 1],
    [128, 1, 512],
    [128, 8, 512],
    [128, 128, 8],
  ].map((size) => matmul("bfloat16", ...size)),
  matmul("float32", 128, 128, 512),
  matmul("float32", 128, 128, 1),
  matmul("float32", 128, 1, 512),
  [
    "nc_transpose bfloat16 128x128",
    (s) => {
      const data = s.tile("sbuf", "bfloat16", [P, P]);
      const dst = s.tile("psum", "bfloat16", [P, P], { fill: undefined });
      return () => s.op("nc_transpose", { dst, data });
    },
    0,
    P * P,
  ],
  [
    "nc_transpose float32 128x128",
    (s) => {
      const data = s.tile("sbuf", "float32", [P, P]);
      const dst = s.tile("psum", "float32", [P, P], { fill: undefined });
      return () => s.op("nc_transpose", { dst, data });
    },
    0,
    P * P,
  ],
  [
    "nc_transpose float32 64x128",
    (s) => {
      const data = s.tile("sbuf", "float32", [64, P]);
      const dst = s.tile("psum", "float32", [P, 64], { fill: undefined });
      return () => s.op("nc_transpose", { dst, data });
    },
    0,
    64 * P,
  ],
  ...[
    "exp",
    "gelu",
    "gelu_apprx_tanh",
    "silu",
    "silu_dx",
    "sigmoid",
    "tanh",
    "square",
    "rsqrt",
    "sqrt",
    "copy",
    "reciprocal",
    "log",
  ].map((op) => activation(op, f32(), f32())),
  activation("exp", bf16(), f32("psum")),
  activation("silu", bf16(), bf16()),
  activation("copy", bf16(), f32("psum")),
  activation("copy", f32(), bf16()),
  [
    "activation exp psum bias column to bfloat16",
    elementwise(
      "activation",
      { dst: bf16(), data: f32("psum"), bias: column, scale: 0.125 },
      { op: "exp" },
    ),
  ],
  [
    "activation exp with row sum",
    elementwise(
      "activation",
      { dst: bf16(), data: f32("psum"), bias: column, scale: 0.125, reduce_res: column },
      { op: "exp", reduce_op: "add", reduce_cmd: "reset_reduce" },
    ),
  ],
  [
    "activation square with row sum",
    elementwise(
      "activation",
      { dst: bf16(), data: f32(), reduce_res: column },
      { op: "square", reduce_op: "add", reduce_cmd: "reset_reduce" },
    ),
  ],
  [
    "activation copy scale column",
    elementwise("activation", { dst: bf16(), data: f32(), scale: column }, { op: "copy" }),
  ],
  tensors("add", f32(), f32(), f32()),
  tensors("add", bf16(), bf16(), bf16()),
  tensors("multiply", bf16(), f32("psum"), bf16()),
  tensors("multiply", bf16(), bf16(), bf16()),
  tensors("subtract", f32(), f32("psum"), f32()),
  tensors("maximum", f32(), f32(), f32()),
  [
    "tensor_tensor multiply, second repeated along a free dimension",
    (s) => {
      const [dst, a] = [
        s.tile("sbuf", "float32", [P, 8, 64]),
        s.tile("sbuf", "float32", [P, 8, 64]),
      ];
      const b = s.tile("sbuf", "float32", [P, 8]);
      const data2 = { ...b, dims: [b.dims[0], b.dims[1], [0, 64]] };
      return () => s.op("tensor_tensor", { dst, data1: a, data2 }, { op: "multiply" });
    },
  ],
  [
    "tensor_tensor multiply, second repeated across heads",
    (s) => {
      const [dst, a] = [
        s.tile("sbuf", "float32", [P, 8, 64]),
        s.tile("sbuf", "float32", [P, 8, 64]),
      ];
      const b = s.tile("sbuf", "float32", [P, 64]);
      const data2 = { ...b, dims: [b.dims[0], [0, 8], b.dims[1]] };
      return () => s.op("tensor_tensor", { dst, data1: a, data2 }, { op: "multiply" });
    },
  ],
  [
    "tensor_tensor multiply bf16, halves of heads (rotary)",
    (s) => {
      const half = (t, at) => ({ ...t, offset: at, dims: [t.dims[0], [64, 8], [1, 32]] });
      const [dst, a] = [s.tile("sbuf", "bfloat16", [P, 512]), s.tile("sbuf", "bfloat16", [P, 512])];
      const b = s.tile("sbuf", "float32", [P, 32]);
      const data2 = { ...b, dims: [b.dims[0], [0, 8], b.dims[1]] };
      return () =>
        s.op("tensor_tensor", { dst: half(dst, 0), data1: half(a, 32), data2 }, { op: "multiply" });
    },
    0,
    P * 256,
  ],
  [
    "tensor_scalar multiply number",
    elementwise("tensor_scalar", { dst: f32(), data: f32(), operand0: 2 }, { op0: "multiply" }),
  ],
  [
    "tensor_scalar multiply column",
    elementwise(
      "tensor_scalar",
      { dst: f32(), data: f32(), operand0: column },
      { op0: "multiply" },
    ),
  ],
  [
    "tensor_scalar subtract column, multiply column, bf16",
    elementwise(
      "tensor_scalar",
      { dst: bf16(), data: bf16(), operand0: column, operand1: column },
      { op0: "subtract", op1: "multiply" },
    ),
  ],
  [
    "tensor_scalar multiply add numbers",
    elementwise(
      "tensor_scalar",
      { dst: f32(), data: f32(), operand0: 2, operand1: 1 },
      { op0: "multiply", op1: "add" },
    ),
  ],
  [
    "tensor_scalar power -0.5",
    elementwise(
      "tensor_scalar",
      { dst: f32(), data: f32(), operand0: 1, operand1: -0.5 },
      { op0: "add", op1: "power" },
    ),
  ],
  [
    "tensor_scalar is_equal column",
    elementwise("tensor_scalar", { dst: f32(), data: f32(), operand0: column }, { op0: "equal" }),
  ],
  [
    "scalar_tensor_tensor multiply add",
    elementwise(
      "scalar_tensor_tensor",
      { dst: f32(), data: f32(), operand0: 0.9, operand1: f32() },
      { op0: "multiply", op1: "add" },
    ),
  ],
  [
    "scalar_tensor_tensor column multiply multiply bf16 psum",
    elementwise(
      "scalar_tensor_tensor",
      { dst: bf16(), data: f32("psum"), operand0: column, operand1: bf16() },
      { op0: "multiply", op1: "multiply" },
    ),
  ],
  [
    "tensor_reduce add float32",
    elementwise("tensor_reduce", { dst: column, data: f32() }, { op: "add", axis: [1] }),
  ],
  [
    "tensor_reduce max float32 psum",
    elementwise("tensor_reduce", { dst: column, data: f32("psum") }, { op: "maximum", axis: [1] }),
  ],
  [
    "tensor_reduce max bfloat16",
    elementwise("tensor_reduce", { dst: column, data: bf16() }, { op: "maximum", axis: [1] }),
  ],
  ["tensor_copy float32", elementwise("tensor_copy", { dst: f32(), src: f32() })],
  [
    "tensor_copy float32 psum to bfloat16",
    elementwise("tensor_copy", { dst: bf16(), src: f32("psum") }),
  ],
  ["tensor_copy bfloat16 to float32", elementwise("tensor_copy", { dst: f32(), src: bf16() })],
  ["tensor_copy bfloat16", elementwise("tensor_copy", { dst: bf16(), src: bf16() })],
  [
    "tensor_copy int32 to float32",
    elementwise("tensor_copy", { dst: f32(), src: ["sbuf", "int32"] }),
  ],
  [
    "tensor_copy_predicated float32",
    elementwise("tensor_copy_predicated", { dst: f32(), src: f32(), predicate: ["sbuf", "uint8"] }),
  ],
  [
    "tensor_copy_predicated number",
    elementwise("tensor_copy_predicated", { dst: f32(), src: 0, predicate: ["sbuf", "uint8"] }),
  ],
  [
    "affine_select float32",
    elementwise(
      "affine_select",
      { dst: f32(), on_true_tile: f32(), on_false_value: -1e30 },
      turned(N),
    ),
  ],
  [
    "affine_select bfloat16",
    elementwise(
      "affine_select",
      { dst: bf16(), on_true_tile: bf16(), on_false_value: -1e30 },
      turned(N),
    ),
  ],
  [
    "affine_select float32 to bfloat16",
    elementwise(
      "affine_select",
      { dst: bf16(), on_true_tile: f32(), on_false_value: 0 },
      turned(N),
    ),
  ],
  [
    "iota int32",
    elementwise("iota", { dst: ["sbuf", "int32"] }, { pattern: [1, N], channel_multiplier: 1 }),
  ],
  ["iota float32", elementwise("iota", { dst: f32() }, { pattern: [1, N], channel_multiplier: 1 })],
  ["memset bfloat16", elementwise("memset", { dst: bf16(), value: 0 })],
  [
    "dma_copy float32 load",
    elementwise("dma_copy", { dst: f32(), src: ["hbm", "float32", [P, N], { kind: "input" }] }),
  ],
  [
    "dma_copy float32 load of columns",
    elementwise("dma_copy", {
      dst: f32(),
      src: ["hbm", "float32", [P, N], { kind: "input", gap: 512 }],
    }),
  ],
  [
    "dma_copy bfloat16 load to float32",
    elementwise("dma_copy", { dst: f32(), src: ["hbm", "bfloat16", [P, N], { kind: "input" }] }),
  ],
  [
    "dma_copy float32 load to bfloat16",
    elementwise("dma_copy", { dst: bf16(), src: ["hbm", "float32", [P, N], { kind: "input" }] }),
  ],
  [
    "dma_copy bfloat16 transposing by strides 128x128",
    (s) => {
      const from = s.tile("hbm", "bfloat16", [P, P], { kind: "input" });
      const dst = s.tile("sbuf", "bfloat16", [P, P]);
      const dims = [
        [1, P],
        [P, P],
      ];
      return () => s.op("dma_copy", { dst, src: { ...from, dims } });
    },
    0,
    P * P,
  ],
  [
    "dma_transpose bfloat16 128x128",
    (s) => {
      const src = s.tile("hbm", "bfloat16", [P, P], { kind: "input" });
      const dst = s.tile("sbuf", "bfloat16", [P, P]);
      return () => s.op("dma_transpose", { dst, src });
    },
    0,
    P * P,
  ],
  ["dma_copy gather float32 128x320", gather("dma_copy", "float32", false), 0, P * 320],
  ["dma_copy gather bfloat16 128x320", gather("dma_copy", "bfloat16", false), 0, P * 320],
  ["dma_copy scatter float32 128x320", gather("dma_copy", "float32", true), 0, P * 320],
  ["dma_compute scatter add float32 128x320", gather("dma_compute", "float32", true), 0, P * 320],
  [
    "dma_compute add of two in HBM",
    elementwise(
      "dma_compute",
      {
        dst: ["hbm", "float32", [P, N], { kind: "input" }],
        src0: ["hbm", "float32", [P, N], { kind: "input" }],
        src1: f32(),
      },
      { reduce_op: "add" },
    ),
  ],
  ["reciprocal float32", elementwise("reciprocal", { dst: f32(), data: f32() })],
  ["reciprocal column", elementwise("reciprocal", { dst: column, data: column }), 0, P],
  [
    "activation rsqrt column",
    elementwise("activation", { dst: column, data: column, scale: 0.003 }, { op: "rsqrt" }),
    0,
    P,
  ],
  [
    "select_reduce float32",
    elementwise("select_reduce", {
      dst: f32(),
      predicate: ["sbuf", "uint8"],
      on_true: f32(),
      on_false: -1e30,
    }),
  ],
  [
    "nc_n_gather",
    elementwise("nc_n_gather", { dst: f32(), data: f32(), indices: ["sbuf", "uint32"] }),
  ],
  [
    "local_gather",
    elementwise(
      "local_gather",
      { dst: f32(), src_buffer: f32(), index: ["sbuf", "uint16", [P, 32]] },
      { num_elem_per_idx: 1, num_valid_indices: 512 },
    ),
  ],
  ["activate2 gelu", elementwise("activate2", { dst: f32(), data: f32() }, { op: "gelu" })],
  ["exponential", elementwise("exponential", { dst: f32(), src: f32() })],
  ["rng uint32", elementwise("rng", { dst: ["sbuf", "uint32"] })],
  ["dropout", elementwise("dropout", { dst: f32(), data: f32(), prob: 0.1 })],
  [
    "tensor_tensor_scan",
    elementwise(
      "tensor_tensor_scan",
      { dst: f32(), data0: f32(), data1: f32(), initial: 0 },
      { op0: "multiply", op1: "add" },
    ),
  ],
  [
    "tensor_partition_reduce add",
    elementwise(
      "tensor_partition_reduce",
      { dst: ["sbuf", "float32", [1, N]], data: f32() },
      { op: "add" },
    ),
  ],
  ["bn_stats float32", elementwise("bn_stats", { dst: ["sbuf", "float32", [P, 6]], data: f32() })],
  ["max8", elementwise("max8", { dst: ["sbuf", "float32", [P, 8]], src: f32() })],
];
