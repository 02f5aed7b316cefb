"""Rules about statements, parameters, classes and calls: what they look like, whatever their values."""
import ast

from ._source import own_nodes

_NOT_LISTED = ("enumerate", "zip", "map", "filter", "any", "all", "sum", "sorted", "reversed", "getattr", "setattr", "eval", "exec", "iter", "next")
#: Calls whose answer depends on more than the kernel's arguments.
_OUTSIDE = ("random.", "numpy.random.", "time.", "os.environ", "os.getenv", "datetime.")
_CHANGES = ("append", "extend", "insert", "pop", "remove", "clear", "update", "setdefault", "reverse", "sort")


def check(function, source, add):
    """Runs the rules on one function."""
    _parameters(function, add)
    local = {n.id for n in own_nodes(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    local |= {n.arg for n in own_nodes(function) if isinstance(n, ast.arg)}
    outer = lambda n: isinstance(n, ast.Name) and n.id not in local  # noqa: E731
    for node in own_nodes(function):
        row = _CONSTRUCTS.get(type(node))
        if row:
            add(row[0], node, row[1])
        if isinstance(node, ast.Compare):
            _identity(node, add)
        elif isinstance(node, ast.With):
            _with(node, source, add)
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            add("impure", node, "%s is rebound" % ", ".join(node.names))
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in source.rebound and outer(node):
            add("impure", node, "%s is rebound while the program runs" % node.id)
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store) and outer(node.value) and node.value.id in source.mutable:
            add("impure", node, "%s is changed" % node.value.id)
        elif isinstance(node, ast.Call):
            _call(node, source, outer, add)
        if isinstance(node, (ast.Attribute, ast.Name)) and (source.name(node) or "").startswith(_OUTSIDE):
            add("impure", node, "%s depends on more than the arguments" % ast.unparse(node))


_CONSTRUCTS = {
    ast.Try: ("try", "try ... except"),
    ast.Lambda: ("lambda", "a lambda"),
    ast.ListComp: ("comprehension", "a list comprehension"),
    ast.DictComp: ("comprehension", "a dictionary comprehension"),
    ast.SetComp: ("comprehension", "a set comprehension"),
    ast.GeneratorExp: ("generator", "a generator expression"),
    ast.Yield: ("generator", "yield"),
    ast.YieldFrom: ("generator", "yield from"),
    ast.Await: ("generator", "await"),
    ast.AsyncFor: ("generator", "async for"),
    ast.AsyncWith: ("generator", "async with"),
    ast.Set: ("set", "a set"),
    ast.Starred: ("star-arguments", "a starred value"),
    ast.Import: ("import", "an import"),
    ast.ImportFrom: ("import", "an import"),
}


def classes(node, source, add):
    """Classes that a kernel uses derive from NKIObject or Enum, and from nothing else."""
    bases = [source.name(b) or ast.unparse(b) for b in node.bases]
    if len(bases) == 1 and (bases[0].endswith("NKIObject") or bases[0] in ("enum.Enum", "Enum")):
        return
    what = "has no base class" if not bases else "derives from %s" % ", ".join(bases)
    add("class-base", node, "class %s %s" % (node.name, what))


def _parameters(function, add):
    a = function.args
    if a.kwonlyargs:
        add("keyword-only", function, "%s has keyword-only parameters (%s)" % (function.name, ", ".join(k.arg for k in a.kwonlyargs)))
    for star in (a.vararg, a.kwarg):
        if star is not None:
            add("star-arguments", function, "%s takes any number of arguments (%s)" % (function.name, star.arg))
    for default in [*a.defaults, *(d for d in a.kw_defaults if d is not None)]:
        if isinstance(default, (ast.List, ast.Dict, ast.Set)):
            add("list-argument", default, "a default of %s is %s" % (function.name, ast.unparse(default)))


def _identity(node, add):
    for op, right in zip(node.ops, node.comparators):
        none = isinstance(right, ast.Constant) and right.value is None or isinstance(node.left, ast.Constant) and node.left.value is None
        if isinstance(op, (ast.Is, ast.IsNot)) and not none:
            add("is", node, ast.unparse(node))


def _on_device(node, source):
    """The loops on the device inside a block."""
    registers = set()
    for n in ast.walk(source.tree):
        if isinstance(n, ast.Assign) and isinstance(n.value, ast.Call) and source.name(n.value.func) == "nki.isa.register_alloc":
            registers |= {t.id for t in n.targets if isinstance(t, ast.Name)}
    for n in (n for part in node.body for n in ast.walk(part)):
        if isinstance(n, ast.Call) and source.name(n.func) in ("nki.language.fori_loop", "nki.language.while_loop", "nki.language.dynamic_range"):
            yield n, ast.unparse(n.func)
        elif isinstance(n, ast.While) and isinstance(n.test, ast.Name) and n.test.id in registers:
            yield n, "while " + n.test.id


def _with(node, source, add):
    for item in node.items:
        call = item.context_expr
        name = source.name(call.func) if isinstance(call, ast.Call) else None
        if name and name.endswith(".no_reorder"):
            for loop, text in _on_device(node, source):
                add("no-reorder-loop", loop, "%s inside nl.no_reorder" % text)
        else:
            add("with", node, "with %s" % ast.unparse(call))


def _call(node, source, outer, add):
    f = node.func
    if isinstance(f, ast.Name) and f.id not in source.functions and f.id not in source.aliases:
        if f.id == "breakpoint":
            add("breakpoint", node, "breakpoint()")
        elif f.id in _NOT_LISTED and outer(f):
            add("builtin", node, "%s()" % f.id)
        elif f.id in ("set", "frozenset") and outer(f):
            add("set", node, "%s()" % f.id)
        elif f.id in ("open", "input") and outer(f):
            add("impure", node, "%s() reaches outside the kernel" % f.id)
    elif isinstance(f, ast.Name) and f.id in source.functions and source.is_kernel(source.functions[f.id]):
        add("nested-kernel", node, "%s is decorated with nki.jit" % f.id)
    elif isinstance(f, ast.Attribute) and f.attr in _CHANGES and outer(f.value) and f.value.id in source.mutable:
        add("impure", node, "%s is changed by .%s" % (f.value.id, f.attr))
    if any(k.arg is None for k in node.keywords):
        add("star-arguments", node, "** in a call")
