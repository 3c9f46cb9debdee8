"""Configurations composed in bulk are those that Hydra composes, one by one."""

import random
from itertools import pairwise

import pytest
from omegaconf import OmegaConf

from hybridfuse import command
from hybridfuse.command import CommandError
from hybridfuse.main import conf_directory
from hybridfuse.sweep import plugins, words
from hybridfuse.sweep.composition import Composer

CONF = conf_directory()
plugins.register()


def by_hydra(given, config_dir=None):
    """What Hydra and OmegaConf make of words, and the option of each group."""
    config = command.composed(CONF, given, config_dir)
    plain = OmegaConf.to_container(
        OmegaConf.masked_copy(config, [key for key in config if key != "hydra"]), resolve=True
    )
    plain.pop("sweep")
    return plain, OmegaConf.to_container(config.hydra.runtime.choices)


def same(composer, given, config_dir=None):
    """Whether ours are the same, functions in the same order."""
    expected, choices = by_hydra(given, config_dir)
    draft = composer.draft(given)
    found = draft.description().plain
    orders = [list(plain["hybrid"]["interdependence_function_configs"]) for plain in (found, expected)]
    return found == expected and draft.shared.choices == choices and orders[0] == orders[1]


def chosen(group, number, seed):
    """Some options of a group, without those that need settings of their own to be resolved."""
    names = [name for name in command.options([CONF], group) if name not in ("csv", "parquet")]
    return random.Random(seed).sample(names, number)


GROUPS = ("fusion", "postprocess", "scheduler", "optimizer", "reference", "transformation", "fusion@second.fusion")
VALUES = [
    ["optimizer.lr=0.25", "seed=3"],
    ["model.hidden=[4,5]", "~callbacks.progress", "+model.new.deep=${seed}"],
    ["trainer.max_epochs=null", "runs='a ${seed}'", "+trainer.x=[${device.threads}]"],
    ["+model.activation={inplace:true}", "++seed=4", "device.threads=2"],
    ["+model.layers.0.dropout=0.5", "data.batch_size=${trainer.max_epochs}"],
]


def test_random_combinations_are_those_of_hydra(monkeypatch):
    calls = []
    composed = command.composed
    monkeypatch.setattr(command, "composed", lambda *given: calls.append(given) or composed(*given))
    draws = random.Random(1)
    composer = Composer(CONF)
    jobs = []
    for number in range(10):
        functions = draws.sample(command.options([CONF], "interdependence"), draws.randint(1, 4))
        groups = [f"{group}={draws.choice(command.options([CONF], group.partition('@')[0]))}" for group in GROUPS]
        model = [f"model={draws.choice(['rpn', 'mlp'])}", f"data={draws.choice(['iris', 'mnist'])}"]
        jobs.append([f"interdependence=[{','.join(functions)}]", *groups, *model, *VALUES[number % 5]])
    for job in jobs:
        composer.draft(job)
    assert len(calls) <= 2 + 4  # kinds of what is no plain file, and values that OmegaConf is asked for, two in five
    for job in jobs[2:]:
        assert same(composer, job), job


def test_experiments_that_change_other_groups_are_those_of_hydra():
    composer = Composer(CONF)
    for experiment in ("digits_weighted", "etth1_chain"):
        for fusion in ("sum", "max"):
            assert same(composer, [f"experiment={experiment}", "interdependence=[chain]", f"fusion={fusion}"])


def test_options_of_the_user_are_composed_as_any(tmp_path):
    files = {
        "interdependence/mine": "# @package interdependence.mine\n_target_: hybridfuse.interdependence.Identity\n",
        "fusion/odd": "_target_: hybridfuse.fusion.sum.Sum\n",
        "fusion/deep": "# @package fusion\ndefaults:\n  - max\n  - _self_\nmore: 1\n",
        "fusion/wide": "# @package _global_\nfusion:\n  _target_: hybridfuse.fusion.max.Max\nlabel_smoothing: 0.5\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.yaml").write_text(text)
    composer = Composer(CONF, str(tmp_path))
    for fusion in ("mean", "odd", "deep", "wide", "sum"):
        for functions in ("[chain,mine]", "[mine]"):
            assert same(composer, [f"fusion={fusion}", f"interdependence={functions}"], str(tmp_path)), fusion


def test_a_defaults_list_that_follows_other_options_is_left_to_hydra(tmp_path):
    for group in ("more", "data"):
        (tmp_path / group).mkdir()
    for fusion in ("mean", "max"):
        (tmp_path / "more" / f"{fusion}.yaml").write_text(f"# @package _global_\nmore: {fusion}\n")
    (tmp_path / "data" / "follows.yaml").write_text("defaults:\n  - iris\n  - /more: ${fusion}\n  - _self_\n")
    composer = Composer(CONF, str(tmp_path))
    for fusion in ("mean", "max"):
        assert same(composer, ["data=follows", f"fusion={fusion}"], str(tmp_path))
        assert composer.draft(["data=follows", f"fusion={fusion}"]).shared.plain["more"] == fusion


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("optimizer.lrr=0.1", "optimizer.lrr is no setting; did you mean optimizer.lr?"),
        ("+optimizer.lr=0.1", "optimizer.lr is a setting already: leave out the +"),
        ("model.dropout=${nothing}", "the configuration is incomplete: Interpolation key 'nothing' not found"),
        ("seed=${seed}", "the configuration is incomplete: "),
        ("model.activation._target_=os.system", "_target_ must lie in "),
        ("runs=", "runs must be a folder, got ''"),
        ("force=maybe", "force must be true or false, got 'maybe'"),
    ],
)
def test_what_cannot_be_composed_is_said_as_for_a_single_run(given, message):
    composer = Composer(CONF)
    composer.draft(["fusion=mean"])
    with pytest.raises(CommandError) as error:
        composer.draft(["fusion=max", given]).description().plain["model"]
    assert message in str(error.value)


def test_an_experiment_s_settings_of_functions_that_are_not_in_use_are_left_out():
    draft = Composer(CONF).draft(["experiment=cora_hybrid", "interdependence=[chain]"])
    assert list(draft.description().plain["model"]["hybrid"]["interdependence_function_configs"]) == ["chain"]


def test_configurations_share_what_they_have_in_common():
    composer = Composer(CONF)
    plain = [composer.draft([f"optimizer.lr={rate}", "fusion=max"]).shared.plain for rate in (0.1, 0.2, 0.3)]
    for one, other in pairwise(plain):
        assert one["optimizer"] != other["optimizer"]
        assert [name for name in one if one[name] is not other[name]] == ["optimizer"]


@pytest.mark.parametrize(
    "value", ["3", "-4", "0", "0.5", "-12.25", "abc", "true", "Null", "inf", "nan", "1e3", "00", "1_0", ".5"]
)
def test_a_plain_word_is_read_as_hydra_reads_it(value):
    read, expected = words.parsed(f"a.b={value}"), words._by_hydra(f"a.b={value}")
    assert repr(read.value()) == repr(expected.value())
    assert (read.type, read.key_or_group, read.value_type) == (
        expected.type,
        expected.key_or_group,
        expected.value_type,
    )
