"""What is searched, and by what. Free of torch, and of Optuna."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hybridfuse.report.metric import deciding, higher_is_better
from hybridfuse.sweep.search_ranges import Ranges
from hybridfuse.sweep.words import parsed


@dataclass(frozen=True)
class Question:
    """What is searched.

    Args:
        words: of the command, those of Hydra and of the sweep left out; those with several values are searched over.
        directories: where groups have their options.
        seeds: a trial is run with each of them, and worth the mean; none leaves the seed alone.
        metric: that decides, as records call it; None is the usual one of the task.
    """

    words: Sequence[str]
    directories: Sequence[Path]
    seeds: Sequence[int]
    metric: str | None

    @property
    def fixed(self) -> list[str]:
        """The words that all jobs share."""
        return [word for word in self.words if not parsed(word).is_sweep_override()]

    @property
    def ranges(self) -> Ranges:
        """What trials choose from."""
        return Ranges([word for word in self.words if parsed(word).is_sweep_override()], self.directories)

    @property
    def replicates(self) -> list[list[str]]:
        """The words that tell the jobs of a trial apart."""
        return [[f"seed={seed}"] for seed in self.seeds] or [[]]

    @property
    def facts(self) -> dict[str, str]:
        """What two trials must share to be compared."""
        return {
            "what varies": str(self.ranges),
            "what is fixed": " ".join(sorted(self.fixed)) or "nothing",
            "sweep.seeds": ",".join(map(str, self.seeds)) or "null",
            "sweep.metric": self.metric or "null",
        }

    def value(self, metrics: Mapping[str, float | None]) -> float | None:
        """What a job is worth, the more the better; None if it has no metric, or one that is no number."""
        name = self.metric or deciding(metrics)
        value = metrics.get(name)
        return None if value is None else value if higher_is_better(name) else -value
