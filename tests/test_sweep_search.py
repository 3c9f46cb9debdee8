"""A search finds better than chance, goes on where it was, prunes, averages seeds, and runs nothing twice."""

import itertools
import json
import math
import random
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean

import pytest

from hybridfuse.command import CommandError
from hybridfuse.description import ANY_SEED, Configuration, Description, result_text
from hybridfuse.sweep.engine import Ended, Engine, Event, Job, Progressed, Started
from hybridfuse.sweep.search import Search
from hybridfuse.sweep.search_question import Question
from hybridfuse.sweep.search_ranges import Ranges, Values
from hybridfuse.sweep.search_trial import Replicates, Standing
from hybridfuse.sweep.session import Limits, Session

pytest.importorskip("optuna")

METRIC = "val/accuracy"
CONF = Path(__file__).parents[1] / "conf"
Objective = Callable[[dict[str, str]], float]


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is not waited for."""
    monkeypatch.setattr("os.fsync", lambda handle: None)


def settings(words: Sequence[str]) -> dict[str, str]:
    return dict(word.split("=", 1) for word in words)


class Describe:
    """Descriptions whose settings are the words themselves; words that begin with `vain` mean nothing."""

    def __init__(self, runs: Path) -> None:
        self.runs = runs

    def __call__(self, words: list[str]) -> Description:
        chosen = settings(words)
        if "none" in chosen.values() or list(chosen.values()).count("zz") > 1:
            raise CommandError("none is no option.")
        shared = {key: value for key, value in chosen.items() if key != "seed"}
        plain = {**shared, "seed": ANY_SEED, "runs": str(self.runs), "data": {}}
        meaning = repr(sorted((key, value) for key, value in shared.items() if not key.startswith("vain")))
        choices = {"model": "mlp", "data": "made_up"}
        return Description(Configuration(plain, choices, result_text(plain), meaning), int(chosen["seed"]), words)


class Fake(Engine):
    """Jobs that take as many calls of `events` as they have epochs, and write nothing but their metric.

    Args:
        objective: the metric after the last epoch; raises ValueError for a job that fails.
        slots: jobs at once.
        epochs: of each job.
        killed_after: jobs after which the parent dies.
        metric: what they write.
    """

    def __init__(
        self,
        objective: Objective,
        slots: int = 1,
        epochs: int = 8,
        killed_after: int | None = None,
        metric: str = METRIC,
    ) -> None:
        self.metric = metric
        self.objective, self.slots, self.epochs, self.killed_after = objective, slots, epochs, killed_after
        self.running: dict[int, list[object]] = {}
        self.run: list[dict[str, str]] = []
        self.cancelled: list[int] = []
        self.progress = 0

    @property
    def free(self) -> int:
        return self.slots - len(self.running)

    def submit(self, job: Job) -> None:
        assert job.number not in self.running
        self.running[job.number] = [job, 0]

    def events(self, timeout: float) -> list[Event]:
        found: list[Event] = []
        for number, state in list(self.running.items()):
            found += self._advanced(number, state)
        return found

    def cancel(self, number: int) -> None:
        self.cancelled.append(number)

    def close(self) -> None:
        self.running.clear()

    def _advanced(self, number: int, state: list[object]) -> list[Event]:
        job, epoch = state
        record = job.description.folder / "record.json"
        if record.exists() or number in self.cancelled:
            del self.running[number]
            return [Ended(number, "done" if record.exists() else "interrupted")]
        if epoch == 0 and self.killed_after == len(self.run):
            raise SystemError("the parent is killed")
        self.run += [settings(job.description.overrides)] if epoch == 0 else []
        state[1] = epoch + 1
        try:
            value = self.objective(settings(job.description.overrides))
        except ValueError as error:
            del self.running[number]
            return [Ended(number, "failed", str(error))]
        self.progress += 1
        reached = value - 0.1 * (self.epochs - epoch - 1)
        events: list[Event] = [Started(number)] if epoch == 0 else []
        events.append(Progressed(number, epoch + 1, self.epochs, {self.metric: reached, "val/loss": 1.0}))
        if epoch + 1 == self.epochs:
            record.parent.mkdir(parents=True)
            metrics = {self.metric: value, "val/loss": 1.0}
            record.write_text(json.dumps(job.description.facts | {"status": "done", "metrics": metrics}))
            del self.running[number]
            events.append(Ended(number, "done"))
        return events


def space(*words: str) -> Ranges:
    return Ranges(words, [CONF])


RANGES = ("lr=tag(log,interval(1e-4,1))", "fusion=choice(mean,max,prod)", "width=range(16,129,16)")


def quadratic(chosen: dict[str, str]) -> float:
    """Best, 0, at lr 0.01, mean and 64; seeds add what cancels out over 0, 1, 2."""
    lr = math.log10(float(chosen["lr"])) + 2
    wrong = {"mean": 0.0, "max": 0.5, "prod": 1.0}[chosen["fusion"]]
    noise = 5.0 * (int(chosen["seed"]) - 1) if chosen.get("noisy") else 0.0
    return noise - lr * lr - wrong - ((int(chosen["width"]) - 64) / 64) ** 2


def search(
    tmp_path: Path,
    ranges: Sequence[str] = RANGES,
    trials: int = 10,
    seeds: Sequence[int] = (0,),
    metric: str | None = METRIC,
    fixed: Sequence[str] = (),
    seed: int = 0,
    retry_failed: bool = False,
) -> Search:
    question = Question([*fixed, *ranges], [CONF], seeds, metric)
    return Search(question, trials, tmp_path / "sweep", Describe(tmp_path), seed, retry_failed)


def best(source: Search) -> dict[str, str]:
    assert source.best is not None
    return {**settings(source.best), "seed": "0"}


def values_told(tmp_path: Path) -> list[float]:
    """The values of trials that are done, as Optuna reads them."""
    import optuna
    from optuna.storages.journal import JournalFileBackend

    storage = optuna.storages.JournalStorage(JournalFileBackend(str(tmp_path / "sweep" / "search.jsonl")))
    trials = optuna.load_study(study_name=None, storage=storage).trials
    return [value for trial in trials if (value := trial.value) is not None]


class Nobody:
    def heard(self, event: Event) -> None: ...


def go(source: Search, engine: Fake) -> Fake:
    session = Session(engine, Limits(), lambda job, event: None, lambda job: False, Nobody())
    session.run(source)
    return engine


def tried(engine: Fake) -> list[tuple[str, ...]]:
    """The configurations that were run, in order, seeds aside."""
    found = [tuple(sorted(f"{k}={v}" for k, v in one.items() if k != "seed")) for one in engine.run]
    return list(dict.fromkeys(found))


# What it finds


def test_it_finds_better_than_chance_on_the_same_budget(tmp_path: Path) -> None:
    found, chance = [], []
    for seed in range(2):
        source = search(tmp_path / str(seed), trials=25, seed=seed)
        go(source, Fake(quadratic, epochs=1))
        found.append(quadratic(best(source)))
        generator = random.Random(seed)
        chance.append(max(_drawn(generator) for _ in range(25)))
    assert fmean(found) > fmean(chance)
    assert fmean(found) > -0.1


def _drawn(generator: random.Random) -> float:
    chosen = {"lr": str(10 ** generator.uniform(-4, 0)), "fusion": generator.choice(["mean", "max", "prod"])}
    return quadratic({**chosen, "width": str(generator.choice(range(16, 129, 16))), "seed": "0"})


def test_the_smallest_is_found_where_the_smallest_is_best(tmp_path: Path) -> None:
    """Of the metric that is asked for, or else of the task's usual one."""
    for metric in ("val/rmse", None):
        source = search(tmp_path / str(metric), ["x=interval(-4,4)"], trials=18, metric=metric)
        engine = go(source, Fake(lambda chosen: (float(chosen["x"]) - 1) ** 2, epochs=1, metric="val/rmse"))
        assert abs(float(best(source)["x"]) - 1) < 0.35
        assert best(source)["x"] == min((one["x"] for one in engine.run), key=lambda x: abs(float(x) - 1))


