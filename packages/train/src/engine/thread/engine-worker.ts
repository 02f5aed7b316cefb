/** Entry of the thread that an engine runs in: answers calls in their order. Ends when its parent ends it. */
import { parentPort } from "node:worker_threads";
import { invariant } from "@opentrn/base";
import { engineNamed } from "../engines.ts";
import type { StepEngine } from "../step-engine.ts";
import { type Answer, type Call, errorMessage, type Question } from "./messages.ts";

const port = parentPort;
invariant(port, "engine-worker.ts is the entry of a worker thread");
let engine: StepEngine | undefined;
const tell = (a: Answer): void => port.postMessage(a);

async function answer(id: number, call: Call): Promise<unknown> {
  if (call.kind === "open") {
    const say = (says: string): void => tell({ id, says });
    engine = await engineNamed(call.engine).training(call.request, call.placement, say);
    return { predicted: engine.predicted };
  }
  invariant(engine, "the engine is not open");
  if (call.kind === "load") return engine.load(call.state);
  if (call.kind === "step") return engine.step(call.batches, call.scalars);
  if (call.kind === "evaluate") return engine.evaluate(call.batch);
  if (call.kind === "state") return engine.state();
  return engine.close();
}

/** The loop asks one question at a time; a chain keeps the order even if it should not. */
let before: Promise<void> = Promise.resolve();
port.on("message", ({ id, call }: Question) => {
  before = before.then(async () => {
    let said: Answer;
    try {
      said = { id, value: await answer(id, call) };
    } catch (e) {
      said = { id, error: errorMessage(e) };
    }
    tell(said);
  });
});
