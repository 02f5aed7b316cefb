/**
 * Runs the Python package inside Pyodide, in a thread of its own: the thread can be ended whatever the kernel does. Plain JavaScript,
 * because a thread starts from a file that Node can run as it is. The other side is pyodide-thread.ts.
 */
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";

/** Where the Python package is mounted inside Pyodide. */
const PACKAGE = "/opentrn";
/** The package with what it and most kernels need of the standard library, imported once into the snapshot. */
const IMPORTS = `
import ast, dataclasses, enum, functools, inspect, itertools, json, linecache, math, operator, os, sys, traceback, typing, warnings
sys.dont_write_bytecode = True
if "${PACKAGE}" not in sys.path:
    sys.path.insert(0, "${PACKAGE}")
import nki._pyodide
`;
/** Hashes of strings, and so the order of sets, are the same in every run. */
const env = { PYTHONHASHSEED: "0", HOME: "/" };

const { loadPyodide } = await import(workerData.pyodide);

/** Shows a folder of the machine at the same (or another) path inside Pyodide. */
function mount(py, folder, at = folder) {
  py.FS.mkdirTree(at);
  if (py.FS.isMountpoint(py.FS.lookupPath(at, { follow_mount: false }).node)) return;
  py.FS.mount(py.FS.filesystems.NODEFS, { root: folder }, at);
}

/** The wire of python/nki/_link.py, class JsLink. */
const linkOf = (port, flag) => ({
  records(batch) {
    const buffer = batch.getBuffer("i32");
    const words = buffer.data.slice();
    buffer.release();
    port.postMessage({ records: words }, [words.buffer]);
  },
  message(text) {
    port.postMessage({ message: text });
  },
  pending: () => Atomics.load(flag, 0) !== 0,
  /** Waits for an answer of the main thread and returns it. */
  take() {
    Atomics.wait(flag, 0, 0);
    Atomics.sub(flag, 0, 1);
    return receiveMessageOnPort(port).message;
  },
});

/** Hands what the kernel prints to the job that runs. */
function printTo(py, port) {
  for (const stream of ["stdout", "stderr"]) {
    const decoder = new TextDecoder();
    const write = (bytes) => {
      port.postMessage({ print: decoder.decode(bytes, { stream: true }), stream });
      return bytes.length;
    };
    if (stream === "stdout") py.setStdout({ write });
    else py.setStderr({ write });
  }
}

if (workerData.task === "snapshot") {
  const py = await loadPyodide({ _makeSnapshot: true, env });
  mount(py, workerData.packagePath, PACKAGE);
  py.runPython(IMPORTS);
  const bytes = py.makeMemorySnapshot();
  parentPort.postMessage({ snapshot: bytes }, [bytes.buffer]);
} else {
  const { snapshot } = workerData;
  const py = await loadPyodide(snapshot ? { _loadSnapshot: snapshot } : { env });
  mount(py, workerData.packagePath, PACKAGE);
  py.runPython(IMPORTS);
  const run = py.runPython("nki._pyodide.run");
  parentPort.on("message", ({ job, environment, folder, folders, port, flag }) => {
    for (const f of folders) mount(py, f);
    printTo(py, port);
    const request = { job, environment, folder };
    run(linkOf(port, flag), JSON.stringify(request));
    port.postMessage({ done: true });
  });
}
