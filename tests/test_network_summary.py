"""The table of a network at the beginning of a run: what layers take, by which ways functions are applied."""

import pytest
import torch
from test_predict import QUICK, trained
from torch import nn

from catalogue import data, hybrid_of
from hybridfuse import network_table
from hybridfuse.model.mlp import Mlp


class Layer(nn.Module):
    """A hybrid, then a linear map."""

    def __init__(self, hybrid, outputs):
        super().__init__()
        self.hybrid, self.linear = hybrid, nn.Linear(hybrid.m, outputs, bias=False)

    def forward(self, x):
        related = self.hybrid(x) if self.hybrid.interdependence_type == "attribute" else self.hybrid(x, kappa_x=x)
        return self.linear(related)


def cells(line):
    return line.split()


def test_flops_and_parameters_are_those_of_matrix_products():
    network = Mlp(8, 6, 3, {"_target_": "torch.nn.ReLU"}, [5], bias=False)
    lines = network_table.text(network, torch.randn(8, 6)).splitlines()
    assert cells(lines[0]) == ["layer", "output", "parameters", "flop"]
    assert cells(lines[1]) == ["0", "linear", "8", "×", "5", "30", str(2 * 8 * 6 * 5)]
    assert cells(lines[2]) == ["1", "linear", "8", "×", "3", "15", str(2 * 8 * 5 * 3)]
    assert cells(lines[3])[:2] == ["all", "45"]
    assert len(lines) == 4


@pytest.mark.parametrize("axis", ["attribute", "instance"])
def test_each_function_has_its_way(axis):
    layers = [Layer(hybrid_of(["chain", "polynomial"], fusion, 8, 6, axis), 6) for fusion in ("sum", "max")]
    network = nn.Sequential(*layers).double()
    lines = [line.strip() for line in network_table.text(network, data(8, 6)).splitlines()]
    assert [line.partition(",")[0] for line in lines if line.startswith(axis)] == [f"{axis}: sum", f"{axis}: max"]
    assert [line for line in lines if line.startswith("chain")] == ["chain: applied by itself", "chain: built, sparse"]
    assert [line for line in lines if line.startswith("poly")][1] == "polynomial: built"


def test_a_network_in_training_is_left_as_it_was():
    network = nn.Sequential(nn.Linear(6, 4), nn.Dropout(0.5), nn.Linear(4, 2)).train()
    state = torch.random.get_rng_state()
    network_table.text(network, torch.randn(8, 6, generator=torch.Generator().manual_seed(0)))
    assert torch.random.get_rng_state().equal(state)
    assert all(module.training for module in network)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in network)


@pytest.mark.slow
def test_a_run_has_the_table_in_its_folder_and_for_tensorboard(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    words = [word for word in QUICK if not word.startswith("logger")]
    run, _ = trained(tmp_path, "data=iris", "interdependence=[gaussian_rbf,chain]", "model.hidden=[8]", *words)
    written = (run / "summary.txt").read_text()
    assert "gaussian_rbf: built and applied\n    chain: applied by itself" in written
    events = EventAccumulator(str(run)).Reload()
    shown = events.Tensors("summary/text_summary")[0].tensor_proto.string_val[0].decode()
    assert shown.replace("    ", "") == "\n".join(f"{line}" for line in written.splitlines()).replace("    ", "")
