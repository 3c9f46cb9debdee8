"""A function as what holds it calls it."""

from collections.abc import Callable
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor, nn

from hybridfuse import finite
from hybridfuse.interdependence.base import Interdependence


class NamedPart(NamedTuple):
    """A function, and what messages call it and what holds it. Matrices and entries are found to be free of NaN."""

    owner: str
    name: str
    function: Interdependence

    def relate(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n p"]:
        """A."""
        return self._checked(lambda: self.function.relate(items), items)

    def relate_dense(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n p"]:
        """A, dense."""
        return self._checked(lambda: self.function.relate_dense(items), items)

    def transform(self, items: Float[Tensor, "n d"], transformed: Float[Tensor, "n e"]) -> Float[Tensor, "p e"]:
        """Aᵀ Z."""
        return self._named(lambda: self.function.transform(items, transformed), items)

    def check_transform(self, items: Float[Tensor, "n d"], transformed: Float[Tensor, "n e"]) -> None:
        """NotANumberError if Aᵀ Z holds NaN."""
        self._checked(lambda: self.function.transform(items, transformed), items, transformed)

    def entries(self, items: Float[Tensor, "n d"], pattern: Float[Tensor, "n p"]) -> Float[Tensor, " z"]:
        """A where a sparse matrix has entries."""
        return self._checked(lambda: self.function.entries(items, pattern), items)

    def _checked(self, compute: Callable[[], Tensor], *given: Tensor) -> Tensor:
        return self._named(lambda: finite.checked(self.function, compute(), given), given[0])

    def _named(self, compute: Callable[[], Tensor], items: Tensor) -> Tensor:
        own = "" if self.function.name == self.name else f"{self.name}: "
        try:
            self.function.check_sizes(items)
            return compute()
        except finite.NotANumberError as error:
            raise finite.NotANumberError(f"{self.owner}: {own}{error}") from error
        except ValueError as error:
            raise ValueError(f"{self.owner}: {own}{error}") from error


def settings(function: Interdependence) -> str:
    """The class of a function, its plain settings and those of what it holds; functions can be put in order by it."""
    held = [(type(module).__qualname__, _plain(module)) for module in function.modules()]
    return repr((type(function).__module__, held))


def _plain(module: nn.Module) -> list[tuple[str, object]]:
    own = {name: value for name, value in vars(module).items() if name not in ("name", "training")}
    return sorted((name, value) for name, value in own.items() if isinstance(value, int | float | str | None))
