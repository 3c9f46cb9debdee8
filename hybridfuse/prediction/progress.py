"""A bar for long work, where somebody sits at a terminal."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from hybridfuse.prediction.source import Source

T = TypeVar("T")


@contextmanager
def shown(source: Source) -> Generator["Bar", None, None]:
    """A bar of how much of a file is read, on the terminal of standard error; nothing where that is none."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield Bar(progress, source)


class Bar:
    """Moves a bar on as parts of a file are done with."""

    def __init__(self, progress: Progress, source: Source) -> None:
        self.progress, self.source = progress, source
        self.task = progress.add_task(source.path.name, total=1.0)

    def over(self, parts: Iterator[T]) -> Iterator[T]:
        """The parts."""
        for part in parts:
            yield part
            self.progress.update(self.task, completed=self.source.share)
