"""The leaderboard: a configuration a line, its means over seeds, and which of them may be the best. Free of torch."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.table import Table

from hybridfuse.report.estimate import Estimate
from hybridfuse.report.row import Row


@dataclass(frozen=True, slots=True)
class Entry:
    """A configuration.

    Args:
        label: its readable name.
        rows: its finished runs, one a seed, by seed.
        estimates: by metric.
        standing: best, tied (not significantly worse), worse, no test (fewer than two seeds in common with the best),
            or no result (no finite value).
        p: of its difference from the best, corrected; None where there is no test.
    """

    label: str
    rows: tuple[Row, ...]
    estimates: Mapping[str, Estimate]
    standing: str
    p: float | None

    @property
    def kind(self) -> str:
        """fused, single, identity or control."""
        return self.rows[0].kind

    @property
    def seconds(self) -> float:
        """Mean time of a run; NaN if no run says it."""
        found = [row.seconds for row in self.rows if row.seconds is not None]
        return sum(found) / len(found) if found else math.nan

    @property
    def parameters(self) -> int | None:
        """How many are learned."""
        return max((row.parameters for row in self.rows if row.parameters is not None), default=None)

    def values(self, metric: str) -> dict[int, float]:
        """By seed; NaN where a run has none."""
        return {row.seed: row.metrics.get(metric, math.nan) for row in self.rows}


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """Configurations on one data set, the best first.

    Args:
        data: what the data set is called.
        metric: that decides, such as `val/accuracy`.
        others: metrics shown beside it.
        entries: of the configurations.
        naive: of the naive answer, by metric.
        caption: what the numbers are.
        notes: what to know before believing them; a sentence each.
    """

    data: str
    metric: str
    others: Sequence[str]
    entries: Sequence[Entry]
    naive: Mapping[str, Estimate]
    caption: str
    notes: Sequence[str]

    @property
    def metrics(self) -> list[str]:
        """That which decides, then the others."""
        return [self.metric, *self.others]

    def lines(self, top: int | None = None) -> list[str]:
        """For a screen that draws nothing, or a file: title, table, caption and notes.

        Args:
            top: how many configurations to show; None shows all.
        """
        from hybridfuse.report import screen, sheet

        return screen.lines(sheet.sheet(self, top))

    def table(self, top: int | None = None) -> Table:
        """For a terminal, without caption and notes."""
        from hybridfuse.report import screen, sheet

        return screen.table(sheet.sheet(self, top))