def test_a_trial_is_worth_the_mean_of_its_seeds(tmp_path: Path) -> None:
    source = search(tmp_path, trials=4, seeds=(0, 1, 2), fixed=["noisy=1"])
    engine = go(source, Fake(quadratic, slots=2))
    assert len(engine.run) == 12
    means = [quadratic({**settings(words), "seed": "1"}) for words in tried(engine)]
    assert quadratic({**best(source), "seed": "1"}) == pytest.approx(max(means))
    assert values_told(tmp_path) == pytest.approx(means)


def test_two_searches_of_one_seed_are_the_same(tmp_path: Path) -> None:
    runs = [
        tried(go(search(tmp_path / str(n), trials=13, seed=seed), Fake(quadratic, epochs=1)))
        for n, seed in enumerate((0, 0, 1))
    ]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_each_trial_is_proposed_by_a_chance_of_its_own(tmp_path: Path) -> None:
    from hybridfuse.sweep.search_study import Study

    study = Study(tmp_path, space("a=interval(0,1)"), {}, 0)
    proposed = list[float]()
    for number in range(5):
        values = study.proposed()
        assert values == study.proposed()
        proposed.append(float(values["a"]))
        study.begin(values, str(number))
    assert len(set(proposed)) == 5


def test_slots_are_filled_with_new_trials(tmp_path: Path) -> None:
    source = search(tmp_path, trials=10, seeds=(0, 1))
    assert len(source.outlook) == 20
    assert source.names == {}
    numbers = [job.number for job in (source.next() for _ in range(8)) if job]
    assert len(numbers) == len(set(numbers)) == 8
    assert len({source.jobs[number].description.configuration for number in numbers}) == 4
    assert [source.jobs[number].description.seed for number in numbers[:4]] == [0, 1, 0, 1]
    assert all(source.names[number].split() == source.jobs[number].description.overrides for number in numbers)


