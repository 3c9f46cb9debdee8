"""A time series in numbers: its parts in time, its scale, the naive forecast. Free of torch and polars."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from hybridfuse.data.split import number

Values = Float[np.ndarray, "times channels"]


@dataclass(frozen=True)
class Series:
    """Numbers of several channels at even steps of time, in their own units.

    Args:
        values: a row a time.
        channels: their names.
        checksum: SHA-256 of their source.
    """

    values: Values
    channels: list[str]
    checksum: str


class Sizes(NamedTuple):
    """Rows of each part, one part after the other."""

    train: int
    validation: int
    test: int


def sizes(rows: int, train: float | None, validation: float, test: float) -> Sizes:
    """Rows of each part of a series; each given as a share of all rows, below 1, or as their number.

    Args:
        rows: of the whole series.
        train: by default all that the others leave.

    Raises:
        ValueError: if one is not above 0, or neither below 1 nor whole, or all are more than there are rows.
        TypeError: if one is no number.
    """
    validated, tested = number("validation", validation, rows), number("test", test, rows)
    trained = rows - validated - tested if train is None else number("train", train, rows)
    if trained < 1 or trained + validated + tested > rows:
        given = f"{validated} + {tested}" if train is None else f"{trained} + {validated} + {tested}"
        raise ValueError(
            f"{'' if train is None else 'train + '}validation + test must be {'<' if train is None else '<='} {rows}, "
            f"the rows of the series, got {given}."
        )
    return Sizes(trained, validated, tested)


def statistics(values: Values) -> tuple[Float[np.ndarray, " channels"], ...]:
    """Mean and standard deviation of each channel; 1 for the latter where a channel does not vary."""
    largest = np.abs(values).max(axis=0)
    largest = np.where(largest > 0, largest, 1.0)
    unit = values / largest  # whose squares neither overflow nor vanish
    deviation = unit.std(axis=0) * largest
    constant = (values.max(axis=0) == values.min(axis=0)) | (deviation == 0)
    return unit.mean(axis=0) * largest, np.where(constant, 1.0, deviation)


def standardised(
    series: Series, mean: Float[np.ndarray, " channels"], scale: Float[np.ndarray, " channels"]
) -> Float[np.ndarray, "times channels"]:
    """(values - mean) / scale in float32.

    Raises:
        ValueError: if float32 cannot hold them.
    """
    with np.errstate(over="ignore"):
        values = ((series.values - mean) / scale).astype(np.float32)
    wrong = ~np.isfinite(values).all(axis=0)
    if wrong.any():
        channel = int(wrong.argmax())
        largest = float(np.abs(series.values[:, channel]).max())
        raise ValueError(
            f"column {series.channels[channel]!r} must hold numbers that float32 can scale, got {largest}."
        )
    return values


def last_value(values: Values, look_back_end: int, horizon: int) -> dict[str, float]:
    """MSE and MAE of forecasting the last value that is known, over all windows and all steps of the horizon.

    Args:
        values: a part of a series and what comes before it.
        look_back_end: index of the first value that is forecast.
    """
    known = values[look_back_end - 1 : len(values) - horizon].astype(np.float64)
    squared = absolute = 0.0
    for step in range(1, horizon + 1):
        errors = values[look_back_end - 1 + step : len(values) - horizon + step] - known
        squared += float(np.mean(errors**2)) / horizon
        absolute += float(np.mean(np.abs(errors))) / horizon
    return {"mse": squared, "mae": absolute}
