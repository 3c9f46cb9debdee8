"""Finds the hybrids of a network and the logger that draws."""

import pytorch_lightning as pl
from pytorch_lightning.loggers import TensorBoardLogger
from torch import nn
from torch.utils.tensorboard.writer import SummaryWriter

from hybridfuse.hybrid import HybridInterdependence


def outermost(network: nn.Module) -> dict[str, HybridInterdependence]:
    """The hybrids of a network that are not part of another, by a readable name such as `layer0_attribute`."""
    found = {name: module for name, module in network.named_modules() if isinstance(module, HybridInterdependence)}
    outer = {name: hybrid for name, hybrid in found.items() if not any(name.startswith(f"{o}.") for o in found)}
    places = {name: name.rpartition(".")[0].partition(".heads.") for name in outer}
    layers = list(dict.fromkeys(layer for layer, _, _ in places.values()))
    return {
        f"layer{layers.index(layer)}{f'_head{head}' if head else ''}_{outer[name].interdependence_type}": outer[name]
        for name, (layer, _, head) in places.items()
    }


def writer(trainer: pl.Trainer) -> SummaryWriter | None:
    """The TensorBoard writer of this process, if there is one."""
    logger = next((logger for logger in trainer.loggers if isinstance(logger, TensorBoardLogger)), None)
    return logger.experiment if logger is not None and trainer.is_global_zero else None