def test_without_seeds_the_seed_is_left_alone(tmp_path: Path) -> None:
    engine = go(search(tmp_path, ["x=1,2"], seeds=(), fixed=["seed=7"]), Fake(lambda chosen: 0.0))
    assert sorted((one["x"], one["seed"]) for one in engine.run) == [("1", "7"), ("2", "7")]


# Going on


def test_a_search_that_was_killed_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    whole = go(search(tmp_path / "whole", trials=14, seeds=(0, 1)), Fake(quadratic))
    parts: list[dict[str, str]] = []
    for killed_after in (1, 4, 9, 3, None):
        engine = Fake(quadratic, killed_after=killed_after)
        try:
            go(search(tmp_path / "parts", trials=14, seeds=(0, 1)), engine)
        except SystemError:
            assert killed_after is not None
        parts += engine.run
    assert parts == whole.run  # which tells of no job twice as well


def test_a_journal_may_end_anywhere(tmp_path: Path) -> None:
    """Of each length of the journal, also of half a line, the search goes on to the same end."""
    whole = go(search(tmp_path, ["a=1,2,3", "b=interval(0,1)"], trials=5), Fake(_first, epochs=2))
    journal = tmp_path / "sweep" / "search.jsonl"
    content = journal.read_bytes()
    for length in range(0, len(content), 211):
        journal.write_bytes(content[:length])
        source = search(tmp_path, ["a=1,2,3", "b=interval(0,1)"], trials=5)
        engine = go(source, Fake(_first, epochs=2))
        assert engine.run == []  # all records are there
        assert len(source.jobs) <= 5
        assert _first(best(source)) == max(map(_first, whole.run))


def _first(chosen: dict[str, str]) -> float:
    return float(chosen["a"]) + float(chosen["b"])


def test_more_trials_go_on_and_a_finished_search_runs_nothing(tmp_path: Path) -> None:
    first = go(search(tmp_path, trials=6), Fake(quadratic))
    assert go(search(tmp_path, trials=6), Fake(quadratic)).run == []
    assert go(search(tmp_path, trials=4), Fake(quadratic)).run == []
    more = go(search(tmp_path, trials=9), Fake(quadratic))
    assert len(more.run) == 3
    assert first.run + more.run == go(search(tmp_path / "other", trials=9), Fake(quadratic)).run


