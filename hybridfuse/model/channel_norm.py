"""Batch normalisation of what is made of channels."""

from jaxtyping import Float
from torch import Tensor, nn

from hybridfuse import check


class ChannelNorm(nn.Module):
    r"""Normalises each channel by its mean and variance over the batch and over its cells.

    $$y_{buc} = \gamma_u \frac{x_{buc} - \mu_u}{\sqrt{\sigma_u^2 + 10^{-5}}} + \beta_u$$

    The attributes are channels u one after the other, as `Patchwise` makes them; cells c of one share γ and β, and
    where it does not vary, y is β. Prediction takes running means of μ and σ², in steps of a tenth.

    Args:
        width: attributes.
        channels: as many as divide the width. At least 1.

    Raises:
        ValueError: if channels is below 1 or does not divide; from training, if a channel of a batch is one number.

    References: Ioffe & Szegedy (2015), Batch normalization, section 3.2.
    """

    def __init__(self, width: int, channels: int) -> None:
        super().__init__()
        if width % check.whole("channels", channels):
            raise ValueError(f"channels must divide the {width} attributes, got {channels}.")
        self.norm = nn.BatchNorm1d(channels)

    def forward(self, x: Float[Tensor, "b width"]) -> Float[Tensor, "b width"]:
        return self.norm(x.unflatten(1, (self.norm.num_features, -1))).flatten(1)
