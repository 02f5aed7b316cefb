/** A plan as one Python file of NKI: a function a module, and a kernel that runs them in order over its buffers. */
import type { Storage } from "@opentrn/isa";
import type { Plan } from "../plan/plan.ts";
import { identifier, kernelText } from "./kernel-text.ts";

export interface PythonFile {
  readonly text: string;
  /** Name of the kernel that is the whole plan. */
  readonly kernel: string;
  /** Constants, which the kernel takes as its last arguments. */
  readonly constants: readonly { readonly name: string; readonly storage: Storage }[];
}

/** NKI source that means the plan: run by the Python host it gives the same bytes. */
export function pythonFile(plan: Plan): PythonFile {
  const used = new Set<string>(["nki", "nl", "nisa", "ncc"]);
  const take = (name: string): string => {
    const made = identifier(name, used);
    used.add(made);
    return made;
  };
  const constants: { name: string; storage: Storage }[] = [];
  const functions = plan.modules.map((m, i) => {
    const name = take(`${m.template}_${i}`);
    const inputs = m.program.inputs.map((_, k) => `x${k}`);
    const outputs = m.program.outputs.map((_, k) => `y${k}`);
    const made = kernelText(name, m.program, inputs, outputs);
    const own = made.constants.map((storage, k) => {
      const constant = { name: take(`${name}_constant${k}`), storage };
      constants.push(constant);
      return constant.name;
    });
    return { name, lines: made.lines, constants: own };
  });
  const kernel = take(identifier(plan.name, used));
  const buffers = plan.buffers.map((b) => take(b.name));
  const params = [...plan.inputs.map((b) => buffers[b]!), ...constants.map((c) => c.name)];
  const body: string[] = [];
  for (const b of plan.buffers) {
    if (b.kind === "input") continue;
    const shape = b.type.shape.length === 0 ? [1] : b.type.shape;
    const memory = b.kind === "output" ? "shared_hbm" : "private_hbm";
    body.push(
      `    ${buffers[b.id]} = nl.ndarray((${shape.join(", ")}${shape.length === 1 ? "," : ""}), dtype=nl.${b.type.dtype}, buffer=nl.${memory})`,
    );
  }
  for (const c of plan.calls) {
    const f = functions[c.module]!;
    const args = [...c.inputs, ...c.outputs].map((b) => buffers[b]!);
    body.push(`    ${f.name}(${[...args, ...f.constants].join(", ")})`);
  }
  body.push(`    return ${plan.outputs.map((b) => buffers[b]!).join(", ")}`);
  const text = [
    `"""${plan.name}, compiled for ${plan.chip.name}: ${plan.modules.length} functions, ${plan.calls.length} calls."""`,
    "import nki",
    "import nki.collectives as ncc",
    "import nki.isa as nisa",
    "import nki.language as nl",
    "",
    ...functions.flatMap((f) => ["", ...f.lines, ""]),
    "",
    "@nki.jit",
    `def ${kernel}(${params.join(", ")}):`,
    ...body,
    "",
  ].join("\n");
  return { text, kernel, constants };
}