def test_two_parents_share_a_search(tmp_path: Path) -> None:
    sources = [search(tmp_path, trials=6), search(tmp_path, trials=6)]
    jobs = [job for _ in range(4) for source in sources if (job := source.next())]
    assert len({job.description.digest for job in jobs}) == 6
    assert sources[0].next() is None
    job = jobs[0]
    engine = Fake(quadratic, epochs=1)
    engine.submit(job)
    engine.events(0.0)
    for source in (sources[0], search(tmp_path, trials=6)):
        while job.number not in source.jobs:
            source.next()
        source.heard(Ended(job.number, "done"))
    assert sources[1].best == sources[0].best is not None


# Failures


def test_a_failed_seed_fails_its_trial_and_no_other(tmp_path: Path) -> None:
    def objective(chosen: dict[str, str]) -> float:
        if chosen["fusion"] == "prod" and chosen["seed"] == "1":
            raise ValueError("no")
        return 10.0 if chosen["fusion"] == "prod" else 0.0

    ranges, seeds = ["fusion=mean,max,prod"], (0, 1, 2)
    source = search(tmp_path, ranges, trials=3, seeds=seeds)
    engine = go(source, Fake(objective))
    assert sorted(one["seed"] for one in engine.run if one["fusion"] == "prod") == ["0", "1"]
    assert best(source)["fusion"] != "prod"
    assert sorted(values_told(tmp_path)) == [0.0, 0.0]
    assert go(search(tmp_path, ranges, trials=3, seeds=seeds), Fake(objective)).run == []
    again = go(search(tmp_path, ranges, trials=3, seeds=seeds, retry_failed=True), Fake(lambda chosen: 10.0))
    assert [(one["fusion"], one["seed"]) for one in again.run] == [("prod", "1"), ("prod", "2")]
    source = search(tmp_path, ranges, trials=3, seeds=seeds, retry_failed=True)
    assert source.next() is None
    assert best(source) == {"fusion": "prod", "seed": "0"}


def test_a_killed_job_is_left_to_the_next_session(tmp_path: Path) -> None:
    source = search(tmp_path, ["x=1,2"], trials=2)
    job = source.next()
    assert job is not None
    source.heard(Ended(job.number, "interrupted", "killed by SIGKILL"))
    assert len(go(source, Fake(lambda chosen: 0.0)).run) == 1
    assert len(go(search(tmp_path, ["x=1,2"], trials=2), Fake(lambda chosen: 0.0)).run) == 1


def test_a_value_that_is_no_number_fails_its_trial(tmp_path: Path) -> None:
    source = search(tmp_path, ["x=1,2,3"], trials=3)
    for value in (None, math.nan, 1.0):
        job = source.next()
        assert job is not None
        job.description.folder.mkdir(parents=True)
        (job.description.folder / "record.json").write_text(
            json.dumps(job.description.facts | {"status": "done", "metrics": {METRIC: value}})
        )
        source.heard(Ended(job.number, "done"))
    assert values_told(tmp_path) == [1.0]


# Nothing twice


def test_equal_configurations_run_once(tmp_path: Path) -> None:
    """Eight values, of four meanings, with room for forty trials: each is found, and none runs twice."""
    ranges = ["a=1,2", "b=1,2", "vain=1,2"]
    engine = Fake(lambda chosen: float(chosen["a"]) * 2 + float(chosen["b"]), slots=3)
    source = search(tmp_path, ranges, trials=40, seeds=(0, 1))
    go(source, engine)
    found = sorted((one["a"], one["b"], one["seed"]) for one in engine.run)
    assert found == sorted(itertools.product("12", "12", "01"))
    assert best(source)["a"] == best(source)["b"] == "2"
    assert go(search(tmp_path, ranges, trials=40, seeds=(0, 1)), Fake(lambda chosen: 0.0)).run == []


def test_what_cannot_be_composed_together_is_passed_over(tmp_path: Path) -> None:
    engine = go(search(tmp_path, ["a=xx,zz", "b=xx,zz"], trials=9), Fake(lambda chosen: 0.0))
    assert sorted((one["a"], one["b"]) for one in engine.run) == [("xx", "xx"), ("xx", "zz"), ("zz", "xx")]


# Pruning


