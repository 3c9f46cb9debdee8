"""The control: a network without any interdependence."""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn

from hybridfuse import check
from hybridfuse.instantiate import Config, instantiate


class Mlp(nn.Module):
    """Linear layers; between two of them normalisation, activation and dropout.

    Args:
        b: instances of a batch, of which nothing depends here.
        m: attributes of the data.
        outputs: classes or targets.
        activation: configuration of the module between layers.
        hidden: widths of the layers between.
        normalization: configuration of a module that is given the width, such as `torch.nn.LayerNorm`.
        dropout: share of the entries of hidden layers that is dropped. In [0, 1).
        bias: whether layers have a bias.

    Raises:
        ValueError: if a width is below 1 or dropout outside its range.
    """

    builds_its_parts = True

    def __init__(
        self,
        b: int,
        m: int,
        outputs: int,
        activation: Config,
        hidden: Sequence[int] = (),
        normalization: Config | None = None,
        dropout: float = 0.0,
        bias: bool = True,
    ) -> None:
        super().__init__()
        check.fraction("dropout", dropout)
        check.truth("bias", bias)
        steps: list[nn.Module] = []
        width = m
        for following in check.wholes("hidden", hidden):
            steps.append(nn.Linear(width, following, bias))
            steps += [] if normalization is None else [instantiate(normalization)(following)]
            steps += [instantiate(activation), nn.Dropout(dropout)]
            width = following
        self.layers = nn.Sequential(*steps, nn.Linear(width, outputs, bias))

    def forward(self, x: Float[Tensor, "b m"]) -> Float[Tensor, "b outputs"]:
        return self.layers(x)
