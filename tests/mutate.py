"""Breaks the library in one place at a time and sees whether a test notices. Run by hand:

    python tests/mutate.py --limit 60 --seed 0 hybridfuse/functional hybridfuse/hybrid.py

Collects the tests once; each mutant is a forked process (not on Windows) that exchanges the code of one file in memory
and runs the tests concerned until one fails. A survivor is a place where the tests are blind, or a change that changes
nothing.
"""

import argparse
import ast
import contextlib
import copy
import gc
import inspect
import io
import math
import os
import random
import re
import signal
import sys
import time
import types
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

ROOT = Path(__file__).parents[1]
FILES = [
    *(f"hybridfuse/{part}" for part in ("functional", "interdependence", "fusion", "postprocess", "reconciliation")),
    "hybridfuse/hybrid.py",
]
FIRST = ("value", "paths", "reference", "shape", "finite", "gradient")
"""Tests that notice most come first."""
WITHOUT = ("train", "data", "command", "robust", "record", "readme", "device", "network", "target")
WITHOUT += ("graph_data", "sources", "series", "planted", "fetch", "layers", "predict", "export")
WITHOUT += ("report", "summary", "network_summary", "page", "dropout", "experiments")
WITHOUT += tuple(f"sweep_{part}" for part in ("composition", "display", "engines", "faults", "meaning", "plan"))
WITHOUT += tuple(f"sweep_{part}" for part in ("search", "session", "slurm", "state"))
"""Tests of what is not mathematics."""
GENERAL = (*FIRST, "equivariance", "error", "state", "catalogue")
"""Tests over every function, of which those of the changed file's users are enough."""
MANY = 40
SECONDS_OF_A_TEST = 120
"""A mutant in which a test takes longer is one that never ends."""
SURVIVED, KILLED, UNCHANGED, LOST = range(4)
SAID = {SURVIVED: "", UNCHANGED: " (changes nothing that is imported)", LOST: " (could not be tried)"}

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
        yield "dropped statement", lambda _: ast.Pass()


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
    node: ast.AST
    kind: str
    change: Change

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
        place = f"{self.path.relative_to(ROOT)}:{getattr(self.node, 'lineno', 0)}"
        return f"{place}: {self.kind}: {was.splitlines()[0]}  →  {now.splitlines()[0]}"


def default_tests() -> list[str]:
    found = [path.stem.removeprefix("test_") for path in sorted((ROOT / "tests").glob("test_*.py"))]
    return [name for name in found if name not in WITHOUT]


def users(changed: Path) -> set[str]:
    """Names of the modules that import a changed one, directly or not; what tests of a mutant are chosen by."""
    imported = {
        path: set(re.findall(r"\w+", " ".join(re.findall(r"^from hybridfuse.*$|^    from hybridfuse.*$", text, re.M))))
        for path in (ROOT / "hybridfuse").rglob("*.py")
        for text in [path.read_text()]
    }
    found, pending = set[str](), [changed.stem]
    while pending:
        stem = pending.pop()
        more = {path.stem for path, names in imported.items() if stem in names} - found
        found |= more
        pending += more
    return {changed.stem, *found} - {"__init__", "base", "hybrid"}


def concerned(items: list[pytest.Item], changed: Path) -> list[pytest.Item]:
    """Tests that can notice a change of a file, those that notice most first."""
    names = users(changed)
    speaking = {
        path for path in {item.path for item in items} if not names.isdisjoint(re.findall(r"\w+", path.read_text()))
    }
    order = {f"test_{name}": number for number, name in enumerate(FIRST)}

    def concerns(item: pytest.Item) -> bool:
        if item.path.stem.removeprefix("test_") not in GENERAL:
            return item.path in speaking
        return len(names) >= MANY or any(name in item.name for name in names)

    seen = Counter[tuple[Path, str]]()
    ranked: list[tuple[tuple[bool, int, int], pytest.Item]] = []
    for item in filter(concerns, items):
        test = item.path, item.name.partition("[")[0]
        seen[test] += 1  # one case of each test, then another one of each
        ranked.append(((changed.stem not in item.name, seen[test], order.get(item.path.stem, len(order))), item))
    return [item for _, item in sorted(ranked, key=lambda pair: pair[0])]


def codes(code: types.CodeType) -> Iterator[types.CodeType]:
    """The code of every function and class below one."""
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield constant
            yield from codes(constant)


class Loaded:
    """What is imported of a project, to be exchanged in place."""

    def __init__(self) -> None:
        self._functions = defaultdict[str, list[types.FunctionType]](list)
        gc.unfreeze()
        for found in gc.get_objects():
            if type(found) is types.FunctionType:  # isinstance would ask objects, some of which warn
                self._functions[found.__code__.co_filename].append(found)

    def exchange(self, path: Path, text: str) -> bool:
        """Makes what is imported of a file what another text says; whether that is anything else.

        Functions get other code and defaults, constants of modules and classes other values.
        """
        new = defaultdict[str, list[types.CodeType]](list)
        compiled = compile(text, str(path), "exec")
        for code in codes(compiled):
            new[code.co_qualname].append(code)
        changed = False
        by_name = defaultdict[str, list[types.FunctionType]](list)
        for function in self._functions[str(path)]:
            by_name[function.__code__.co_qualname].append(function)
        for name, functions in by_name.items():
            lines = sorted({function.__code__.co_firstlineno for function in functions})
            for function in functions:
                code = new[name][lines.index(function.__code__.co_firstlineno)]
                changed = changed or _differs(function.__code__, code)
                function.__code__ = code
        module = sys.modules[".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")]
        fresh = {"__name__": module.__name__, "__package__": module.__package__, "__file__": str(path)}
        try:
            exec(compiled, fresh)
        except Exception as error:
            raise ImportError from error
        return _exchange_values(vars(module), fresh, module) or changed


