from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor

from hybridfuse import check
from hybridfuse.bandwidth import Positive
from hybridfuse.functional import distance, kernel
from hybridfuse.functional.pairs import ALL, Pairs
from hybridfuse.functional.summary import Sums
from hybridfuse.interdependence.base import InterdependenceType
from hybridfuse.interdependence.entrywise_base import EntrywiseBase


class AnisotropicRbf(EntrywiseBase):
    r"""Relates items by an exponential of their squared distance, each feature with a weight of its own.

    $$A_{ij} = \exp\left(-\sum_k a_k (x_{ik} - x_{jk})^2\right)$$

    In [0, 1], symmetric, positive semi-definite, exactly 1 on the diagonal. A feature of weight 0 is left out.

    Args:
        weights: a_k, one for each feature of an item, or one number for all; as a list, tuple, tensor or array. In
            1 / squared units of x. At least 0, and above 0 where they are learned.
        learnable: whether a weight for each feature is learned. On the attribute axis features are the rows of a
            batch, whose size is then fixed, as it is by a list of weights.

    Raises:
        ValueError: if weights are negative, not finite or not as many as features, or 0 and learned.

    References: RPN 2 (2024), arXiv 2411.11162, numerical kernels. Neal (1996), Bayesian Learning for Neural Networks.
    """

    cost = "n² d"

    def __init__(
        self,
        b: int,
        m: int,
        interdependence_type: InterdependenceType = "attribute",
        weights: float | Sequence[float] | Tensor = 1.0,
        learnable: bool = False,
    ) -> None:
        super().__init__(b, m, interdependence_type)
        given = getattr(weights, "tolist", lambda: weights)()
        each = check.truth("learnable", learnable) or isinstance(given, Sequence)
        numbers = given if isinstance(given, Sequence) else [given] * (self.d if each else 1)
        self.weights = [_not_negative(number) for number in check.numbers("weights", numbers)]
        if each and len(self.weights) != self.d:
            raise ValueError(f"weights must be one for each of {self.d} features of an item, got {len(self.weights)}.")
        if learnable and not min(self.weights):
            raise ValueError("weights must be > 0 where they are learned, got 0.")
        self.bound_sizes = frozenset({"d"}) if each else frozenset()
        self.largest = max(self.weights) or 1.0
        self.learned = Positive(self.weights) if learnable else None

    def summary(self, items: Float[Tensor, "n d"], pairs: Pairs = ALL) -> Sums:
        self.check_sizes(items)
        if self.learned is None:
            shares = items.new_tensor([weight / self.largest for weight in self.weights])
        else:
            shares = self.learned(items, self.largest)
        return Sums(distance.squared_euclidean(items * shares.sqrt(), self.largest**-0.5, pairs))

    def from_summary(self, summary: Sums) -> Float[Tensor, "*pairs"]:
        return kernel.exponential(summary.total, 1.0)


def _not_negative(weight: float) -> float:
    if weight < 0:
        raise ValueError(f"weights must be >= 0, got {weight}.")
    return weight
