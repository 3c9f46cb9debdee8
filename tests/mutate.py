"""Breaks the library in one place at a time and sees whether a test notices. Run by hand:

    python tests/mutate.py --limit 60 --seed 0 hybridfuse/functional hybridfuse/hybrid.py

Works on a temporary copy, and forks (not on Windows). A survivor is a place where the tests are blind, or a change
that changes nothing.
"""

import argparse
import ast
import copy
import importlib
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
FILES = [
    *(f"hybridfuse/{part}" for part in ("functional", "interdependence", "fusion", "postprocess", "reconciliation")),
    "hybridfuse/hybrid.py",
]
FIRST = ("value", "paths", "reference", "shape", "finite", "gradient")
"""Tests that notice most come first."""
WITHOUT = ("train", "data", "command", "robust", "record", "readme", "device", "network", "target")
WITHOUT += ("graph_data", "sources", "series", "planted", "fetch", "layers", "transformation")
"""Tests of what is not mathematics."""
PRELOADED = ("torch", "pytest", "networkx", "scipy.linalg", "sklearn.metrics.pairwise")
PRELOADED += ("pytorch_lightning", "hydra.utils", "matplotlib.figure")
GENERAL = (*FIRST, "equivariance", "error", "state", "catalogue")
"""Tests over every function, of which those of the changed file's users are enough."""
MANY = 40
NOTHING_CHOSEN = 5
SECONDS = 600

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


def mutants(source: str) -> Iterator[tuple[int, str, str]]:
    """Line, description and text of every change of a file."""
    tree = ast.parse(source)
    for path, node in places(tree):
        for description, change in changes(node):
            other = copy.deepcopy(tree)
            parent: ast.AST = other
            for field, index in path[:-1]:
                parent = getattr(parent, field) if index is None else getattr(parent, field)[index]
            field, index = path[-1]
            target = getattr(parent, field) if index is None else getattr(parent, field)[index]
            was, changed = ast.unparse(target), change(target)
            if index is None:
                setattr(parent, field, changed)
            else:
                getattr(parent, field)[index] = changed
            said = f"{was.splitlines()[0]}  →  {ast.unparse(changed).splitlines()[0]}"
            yield getattr(node, "lineno", 0), f"{description}: {said}", ast.unparse(ast.fix_missing_locations(other))


def default_tests() -> list[str]:
    found = [path.stem.removeprefix("test_") for path in sorted((ROOT / "tests").glob("test_*.py"))]
    return [*FIRST, *(name for name in found if name not in (*FIRST, *WITHOUT))]


def users(changed: Path) -> list[str]:
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
    return sorted({changed.stem, *found} - {"__init__", "base", "hybrid"})


def concerns(test: Path, names: list[str]) -> bool:
    """Whether a test file is general, or speaks of one of the names."""
    words = set(re.findall(r"\w+", test.read_text()))
    return test.stem.removeprefix("test_") in GENERAL or not words.isdisjoint(names)


def survives(folder: Path, test: str, names: list[str]) -> bool:
    """Whether a test file passes in a copy, run by a child that has inherited the imported libraries.

    Of a file of general tests only those run that are of the given names.
    """
    child = os.fork()
    if not child:
        try:
            _run(folder, test, names)
        finally:  # whatever happens, the child must not go on as if it were its parent
            os._exit(1)
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        process, status = os.waitpid(child, os.WNOHANG)
        if process:
            return os.waitstatus_to_exitcode(status) == 0
        time.sleep(0.05)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def _run(folder: Path, test: str, names: list[str]) -> None:
    """Ends the process with 0 if the tests pass, or none is chosen."""
    os.chdir(folder)
    os.setsid()
    sys.path.insert(0, str(folder))
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    os.dup2(silent, 2)
    options = ["-x", "-q", "-p", "no:cacheprovider", "-n", "0", "-m", "not slow", "--assert=plain"]
    if Path(test).stem.removeprefix("test_") in GENERAL and 0 < len(names) < MANY:
        options += ["-k", " or ".join(names)]
    passed = importlib.import_module("pytest").main([*options, test])
    os._exit(0 if passed in (0, NOTHING_CHOSEN) else 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", default=FILES, help="files or folders below the root")
    parser.add_argument("--limit", type=int, help="try that many, chosen at random")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--tests", nargs="*", default=default_tests(), help="names of test files, without test_ and .py"
    )
    given = parser.parse_args()
    files = [path for name in given.files for path in (sorted((ROOT / name).rglob("*.py")) or [ROOT / name])]
    found = [(path.relative_to(ROOT), *mutant) for path in files for mutant in mutants(path.read_text())]
    chosen = random.Random(given.seed).sample(found, min(given.limit or len(found), len(found)))
    tests = [f"tests/test_{name}.py" for name in given.tests]
    for module in PRELOADED:
        importlib.import_module(module)
    survivors = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("hybridfuse", "conf", "tests"):
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", folder)
        failing = [test for test in tests if not survives(folder, test, [])]
        if failing:
            sys.exit(f"without any change these tests fail: {' '.join(failing)}")
        for number, (path, line, description, text) in enumerate(chosen, start=1):
            original = (folder / path).read_text()
            (folder / path).write_text(text)
            names = users(path)
            concerned = [test for test in tests if concerns(folder / test, names)]
            survived = all(survives(folder, test, names) for test in concerned)
            (folder / path).write_text(original)
            survivors += survived
            if survived:
                print(f"{path}:{line}: {description}", flush=True)
            print(f"{number}/{len(chosen)}, {survivors} survived", end="\r", file=sys.stderr, flush=True)
    print(
        f"{len(chosen) - survivors} of {len(chosen)} killed ({1 - survivors / len(chosen):.0%}); {len(found)} possible"
    )


if __name__ == "__main__":
    main()
