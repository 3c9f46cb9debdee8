"""The hybrid: several interdependence functions, fused into one."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hybridfuse import check, parts
from hybridfuse.balance.base import Balance
from hybridfuse.functional.fused import Fused
from hybridfuse.functional.stored import Stored
from hybridfuse.fusion.base import Fusion
from hybridfuse.fusion.weighted_base import WeightedBase
from hybridfuse.instantiate import Config, instantiate, lacks
from hybridfuse.interdependence.base import Interdependence, InterdependenceType
from hybridfuse.interdependence.stored_base import StoredBase
from hybridfuse.named_part import NamedPart, settings
from hybridfuse.path import Built, Recipe
from hybridfuse.plan import Plan, planned
from hybridfuse.postprocess.base import Postprocess

Functions = Mapping[str, Interdependence] | Sequence[Interdependence]
FunctionConfigs = Mapping[str, Config] | Sequence[Config]


class HybridInterdependence(StoredBase):
    r"""Several interdependence functions and a fusion; itself an interdependence function, so that hybrids nest.

    $$\xi(X) = \operatorname{post}(\operatorname{fusion}(s_1 \xi_1(X), \ldots, s_k \xi_k(X)))$$

    The s_i are those of `balance`, 1 without one.

    Learnable parameters are those of each function in turn, then the fusion's, then the balance's. Without data and
    parameters, A is computed once, and of functions with a reference as long as that stays, unless it is a dense sum,
    which is applied part by part, or a multiple of a single function's. Functions and configurations of the caller are
    never changed; a function given as an object becomes a submodule as it is.

    Args:
        name: what messages call the hybrid.
        interdependence_functions: objects, by name or in order; of the same type and m as the hybrid.
        interdependence_function_configs: configurations, by name or in order, in Hydra's form or as
            `{function_class, function_parameters}`; b, m and the type are handed to each. Ignored if objects are given.
        fusion_function: the fusion.
        fusion_function_config: its configuration; `dims` is handed to it. Ignored if the object is given.
        postprocess: applied to the fused matrix, or its configuration; nothing by default.
        device: where the hybrid and all its parts are moved.
        balance: makes matrices of different magnitude fit to be fused, or its configuration; nothing by default.
        links: of the graph whose nodes the instances are; handed to each configured function of the instance type that
            takes links and has neither links nor a path of its own.

    Raises:
        ValueError: if there are neither functions nor configurations, or there is no fusion, or a function is of
            another type or m, or matrices do not fit together.

    References: RPN 2 (2024), arXiv 2411.11162, hybrid interdependence.
    """

    builds_its_parts = True

    def __init__(
        self,
        b: int,
        m: int,
        interdependence_type: InterdependenceType = "attribute",
        name: str = "hybrid_interdependence",
        interdependence_functions: Functions | None = None,
        interdependence_function_configs: FunctionConfigs | None = None,
        fusion_function: Fusion | None = None,
        fusion_function_config: Config | None = None,
        postprocess: Postprocess | Config | None = None,
        device: torch.device | str | None = None,
        balance: Balance | Config | None = None,
        links: Any = None,
    ) -> None:
        super().__init__(b, m, interdependence_type)
        self.name = name
        functions = self._handed(interdependence_functions) or self._built(interdependence_function_configs, links)
        if not functions:
            raise ValueError(
                f"{name} needs interdependence_functions or interdependence_function_configs, got neither."
            )
        for part in functions:
            if not part.isidentifier() or hasattr(nn.ModuleDict, part):
                raise ValueError(f"a function of {name} must be called by a plain word, got {part!r}.")
        self.parts = nn.ModuleDict(functions)
        self.fusion_function = self._fusion(fusion_function, fusion_function_config)
        post = instantiate(postprocess) if isinstance(postprocess, Mapping) else postprocess
        self.postprocess = None if post is None else check.kind("postprocess", post, Postprocess)
        self.balance = self._balance(balance)
        # A symmetric fusion takes them by what they are, so that their order does not count.
        is_free = self.fusion_function.symmetric and self.balance is None
        self._order = sorted(functions, key=lambda part: settings(functions[part])) if is_free else list(functions)
        self._fused = Fused()
        is_fused = self.recipe.weights is None or (self.sparse and len(functions) > 1)
        if is_fused and not self.require_data and not self.require_parameters:
            self.store()
        if device is not None:
            self.to(device)

    @property
    def require_data(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Whether any function computes its matrix from x."""
        return any(function.require_data for function in self.interdependence_functions)

    @property
    def sparse(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Whether A is sparse."""
        return self.recipe.sparse

    @property
    def recipe(self) -> Recipe:
        """What A is made of, and how."""
        parts = [NamedPart(self.name, name, self.functions[name]) for name in self._order]
        return Recipe(parts, self.fusion_function, self.balance, self.postprocess, self._fused, self.constants)

    @property
    def functions(self) -> dict[str, Interdependence]:
        """The functions by their names."""
        return dict(self.parts.items())  # pyright: ignore[reportReturnType]

    @property
    def interdependence_functions(self) -> list[Interdependence]:
        """The functions in their order."""
        return list(self.functions.values())

    def get_function_parameter_numbers(self) -> list[int]:
        """Numbers of learnable parameters: of each function, of the fusion, of the balance if there is one."""
        balance = [] if self.balance is None else [sum(parameter.numel() for parameter in self.balance.parameters())]
        functions = [function.calculate_l() for function in self.interdependence_functions]
        return [*functions, self.fusion_function.calculate_l(), *balance]

    def fusion_weights(self) -> dict[str, Tensor]:
        """What a fusion with learned or data-dependent weights gives each function, by its name; empty for others."""
        fusion = self.fusion_function
        return self._by_name(fusion.weights()) if isinstance(fusion, WeightedBase) else {}

    def balance_scales(self) -> dict[str, Tensor]:
        """What the balance multiplied each matrix by, by the name of its function; empty without a balance."""
        return {} if self.balance is None else self._by_name(self.balance.scales())

    def _by_name(self, numbers: Float[Tensor, " k"]) -> dict[str, Tensor]:
        """None before a batch has been seen that they follow from."""
        return dict(zip(self.functions, numbers.detach().float().unbind(), strict=True)) if len(numbers) else {}

    def columns(self, n: int) -> int:
        return self.fusion_function.calculate_n([function.columns(n) for function in self.interdependence_functions])

    def leaves(self) -> Iterator[Interdependence]:
        for function in self.interdependence_functions:
            yield from function.leaves()

    def calculate_matrices(self, x: Tensor | None = None) -> dict[str, Tensor]:
        """The matrix of each function, before the fusion, by its name; x as for `calculate_A`."""
        items = self._items(x)
        matrices = {part.name: part.relate(items) for part in self.recipe.parts}
        return {name: matrices[name] for name in self.functions}

    def explain(self, x: Tensor | None = None, kappa_x: Tensor | None = None) -> Plan:
        """Prints how the hybrid is applied to a batch: each part, its way, and what that takes beside the plain way.

        Arguments and errors are those of a call.
        """
        plan = planned(self, *self._operands(x, kappa_x))
        print(plan)
        return plan

    def matrix(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n p"]:
        stored = self.stored_for(items)
        return self.recipe.matrix(items) if stored is None else stored

    def transform(self, items: Float[Tensor, "n d"], transformed: Float[Tensor, "n e"]) -> Float[Tensor, "p e"]:
        """By the cheapest exact way, which `explain` tells."""
        kept = self.kept(items)
        return self.recipe.product(items, transformed) if kept is None else kept.product(transformed)

    def builds_matrix(self, items: Float[Tensor, "n d"], e: int) -> bool:
        return not self.sparse and (self.kept(items) is not None or isinstance(self.recipe.path(items, e), Built))

    def constants(self, items: Float[Tensor, "n d"]) -> list[Tensor] | None:
        own = [module for module in (self.fusion_function, self.balance, self.postprocess) if module is not None]
        found = [buffer for module in own for buffer in module.buffers()]
        for function in self.interdependence_functions:
            if (constants := function.constants(items)) is None:
                return None
            found += constants
        return None if any(True for module in own for _ in module.parameters()) else found

    def entries(self, items: Float[Tensor, "n d"], pattern: Float[Tensor, "n p"]) -> Float[Tensor, " z"]:
        of_parts = None if self.kept(items) is not None else self.recipe.entries(items, pattern)
        return super().entries(items, pattern) if of_parts is None else of_parts

    def store(self, like: Tensor | None = None) -> None:
        with torch.no_grad():
            self.stored = Stored(self.recipe.matrix(self._items(None, like)))

    def _handed(self, functions: Functions | None) -> dict[str, Interdependence]:
        """The caller's functions by name, found to be of this hybrid's type and m."""
        if functions is None:
            return {}
        listed = functions if isinstance(functions, Mapping) else list(functions)
        for function in listed.values() if isinstance(listed, Mapping) else listed:
            check.kind("interdependence_functions", function, Interdependence)
        named = dict(listed) if isinstance(listed, Mapping) else parts.named([f.name for f in listed], listed)
        if len({id(function) for function in named.values()}) < len(named):
            raise ValueError(f"{self.name} takes each function once, got the same object twice in {', '.join(named)}.")
        for name, function in named.items():
            parts.check_fits(self, name, function)
        return named

    def _built(self, configs: FunctionConfigs | None, links: Any) -> dict[str, Interdependence]:
        """Functions built from configurations, by name."""
        if not configs:
            return {}
        if isinstance(configs, str) or not isinstance(configs, (Mapping, Sequence)):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"interdependence_function_configs must be a mapping or a sequence, got {configs!r}.")
        listed = (
            configs
            if isinstance(configs, Mapping)
            else parts.named([parts.stem(config) for config in configs], configs)
        )
        sizes = {"b": self.b, "m": self.m, "interdependence_type": self.interdependence_type}
        related = links is not None and self.interdependence_type == "instance"
        built: dict[str, Interdependence] = {}
        for name, config in listed.items():
            try:
                given = {"links": links} if related and lacks(config, "links", ["path"]) else {}
                built[str(name)] = check.kind(
                    "interdependence_function_configs", instantiate(config, sizes | given), Interdependence
                )
            except (ValueError, TypeError, OSError) as error:
                raise type(error)(f"{name}: {error}") from error
        return built

    def _fusion(self, fusion: Fusion | None, config: Config | None) -> Fusion:
        if fusion is None and not config:
            raise ValueError(f"{self.name} needs fusion_function or fusion_function_config, got neither.")
        dims = [function.columns(self.n) for function in self.interdependence_functions]
        built = check.kind("fusion_function", fusion or instantiate(config or {}, {"dims": dims}), Fusion)
        built.check_shapes([(self.n, dim) for dim in dims], list(self.functions))
        built.calculate_n(dims)
        return built

    def _balance(self, balance: Balance | Config | None) -> Balance | None:
        if isinstance(balance, Mapping):
            dims = [function.columns(self.n) for function in self.interdependence_functions]
            balance = instantiate(balance, {"dims": dims})
        return None if balance is None else check.kind("balance", balance, Balance)
