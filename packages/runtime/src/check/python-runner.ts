/** The Python program that runs a reference: arguments are file, function, literals and argument order; arrays come and go as npz. */
export const referenceRunner = `
import ast, inspect, io, json, os, sys, traceback

def stop(message, where=None):
    told = {"message": message}
    if where:
        told["file"], told["line"] = where
    sys.stderr.write("\\n" + json.dumps(told) + "\\n")
    sys.stderr.flush()
    os._exit(2)

result = os.fdopen(os.dup(1), "wb")
os.dup2(2, 1)
try:
    import numpy as np
except ImportError:
    stop("it needs NumPy in " + sys.executable + "; run pip install numpy, or write the reference in TypeScript")
path, name, literals, order = sys.argv[1:5]
values = dict(np.load(io.BytesIO(sys.stdin.buffer.read())))
values.update(eval(literals, {"__builtins__": {}, "float": float}))
order = [n for n in order.split(",") if n]
sys.path.insert(0, os.path.dirname(path))
sys.argv = [path]

def own_line(tb):
    frames = [f for f in traceback.extract_tb(tb) if os.path.abspath(f.filename) == path]
    return (path, frames[-1].lineno) if frames else None

try:
    module = {"__name__": "reference", "__file__": path}
    with open(path) as f:
        exec(compile(f.read(), path, "exec"), module)
    fn = module.get(name)
    if not callable(fn):
        stop("it defines no function " + name)
    fn = getattr(fn, "func", fn) if not inspect.isfunction(fn) else fn
    kinds = inspect.Parameter
    parameters = list(inspect.signature(fn).parameters.values())
    named = [p.name for p in parameters if p.kind in (kinds.POSITIONAL_OR_KEYWORD, kinds.KEYWORD_ONLY)]
    needed = [p.name for p in parameters if p.name in named and p.default is kinds.empty]
    rest = any(p.kind == kinds.VAR_POSITIONAL for p in parameters)
    if rest and not needed:
        out = fn(*[values[n] for n in order])
    else:
        missing = [n for n in needed if n not in values]
        if missing:
            stop(name + " takes " + ", ".join(missing) + ", which the kernel's arguments (" + ", ".join(order) + ") do not name")
        out = fn(**{n: values[n] for n in named if n in values})
except SyntaxError as e:
    stop("SyntaxError: " + str(e.msg), (e.filename, e.lineno))
except Exception as e:
    stop(type(e).__name__ + ": " + str(e), own_line(e.__traceback__))

def array(x):
    for method in ("detach", "cpu", "numpy"):
        if hasattr(x, method) and not isinstance(x, np.ndarray):
            x = getattr(x, method)()
    a = np.asarray(x)
    if a.dtype == object or a.dtype.kind in "cSUM":
        stop(name + " returns " + str(a.dtype) + "; return float64 or float32 arrays")
    if a.dtype.kind in "fV":
        a = a.astype(np.float64)
    return a

items = list(out) if isinstance(out, (tuple, list)) else list(out.values()) if isinstance(out, dict) else [out]
buffer = io.BytesIO()
np.savez(buffer, **{"out%04d" % i: array(x) for i, x in enumerate(items)})
result.write(buffer.getvalue())
result.flush()
`;
