"""Exchanges the code of what is imported, without importing it again."""

import gc
import inspect
import sys
import types
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mutation.changes import ROOT


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
        if was is None or value is was or (name.startswith("__") and not isinstance(value, types.FunctionType)):
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