_CONSTANT = int | float | str | tuple | frozenset | list | dict


def _differs(old: types.CodeType, new: types.CodeType) -> bool:
    def said(code: types.CodeType) -> object:
        constants = [said(c) if isinstance(c, types.CodeType) else repr(c) for c in code.co_consts]
        return code.co_code, code.co_names, constants

    return said(old) != said(new)


def _exchange_values(old: Mapping[str, Any], fresh: Mapping[str, Any], owner: object) -> bool:
    """Constants of a module or class and of the classes in it, and defaults of functions; whether any differed."""
    changed = False
    for name, value in fresh.items():
        was = old.get(name)
        if name.startswith("__") or was is None or value is was:
            continue
        if isinstance(value, type) and isinstance(was, type) and value.__name__ == name:
            changed = _exchange_values(vars(was), vars(value), was) or changed
        elif callable(value) and callable(was):
            one, other = inspect.unwrap(was), inspect.unwrap(value)
            if isinstance(one, types.FunctionType) and isinstance(other, types.FunctionType):
                changed = changed or repr(one.__defaults__) != repr(other.__defaults__)
                one.__defaults__, one.__kwdefaults__ = other.__defaults__, other.__kwdefaults__
        elif isinstance(value, _CONSTANT) and repr(value) != repr(was):
            setattr(owner, name, value)
            changed = True
    return changed


class Mutation:
    """A plugin that runs the collected tests on one mutant after another, each in a process of its own."""

    def __init__(self, mutants: list[Mutant], jobs: int, seconds: float) -> None:
        self.mutants, self.jobs, self.seconds = mutants, jobs, seconds
        self.survivors = self.unchanged = self.done = 0

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        torch.set_num_threads(1)
        loaded = Loaded()
        gc.freeze()
        running: dict[int, Mutant] = {}
        for mutant in self.mutants:
            while len(running) == self.jobs:
                self._wait(running)
            if child := os.fork():
                running[child] = mutant
                continue
            code = LOST
            try:
                code = _tested(session, loaded, mutant, self.seconds)
            finally:  # whatever happens, the child must not go on as if it were its parent
                os._exit(code)
        while running:
            self._wait(running)
        return True

    def _wait(self, running: dict[int, Mutant]) -> None:
        """Until a child has ended."""
        child, status = os.wait()
        ended = os.waitstatus_to_exitcode(status)
        self._tell(running.pop(child), KILLED if ended == -signal.SIGALRM else ended)

    def _tell(self, mutant: Mutant, code: int) -> None:
        self.done += 1
        self.survivors += code == SURVIVED
        self.unchanged += code in (UNCHANGED, LOST)
        if code in SAID:
            print(f"{mutant}{SAID[code]}", file=sys.__stdout__, flush=True)
        counted = f"{self.done}/{len(self.mutants)}, {self.survivors} survived"
        print(counted, file=sys.__stderr__, flush=True)


def _tested(session: pytest.Session, loaded: Loaded, mutant: Mutant, seconds: float) -> int:
    """What became of a mutant, in this process."""
    items = concerned(session.items, mutant.path)
    try:
        if not loaded.exchange(mutant.path, mutant.text):
            return UNCHANGED
    except ImportError:
        return KILLED
    end = time.monotonic() + seconds
    for item, following in zip(items, [*items[1:], None], strict=True):
        if time.monotonic() > end:
            break
        failed = session.testsfailed
        signal.alarm(SECONDS_OF_A_TEST)
        session.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.testsfailed > failed:
            return KILLED
    return SURVIVED


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", default=FILES, help="files or folders below the root")
    parser.add_argument("--limit", type=int, help="try that many, chosen at random")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--again", type=Path, help="try only the survivors of an earlier run, whose output this file is"
    )
    parser.add_argument("--jobs", type=int, default=1, help="mutants at once")
    parser.add_argument("--seconds", type=float, default=math.inf, help="of tests on a mutant, at most")
    parser.add_argument(
        "--tests", nargs="*", default=default_tests(), help="names of test files, without test_ and .py"
    )
    given = parser.parse_args()
    files = [path for name in given.files for path in (sorted((ROOT / name).rglob("*.py")) or [ROOT / name])]
    found = [mutant for path in files for mutant in mutants(path)]
    if given.again:
        told = set(given.again.read_text().splitlines())
        chosen = [mutant for mutant in found if str(mutant) in told]
    else:
        chosen = random.Random(given.seed).sample(found, min(given.limit or len(found), len(found)))
    mutation = Mutation(chosen, given.jobs, given.seconds)
    options = ["-q", "-p", "no:cacheprovider", "-n", "0", "-m", "not slow", "--assert=plain"]
    os.chdir(ROOT)
    with contextlib.redirect_stdout(io.StringIO()):
        pytest.main([*options, *(f"tests/test_{name}.py" for name in given.tests)], plugins=[mutation])
    killed, broken = mutation.done - mutation.survivors - mutation.unchanged, mutation.done - mutation.unchanged
    print(f"{killed} of {broken} killed ({killed / max(broken, 1):.0%}); {len(found)} possible")


if __name__ == "__main__":
    main()
