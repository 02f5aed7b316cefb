"""Rules about values: registers, tensors, outputs, dictionaries, enumerations, and calls of instructions."""
import ast
import inspect

from .. import isa
from ._source import own_nodes

_LOOPS = ("nki.language.fori_loop", "nki.language.while_loop", "nki.language.dynamic_range")
_CREATE = ("ndarray", "zeros", "ones", "full", "empty", "zeros_like", "empty_like")
_READS = ("numpy", "tolist", "item")
#: Functions of nki.isa that are no instructions with a dst.
_WITHOUT_DST = {name for name in dir(isa) if callable(getattr(isa, name)) and not name.startswith("_")}


def _first(name):
    try:
        return next(iter(inspect.signature(getattr(isa, name)).parameters), None)
    except (TypeError, ValueError):
        return None


_WRITES = {name for name in _WITHOUT_DST if not isinstance(getattr(isa, name), type) and _first(name) == "dst"}


def check(function, source, add):
    """Runs the rules on one function."""
    _Registers(function, source, add).run()
    _dictionaries(function, add)
    _instructions(function, source, add)
    for node in own_nodes(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _READS and not node.args:
            if source.name(node.func) is None:
                add("tensor-value", node, ".%s() reads elements" % node.func.attr)
        elif isinstance(node, (ast.Compare, ast.BinOp)):
            _enumerations(node, source, add)


def outputs(function, source, add):
    """``return x`` of a kernel whose ``x`` is made outside shared HBM."""
    made = {}
    for node in own_nodes(function):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            made[node.targets[0].id] = node.value
    for node in own_nodes(function):
        if not isinstance(node, ast.Return) or node.value is None:
            continue
        for value in node.value.elts if isinstance(node.value, (ast.Tuple, ast.List)) else [node.value]:
            call = made.get(value.id) if isinstance(value, ast.Name) else None
            name = source.name(call.func) if call is not None else None
            if not name or not name.startswith("nki.language.") or name.rsplit(".", 1)[-1] not in _CREATE:
                continue
            buffer = next((k.value for k in call.keywords if k.arg == "buffer"), call.args[2] if len(call.args) > 2 else None)
            region = "nki.language.sbuf" if buffer is None else source.name(buffer)
            if region and region.startswith("nki.language.") and not region.endswith(".shared_hbm"):
                add("output-buffer", call, "output %s is made in nl.%s" % (value.id, region.rsplit(".", 1)[-1]))


def _dictionaries(function, add):
    tables = set()
    for node in own_nodes(function):
        if isinstance(node, ast.Dict):
            for key in node.keys:
                if isinstance(key, (ast.Tuple, ast.BinOp)) or isinstance(key, ast.Constant) and not isinstance(key.value, str):
                    add("dict-key", key, "the key %s is no string" % ast.unparse(key))
        elif isinstance(node, ast.Assign):
            v = node.value
            if isinstance(v, ast.Dict) or isinstance(v, ast.Call) and isinstance(v.func, ast.Name) and v.func.id == "dict":
                tables |= {t.id for t in node.targets if isinstance(t, ast.Name)}
    for node in own_nodes(function):
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id in tables:
            key = node.slice
            if isinstance(key, ast.Tuple) or isinstance(key, ast.Constant) and not isinstance(key.value, str):
                add("dict-key", node, "the key %s of %s is no string" % (ast.unparse(key), node.value.id))


def _enumerations(node, source, add):
    sides = [node.left, *(node.comparators if isinstance(node, ast.Compare) else [node.right])]
    members = [s for s in sides if isinstance(s, ast.Attribute) and isinstance(s.value, ast.Name) and s.value.id in source.classes]
    members = [m for m in members if source.is_enum(source.classes[m.value.id])]
    fits = isinstance(node, ast.Compare) and all(isinstance(o, (ast.Eq, ast.NotEq, ast.Is, ast.IsNot, ast.In, ast.NotIn)) for o in node.ops)
    if members and not fits:
        add("enum-operator", node, "%s takes part in %s" % (ast.unparse(members[0]), ast.unparse(node)))


def _instructions(function, source, add):
    """Instructions without dst, and results of instructions taken for tiles."""
    used = set()
    for node in own_nodes(function):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
            used.add(node.value)
        elif isinstance(node, ast.Call) and not (isinstance(node.func, ast.Attribute) and node.func.attr in ("depends_on", "append")):
            used.update(node.args, (k.value for k in node.keywords))
    for node in own_nodes(function):
        name = source.name(node.func) if isinstance(node, ast.Call) else None
        if not name or not name.startswith("nki.isa.") or name[8:] not in _WRITES:
            continue
        starred = any(isinstance(a, ast.Starred) for a in node.args) or any(k.arg is None for k in node.keywords)
        if node in used:
            add("missing-dst", node, "the result of nisa.%s is used as a tile" % name[8:])
        elif not node.args and not starred and all(k.arg != "dst" for k in node.keywords):
            add("missing-dst", node, "nisa.%s has no dst" % name[8:])


class _Registers:
    """Registers of a function, by name: from register_alloc, loop variables, parameters of loop bodies; and Python that would need their values."""

    def __init__(self, function, source, add):
        self.function = function
        self.source = source
        self.add = add
        self.names = set()
        bodies = {n.name: n for n in own_nodes(function) if isinstance(n, ast.FunctionDef)}
        for node in own_nodes(function):
            if isinstance(node, ast.Assign) and self.called(node.value) == "nki.isa.register_alloc":
                self.names |= {t.id for t in node.targets if isinstance(t, ast.Name)}
            elif isinstance(node, ast.For) and self.called(node.iter) == "nki.language.dynamic_range" and isinstance(node.target, ast.Name):
                self.names.add(node.target.id)
            elif isinstance(node, ast.Call) and self.called(node) in _LOOPS[:2]:
                self.body(node, bodies)

    def called(self, node):
        return self.source.name(node.func) if isinstance(node, ast.Call) else None

    def body(self, call, bodies):
        counted = self.called(call).endswith("fori_loop")
        at = 2 if counted else 1
        given = call.args[at] if len(call.args) > at else next((k.value for k in call.keywords if k.arg == "body_fun"), None)
        body = (bodies.get(given.id) or self.source.functions.get(given.id)) if isinstance(given, ast.Name) else None
        if body is None:
            return
        self.names |= {a.arg for a in body.args.args[:1]}
        returns = [n for n in own_nodes(body) if isinstance(n, ast.Return) and n.value is not None]
        if counted and returns:
            self.add("loop-body", returns[0], "the body of nl.fori_loop returns a value; keep state in SBUF or HBM")
        elif not counted and not returns:
            self.add("loop-body", body, "the body of nl.while_loop returns nothing; return the register of the next condition")

    def is_register(self, node):
        return isinstance(node, ast.Name) and node.id in self.names

    def run(self):
        for node in own_nodes(self.function):
            if isinstance(node, (ast.If, ast.IfExp, ast.Assert)) and self.is_register(node.test):
                self.add("register-value", node, "%s decides a condition" % node.test.id)
            elif isinstance(node, (ast.BinOp, ast.Compare, ast.BoolOp, ast.UnaryOp)):
                parts = ast.iter_child_nodes(node)
                for part in parts:
                    if self.is_register(part):
                        self.add("register-value", node, "%s stands in %s" % (part.id, ast.unparse(node)))
                        break
            elif isinstance(node, ast.Call):
                plain = isinstance(node.func, ast.Name) and node.func.id in ("int", "float", "bool", "range", "min", "max", "abs", "str")
                for a in node.args if plain else ():
                    if self.is_register(a):
                        self.add("register-value", node, "%s() needs the value of %s" % (node.func.id, a.id))
                self.step(node)

    def step(self, node):
        name = self.called(node)
        at = {"nki.language.dynamic_range": 2, "nki.language.fori_loop": 3}.get(name)
        if at is None:
            return
        step = node.args[at] if len(node.args) > at else next((k.value for k in node.keywords if k.arg == "step"), None)
        negative = isinstance(step, ast.UnaryOp) and isinstance(step.op, ast.USub)
        if negative or isinstance(step, ast.Constant) and step.value == 0 or self.is_register(step):
            self.add("loop-step", node, "the step is %s" % ast.unparse(step))
