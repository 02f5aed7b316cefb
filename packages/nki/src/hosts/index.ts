export { pythonAvailable, pythonCommand, pythonEnvironment, traceCPython } from "./cpython.ts";
export { isaFingerprint } from "./fingerprint.ts";
export { KernelException } from "./kernel-exception.ts";
export type { KernelArgument, KernelJob, TracedKernel } from "./kernel-job.ts";
export { pythonPackagePath } from "./package-path.ts";
export { tracePyodide } from "./pyodide.ts";
export { pyodideSnapshot } from "./pyodide-snapshot.ts";
export { pythonIsa } from "./python-isa.ts";
export type { TracedOutput } from "./receiver.ts";