def test_hopeless_trials_are_pruned_and_good_ones_are_not(tmp_path: Path) -> None:
    engine = Fake(quadratic, epochs=12)
    source = search(tmp_path, trials=25, seeds=(0, 1))
    go(source, engine)
    values = [quadratic({**settings(words), "seed": "0"}) for words in tried(engine)]
    pruned = {number // 2 for number in engine.cancelled}
    assert len(values) == 25
    assert 5 <= len(pruned) <= 20
    assert min(pruned) >= 5  # so many are awaited
    assert max(values[number] for number in pruned) < max(values)
    for number in pruned:
        done = [value for other, value in enumerate(values[:number]) if other not in pruned]
        assert values[number] < sorted(done)[len(done) // 2]
    assert engine.progress < 0.8 * 25 * 2 * 12
    assert sum(1 for one in engine.run) == 50 - len(pruned)  # the second seed of none of these began


def test_a_pruned_job_ends_as_such_and_is_not_tried_again(tmp_path: Path) -> None:
    engine, settled = Fake(quadratic), list[Ended]()
    session = Session(engine, Limits(retries=2), lambda job, end: settled.append(end), lambda job: False, Nobody())
    session.run(search(tmp_path, trials=12))
    assert sorted(end.number for end in settled if end.outcome == "pruned") == sorted(engine.cancelled) != []
    assert {end.outcome for end in session.ended.values()} == {"done", "pruned"}
    assert len(engine.run) == len(settled) == 12


def test_pruned_trials_stay_so(tmp_path: Path) -> None:
    engine = go(search(tmp_path, trials=10), Fake(quadratic))
    assert engine.cancelled
    assert go(search(tmp_path, trials=10), Fake(quadratic)).run == []
    assert search(tmp_path, trials=10, retry_failed=True).next() is None


def test_all_jobs_of_a_pruned_trial_end(tmp_path: Path) -> None:
    source = search(tmp_path, ["x=interval(0,1)"], trials=9, seeds=(0, 1))
    go(source, Fake(lambda chosen: 1.0, epochs=4, killed_after=None))
    source = search(tmp_path, ["x=interval(0,1)"], trials=10, seeds=(0, 1))
    jobs = [source.next(), source.next()]
    numbers = [job.number for job in jobs if job]
    assert source.heard(Progressed(numbers[0], 4, 4, {METRIC: 0.0}))  # the other one is not there yet
    assert not source.heard(Progressed(numbers[1], 4, 4, {METRIC: 0.0}))
    assert not source.heard(Progressed(numbers[0], 5, 5, {METRIC: 0.0}))
    assert not source.heard(Ended(numbers[0], "interrupted"))
    assert source.next() is None


def test_what_another_process_has_pruned_ends_here_as_well(tmp_path: Path) -> None:
    go(search(tmp_path, ["x=interval(0,1)"], trials=6), Fake(lambda chosen: 1.0, epochs=4))
    first = search(tmp_path, ["x=interval(0,1)"], trials=7)
    job = first.next()
    assert job is not None
    second = search(tmp_path, ["x=interval(0,1)"], trials=7)
    assert second.next() is not None
    assert not first.heard(Progressed(job.number, 2, 4, {METRIC: 0.0}))
    assert not second.heard(Progressed(job.number, 3, 4, {METRIC: 9.0}))


def test_a_late_seed_can_end_a_trial(tmp_path: Path) -> None:
    """The first seed shines, the mean with the second does not."""
    go(search(tmp_path, ["x=interval(0,1)"], trials=6, seeds=(0, 1, 2)), Fake(lambda chosen: 1.0, epochs=4))

    def objective(chosen: dict[str, str]) -> float:
        return 2.0 if chosen["seed"] == "0" else -9.0

    engine = go(search(tmp_path, ["x=interval(0,1)"], trials=7, seeds=(0, 1, 2)), Fake(objective, epochs=4))
    assert [one["seed"] for one in engine.run] == ["0", "1"]


def test_nothing_is_judged_in_the_first_quarter(tmp_path: Path) -> None:
    engine = go(search(tmp_path, ["x=interval(0,1)"], trials=6), Fake(lambda chosen: 1.0, epochs=8))
    assert engine.cancelled == []  # since as good as the others is good enough
    source = search(tmp_path, ["x=interval(0,1)"], trials=7)
    job = source.next()
    assert job is not None
    assert source.heard(Progressed(job.number, 1, 8, {METRIC: -99.0}))
    assert not source.heard(Progressed(job.number, 2, 8, {METRIC: math.nan if job.number % 2 else -99.0}))


def test_a_loss_that_is_no_number_is_hopeless(tmp_path: Path) -> None:
    go(search(tmp_path, ["x=interval(0,1)"], trials=6), Fake(lambda chosen: 1.0, epochs=4))
    source = search(tmp_path, ["x=interval(0,1)"], trials=7)
    job = source.next()
    assert job is not None
    assert not source.heard(Progressed(job.number, 1, 4, {METRIC: math.nan}))


def test_a_trial_is_compared_with_numbers_at_its_own_step_alone(tmp_path: Path) -> None:
    from hybridfuse.sweep.search_study import Study

    study = Study(tmp_path, space("a=interval(0,1)"), {}, 0)
    numbers = [study.begin(study.proposed(), str(number)) for number in range(6)]
    for number in numbers[:5]:
        assert study.is_worth(number, Standing(1, math.nan))
        assert study.is_worth(number, Standing(2, 2.0))
        study.tell(number, 2.0)
    worth = [study.is_worth(numbers[5], Standing(step, -5.0)) for step in (1, 2, 3)]
    assert worth == [True, False, True]


def test_seeds_that_run_at_once_are_judged_where_all_are(tmp_path: Path) -> None:
    """By the mean of their best epochs so far, each epoch once; one that is done counts with its value."""
    source = search(tmp_path, ["x=interval(0,1)"], trials=1, seeds=(0, 1))
    jobs = [job for job in (source.next(), source.next()) if job]
    replicates = Replicates(jobs)
    assert [replicates.next() for _ in range(3)] == [*jobs, None]
    first, second = (job.number for job in jobs)
    said = [
        replicates.progressed(Progressed(number, epoch, 4, {}), value)
        for number, epoch, value in [
            (first, 1, 3.0),  # the second is not there yet
            (first, 2, 1.0),
            (second, 1, 5.0),
            (second, 2, 9.0),
            (first, 3, math.nan),
            (second, 2, 9.0),  # told before
        ]
    ]
    assert [None if one is None else one.value for one in said] == [None, None, 4.0, 6.0, None, None]
    assert replicates.done(first, 7.0) is None
    late = replicates.progressed(Progressed(second, 3, 4, {}), 11.0)
    assert late is not None
    assert late.value == 9.0
    steps = [one.step for one in [*said, late] if one is not None]
    assert steps == sorted(set(steps))
    assert replicates.done(second, 2.0) == 4.5
    resumed = Replicates(jobs)
    assert [resumed.next(), resumed.next()] == jobs
    assert resumed.progressed(Progressed(first, 3, 4, {}), 1.0) is None
    assert resumed.progressed(Progressed(second, 1, 4, {}), 1.0) is None  # the first was never seen there
    alone = Replicates(jobs[:1])
    alone.next()
    values = [alone.progressed(Progressed(first, epoch, 40, {}), float(epoch)) for epoch in range(1, 41)]
    assert [one.value for one in values if one is not None] == [12.0, 16.0, 20.0, 24.0, 28.0, 32.0, 36.0, 40.0]


# Ranges


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("a=choice(mean,max)", {"max", "mean"}),
        ("a=mean,max,mean", {"max", "mean"}),
        ("a=[chain],[chain,rbf]", {"[chain]", "[chain,rbf]"}),
        ("a=true,null", {"True", "null"}),
        ("a=range(16,65,16)", {"16", "32", "48", "64"}),
        ("a=range(3)", {"0", "1", "2"}),
        ("a=range(6,0,-2)", {"2", "4", "6"}),
        ("a=range(0,0.5,0.1)", {"0.0", "0.1", "0.2", "0.3", "0.4"}),
        ("a=range(0.1,0.8,0.2)", {"0.1", "0.3", "0.5", "0.7"}),
        ("a=range(0.5,0,-0.25)", {"0.25", "0.5"}),
        ("a=int(interval(2,4))", {"2", "3", "4"}),
        ("a=tag(log,int(interval(1,3)))", {"1", "2", "3"}),
        ("a=tag(log,range(1,4))", {"1", "2", "3"}),
        ("postprocess=glob(*_row)", {"softmax_row"}),
        ("+a@b=1,2", {"1", "2"}),
    ],
)
def test_words_say_what_hydra_says(word: str, expected: set[str], tmp_path: Path) -> None:
    one = space(word)
    key = word.split("=")[0]
    generator = random.Random(0)
    drawn = {one.words(one.drawn(generator))[0] for _ in range(200)}
    assert drawn == {f"{key}={value}" for value in expected}
    assert {one.words(values)[0] for values in _asked(one, 60)} == drawn


