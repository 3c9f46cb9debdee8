"""The jobs of a sweep: which there are, which are the same, and what is no sweep."""

import gc
import itertools
import json
import re
import subprocess
import sys

import pytest

from hybridfuse.command import CommandError
from hybridfuse.main import conf_directory
from hybridfuse.sweep import plugins
from hybridfuse.sweep.composition import Composer
from hybridfuse.sweep.controls import controls
from hybridfuse.sweep.plan import plan
from hybridfuse.sweep.plan import planned as with_composer
from hybridfuse.sweep.sweep import names_of
from hybridfuse.sweep.uncollected import uncollected

CONF = conf_directory()
plugins.register()
COMPOSER = Composer(CONF)


def planned(*words, config_dir=None):
    return plan(CONF, words, config_dir) if config_dir else with_composer(COMPOSER, words)


def chosen(found, *keys):
    """The values of some keys in the words of each job."""
    words = [dict(word.split("=", 1) for word in job.overrides) for job in found.jobs]
    return [tuple(given.get(key) for key in keys) for given in words]


def test_a_product_in_the_order_of_the_words_and_seeds_outside():
    found = planned("interdependence=[chain],[chain,attention]", "fusion=mean,prod", "axis=instance", "sweep.seeds=2")
    names = chosen(found, "seed", "interdependence", "fusion")
    assert names == [
        (seed, *one)
        for seed in ("0", "1")
        for one in (("[chain]", "mean"), ("[chain,attention]", "mean"), ("[chain,attention]", "prod"))
    ]
    assert {job.plain["axis"]["interdependence_type"] for job in found.jobs} == {"instance"}
    assert [job.plain["data"]["seed"] for job in found.jobs] == [0, 0, 0, 1, 1, 1]
    assert len({job.configuration for job in found.jobs}) == 3
    (merged,) = found.merged
    assert merged.words == ("interdependence=[chain]", "fusion=prod", "axis=instance")
    assert merged.into == ("interdependence=[chain]", "fusion=mean", "axis=instance")
    assert merged.reason == "prod returns a single matrix as it is"


def test_all_subsets_of_some_sizes():
    names = ["chain", "attention", "one", "graph"]
    found = planned(f"sweep.from=[{','.join(names)}]", "sweep.sizes=[1,3]", "seed=4")
    expected = [*itertools.combinations(names, 1), *itertools.combinations(names, 3)]
    assert chosen(found, "interdependence", "seed") == [(f"[{','.join(one)}]", "4") for one in expected]
    assert [list(job.plain["interdependence"]) for job in found.jobs] == [list(one) for one in expected]
    assert found.merged == []


@pytest.mark.parametrize(("seeds", "expected"), [("3", ["0", "1", "2"]), ("[5,1]", ["5", "1"])])
def test_seeds_are_replicates(seeds, expected):
    found = planned("fusion=mean", f"sweep.seeds={seeds}")
    assert [seed for (seed,) in chosen(found, "seed")] == expected
    assert len({job.configuration for job in found.jobs}) == len({job.meaning for job in found.jobs}) == 1
    assert len({job.digest for job in found.jobs}) == len(expected)


def test_ranges_globs_and_choices_of_hydra():
    found = planned("fusion=glob(m*,exclude=me*)", "seed=range(1,4)", "optimizer.lr=choice(0.1,0.2)")
    assert chosen(found, "fusion", "seed", "optimizer.lr") == list(
        itertools.product(("max", "min"), "123", ("0.1", "0.2"))
    )
    assert [job.plain["optimizer"]["lr"] for job in found.jobs[:2]] == [0.1, 0.2]


def test_settings_that_change_together():
    found = planned(
        "optimizer.lr=0.1,0.2", "fusion=max,min", "model.hidden=[4],[5,6]", "sweep.paired=[[optimizer.lr,model.hidden]]"
    )
    assert chosen(found, "optimizer.lr", "model.hidden", "fusion") == [
        (*pair, fusion) for pair in (("0.1", "[4]"), ("0.2", "[5,6]")) for fusion in ("max", "min")
    ]


def test_settings_that_only_some_jobs_have():
    found = planned(
        "fusion=max,logsumexp,sum",
        "fusion.temperature=1,2",
        "sweep.only_if={fusion.temperature: 'fusion=logsumexp'}",
    )
    assert chosen(found, "fusion", "fusion.temperature") == [
        ("max", None), ("logsumexp", "1"), ("logsumexp", "2"), ("sum", None)
    ]  # fmt: skip


