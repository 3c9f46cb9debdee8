import pytorch_lightning as pl

from hybridfuse.callbacks import hybrids
from hybridfuse.fusion.weighted_base import WeightedBase


class FusionWeights(pl.Callback):
    """Logs, once an epoch, the weight that a learned or gated sum gives each ξ, as `fusion/<layer>/<ξ>`."""

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        for layer, hybrid in hybrids.outermost(pl_module).items():
            fusion = hybrid.fusion_function
            if isinstance(fusion, WeightedBase):
                weights = zip(hybrid.functions, fusion.weights().detach().float().unbind(), strict=True)
                pl_module.log_dict({f"fusion/{layer}/{name}": weight for name, weight in weights})
