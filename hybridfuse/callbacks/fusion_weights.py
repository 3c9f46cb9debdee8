import pytorch_lightning as pl

from hybridfuse import epoch_log
from hybridfuse.callbacks import hybrids


class FusionWeights(pl.Callback):
    """Logs once an epoch what a weighting fusion gives each ξ, as `fusion/<layer>/<ξ>`, and likewise a balance."""

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        for layer, hybrid in hybrids.outermost(pl_module).items():
            for kind, numbers in (("fusion", hybrid.fusion_weights()), ("balance", hybrid.balance_scales())):
                epoch_log.log(trainer, {f"{kind}/{layer}/{name}": number for name, number in numbers.items()})
