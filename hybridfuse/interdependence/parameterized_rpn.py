from collections.abc import Mapping

from jaxtyping import Float
from torch import Tensor

from hybridfuse import check
from hybridfuse.instantiate import Config, instantiate
from hybridfuse.interdependence.base import Interdependence, InterdependenceType
from hybridfuse.model.transformation.base import Transformation
from hybridfuse.reconciliation.base import Reconciliation

IDENTITY = {"_target_": "hybridfuse.model.transformation.identity.Identity"}
FULL = {"_target_": "hybridfuse.reconciliation.full.Full"}


class ParameterizedRpn(Interdependence):
    r"""Relates items by a learned map of their transformed features, a layer of a network without relations.

    $$A = \kappa(X)\, \psi(w)^\top, \quad \psi(w) \in \mathbb{R}^{p \times D}$$

    D is the width of κ. In (-∞, ∞). Entries start with variance 1 / n where those of κ(X) have variance 1. A row
    depends on its item alone; a zero item has what ψ makes of κ(0). On both axes all batches must have b rows,
    with p given on the attribute axis alone. A does not stream, since it is learned.

    Args:
        p: columns of A. At least 1; by default as many as items.
        transformation: configuration of κ, which is given d; by default the identity.
        reconciliation: configuration of ψ, which is given p rows and D columns; by default every entry is learned.

    Raises:
        ValueError: if p is below 1, or κ or ψ refuses its size.
        TypeError: if a configuration is not of a transformation or of a reconciliation.

    References: RPN 2 (2024), arXiv 2411.11162, RPN based parameterized interdependence.
    """

    builds_its_parts = True
    bound_sizes = frozenset({"n", "d"})
    cost = "n p d"

    def __init__(
        self,
        b: int,
        m: int,
        interdependence_type: InterdependenceType = "attribute",
        p: int | None = None,
        transformation: Config | None = None,
        reconciliation: Config | None = None,
    ) -> None:
        super().__init__(b, m, interdependence_type)
        self._p = None if p is None else check.whole("p", p)
        self.bound_sizes = frozenset({"n", "d"} if p is None else {"d"})
        kappa = instantiate(transformation or IDENTITY, {"m": self.d})
        self.transformation = check.kind("transformation", kappa, Transformation)
        given = {"rows": self.p, "columns": kappa.width}
        if not _states_std(chosen := reconciliation or FULL):
            given["std"] = (self.n * kappa.width) ** -0.5
        psi = instantiate(chosen, given)
        self.reconciliation = check.kind("reconciliation", psi, Reconciliation)

    def columns(self, n: int) -> int:
        return n if self._p is None else self._p

    def matrix(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n p"]:
        return self.reconciliation.linear(self.transformation(items), None)

    def transform(self, items: Float[Tensor, "n d"], transformed: Float[Tensor, "n e"]) -> Float[Tensor, "p e"]:
        kappa = self.transformation(items).to(transformed.dtype)
        return self.reconciliation.between(right=[kappa.mT, transformed])


def _states_std(config: Config) -> bool:
    if not isinstance(config, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"reconciliation must be a mapping with _target_ or function_class, got {config!r}.")
    stated = (config.get("function_parameters") or {}) if "function_class" in config else config
    return stated.get("std") is not None
