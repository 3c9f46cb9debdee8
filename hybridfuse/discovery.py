"""Finds classes by their place: package/gaussian_rbf.py holds GaussianRbf. Nothing is registered by hand."""

import importlib
import inspect
import pkgutil
import re
from types import ModuleType
from typing import Any, TypeVar

T = TypeVar("T")


def snake_case(name: str) -> str:
    """`GaussianRbf` to `gaussian_rbf`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def find(package: ModuleType, name: str) -> Any:
    """The class `name` of the file of a package that is called like it, or of its file `base`.

    Raises:
        AttributeError: if there is no such file, or the file has no such class.
    """
    known = {module.name for module in pkgutil.iter_modules(package.__path__)}
    for stem in () if name in known else (snake_case(name), "base"):
        if stem in known:
            path = f"{package.__name__}.{stem}"
            found = getattr(importlib.import_module(path), name, None)
            if inspect.isclass(found) and found.__module__ == path:
                return found
    raise AttributeError(f"module {package.__name__!r} has no attribute {name!r}")


def concrete_classes(package: ModuleType, base: type[T]) -> dict[str, type[T]]:
    """All classes below a package that implement `base`, by their name in snake_case."""
    found: dict[str, type[T]] = {}
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        for name, value in vars(importlib.import_module(module.name)).items():
            defined_here = inspect.isclass(value) and value.__module__ == module.name
            if defined_here and issubclass(value, base) and not inspect.isabstract(value):
                found[snake_case(name)] = value
    return dict(sorted(found.items()))
