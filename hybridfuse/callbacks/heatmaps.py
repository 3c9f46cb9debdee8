from typing import Any

import pytorch_lightning as pl
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from hybridfuse import check
from hybridfuse.callbacks import hybrids
from hybridfuse.functional import layout
from hybridfuse.hybrid import HybridInterdependence


class Heatmaps(pl.Callback):
    """Draws each Aᵢ and the fused A of every hybrid, for one training batch, at the start and at the end.

    Args:
        largest: rows and columns up to which a matrix is drawn in full; beyond, only so many of each. At least 1.
    """

    def __init__(self, largest: int = 256) -> None:
        self.largest = check.whole("largest", largest)

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._draw(trainer, pl_module, "start")

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._draw(trainer, pl_module, "end")

    def _draw(self, trainer: pl.Trainer, pl_module: pl.LightningModule, moment: str) -> None:
        writer = hybrids.writer(trainer)
        found = hybrids.outermost(pl_module)
        if writer is None or not found:
            return
        with torch.random.fork_rng(devices=[]):
            batch: Any = next(iter(trainer.datamodule.train_dataloader()))  # pyright: ignore[reportAttributeAccessIssue]
        x = trainer.precision_plugin.convert_input(batch[0].to(pl_module.device))
        with trainer.precision_plugin.forward_context():
            drawn = _matrices(pl_module, found, x)
        for layer, matrices in drawn.items():
            figure = _figure({name: layout.dense(matrix)[: self.largest, : self.largest] for name, matrix in matrices})
            writer.add_figure(f"A/{layer}/{moment}", figure, global_step=trainer.current_epoch)


def _matrices(
    network: nn.Module, found: dict[str, HybridInterdependence], x: Tensor
) -> dict[str, list[tuple[str, Tensor]]]:
    """The matrices of each hybrid as the network computes them from a batch, the fused one last."""
    names = {hybrid: layer for layer, hybrid in found.items()}
    matrices: dict[str, list[tuple[str, Tensor]]] = {}

    def watch(module: nn.Module, inputs: tuple[Tensor, ...], keywords: dict[str, Tensor], output: Tensor) -> None:
        if isinstance(module, HybridInterdependence):
            fused = (f"A ({module.fusion_function.name})", module.calculate_A(inputs[0]))
            matrices[names[module]] = [*module.calculate_matrices(inputs[0]).items(), fused]

    handles = [hybrid.register_forward_hook(watch, with_kwargs=True) for hybrid in names]
    training = network.training
    network.eval()
    try:
        with torch.no_grad():
            network(x)
    finally:
        network.train(training)
        for handle in handles:
            handle.remove()
    return matrices


def _figure(matrices: dict[str, Tensor]) -> Figure:
    """Matrices beside each other, each with its own colours, symmetric about 0."""
    figure = Figure(figsize=(3.2 * len(matrices), 3.0))
    panels: Any = figure.subplots(1, len(matrices), squeeze=False)[0]
    # Placed by hand: matplotlib's automatic layouts take longer than all the rest.
    figure.subplots_adjust(left=0.02, right=0.94, bottom=0.04, top=0.86, wspace=0.35)
    for panel, (name, matrix) in zip(panels, matrices.items(), strict=True):
        limit = max(float(matrix.abs().max()), 1e-12)
        pixels = matrix.detach().float().cpu().numpy()
        image = panel.imshow(pixels, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest", aspect="auto")
        panel.set_title(f"{name}\n{matrix.shape[0]} × {matrix.shape[1]}", fontsize=9)
        panel.set_axis_off()
        figure.colorbar(image, ax=panel, ticks=[-limit, 0.0, limit], format="%.2g", fraction=0.05)
    return figure
