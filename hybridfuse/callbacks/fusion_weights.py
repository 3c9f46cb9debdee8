import pytorch_lightning as pl

from hybridfuse.callbacks import hybrids
from hybridfuse.fusion.weighted_sum_learned import WeightedSumLearned


class FusionWeights(pl.Callback):
    """Logs, once an epoch, the weight that a learned sum gives each ξ, as `fusion/<layer>/<ξ>`."""

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        for layer, hybrid in hybrids.outermost(pl_module).items():
            fusion = hybrid.fusion_function
            if isinstance(fusion, WeightedSumLearned):
                weights = zip(hybrid.functions, fusion.weight.detach().unbind(), strict=True)
                pl_module.log_dict({f"fusion/{layer}/{name}": weight for name, weight in weights})
