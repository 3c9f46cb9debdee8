"""Which metric decides, and which way is better. Free of torch."""

from collections.abc import Iterable, Mapping

from hybridfuse import check

_HIGHER = ("accuracy", "f1", "r2")
_LOWER = ("loss", "rmse", "mae", "mse")
_SHARES = ("accuracy", "f1")
_DECIDES = ("accuracy", "rmse", "mse", "loss")


def higher_is_better(metric: str) -> bool:
    """Whether more of a metric such as `val/accuracy` is better.

    Raises:
        ValueError: if that is not known.
    """
    return check.choice("the metric", metric.rpartition("/")[2], (*_HIGHER, *_LOWER)) in _HIGHER


def is_share(metric: str) -> bool:
    """Whether a metric such as `val/accuracy` lies between 0 and 1."""
    return metric.rpartition("/")[2] in _SHARES


def deciding(names: Iterable[str]) -> str:
    """The metric on validation by which configurations are compared; empty if there is none on validation."""
    names = set(names)
    return next((f"val/{name}" for name in _DECIDES if f"val/{name}" in names), "")


def chosen(metric: str | None, names: Iterable[str]) -> str:
    """`metric`, which is one of validation where it names no split; without one that which decides.

    Raises:
        ValueError: if no run has it.
    """
    names = sorted(names, key=lambda name: (not name.startswith("val/"), name))
    if metric is not None:
        return check.choice("metric", metric if "/" in metric else f"val/{metric}", names)
    if not deciding(names):
        raise ValueError(f"metric must be given where no run has validation metrics, as one of {', '.join(names)}.")
    return deciding(names)


def chosen_of_each(metric: str | None, names: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """The metric of each data set: `metric`, or where its runs have none such, that which decides.

    Raises:
        ValueError: if no run of any has it.
    """
    if metric is not None and names:
        metric = chosen(metric, {name for some in names.values() for name in some})
    return {data: chosen(metric if metric in set(some) else None, some) for data, some in names.items()}


def beside(metric: str, names: Iterable[str]) -> list[str]:
    """What is shown beside the deciding metric: the same of test (of validation if test decides), then all of test."""
    split, _, name = metric.partition("/")
    counterpart = f"val/{name}" if split == "test" else f"test/{name}"
    tested = sorted(other for other in names if other.startswith("test/") and other != "test/loss")
    return [other for other in dict.fromkeys([counterpart, *tested]) if other in set(names) - {metric}]
