/** Runs the Program so far for a kernel that looks at a tensor while it is traced. */
import { OpenTrnError } from "@opentrn/base";
import { type PrepareOptions, place, prepare } from "@opentrn/device";
import type { Program } from "@opentrn/isa";
import type { Evaluate } from "@opentrn/nki";

/**
 * An evaluator; `inputs` gives the raw bytes of a Program's inputs. Every call runs the whole Program so far: debuggers ask for few
 * tensors, and a tensor whose memory later ones reuse is kept only in a run that is asked for it.
 */
export const evaluateSoFar =
  (inputs: (program: Program) => readonly Uint8Array[], options: PrepareOptions = {}): Evaluate =>
  (program) => {
    const printed = prepare(program, place(program), options).printed(inputs(program)).at(-1);
    if (printed) return printed;
    throw new OpenTrnError(
      "the core waits for another one, whose instructions are traced later; look before the barrier, or print it with nl.device_print",
      { category: "unsupported here", rule: "values" },
    );
  };
