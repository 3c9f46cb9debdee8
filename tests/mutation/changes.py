"""What can be broken in a file, one thing at a time."""

import ast
import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]

OPERATORS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mod}
OPERATORS |= {ast.Mod: ast.FloorDiv, ast.Pow: ast.Mult, ast.And: ast.Or, ast.Or: ast.And, ast.BitAnd: ast.BitOr}
COMPARISONS = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq}
COMPARISONS |= {ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In}
NAMES = {"sum": "mean", "mean": "sum", "amax": "amin", "any": "all", "all": "any", "rows": "columns", "columns": "rows"}
NAMES |= {"crow_indices": "col_indices", "min": "max", "max": "min", "cumsum": "sum"}
DROPPED = {"clamp", "clamp_", "clamp_min", "clamp_min_", "clamp_max", "abs", "sqrt", "square", "detach", "exp", "to"}
DROPPED |= {"fill_diagonal_", "masked_fill", "diagonal_scatter", "flip", "repeat_interleave", "unique", "coalesce"}
DROPPED |= {"softmax", "like", "dense", "transpose", "type_as", "check_", "float", "sorted", "reshape"}

Change = Callable[[ast.AST], ast.AST | None]


def changes(node: ast.AST) -> Iterator[tuple[str, Change]]:
    """What can be broken at a node: a description, and what makes the other node of a copy of it."""
    if isinstance(node, ast.BinOp | ast.BoolOp | ast.AugAssign) and type(node.op) in OPERATORS:
        yield "operator", lambda n: setattr(n, "op", OPERATORS[type(n.op)]()) or n
    if isinstance(node, ast.Compare) and type(node.ops[0]) in COMPARISONS:
        yield "comparison", lambda n: setattr(n, "ops", [COMPARISONS[type(n.ops[0])](), *n.ops[1:]]) or n
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield "constant", lambda n: ast.Constant(not n.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        yield "constant", lambda n: ast.Constant(type(n.value)(1 if n.value != 1 else 0))
        if node.value:
            yield "constant + 1", lambda n: ast.Constant(n.value + 1)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Not | ast.Invert):
        yield "dropped sign or not", lambda n: n.operand
    if isinstance(node, ast.Raise):
        yield "dropped raise", lambda _: ast.Pass()
    if isinstance(node, ast.IfExp):
        yield "swapped branches", lambda n: ast.IfExp(n.test, n.orelse, n.body)
    if isinstance(node, ast.If):
        yield "negated if", lambda n: setattr(n, "test", ast.UnaryOp(ast.Not(), n.test)) or n
    if isinstance(node, ast.Attribute) and node.attr in NAMES:
        yield "name", lambda n: setattr(n, "attr", NAMES[n.attr]) or n
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        of_a_module = isinstance(node.func.value, ast.Name) and node.func.value.id in ("torch", "layout", "scale")
        if node.func.attr in DROPPED and (not of_a_module or node.args):
            yield "dropped call", lambda n: n.args[0] if of_a_module else n.func.value
        if node.func.attr == "where":
            yield "first of where", lambda n: n.args[1]
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        of_parent = ast.unparse(node).startswith("super().")  # without which a method would be another closure
        yield "dropped statement", lambda _: ast.parse("super()").body[0] if of_parent else ast.Pass()


def places(tree: ast.AST) -> Iterator[tuple[tuple[object, ...], ast.AST]]:
    """Nodes that are code, by their path from the root: no annotations, docstrings or texts."""
    pending: list[tuple[tuple[object, ...], ast.AST]] = [((), tree)]
    while pending:
        path, node = pending.pop()
        yield path, node
        for field, value in ast.iter_fields(node):
            if field in ("annotation", "returns", "decorator_list") or isinstance(node, ast.JoinedStr):
                continue
            for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
                if isinstance(child, ast.AST):
                    pending.append(((*path, (field, index)), child))


def mutants(path: Path) -> Iterator["Mutant"]:
    """Every change of a file."""
    tree = ast.parse(path.read_text())
    for place, node in places(tree):
        for description, change in changes(node):
            yield Mutant(path, tree, place, node, description, change)


class Mutant(NamedTuple):
    """A file with one thing broken."""

    path: Path
    tree: ast.AST
    place: tuple[Any, ...]
    node: Any
    kind: str
    change: Change

    @property
    def lines(self) -> set[int] | None:
        """Those of which one runs if the place matters; none of what a file says as it is imported: any may."""
        if not (function := self._function()):
            return None
        inside = self.node.test if isinstance(self.node, ast.If) else self.node
        if not any(step == "body" for step, _ in self.place[len(function) :]):  # a default
            inside = self._at(function)
        return {line for node in ast.walk(inside) if hasattr(node, "lineno") for line in (node.lineno, node.end_lineno)}

    def _function(self) -> tuple[Any, ...]:
        """The path of the function around the place, empty where there is none."""
        paths = (self.place[:size] for size in range(len(self.place) - 1, 0, -1))
        return next((path for path in paths if isinstance(self._at(path), ast.FunctionDef)), ())

    def _at(self, path: tuple[Any, ...]) -> Any:
        node: Any = self.tree
        for field, index in path:
            node = getattr(node, field) if index is None else getattr(node, field)[index]
        return node

    @property
    def text(self) -> str:
        """The file."""
        other = copy.deepcopy(self.tree)
        parent: Any = other
        for field, index in self.place[:-1]:
            parent = getattr(parent, field) if index is None else getattr(parent, field)[index]
        field, index = self.place[-1]
        if index is None:
            setattr(parent, field, self.change(getattr(parent, field)))
        else:
            getattr(parent, field)[index] = self.change(getattr(parent, field)[index])
        return ast.unparse(ast.fix_missing_locations(other))

    def __str__(self) -> str:
        was, now = ast.unparse(self.node), ast.unparse(self.change(copy.deepcopy(self.node)))
        place = f"{self.path.relative_to(ROOT)}:{self.node.lineno}:{self.node.col_offset + 1}"
        return f"{place}: {self.kind}: {was.splitlines()[0]}  →  {now.splitlines()[0]}"
