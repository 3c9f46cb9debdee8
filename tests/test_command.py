"""The command line before anything runs: one sentence for each mistake, exit code 2, no torch."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from hybridfuse import command, relocated, targets, usage
from hybridfuse.command import CommandError
from hybridfuse.instantiate import instantiate
from hybridfuse.main import conf_directory

CONF = conf_directory()

WRONG = {
    "fusion=meen": r"fusion must be among attention, .*, got meen; did you mean mean\?",
    "interdependence=[cosine]": r"interdependence must be among .*, got cosine; did you mean cosine_similarity\?",
    "interdependence=cosine": r"got cosine; did you mean cosine_similarity\?",
    "interdependence=[]": r"interdependence must name at least one of anisotropic_rbf, .*, got \[\]",
    "interdependence=[chain,chain]": r"names chain twice; .*'\+interdependence@interdependence.second_chain=chain'",
    "interdependence@second.interdependence=[attention,chian]": r"must be among .*, got chian; did you mean chain\?",
    "-m interdependence@second.interdependence=[attention],[chian]": r"got chian; did you mean chain\?",
    "interdependence@second.interdependence=[chain,chain]": r"'\+interdependence@second.interdependence.second_ch",
    "interdependence.parameterized_lowrank.rnk=2": r"rnk is no setting; did you mean .*parameterized_lowrank.rank\?",
    "interdependence.gaussian_rbf.sigma=2": r"gaussian_rbf is not in use: interdependence is \[chain, ",
    "fusion.eps=3": r"fusion.eps is no setting: fusion is Sum, which has none\.",
    "interdependence.chain.lenght=3": r"lenght is no setting: interdependence.chain is Chain, which has bi_.*, norm.*",
    "second.interdependence.chain.x=3": r"since chain is not in use: second.interdependence is \[\]",
    "trainr.max_epochs=3": r"did you mean trainer.max_epochs\?",
    "sweep.seeds=3": r"sweep.seeds=3 is for a sweep: add -m",
    "+sweep.more=3": r"\+sweep.more=3 is for a sweep: add -m",
    "data=iris sweep.dry_run=true": r"sweep.dry_run=true is for a sweep: add -m",
    "data.target=ζ": r"cannot read the command: data.target=ζ needs quotes .*: 'data.target=\"ζ\"'",
    "-m fusion=mean,max data.target=ζ": r"'data.target=\"ζ\"'",
    "seed=1,": r"cannot read the command: mismatched input",
    "sed=1": r"sed is no setting; did you mean seed\?",
    "+data.batch=3 seed=[": r"cannot read the command",
    "trainer.max_epoch=3": r"did you mean trainer.max_epochs\?",
    "axis=instanse": r"axis must be among attribute, instance, got instanse; did you mean instance\?",
    "fusion=mean,max": r"fusion=mean,max is a sweep over several values: add -m",
    "fusion=null": r"fusion must be among .*, got null",
    "experiment=foo": r"experiment must be among .*digits_weighted.*, got foo",
    "experiment=null": r"experiment must be among .*digits_weighted.*, got null",
    "sweep.name=../elsewhere": r"sweep.name must be letters, digits, dots and dashes, got '../elsewhere'",
    "controls=maybe": r"controls must be true or false, got 'maybe'",
    "-m hydra/sweeper=basic": r"hydra/sweeper must be among sweep, got basic",
    "-m hydra.sweeper._target_=hydra._internal.core_plugins.basic_sweeper.BasicSweeper": r"must be hybridfuse's own",
    "~fusion": r"fusion must be one of attention, .*, got ~fusion",
    "~data": r"data must be one of .*, got ~data",
    "model.hybrid=${nothing}": r"the configuration is incomplete: Interpolation key 'nothing' not found",
    "+seed=3": r"seed is a setting already: leave out the \+",
    "runs=null": r"runs must be a folder, got None",
    "runs=": r"runs must be a folder, got ''",
    "force=maybe": r"force must be true or false, got 'maybe'",
    "-cp /somewhere": r"--config-path and --config-name are not supported",
    "-cn other": r"--config-path and --config-name are not supported",
    "hydra.mode=MULTIRUN": r"sweep with -m on the command line",
    "+hydra.job_logging.handlers.x.stream=${oc.env:NO,ext}": r"must not lead out",
    "fusion=[mean,max]": r"fusion takes one option",
    "nonsense": r"cannot read the command",
    "-m fusion=mean,meen": r"got meen; did you mean mean\?",
    "-m interdependence=[chain],[chain,cosine]": r"got cosine; did you mean cosine_similarity\?",
    "-m interdependence=[chain],[]": r"must name at least one",
    "--experimental-rerun=x": r"run code from a pickle",
    "model.activation._target_=os.system": r"_target_ must lie in .*, got os.system",
    "+hydra.callbacks.x._target_=os.system": r"got os.system",
    "+hydra.job.env_set.HYBRIDFUSE_ALLOW=os": r"set the variable in your shell",
    "+hydra.job_logging.handlers.x.class=os.system": r"must be one of logging.StreamHandler",
}


@pytest.mark.parametrize("words", WRONG)
def test_a_wrong_command_is_one_sentence(words):
    with pytest.raises(CommandError, match=WRONG[words]) as error:
        command.check(CONF, words.split())
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "words",
    [
        "",
        "fusion=mean interdependence=[cosine_similarity,gaussian_rbf]",
        "interdependence=chain",
        "data=csv data.path=my.csv data.target=price data.task=regression",
        "axis=instance interdependence=[attention] fusion=sum device=gpu",
        "-m fusion=mean,max interdependence=[chain],[chain,parameterized_lowrank] seed=0,1,2",
        "-m fusion=glob(*) seed=range(3)",
        "+interdependence@interdependence.wide=gaussian_rbf interdependence.wide.sigma=9",
        "+interdependence@second.interdependence.attention=attention fusion@second.fusion=max",
        "interdependence@second.interdependence=[attention,chain] second.interdependence.attention.width=8",
        "interdependence@second.interdependence=attention second.interdependence.attention.width=8",
        "interdependence@second.interdependence=[]",
        "-m interdependence@second.interdependence=[],[attention],[chain,attention]",
        "+postprocess@interdependence.chain.normalization=column interdependence=[chain]",
        "postprocess=none scheduler=none logger=none",
        "sweep.name=mine sweep.dry_run=false",
        "sweep.seeds=3 controls=true",
        "-m sweep.seeds=3",
        "-m optimizer.lr=0.1,0.2",
    ],
)
def test_a_right_command_passes(words):
    command.check(CONF, words.split())


def test_the_same_function_twice_keeps_both_settings():
    words = ["interdependence=[gaussian_rbf]", "+interdependence@interdependence.wide=gaussian_rbf"]
    config = command.composed(CONF, [*words, "interdependence.wide.sigma=9"])
    assert {name: node.sigma for name, node in config.interdependence.items()} == {"gaussian_rbf": 1.0, "wide": 9}


@pytest.mark.parametrize("sign", ["", "+", "++"])
def test_functions_of_a_list_elsewhere_each_have_a_place(sign):
    words = [
        f"{sign}interdependence@second.interdependence=[attention,chain]",
        "second.interdependence.chain.self_scaling=2",
    ]
    config = command.composed(CONF, words)
    assert list(config.interdependence) == ["chain", "parameterized_lowrank"]
    assert [node._target_.rpartition(".")[2] for node in config.second.interdependence.values()] == [
        "Attention",
        "Chain",
    ]
    assert config.second.interdependence.chain.self_scaling == 2
    assert config.interdependence.chain.self_scaling == 1


def test_words_of_a_list_elsewhere_are_told_as_one():
    words = ["seed=1", "interdependence@second.interdependence=[attention,chain]", "+interdependence@a.b.wide=chain"]
    given = command.of_sweep(words)[0]
    place = "+interdependence@second.interdependence"
    assert given == ["seed=1", f"{place}.attention=attention", f"{place}.chain=chain", words[2]]
    assert relocated.folded(given) == words
    assert command.of_sweep(["-m", *words]) == (["-m"], words)


def test_a_reduction_of_the_user_is_given_as_the_message_says(tmp_path, monkeypatch):
    with pytest.raises(TypeError, match=r"got None; with HYBRIDFUSE_ALLOW") as error:
        instantiate(command.composed(CONF, ["fusion=metric"]).fusion)
    (tmp_path / "mypackage.py").write_text("def f(stack):\n    return stack.amax(dim=0)\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(targets, "_added", ["mypackage"])
    word = str(error.value).split("'")[1]
    assert word in (CONF / "fusion" / "metric.yaml").read_text()
    fusion = instantiate(command.composed(CONF, ["fusion=metric", word]).fusion)
    assert fusion([torch.zeros(2, 3), torch.ones(2, 3)]).tolist() == [[1.0] * 3] * 2


def test_options_of_a_folder_of_the_user(tmp_path):
    (tmp_path / "interdependence").mkdir()
    mine = tmp_path / "interdependence" / "mine.yaml"
    mine.write_text("# @package interdependence.mine\n_target_: hybridfuse.interdependence.identity.Identity\n")
    command.check(CONF, ["--config-dir", str(tmp_path), "interdependence=[chain,mine]"])
    with pytest.raises(CommandError, match="did you mean mine"):
        command.check(CONF, ["--config-dir", str(tmp_path), "interdependence=[chain,mime]"])


def test_a_class_of_a_package_that_is_not_allowed_is_refused_with_the_remedy(tmp_path):
    (tmp_path / "interdependence").mkdir()
    mine = tmp_path / "interdependence" / "mine.yaml"
    mine.write_text("# @package interdependence.mine\n_target_: mypackage.Mine\n")
    with pytest.raises(CommandError, match=r"allowed by HYBRIDFUSE_ALLOW=<package>, got mypackage.Mine"):
        command.check(CONF, ["--config-dir", str(tmp_path), "interdependence=[mine]"])


EVIL = "# @package _global_\n# Evil.\nhydra:\n  callbacks:\n    x:\n      _target_: os.system\n      command: ls\n"


def test_hydra_runs_nothing_that_an_option_of_a_stranger_names(tmp_path):
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "evil.yaml").write_text(EVIL)
    with pytest.raises(CommandError, match=r"got os.system"):
        command.check(CONF, ["--config-dir", str(tmp_path), "experiment=evil"])


def test_hydra_is_given_nothing_of_a_sweep_that_it_would_compose_without_looking():
    words = ["fusion=mean,max", "+hydra.job.x=1", "sweep.seeds=2", "hydra/launcher=basic", "~model", "experiment=evil"]
    left = ["--config-dir", "x", "-m", "+hydra.job.x=1", "hydra/launcher=basic"]
    own = ["fusion=mean,max", "sweep.seeds=2", "~model", "experiment=evil"]
    assert command.of_sweep(["--config-dir", "x", "-m", *words]) == (left, own)
    assert command.of_sweep(words) == (words, [])


def test_a_folder_that_is_not_there():
    with pytest.raises(CommandError, match=r"--config-dir must be a folder, got nowhere"):
        command.check(CONF, ["--config-dir", "nowhere"])


def test_help_names_every_option_with_a_line():
    text = usage.text(CONF)
    assert "\n  data/structure\n    block " in text
    for file in CONF.glob("*/**/*.yaml"):
        if file.parent.name != "hydra":
            assert usage.description(file), f"{file} has no description"
            assert f"{file.stem}  " in text
            assert usage.description(file) in text


@pytest.mark.slow
@pytest.mark.parametrize("words", [["--help"], ["--cfg", "job"], ["fusion=meen"]])
def test_no_torch_before_a_run(words):
    code = (
        "import sys; sys.argv = ['train.py', *sys.argv[1:]]\n"
        "from hybridfuse.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'pytorch_lightning', 'sklearn', 'polars', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code, *words], check=True, capture_output=True, text=True)


@pytest.mark.slow
@pytest.mark.parametrize(("words", "code"), [("--help", 0), ("fusion=meen", 2), ("--cfg job", 0), ("--nonsense", 2)])
def test_exit_codes(words, code, tmp_path):
    program = Path(__file__).parents[1] / "train.py"
    done = subprocess.run(
        [sys.executable, str(program), *words.split()], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_no_torch_to_say_that_a_run_is_done(tmp_path):
    program = Path(__file__).parents[1] / "train.py"
    words = ["data=iris", "trainer=quick", "device=cpu"]
    subprocess.run([sys.executable, str(program), *words], cwd=tmp_path, check=True, capture_output=True)
    code = (
        "import sys; sys.argv = ['train.py', *sys.argv[1:]]\n"
        "from hybridfuse.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "assert 'torch' not in sys.modules"
    )
    again = [sys.executable, "-c", code, *words]
    done = subprocess.run(again, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert "already done" in done.stdout


@pytest.mark.slow
def test_shell_completion_answers_on_unfinished_words():
    program = Path(__file__).parents[1] / "train.py"
    environment = os.environ | {"COMP_LINE": "python train.py fusion=m", "COMP_POINT": "24"}
    words = [sys.executable, str(program), "-sc", "query=bash"]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    assert {"fusion=max", "fusion=mean", "fusion=median", "fusion=min"} <= set(done.stdout.split())
    assert not done.stderr
