import pytorch_lightning as pl

from hybridfuse import epoch_log
from hybridfuse.callbacks import hybrids
from hybridfuse.fusion.weighted_base import WeightedBase


class FusionWeights(pl.Callback):
    """Logs once an epoch what a weighting fusion gives each ξ, as `fusion/<layer>/<ξ>`, and likewise a balance."""

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        for layer, hybrid in hybrids.outermost(pl_module).items():
            fusion = hybrid.fusion_function
            logged = {"fusion": fusion.weights()} if isinstance(fusion, WeightedBase) else {}
            logged |= {} if hybrid.balance is None else {"balance": hybrid.balance.scales()}
            for kind, numbers in logged.items():
                weights = zip(hybrid.functions, numbers.detach().float().unbind(), strict=True)
                epoch_log.log(trainer, {f"{kind}/{layer}/{name}": weight for name, weight in weights})
