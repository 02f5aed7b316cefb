"""
``mask=(a < n and b < m)``: older kernels write Python's ``and`` between masks, which Python decides at once. A function that does is
compiled again with ``&`` in its masks; everything else stays as written, on the same lines.
"""
import ast
import inspect
import linecache
import textwrap
import types


class _Masks(ast.NodeTransformer):
    """Turns ``and`` inside ``mask=`` into ``&``."""

    def __init__(self):
        self.inside = 0
        self.changed = False

    def visit_keyword(self, node):
        if node.arg != "mask":
            return self.generic_visit(node)
        self.inside += 1
        node = self.generic_visit(node)
        self.inside -= 1
        return node

    def visit_BoolOp(self, node):
        node = self.generic_visit(node)
        if not self.inside or not isinstance(node.op, ast.And):
            return node
        self.changed = True
        joined = node.values[0]
        for value in node.values[1:]:
            joined = ast.copy_location(ast.BinOp(joined, ast.BitAnd(), value), node)
        return joined


def masks_writes(function):
    """Whether the file of a kernel uses masks anywhere."""
    file = getattr(getattr(function, "__code__", None), "co_filename", "")
    return any("mask=" in line for line in linecache.getlines(file))


def rewritten(function):
    """The function with ``and`` between masks replaced, or the function itself."""
    if not isinstance(function, types.FunctionType):
        return function
    try:
        lines, first = inspect.getsourcelines(function)
    except (OSError, TypeError):
        return function
    source = textwrap.dedent("".join(lines))
    if "mask" not in source or " and " not in source:
        return function
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return function
    masks = _Masks()
    tree = masks.visit(tree)
    if not masks.changed or len(tree.body) != 1 or not isinstance(tree.body[0], ast.FunctionDef):
        return function
    definition = tree.body[0]
    definition.decorator_list = []
    free = function.__code__.co_freevars
    if free:
        # The same names become free again inside a function that has them.
        outer = ast.parse("def _outer(%s):\n    pass" % ", ".join(free)).body[0]
        outer.body = [definition, ast.Return(ast.Name(definition.name, ast.Load()))]
        tree.body = [outer]
    ast.fix_missing_locations(tree)
    ast.increment_lineno(tree, first - 1)
    code = compile(tree, function.__code__.co_filename, "exec", dont_inherit=True)
    inner = _code_named(code, function.__name__)
    if inner is None or set(inner.co_freevars) - set(free):
        return function
    cells = dict(zip(free, function.__closure__ or ()))
    made = types.FunctionType(inner, function.__globals__, function.__name__, function.__defaults__, tuple(cells[n] for n in inner.co_freevars))
    made.__kwdefaults__ = function.__kwdefaults__
    made.__annotations__ = function.__annotations__
    return made


def _code_named(code, name):
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            if constant.co_name == name:
                return constant
            found = _code_named(constant, name)
            if found is not None:
                return found
    return None