def test_a_setting_of_a_function_is_for_the_jobs_that_have_it():
    found = planned("interdependence=[chain],[gaussian_rbf,chain]", "interdependence.gaussian_rbf.sigma=1,2")
    assert chosen(found, "interdependence", "interdependence.gaussian_rbf.sigma") == [
        ("[chain]", None), ("[gaussian_rbf,chain]", "1"), ("[gaussian_rbf,chain]", "2")
    ]  # fmt: skip
    assert found.merged == []


def test_lists_of_the_second_hybrid():
    place = "interdependence@second.interdependence"
    lists = ["[]", "[attention]", "[attention,chain]"]
    found = planned(f"{place}={','.join(lists)}", "fusion@second.fusion=max,min")
    assert [list(job.plain["second"]["interdependence"]) for job in found.jobs] == [
        [], ["attention"], ["attention", "chain"], ["attention", "chain"]
    ]  # fmt: skip
    told = [(job.facts["second_interdependence"], job.facts["second_fusion"]) for job in found.jobs]
    assert told == [
        ([], None),
        (["attention"], "max"),
        (["attention", "chain"], "max"),
        (["attention", "chain"], "min"),
    ]
    assert [found.jobs[0].overrides, *(one.words[0] for one in found.merged)] == [
        [f"{place}=[]", "fusion@second.fusion=max"], f"{place}=[]", f"{place}=[attention]"
    ]  # fmt: skip
    assert COMPOSER.draft(["model=mlp", f"{place}=[chain]"]).description().facts["second_interdependence"] == []
    again = [COMPOSER.draft(job.overrides).description().digest for job in found.jobs]
    assert again == [job.digest for job in found.jobs]


def test_a_setting_of_an_option_is_for_the_jobs_that_have_it():
    words = ["fusion=max,logsumexp", "fusion.temperature=1,2", "fusion@second.fusion=logsumexp,sum"]
    second = ["interdependence@second.interdependence=[one,graph],[chain,one]", "second.fusion.temperature=3"]
    found = planned(*words, *second, "second.interdependence.chain.self_scaling=4")
    told = {
        (job.plain["fusion"].get("temperature"), job.plain["second"]["fusion"].get("temperature")) for job in found.jobs
    }
    assert told == set(itertools.product((None, 1, 2), (None, 3)))
    functions = [job.plain["second"]["interdependence"] for job in found.jobs]
    assert {one["chain"]["self_scaling"] for one in functions if "chain" in one} == {4}
    assert len(found.jobs) == 12
    assert found.merged == []


