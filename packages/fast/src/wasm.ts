/**
 * Finds, compiles and caches the WebAssembly modules. By default the bytes come from packages/fast/generated beside this file; a bundle or
 * a browser hands them in with `useKernelBytes`.
 */
import { OpenTrnError } from "@opentrn/base";

/** Bytes of a module, or the same in base64. */
export type ModuleSource = Uint8Array | string;

interface Sources {
  /** The module every host can run. */
  readonly plain: ModuleSource;
  /** The module with fused multiply-add in matmul (relaxed SIMD); optional. */
  readonly relaxed?: ModuleSource;
}

let given: Sources | undefined;
const compiled = new Map<boolean, WebAssembly.Module>();

/** Supplies the modules instead of reading them from disk; call before the first `loadKernels`. */
export function useKernelBytes(sources: Sources): void {
  given = sources;
  compiled.clear();
}

/** A built-in module of Node, or undefined elsewhere; keeps bundlers for the browser out of it. */
function builtin<T>(name: string): T | undefined {
  const host = (globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } })
    .process;
  return host?.getBuiltinModule?.(name) as T | undefined;
}

function fromDisk(file: string): Uint8Array {
  const fs = builtin<typeof import("node:fs")>("node:fs");
  const url = new URL(`../generated/${file}`, import.meta.url);
  if (fs === undefined)
    throw new OpenTrnError(
      `the kernels ${file} cannot be read from here; hand them in with useKernelBytes()`,
      { category: "unsupported here" },
    );
  if (!fs.existsSync(url))
    throw new OpenTrnError(`${file} has not been built; run "npm run build"`, {
      category: "internal",
    });
  return fs.readFileSync(url);
}

function toBytes(source: ModuleSource): Uint8Array<ArrayBuffer> {
  if (typeof source !== "string") return new Uint8Array(source);
  return Uint8Array.from(atob(source), (c) => c.charCodeAt(0));
}

/** Whether this host can run `bytes`, switching V8's relaxed SIMD on first where it is still behind a flag (Node 20). */
function runnable(bytes: Uint8Array<ArrayBuffer>): boolean {
  if (WebAssembly.validate(bytes)) return true;
  try {
    builtin<typeof import("node:v8")>("node:v8")?.setFlagsFromString(
      "--experimental-wasm-relaxed-simd",
    );
  } catch {
    return false;
  }
  return WebAssembly.validate(bytes);
}

/** The best bytes this host can run. */
function bestBytes(): Uint8Array<ArrayBuffer> {
  if (given !== undefined) {
    const relaxed = given.relaxed === undefined ? undefined : toBytes(given.relaxed);
    return relaxed !== undefined && runnable(relaxed) ? relaxed : toBytes(given.plain);
  }
  const relaxed = toBytes(fromDisk("kernels-relaxed.wasm"));
  return runnable(relaxed) ? relaxed : toBytes(fromDisk("kernels.wasm"));
}

/** The module for private or for shared memories, compiled once a process. */
export function kernelModule(shared: boolean): WebAssembly.Module {
  const cached = compiled.get(shared);
  if (cached !== undefined) return cached;
  const bytes = bestBytes();
  const module = new WebAssembly.Module(shared ? importShared(bytes) : bytes);
  compiled.set(shared, module);
  return module;
}

/** Pages of the largest 32-bit memory (4 GiB). */
const MOST_PAGES = 65536;

function leb(value: number): number[] {
  const out: number[] = [];
  let rest = value;
  do {
    out.push((rest & 127) | (rest > 127 ? 128 : 0));
    rest >>>= 7;
  } while (rest > 0);
  return out;
}

function readLeb(bytes: Uint8Array, at: number): [value: number, next: number] {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++]!;
    value |= (byte & 127) << shift;
    if (byte < 128) return [value, at];
  }
}

/**
 * The same module with its one import, the memory, declared shared (WebAssembly binary format, sections 2 and limits). A module must name
 * the kind of memory it imports, and compiling everything twice for one flag is not worth it.
 */
function importShared(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  for (let at = 8; at < bytes.length; ) {
    const id = bytes[at]!;
    const [size, body] = readLeb(bytes, at + 1);
    if (id === 2) {
      const [, entry] = readLeb(bytes, body);
      const [moduleName, afterModule] = readLeb(bytes, entry);
      const [fieldName, afterField] = readLeb(bytes, afterModule + moduleName);
      const limits = afterField + fieldName + 1;
      const [least, end] = readLeb(bytes, limits + 1);
      const section = [
        ...bytes.subarray(body, limits),
        ...[3, ...leb(least), ...leb(MOST_PAGES)],
        ...bytes.subarray(end, body + size),
      ];
      return Uint8Array.from([
        ...bytes.subarray(0, at + 1),
        ...leb(section.length),
        ...section,
        ...bytes.subarray(body + size),
      ]);
    }
    at = body + size;
  }
  throw new OpenTrnError("the kernel module imports no memory", { category: "internal" });
}
