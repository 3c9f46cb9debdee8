"""Whom a run tells what it does."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hybridfuse.record import Record

if TYPE_CHECKING:
    import pytorch_lightning as pl


class Reporter:
    """Told what happens to a run; says nothing itself."""

    def begun(self, record: Record, data: Any) -> None:
        """Training is about to begin."""

    def again(self, earlier: Mapping[str, Any]) -> None:
        """There is an earlier attempt that is not done, and is left behind."""

    def already_done(self, record: Record, earlier: Mapping[str, Any]) -> None:
        """There is nothing to do."""

    def results(self, record: Record) -> None:
        """The run is done."""

    def exported(self, sentence: str) -> None:
        """A file was made of the network; a sentence says where."""

    def interrupted(self, record: Record) -> None:
        """The run was interrupted."""

    def failed(self, record: Record, sentence: str) -> None:
        """The run has failed, for a reason that fits a sentence."""

    def callbacks(self, config: Mapping[str, Any]) -> "list[pl.Callback]":
        """What watches the epochs, given the configuration of callbacks."""
        return []
