/** docs/ir.md shows what the package prints, and lists every operation. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import {
  broadcastInDim,
  cleanUp,
  convert,
  func,
  gradients,
  matmul,
  multiply,
  ops,
  print,
  subtract,
  sum,
  tensor,
} from "./index.ts";

const page = readFileSync(new URL("../../../docs/ir.md", import.meta.url), "utf8");

test("the example of docs/ir.md prints what the page shows", () => {
  const bf16 = "bfloat16";
  const signature = {
    x: tensor([4, 3], bf16),
    y: tensor([4, 2]),
    w: tensor([3, 2], bf16),
    rate: tensor([]),
  };
  const step = func("step", signature, ({ x, y, w, rate }) => {
    const error = subtract(matmul(x, w, "float32"), y);
    const loss = sum(multiply(error, error));
    const [dw] = gradients(loss, [w]);
    const change = multiply(convert(dw!, "float32"), broadcastInDim(rate, [3, 2]));
    return [loss, convert(subtract(convert(w, "float32"), change), bf16)];
  });
  expect(page).toContain(`\`\`\`\n${print(cleanUp(step))}\`\`\``);
});

test("docs/ir.md lists every operation", () => {
  for (const name of Object.keys(ops)) expect(page).toContain(`\`${name}\``);
});