@pytest.mark.parametrize(
    ("exclude", "left"),
    [
        ("fusion=prod interdependence=[chain,one]", ["[one,chain] sum", "[chain] sum", "[chain] prod"]),
        ("fusion=prod interdependence=one", ["[one,chain] sum", "[chain] sum", "[chain] prod"]),
        ("interdependence=[chain]", ["[one,chain] sum", "[one,chain] prod"]),
        ("fusion=prod,sum interdependence=chain model=mlp", "all"),
        ("optimizer.lr=0.003 fusion=prod", ["[one,chain] sum", "[chain] sum"]),
        ("optimizer.lr=0.004 fusion=prod", "all"),
        ("model=rpn fusion=sum", ["[one,chain] prod", "[chain] prod"]),
    ],
)
def test_jobs_that_are_left_out(exclude, left):
    found = planned(
        "interdependence=[one,chain],[chain]", "fusion=sum,prod", f"sweep.exclude=['{exclude}']", "data=iris"
    )
    every = ["[one,chain] sum", "[one,chain] prod", "[chain] sum", "[chain] prod"]
    asked = [*(job.overrides for job in found.jobs), *(one.words for one in found.merged)]
    told = {" ".join(word.partition("=")[2] for word in words[:2]) for words in asked}
    assert told == set(every if left == "all" else left)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("jobs.yaml", "- fusion=max seed=1\n- [fusion=min, 'interdependence=[chain, one]']\n"),
        ("jobs.json", '["fusion=max seed=1", ["fusion=min", "interdependence=[chain, one]"]]'),
        ("jobs.txt", "# two\nfusion=max seed=1\n\nfusion=min 'interdependence=[chain, one]'\n"),
    ],
)
def test_a_file_of_jobs(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    found = planned(f"sweep.jobs={tmp_path / name}", "data=iris,wine")
    assert chosen(found, "data", "fusion", "seed") == [
        ("iris", "max", "1"), ("iris", "min", None), ("wine", "max", "1"), ("wine", "min", None)
    ]  # fmt: skip
    assert list(found.jobs[1].plain["interdependence"]) == ["chain", "one"]
    assert list(found.jobs[0].plain["interdependence"]) == ["chain", "parameterized_lowrank"]


def test_controls_are_each_function_alone_and_the_identity_once():
    words = ["interdependence=[chain,gaussian_rbf],[one]", "fusion=mean,prod", "interdependence.gaussian_rbf.sigma=2"]
    found = planned(*words, "data=iris", "controls=true", "sweep.seeds=2")
    first = [job for job in found.jobs if job.seed == 0]
    told = [(list(job.plain["interdependence"]), job.plain["fusion"]["_target_"].rpartition(".")[2]) for job in first]
    two = ["chain", "gaussian_rbf"]
    assert told == [
        (two, "Mean"), (two, "Prod"), (["one"], "Mean"),
        (["chain"], "Sum"), (["gaussian_rbf"], "Sum"), (["identity"], "Sum"),
    ]  # fmt: skip
    alone = first[4].plain["interdependence"]["gaussian_rbf"]
    assert alone["sigma"] == 2
    assert all("data=iris" in job.overrides for job in found.jobs)
    assert len(found.jobs) == 12


def test_a_run_with_controls_is_called_by_its_functions_as_they_are():
    first, *others = names_of(planned("data=iris", "controls=true"))
    assert first == "interdependence=[chain,parameterized_lowrank]"
    assert others[0] == "interdependence=[chain] fusion=sum"


def test_controls_of_functions_with_names_of_their_own():
    words = (
        "+interdependence@interdependence.wide=gaussian_rbf",
        "interdependence.wide.sigma=9",
        "fusion@second.fusion=max",
        "fusion=weighted_sum",
        "fusion.weights=[1,2,3]",
    )
    found = controls(words, COMPOSER.draft(words).shared.functions)
    plain = [COMPOSER.draft(one).shared.plain for one in found]
    names = [["chain"], ["parameterized_lowrank"], ["wide"], ["identity"]]
    assert [list(one["interdependence"]) for one in plain] == names
    assert plain[2]["interdependence"]["wide"]["sigma"] == 9
    assert {one["second"]["fusion"]["_target_"] for one in plain} == {"hybridfuse.fusion.max.Max"}
    assert controls(("interdependence=[chain]",), ["chain"]) == []


def test_a_job_is_what_a_single_run_of_its_words_is(tmp_path):
    found = planned(
        "experiment=digits_weighted", "fusion=mean,max", "sweep.seeds=2", "sweep.name=mine", "axis=instance"
    )
    again = [COMPOSER.draft(job.overrides).description() for job in found.jobs]
    assert [job.digest for job in again] == [job.digest for job in found.jobs]
    assert {job.folder.parent.as_posix() for job in found.jobs} == {"runs/mine"}
    assert {job.folder.parent.as_posix() for job in again} == {"runs/digits_weighted"}
    assert all("sweep" not in word for job in found.jobs for word in job.overrides)


def test_a_plan_is_written_as_json_and_known_by_its_jobs():
    found, other = planned("fusion=mean,max"), planned("fusion=max,mean")
    assert (found.name, found.folder.as_posix(), found.digest) == ("default", "runs/default", other.digest)
    assert found.path.name == f"sweep-{found.digest[:10]}.json"
    told = json.loads(found.json())
    assert [job["overrides"] for job in told["jobs"]] == [["fusion=mean"], ["fusion=max"]]
    assert [job["folder"] for job in told["jobs"]] == [job.folder.name for job in found.jobs]
    assert (told["words"], told["digest"]) == (["fusion=mean,max"], found.digest)
    assert planned("fusion=mean").digest != found.digest


def test_an_experiment_may_describe_the_sweep(tmp_path):
    (tmp_path / "experiment").mkdir()
    text = (
        "# @package _global_\nlabel_smoothing: 0.25\nsweep:\n  from: [chain, one]\n  sizes: [1, 2]\n  seeds: [7]\n"
        "  exclude: [interdependence=one fusion=prod]\n  only_if: {fusion.temperature: fusion=logsumexp}\n"
    )
    (tmp_path / "experiment" / "mine.yaml").write_text(text)
    words = ["experiment=mine", "fusion=logsumexp,prod", "fusion.temperature=3"]
    found = planned(*words, config_dir=str(tmp_path))
    assert found.name == "mine"
    assert chosen(found, "interdependence", "fusion", "seed") == [
        ("[chain]", "logsumexp", "7"), ("[one]", "logsumexp", "7"), ("[chain,one]", "logsumexp", "7")
    ]  # fmt: skip
    assert {job.plain["label_smoothing"] for job in found.jobs} == {0.25}
    assert found.sweep["seeds"] == [7]


def test_an_option_of_a_stranger_is_refused(tmp_path):
    (tmp_path / "experiment").mkdir()
    evil = "# @package _global_\nhydra:\n  callbacks:\n    x:\n      _target_: os.system\n      command: ls\n"
    (tmp_path / "experiment" / "evil.yaml").write_text(evil)
    for swept in ("digits_weighted,evil", "evil"):
        with pytest.raises(CommandError, match=r"got os.system"):
            planned(f"experiment={swept}", "fusion=mean,max", config_dir=str(tmp_path))


FROM = "sweep.from=[chain,one]"
WRONG = {
    "fusion=mean,meen": "got meen; did you mean mean?",
    "interdependence=[chain],[chain,cosine]": "got cosine; did you mean cosine_similarity?",
    "sweep.from=[chain,cosine] sweep.sizes=[1]": "sweep.from must be among anisotropic_rbf,",
    "sweep.from=[chain,chain] sweep.sizes=[1]": "sweep.from must name each function once, got [chain, chain].",
    f"{FROM} sweep.sizes=[1,3]": "sweep.sizes must be different numbers from 1 to 2, got [1, 3].",
    f"{FROM} sweep.sizes=[0]": "sweep.sizes must be >= 1, got 0.",
    f"{FROM} sweep.sizes=1": "sweep.sizes must be a list of whole numbers, got 1.",
    f"{FROM} sweep.sizes=[]": "sweep.sizes must be different numbers from 1 to 2, got [].",
    FROM: "sweep.from needs sweep.sizes",
    "sweep.sizes=[1]": "sweep.sizes needs sweep.from",
    "sweep.from=[]": "sweep.from must name at least one, got [].",
    f"{FROM} sweep.sizes=[1] interdependence=[one],[chain]": "sweep.from takes the place of interdependence=[one]",
    "sweep.seeds=0": "sweep.seeds must be >= 1, got 0.",
    "sweep.seeds=[]": "sweep.seeds must be a number or a list of different seeds, got [].",
    "sweep.seeds=[1,1]": "sweep.seeds must be a number or a list of different seeds, got [1, 1].",
    "sweep.seeds=[-1]": "a seed of sweep.seeds must be >= 0, got -1.",
    "sweep.seeds=many": "sweep.seeds must be a whole number, got 'many'.",
    "sweep.seeds=5 seed=1,2": "sweep.seeds takes the place of seed=1,2: leave out one of them.",
    "sweep.seeds=2,3": "sweep.seeds is one for the whole sweep, got 2,3; a list is sweep.seeds=[2,3].",
    "sweep.sedes=5": "sweep.sedes is no setting; did you mean sweep.seeds?",
    "seed=range(1000000)": "this sweep has 1,000,000 jobs, more than sweep.max_jobs=10000 allows.",
    "seed=range(100) optimizer.lr=range(0,1,0.01) sweep.seeds=3": "sweep.seeds takes the place",
    "fusion=mean,max sweep.seeds=3 sweep.max_jobs=5": "this sweep has 6 jobs, more than sweep.max_jobs=5 allows.",
    "seed=range(9) sweep.max_jobs=3 sweep.exclude=['seed=0,1,2,3,4']": "this sweep has 4 jobs, more than",
    "seed=range(10**9)": "cannot read the command",
    "seed=range(3,3)": "seed=range(3,3) sweeps over nothing.",
    "seed=range(0,3,0)": "seed=range(0,3,0) sweeps over nothing.",
    "fusion=glob(zz*)": "fusion=glob(zz*) sweeps over nothing.",
    "optimizer.lr=interval(0,1)": "optimizer.lr=interval(0,1) has no end of values",
    "sweep.max_jobs=none fusion=mean,max": "sweep.max_jobs must be a whole number, got 'none'.",
    "sweep.jobs=nowhere.yaml": "sweep.jobs must be a file, got nowhere.yaml.",
    "sweep.exclude=['fusion=sum'] fusion=sum": "this sweep has no jobs: sweep.exclude leaves none.",
    "sweep.exclude=fusion=sum fusion=sum": "needs quotes around its value, and others for the shell: 'sweep.excl",
    'sweep.exclude="fusion=sum" fusion=sum': "this sweep has no jobs: sweep.exclude leaves none.",
    "sweep.paired=[[optimizer.lr,model.hiden]] optimizer.lr=1,2 model.hidden=[1],[2]": "; did you mean model.hidden?",
    "sweep.exclude=[3] fusion=sum": "sweep.exclude must be words, got 3.",
    "sweep.exclude=['fusoin=sum'] fusion=sum": "about fusoin, which is no setting; did you mean fusion?",
    "sweep.exclude=['fusion=summ'] fusion=max": "got summ; did you mean sum?",
    "sweep.only_if={fusion.temperature:'fusion=logsumexp'}": "sweep.only_if names fusion.temperature, which the",
    "sweep.only_if=[a]": "sweep.only_if must be a mapping such as {fusion.temperature: 'fusion=logsumexp'}, got ['a'].",
    "sweep.paired=[[optimizer.lr,seed]] seed=1,2": "sweep.paired names optimizer.lr, which the command",
    "sweep.paired=[[optimizer.lr,seed]] seed=1,2 optimizer.lr=1,2,3": "got 3 of optimizer.lr, 2 of seed.",
    "sweep.paired=[[seed]] seed=1,2": "sweep.paired must be a list of lists of two keys or more, got [['seed']].",
    "sweep.paired=[seed] seed=1,2": "a pair of sweep.paired must be a list, got seed.",
    "fusion=mean fusion=max,min": "fusion is given twice.",
    "sweep.name=a/b fusion=mean,max": "sweep.name must be letters, digits, dots and dashes, got 'a/b'.",
    "controls=perhaps": "controls must be true or false, got 'perhaps'.",
    "optimizer.lrr=0.1,0.2": "optimizer.lrr is no setting; did you mean optimizer.lr?",
    "interdependence=[chain],[one] interdependence.hsic.p=2": "hsic is not in use: interdependence is [chain]",
    "fusion=mean,max fusion.temperature=1,2": "fusion.temperature is no setting: fusion is Mean, which has none.",
    "model.hidden=${x},${y}": "the configuration is incomplete",
}  # fmt: skip


@pytest.mark.parametrize("words", WRONG)
def test_what_is_no_sweep_is_one_sentence(words):
    with pytest.raises(CommandError) as error:
        planned(*re.findall(r"(?:'[^']*'|\S)+", words))  # split at spaces outside of quotes, which stay
    assert WRONG[words] in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a list of jobs is needed"),
        ("fusion: max\n", "a list of jobs is needed"),
        ("[", "while parsing"),
        ("- 3\n", "job 1 must be words such as 'fusion=max seed=1', got 3"),
        ("- fusion=max\n- []\n", "job 2 must be words"),
        ("- sweep.seeds=3\n", "sweep.jobs must not say sweep.seeds=3, which is of the whole sweep."),
        ("- hydra/launcher=basic\n", "sweep.jobs must not say hydra/launcher=basic"),
        ("- fusion=meen\n", "did you mean mean?"),
        ("- data=wine\n", "data is given twice: by the command and by {file}."),
        ("- fusion=max fusion=min\n", "fusion is given twice."),
        ('- "\'"\n', "No closing quotation"),
    ],
)
def test_a_file_that_lists_no_jobs(tmp_path, text, message):
    (tmp_path / "jobs.yaml").write_text(text)
    with pytest.raises(CommandError) as error:
        planned(f"sweep.jobs={tmp_path / 'jobs.yaml'}", "data=iris")
    assert message.format(file=tmp_path / "jobs.yaml") in str(error.value)
    assert "\n" not in str(error.value)


def test_planning_takes_no_torch():
    code = (
        "import sys\nfrom hybridfuse.main import conf_directory\nfrom hybridfuse.sweep import plan, plugins, state\n"
        "plugins.register()\nfound = plan.plan(conf_directory(), ['fusion=mean,max', 'controls=true'])\n"
        "state.states(found.jobs)\nassert not {'torch', 'pytorch_lightning', 'sklearn'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_nothing_is_collected_while_a_plan_is_made_and_afterwards_as_before():
    with uncollected():
        assert not gc.isenabled()
        with uncollected():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()
