from collections.abc import Iterator, Sequence
from typing import Any

import pytorch_lightning as pl
from torch import Tensor, nn

from hybridfuse import check, interdependence
from hybridfuse.callbacks import hybrids
from hybridfuse.callbacks.aside import step_aside
from hybridfuse.discovery import concrete_classes
from hybridfuse.hybrid import HybridInterdependence
from hybridfuse.interdependence.base import Interdependence
from hybridfuse.interdependence.streamed_base import StreamedBase, fit_references

NUMBERS = 1 << 16
"""Of the data, read at a time where the rows of a batch have nothing to do with each other; a batch at least."""


class Reference(pl.Callback):
    """Gives every function that needs data, but no parameters, its matrix of the whole training split.

    On the attribute axis a batch is a sample of rows, and A of another batch another one. With a reference A is the
    same in training, validation, test and prediction, for any number of rows, and is kept in the checkpoint. It is
    computed by streaming batches: once for the data, at the beginning of each epoch for hidden layers, from which no
    gradient reaches it. On the instance axis A is of the batch always; so it is for functions with parameters.

    Args:
        batch: names of functions that are left to the batch, in use or, as in a sweep, not.
    """

    def __init__(self, batch: Sequence[str] = ()) -> None:
        self.batch = list(batch)
        self._changing: dict[HybridInterdependence, list[StreamedBase]] = {}

    def functions(self, network: nn.Module) -> dict[HybridInterdependence, list[StreamedBase]]:
        """The functions of each hybrid that get a reference, hybrids in the order of the network.

        Raises:
            ValueError: if one of them cannot be computed by streaming, or `batch` names what is none.
        """
        found = {hybrid: list(hybrid.leaves()) for hybrid in hybrids.outermost(network).values()}
        known = {leaf.name for leaves in found.values() for leaf in leaves}
        known |= concrete_classes(interdependence, Interdependence).keys()
        for name in self.batch:
            check.choice("reference.batch", name, sorted(known))
        chosen = {hybrid: [leaf for leaf in leaves if self._applies(leaf)] for hybrid, leaves in found.items()}
        return {hybrid: _streaming(leaves) for hybrid, leaves in chosen.items() if leaves}

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._changing = {}
        for hybrid, functions in self.functions(pl_module).items():
            if not self._fit(trainer, pl_module, hybrid, functions):
                self._changing[hybrid] = functions
        if not self._changing:
            step_aside(trainer, self)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        for hybrid, functions in self._changing.items() if trainer.current_epoch else ():
            self._fit(trainer, pl_module, hybrid, functions)

    def _applies(self, leaf: Interdependence) -> bool:
        of_data_alone = leaf.require_data and not leaf.require_parameters
        return of_data_alone and leaf.interdependence_type == "attribute" and leaf.name not in self.batch

    def _fit(
        self,
        trainer: pl.Trainer,
        network: pl.LightningModule,
        hybrid: HybridInterdependence,
        functions: Sequence[StreamedBase],
    ) -> bool:
        """Computes references of one hybrid; whether what it sees is the data itself, which does not change."""
        seen = _Inputs(trainer, network, hybrid)
        training = network.training
        network.eval()
        fit_references(functions, seen)
        network.train(training)
        return seen.are_data


def _streaming(leaves: Sequence[Interdependence]) -> list[StreamedBase]:
    streaming = [leaf for leaf in leaves if isinstance(leaf, StreamedBase)]
    for leaf in leaves:
        if leaf not in streaming:
            raise ValueError(
                f"{leaf.name} cannot be computed batch by batch from the whole training split; "
                f"'reference.batch=[{leaf.name}]' takes it from each batch, reference=batch all functions."
            )
    return streaming


class _ReachedError(Exception):
    """What a hybrid is given has been seen; the rest of the network need not run."""


class _Inputs:
    """What a hybrid inside a network is given for this process's share of the training rows, batch by batch."""

    def __init__(self, trainer: pl.Trainer, network: pl.LightningModule, hybrid: HybridInterdependence) -> None:
        self.trainer, self.network, self.hybrid = trainer, network, hybrid
        self.are_data = False
        types = [known.interdependence_type for known in hybrids.outermost(network).values()]
        self._relates_rows = "instance" in types

    def __iter__(self) -> Iterator[Tensor]:
        given: list[Tensor] = []

        def stop(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            given.append(inputs[0])
            raise _ReachedError

        for x in self._rows():
            handle = self.hybrid.register_forward_pre_hook(stop)
            try:
                with self.trainer.precision_plugin.forward_context():
                    self.network(x)
            except _ReachedError:
                self.are_data = given[-1] is x
                yield given.pop()
            finally:
                handle.remove()

    def _rows(self) -> Iterator[Tensor]:
        data: Any = self.trainer.datamodule  # pyright: ignore[reportAttributeAccessIssue]
        for x, *_ in data.reference_dataloader(None if self._relates_rows else max(data.b, NUMBERS // data.m)):
            share = x[self.trainer.global_rank :: self.trainer.world_size]
            if len(share):
                yield self.trainer.precision_plugin.convert_input(share.to(self.network.device))
