/** Entry of a worker thread: binds the cores it is given and runs each from stop to stop. Ends when its parent ends it. */
import { parentPort, workerData } from "node:worker_threads";
import { invariant } from "@opentrn/base";
import { HostedCore, programFrom } from "@opentrn/device";
import { errorMessage, type FromWorker, type ToWorker, type WorkerStart } from "./messages.ts";

const port = parentPort;
invariant(port, "rank-worker.ts is the entry of a worker thread");
const { program: message, placement, options } = workerData as WorkerStart;
const program = programFrom(message);
const hosted = new Map<number, HostedCore>();

function handle(m: ToWorker): FromWorker | undefined {
  if (m.kind === "host") {
    const core = new HostedCore(program, placement, options, m.memory, m.core);
    hosted.set(m.party, core);
    return { kind: "hosted", party: m.party, fastCount: core.fastCount };
  }
  const core = hosted.get(m.party);
  invariant(core, `core ${m.party} was never handed to this thread`);
  if (m.kind === "advance")
    return { kind: "stopped", party: m.party, stop: core.advance(m.passing) };
  core.start(m.rank, m.ranks);
  return undefined;
}

port.on("message", (m: ToWorker) => {
  let answer: FromWorker | undefined;
  try {
    answer = handle(m);
  } catch (e) {
    answer = { kind: "failed", party: m.party, error: errorMessage(e) };
  }
  if (answer) port.postMessage(answer);
});
