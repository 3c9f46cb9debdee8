"""The network of RPN 2: a chain of layers, each with a hybrid interdependence of its own."""

from collections.abc import Sequence
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from hybridfuse import check
from hybridfuse.instantiate import Config
from hybridfuse.model import rpn_build
from hybridfuse.model.layer_settings import Changes, LayerSettings, of_layers


class Rpn(nn.Module):
    """Layers of `RpnLayer`, or of several heads each; between two of them normalisation, activation and dropout.

    Configurations, not objects, since every layer builds its own parts for its own sizes.

    Args:
        b: instances of a batch.
        m: attributes of the data.
        outputs: classes or targets.
        transformation: of κ.
        reconciliation: of ψ.
        remainder: of π.
        activation: of the module between layers.
        hybrid: of the hybrid on the chosen axis.
        second_hybrid: of a hybrid on the other axis; left out where it has no functions.
        hidden: widths of the layers between.
        hybrid_layers: how many layers, from the first, have the hybrids; by default all.
        normalization: of a module that is given the width, such as `torch.nn.LayerNorm`; none by default.
        dropout: share of the entries of hidden layers that is dropped. In [0, 1).
        input_dropout: share of the entries that the first layer drops before ψ; relations see all. In [0, 1).
        instance_dropout: share of the instances that the first layer hides from the others. In [0, 1).
        bias: whether layers have a bias.
        channels: ψ of a head. At least 1.
        channel_fusion: of the fusion that joins the outputs of channels; their mean by default. Where it puts them
            side by side, each makes a share of the outputs.
        heads: of a layer, each with hybrids, κ, ψ and π of its own. At least 1.
        head_fusion: of the fusion that joins the outputs of heads, likewise.
        layers: what is different in some layers, by number from 0 or in order: any of these settings, but for sizes
            and numbers of layers. A configuration without a class changes parameters of the network's own.
        links: of the graph whose nodes the instances are, for the hybrids; none by default.

    Raises:
        ValueError: if an instance hybrid would change the number of rows, a part refuses its sizes, a fusion makes
            another number of outputs, or there is no such layer or setting.

    References: RPN 2 (2024), arXiv 2411.11162, section 3.
    """

    builds_its_parts = True

    def __init__(
        self,
        b: int,
        m: int,
        outputs: int,
        transformation: Config,
        reconciliation: Config,
        remainder: Config,
        activation: Config,
        hybrid: Config | None = None,
        second_hybrid: Config | None = None,
        hidden: Sequence[int] = (),
        hybrid_layers: int | None = None,
        normalization: Config | None = None,
        dropout: float = 0.0,
        input_dropout: float = 0.0,
        instance_dropout: float = 0.0,
        bias: bool = True,
        channels: int = 1,
        channel_fusion: Config | None = None,
        heads: int = 1,
        head_fusion: Config | None = None,
        layers: Changes | None = None,
        links: Any = None,
    ) -> None:
        super().__init__()
        common = LayerSettings(
            transformation=transformation,
            reconciliation=reconciliation,
            remainder=remainder,
            activation=activation,
            hybrid=hybrid,
            second_hybrid=second_hybrid,
            normalization=normalization,
            dropout=dropout,
            input_dropout=input_dropout,
            instance_dropout=instance_dropout,
            bias=bias,
            channels=channels,
            channel_fusion=channel_fusion,
            heads=heads,
            head_fusion=head_fusion,
        )
        widths = [m, *check.wholes("hidden", hidden), outputs]
        last = len(widths) - 2
        steps: list[nn.Module] = []
        for number, settings in enumerate(of_layers(common, layers, last + 1, hybrid_layers)):
            place = rpn_build.Place(number, b, widths[number], widths[number + 1], links)
            steps.append(rpn_build.layer(settings, place))
            steps += rpn_build.between(settings, place.outputs) if number < last else []
        self.layers = nn.Sequential(*steps)

    def forward(self, x: Float[Tensor, "b m"]) -> Float[Tensor, "b outputs"]:
        return self.layers(x)
