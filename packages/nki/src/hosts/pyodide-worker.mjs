/**
 * Runs the Python package inside Pyodide, in a thread of its own: the thread can be ended whatever the kernel does. Plain JavaScript,
 * because a thread starts from a file that Node can run as it is. The other side is pyodide.ts.
 */
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";

/** Where the Python package is mounted inside Pyodide. */
const PACKAGE = "/opentrn";
/** What the host needs of the standard library, imported once into the snapshot with the package. */
const IMPORTS = `
import ast, dataclasses, enum, functools, inspect, itertools, json, linecache, math, operator, os, sys, traceback, typing, warnings
sys.dont_write_bytecode = True
if "${PACKAGE}" not in sys.path:
    sys.path.insert(0, "${PACKAGE}")
import nki._host, nki._link
`;

const { loadPyodide } = await import(workerData.pyodide);

/** Shows a folder of the machine at the same (or another) path inside Pyodide. */
function mount(py, folder, at = folder) {
  py.FS.mkdirTree(at);
  if (
    py.FS.lookupPath(at).node.mounted !== undefined &&
    py.FS.isMountpoint(py.FS.lookupPath(at).node)
  )
    return;
  py.FS.mount(py.FS.filesystems.NODEFS, { root: folder }, at);
}

/** The wire of python/nki/_link.py, class JsLink. */
function linkOf(port, flag) {
  return {
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
  };
}

async function start() {
  if (workerData.task === "snapshot") {
    const py = await loadPyodide({ _makeSnapshot: true, env: { PYTHONHASHSEED: "0", HOME: "/" } });
    mount(py, workerData.packagePath, PACKAGE);
    py.runPython(IMPORTS);
    const bytes = py.makeMemorySnapshot();
    parentPort.postMessage({ snapshot: bytes }, [bytes.buffer]);
    return;
  }
  const py = await loadPyodide(
    workerData.snapshot
      ? { _loadSnapshot: workerData.snapshot }
      : { env: { PYTHONHASHSEED: "0", HOME: "/" } },
  );
  mount(py, workerData.packagePath, PACKAGE);
  for (const folder of workerData.folders) mount(py, folder);
  const { port, flag, job } = workerData;
  for (const stream of ["stdout", "stderr"]) {
    const decoder = new TextDecoder();
    const write = (bytes) => {
      port.postMessage({ print: decoder.decode(bytes, { stream: true }), stream });
      return bytes.length;
    };
    if (stream === "stdout") py.setStdout({ write });
    else py.setStderr({ write });
  }
  py.globals.set("js_link", linkOf(port, flag));
  py.globals.set("job_text", JSON.stringify(job));
  py.globals.set("working_folder", workerData.folders[0] ?? "/");
  py.globals.set("environment_text", JSON.stringify(workerData.environment));
  py.runPython(`${IMPORTS}
os.environ.update(json.loads(environment_text))
os.chdir(working_folder)
nki._host.run_job(nki._link.JsLink(js_link), json.loads(job_text))
sys.stdout.flush()
sys.stderr.flush()
`);
  port.postMessage({ done: true });
}

await start();
