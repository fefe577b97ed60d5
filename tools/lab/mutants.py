"""Small changes to a Python file, each of which a test should notice: its mutants.

One change a mutant, of arithmetic or of a comparison:

    a + b         a - b; so with * and /, // and %; a ** b to a * b, a & b to a | b, -a and ~a to a
    a < b         a <= b and a >= b; a == b to a != b; so with in and is
    a and b       a or b; not a to a; if a, where a compares nothing, to if not a
    3             4 and 2, of ints and floats; True to False
    min(a, b)     a, and max(a, b); abs, round and their like to their argument
    f(a, b)       f(b, a)
    f(a)          pass, where nothing takes what it returns; so with a += b

Text for people or type checkers only is left out: docstrings, f-strings, what is raised,
annotations.
"""

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass

_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mod,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,  # not the other way round: types are joined by |
}
_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_OPPOSITES = {"min": "max", "max": "min", "minimum": "maximum", "maximum": "minimum"}
_DROPPED = {*_OPPOSITES, "abs", "round", "int", "floor", "ceil", "sqrt", "sorted"}
# The order of their arguments is not arithmetic: swapped they fail, or mean the same.
_NEVER_SWAPPED = {*_OPPOSITES, "isinstance", "getattr", "setattr"}
_PLAIN = (ast.Name, ast.Attribute, ast.Call)


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """One change to a file.

    Attributes:
        line: Of the change, from 1.
        column: Of the change, from 0.
        change: From what to what.
        source: The file with it.
    """

    line: int
    column: int
    change: str
    source: str


def mutants(source: str) -> list[Mutant]:
    """Returns the mutants of a file in the order of its lines."""
    # Positions are counted in bytes.
    lines = source.encode().splitlines(keepends=True)
    starts = [sum(map(len, lines[:i])) for i in range(len(lines))]
    found = []
    for node in _nodes(ast.parse(source)):
        for old, new in _changes(node):
            assert old.end_lineno is not None and old.end_col_offset is not None  # it was parsed
            begin = starts[old.lineno - 1] + old.col_offset
            end = starts[old.end_lineno - 1] + old.end_col_offset
            text = ast.unparse(new)
            text = f"({text})" if isinstance(new, ast.expr) else text
            mutated = source.encode()[:begin] + text.encode() + source.encode()[end:]
            found.append(
                Mutant(
                    line=old.lineno,
                    column=old.col_offset,
                    change=f"{ast.unparse(old)} -> {ast.unparse(new)}",
                    source=mutated.decode(),
                )
            )
    return sorted(found, key=lambda mutant: (mutant.line, mutant.column, mutant.change))


def _nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Yields what may change under a node, itself included."""
    if isinstance(node, ast.JoinedStr | ast.Raise):
        return
    yield node
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _nodes(child)


def _changes(node: ast.AST) -> Iterator[tuple[ast.expr | ast.stmt, ast.AST]]:
    """Yields parts of a node, mostly itself, and what they may become."""
    match node:
        case ast.BinOp(op=operator) if type(operator) in _OPERATORS:
            yield node, _with(node, op=_OPERATORS[type(operator)]())
        case ast.AugAssign(op=operator):
            yield node, ast.Pass()
            if type(operator) in _OPERATORS:
                yield node, _with(node, op=_OPERATORS[type(operator)]())
        case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.Invert()):
            yield node, node.operand
        case ast.Compare():
            for i, comparison in enumerate(node.ops):
                for other in _COMPARISONS[type(comparison)]:
                    yield node, _with(node, ops=[*node.ops[:i], other(), *node.ops[i + 1 :]])
        case ast.BoolOp(op=operator):
            yield node, _with(node, op=ast.Or() if isinstance(operator, ast.And) else ast.And())
        case ast.If(test=test) | ast.IfExp(test=test) if isinstance(test, _PLAIN):
            yield test, ast.UnaryOp(ast.Not(), test)
        case ast.Constant(value=bool(value)):
            yield node, ast.Constant(not value)
        case ast.Constant(value=int(value) | float(value)):
            yield from ((node, ast.Constant(value + 1)), (node, ast.Constant(value - 1)))
        case ast.Expr(value=ast.Call()):
            yield node, ast.Pass()
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=[first, *rest]):
            if name in _DROPPED:
                yield node, first
            if name in _OPPOSITES and rest:
                yield node, _with(node, func=_renamed(node.func, _OPPOSITES[name]))
            if rest and name not in _NEVER_SWAPPED:
                yield node, _with(node, args=[rest[0], first, *rest[1:]])


def _with(node: ast.AST, **fields: object) -> ast.AST:
    changed = copy.copy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed


def _renamed(function: ast.expr, name: str) -> ast.AST:
    field = "id" if isinstance(function, ast.Name) else "attr"
    return _with(function, **{field: name})