def _asked(one: Ranges, count: int) -> list[Values]:
    """What Optuna draws."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    return [study.ask(one.distributions).params for _ in range(count)]


def test_intervals_are_filled_evenly_on_their_scale() -> None:
    for word, middle in (("a=interval(-1,3)", 1.0), ("a=tag(log,interval(1e-4,1))", 0.01)):
        one = space(word)
        generator = random.Random(0)
        drawn = [float(one.words(one.drawn(generator))[0].removeprefix("a=")) for _ in range(400)]
        suggested = [float(one.words(values)[0].removeprefix("a=")) for values in _asked(one, 400)]
        for values in (drawn, suggested):
            assert 160 < sum(value < middle for value in values) < 240
            assert min(values) < middle * (0.02 if middle == 0.01 else -0.8)
            assert max(values) <= (1 if middle == 0.01 else 3)
        assert all(len(f"{value:.17g}".lstrip("-0.")) <= 6 or float(f"{value:.5g}") == value for value in drawn)


def test_numbers_are_as_short_as_tables_show_them_and_never_outside() -> None:
    one = space("a=interval(0.123456,7.123456)")
    for value, shown in ((0.123456, 0.12346), (0.3333333, 0.33333), (7.123456, 7.1235), (1e-9, 0.123456)):
        assert one.words({"a": value}) == [f"a={min(shown, 7.123456)}"]


def test_every_choice_is_in_an_example() -> None:
    examples = list(space("a=1,2,3", "b=interval(0,1)", "c=x,y").examples())
    assert examples[0] == ["a=1", "b=0.0", "c=x"]
    assert sorted(examples[1:]) == [["a=1", "b=0.0", "c=y"], ["a=2", "b=0.0", "c=x"], ["a=3", "b=0.0", "c=x"]]


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("a=interval(1,0)", r"a=interval\(1,0\) must have its smaller end first, got 1 and 0\."),
        ("a=interval(1,1)", r"must have its smaller end first, got 1 and 1\."),
        ("a=interval(0,inf)", r"must have finite ends\."),
        ("a=interval(nan,1)", r"must have finite ends\."),
        ("a=tag(log,interval(0,1))", r"must begin above 0 on a logarithmic scale, got 0\."),
        ("a=tag(log,interval(-1,1))", r"must begin above 0 on a logarithmic scale, got -1\."),
        ("a=tag(log,range(0,9))", r"must begin above 0 on a logarithmic scale, got 0\."),
        ("a=tag(log,range(1,9,2))", r"must have a step of 1 on a logarithmic scale, got 2\."),
        ("a=tag(log,range(1.5,9))", r"must have whole ends on a logarithmic scale, or be an interval\."),
        ("a=tag(lg,interval(1,2))", r"the tag lg of .* must be log; did you mean log\?"),
        ("a=tag(log,choice(1,2))", r"the tag log of .* has no meaning for values without an order\."),
        ("a=range(9,1)", r"sweeps over nothing: no step leads from 9 towards 1\."),
        ("a=range(1,1)", r"sweeps over nothing"),
        ("a=range(1,9,0)", r"sweeps over nothing"),
        ("a=range(0,inf)", r"must have finite ends\."),
        ("postprocess=glob(nothing*)", r"sweeps over nothing"),
    ],
)
def test_ranges_that_are_none(word: str, sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence) as error:
        space(word)
    assert str(error.value).count(". ") == 0


# Errors


def test_nothing_to_search() -> None:
    with pytest.raises(CommandError, match=r"sweep\.search needs a range to search, such as .*interval"):
        space()
    with pytest.raises(CommandError, match=r"a is given 2 times; it takes one range\."):
        space("a=1,2", "a=interval(0,1)")


@pytest.mark.parametrize("trials", [0, -1, 2.5, True, "many"])
def test_trials_are_a_number(trials: object, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"sweep\.trials must be"):
        search(tmp_path, trials=trials)  # pyright: ignore


def test_what_cannot_be_composed_is_told_before_anything_begins(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="none is no option"):
        search(tmp_path, ["a=1,2", "b=some,none"])
    with pytest.raises(CommandError, match=r"interdependence must be among .*, got chian; did you mean chain\?"):
        search(tmp_path, ["interdependence=[chain],[chain,chian]"])
    assert not (tmp_path / "sweep").exists()


def test_another_search_in_the_folder(tmp_path: Path) -> None:
    go(search(tmp_path, ["x=1,2"], trials=1, fixed=["a=1"]), Fake(lambda chosen: 0.0))
    cases = {
        "what varies is x=1,2, not x=1,2,3:": {"ranges": ["x=1,2,3"]},
        "what is fixed is a=1, not nothing:": {"ranges": ["x=1,2"], "fixed": []},
        "sweep.seeds is 0, not 0,1:": {"ranges": ["x=1,2"], "seeds": (0, 1)},
        "sweep.metric is val/accuracy, not val/f1:": {"ranges": ["x=1,2"], "metric": "val/f1"},
    }
    for sentence, changed in cases.items():
        with pytest.raises(CommandError, match=f"holds a search where {sentence} .*another sweep.name begins anew"):
            search(tmp_path, **{"fixed": ["a=1"], **changed})
    search(tmp_path, ["x=2,1"], trials=1, fixed=["a=1"], seed=7)  # says the same
    go(search(tmp_path / "other", ["x=1,2", "y=1,2"], trials=1), Fake(lambda chosen: 0.0))
    search(tmp_path / "other", ["y=1,2", "x=1,2"], trials=1)


def test_a_metric_that_no_run_reports_and_its_remedy(tmp_path: Path) -> None:
    source = search(tmp_path, ["x=1,2"], metric="val/acuracy")
    with pytest.raises(
        CommandError, match=r"must be one of val/accuracy, val/loss, got 'val/acuracy'; did you mean val/acc"
    ):
        go(source, Fake(lambda chosen: float(chosen["x"])))
    source = search(tmp_path, ["x=1,2"])
    go(source, Fake(lambda chosen: float(chosen["x"])))
    assert best(source)["x"] == "2"


def test_a_file_that_is_no_search(tmp_path: Path) -> None:
    journal = tmp_path / "sweep" / "search.jsonl"
    go(search(tmp_path, ["x=1,2"], trials=1), Fake(lambda chosen: 0.0))
    content = journal.read_text()
    for broken in ("nonsense\n", "{}\n", "[]\n", '{"op_code": 4}\n', content + "\0\0\n", content.replace("_code", "")):
        journal.write_text(broken)
        with pytest.raises(CommandError, match=r"cannot be read as a search: remove it, or give another sweep\.name\."):
            search(tmp_path, ["x=1,2"])


def test_a_trial_of_a_strangers_is_refused(tmp_path: Path) -> None:
    source = search(tmp_path, ["x=1,2"], trials=2)
    source.next()
    journal = tmp_path / "sweep" / "search.jsonl"
    journal.write_text(journal.read_text().replace(r"[\"1\", \"2\"]", r"[\"1\", \"__import__\"]"))
    assert "__import__" in journal.read_text()
    with pytest.raises(CommandError, match="holds trials of another search"):
        search(tmp_path, ["x=1,2"], trials=2)


def test_without_optuna(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    monkeypatch.delitem(sys.modules, "hybridfuse.sweep.search_study", raising=False)
    monkeypatch.delitem(sys.modules, "hybridfuse.sweep.search_journal", raising=False)
    with pytest.raises(CommandError, match=r'pip install "hybridfuse\[optuna\]"'):
        search(tmp_path)
