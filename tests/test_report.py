"""Leaderboards of made-up runs: statistics against scipy and plain loops, what is compared with what, what is said."""

import csv
import io
import itertools
import math
import random
import re
import warnings

import numpy as np
import pytest
from rich.console import Console
from scipy import stats

from hybridfuse.report import csv_form, latex, leaderboard, leaderboards, markdown, screen, unfinished
from hybridfuse.report.compare import differences, holm, paired_t, signed_rank, step
from hybridfuse.report.difference import compared
from hybridfuse.report.estimate import bootstrap, estimate
from hybridfuse.report.folder import Records, with_configurations
from hybridfuse.report.grid import grid
from hybridfuse.report.number import Numbers, duration, probability
from hybridfuse.report.sheet import sheet
from made_up import record, rows

SEEDS = range(5)


def board_of(means, shift=0.0, noise=0.01, **options):
    """A leaderboard of configurations f0, f1, … with these means, over seeds of the same noise each."""
    random_state = np.random.RandomState(0)
    found = [
        record(mean + noise * random_state.randn(), (f"f{place}",), seed=seed, data={"name": "x", "sha256": "y"})
        for place, mean in enumerate(means)
        for seed in SEEDS
    ]
    return leaderboard(rows(*found), **options)


# Names


def test_names_tell_what_sets_a_configuration_apart_from_runs_that_are_not_done():
    how = "interdependence.bad.how="
    done = record(0.5, ("bad",), settings=[f"{how}ok", "optimizer.lr=0.1"])
    failed = [
        record(0.5, ("bad",), settings=[f"{how}{word}", "optimizer.lr=0.1"], status="failed", metrics={}, error=error)
        for word, error in (("raise", "MemoryError"), ("exit", None))
    ]
    found = rows(done, *failed)
    assert [entry.label for entry in leaderboard(found).entries] == [f"bad {how}ok"]
    assert unfinished.lines(Records(found, [])) == [
        "failed: 2 runs",
        f"  {found[1].folder} {how}raise: MemoryError",
        f"  {found[2].folder} {how}exit",
    ]
    assert [entry.label for entry in leaderboard(rows(done)).entries] == ["bad"]


# Statistics


def test_an_interval_of_shares_is_cut_and_says_so_and_that_of_errors_is_not():
    found = [record(value, seed=seed) for seed, value in enumerate((0.5, 0.9))]
    board = leaderboard(rows(*found))
    assert board.entries[0].estimates["val/accuracy"][2:4] == (0.0, 1.0)
    assert "Student's t, shares cut at 0 and 1" in board.caption
    losses = [record(0.5, seed=seed, metrics={"val/loss": value}) for seed, value in enumerate((0.5, 0.9))]
    board = leaderboard(rows(*losses))
    assert board.entries[0].estimates["val/loss"].low < 0 < 1 < board.entries[0].estimates["val/loss"].high
    assert "(Student's t)." in board.caption


def test_of_a_single_seed_nothing_is_explained_that_is_not_shown():
    board = leaderboard(rows(record(0.5, baseline={})))
    assert board.caption == "Sorted by val/accuracy (higher is better); a single seed each says nothing of other seeds."
    assert not any("±" in line for line in board.lines())


def test_mean_deviation_and_t_interval_are_those_of_scipy():
    random_state = np.random.RandomState(0)
    for n in (2, 3, 5, 30):
        values = 7 + random_state.randn(n)
        found = estimate(list(values))
        expected = stats.t.interval(0.95, n - 1, values.mean(), stats.sem(values))
        assert found[:2] == pytest.approx((values.mean(), stats.tstd(values)), rel=1e-12)
        assert found[2:] == pytest.approx((*expected, n), rel=1e-9)


def test_bootstrap_is_that_of_scipy_with_other_draws_and_knows_no_order():
    values = np.random.RandomState(1).exponential(size=12)
    low, high = bootstrap(values)
    expected = stats.bootstrap((values,), np.mean, n_resamples=20000, random_state=7).confidence_interval
    assert (low, high) == pytest.approx((expected.low, expected.high), rel=0.03)
    assert bootstrap(values[::-1]) == (low, high)
    assert abs(high - values.mean()) > 1.1 * abs(low - values.mean())  # skewed as the values, unlike percentiles of t


@pytest.mark.parametrize("bounds", [None, bootstrap])
def test_few_or_equal_values_have_no_interval_or_one_without_width(bounds):
    given = [] if bounds is None else [bounds]
    assert [math.isnan(number) for number in estimate([], *given)] == [True, True, True, True, False]
    assert estimate([math.nan, 2.0], *given)[0::4] == (2.0, 1)
    assert all(math.isnan(number) for number in estimate([2.0], *given)[1:4])
    assert estimate([0.1] * 3, *given) == (0.1, 0.0, 0.1, 0.1, 3)
    low, high = estimate([1.0, 2.0], *given)[2:4]
    assert low <= 1.5 <= high


@pytest.mark.parametrize("scale", [1e-300, 1e300])
def test_numbers_of_any_magnitude(scale):
    values = np.array([0.5, 1.0, -1.5, 0.25])
    low, high = bootstrap(values)
    assert estimate(list(scale * values), bootstrap)[2:4] == pytest.approx((scale * low, scale * high), rel=0.15, abs=0)
    mean, deviation, low, high, _ = estimate(list(values))
    assert estimate(list(scale * values))[:4] == pytest.approx([scale * n for n in (mean, deviation, low, high)], abs=0)
    assert paired_t(scale * values, 0.0) == pytest.approx(stats.ttest_1samp(values, 0).pvalue)
    found = leaderboard(
        rows(*(record(v * scale, (f"f{k}",), seed=s) for k in (1, 2) for s, v in enumerate(values * k)))
    )
    assert len(found.lines()) == 6


def test_paired_t_is_that_of_scipy():
    random_state = np.random.RandomState(0)
    for n in (2, 3, 5, 20):
        one, other = random_state.randn(2, n)
        assert paired_t(one - other, 0.01) == pytest.approx(stats.ttest_rel(one, other).pvalue, rel=1e-9)


def test_signed_rank_is_that_of_scipy_without_ties():
    random_state = np.random.RandomState(0)
    for n in (2, 5, 12, 40):
        found = random_state.randn(n) + 0.3
        expected = stats.wilcoxon(found, method="exact").pvalue
        assert signed_rank(found) == pytest.approx(expected, rel=1e-9)


def test_signed_rank_with_ties_counts_all_signs():
    for found in ([1, 1, 2, -1, 3], [1, 1, 1, 1], [2, -2, 1, 0, 0], [0.1 + 0.2, -0.3, 0.3, 0.6, 0.7, -0.1]):
        nonzero = np.array([value for value in found if value])
        ranks = stats.rankdata(np.round(np.abs(nonzero), 9))
        middle = ranks.sum() / 2
        away = abs(ranks[nonzero > 0].sum() - middle)
        sums = [sum(r for r, sign in zip(ranks, signs, strict=True) if sign) for signs in
                itertools.product((0, 1), repeat=len(ranks))]  # fmt: skip
        expected = np.mean([abs(one - middle) >= away - 1e-9 for one in sums])
        assert signed_rank(np.array(found, dtype=float)) == pytest.approx(expected)
        assert signed_rank(-np.array(found, dtype=float)) == pytest.approx(expected)


def test_holm_is_the_loop_of_its_definition():
    random_state = random.Random(0)
    for m in (1, 2, 7):
        for _ in range(20):
            ps = [random_state.choice([random_state.random() / 10, 0.01, 1.0]) for _ in range(m)]
            ordered = sorted(ps)
            expected = [
                max(min(1.0, (m - i) * ordered[i]) for i in range(m) if ordered[i] <= p) for p in ps
            ]  # of equal ones the first has the largest factor
            assert holm(ps) == pytest.approx(expected)
    assert holm([]) == []


def test_differences_without_spread_are_judged_by_the_steps_of_the_metric():
    eighteenths = np.arange(19) / np.float32(18)
    smallest = step(eighteenths)
    assert smallest == pytest.approx(1 / 18)
    two, five = np.full(2, smallest), np.full(5, smallest)
    assert paired_t(two, smallest) == pytest.approx(2 * stats.t.sf(math.sqrt(12), 1))
    assert paired_t(two, smallest) > 0.05 > paired_t(five, smallest) > 0
    assert paired_t(five + 1e-9 * np.arange(5), smallest) == pytest.approx(paired_t(five, smallest), rel=1e-3)
    assert paired_t(np.zeros(5), smallest) == signed_rank(np.zeros(5)) == 1
    assert step([1.0, 1.0, math.nan]) == step([]) == 0
    assert step([0.5, 0.5 + 1e-8, 0.75]) == pytest.approx(0.25, rel=1e-6)
    assert paired_t(np.full(3, 1e-9), 0.0) == 1


def test_differences_are_those_of_common_seeds_with_values():
    found = differences({0: 1.0, 1: 2.0, 2: math.nan, 5: 9.0}, {1: 0.5, 0: 0.25, 2: 3.0, 7: 1.0})
    assert found.tolist() == [0.75, 1.5]


def test_the_truly_best_is_rarely_called_worse():
    """Ten configurations alike: the first is as good as any, and called worse in fewer than 5 % of leaderboards."""
    random_state, missed = np.random.RandomState(0), 0
    for _ in range(600):
        values = random_state.randn(10, 5)
        best = values.mean(axis=1).argmax()
        others = np.delete(np.arange(10), best)
        corrected = holm([paired_t(values[best] - values[other], 1e-9) for other in others])
        missed += best != 0 and corrected[0] < 0.05
    assert missed / 600 < 0.03


# Configurations


def test_replicates_become_one_line_with_the_means_of_their_seeds():
    found = leaderboard(rows(*(record(0.8 + 0.01 * seed, seed=seed) for seed in SEEDS)))
    (entry,) = found.entries
    assert (entry.label, entry.kind, entry.standing) == ("chain+gaussian_rbf mean", "fused", "best")
    assert entry.estimates["val/accuracy"].mean == pytest.approx(0.82)
    assert entry.estimates["test/f1"].mean == pytest.approx(0.62)
    assert (entry.seconds, entry.parameters) == (4.0, 300)
    assert found.naive["test/accuracy"][:2] == (0.1, 0.0)
    assert (found.metric, found.others) == ("val/accuracy", ["test/accuracy", "test/f1"])


def test_of_two_runs_with_one_seed_the_newest_counts():
    found = leaderboard(rows(record(0.1), record(0.7), record(0.8, seed=1)))
    assert found.entries[0].values("val/accuracy") == {0: 0.7, 1: 0.8}


def test_order_of_functions_makes_another_configuration():
    one, other = record(0.1), record(0.2, ("gaussian_rbf", "chain"))
    other["configuration"] = one["configuration"]
    assert [entry.label for entry in leaderboard(rows(one, other)).entries] == [
        "gaussian_rbf+chain mean",
        "chain+gaussian_rbf mean",
    ]


def test_records_of_before_configurations_join_those_that_say_the_same():
    old = [record(seed=seed, settings=["optimizer.lr=1"]) for seed in (0, 1)]
    for one in old:
        del one["configuration"]
    new, other = record(seed=2, settings=["optimizer.lr=1"]), record(seed=2)
    found = leaderboard(with_configurations(rows(*old, new, other)))
    assert [len(entry.rows) for entry in found.entries] == [1, 3]
    assert len(leaderboard(with_configurations(rows(*old))).entries) == 1


def test_labels_tell_what_differs_and_nothing_else():
    common = "trainer.max_epochs=3"
    found = rows(
        record(0.9, settings=[common]),
        record(0.8, fusion="max", settings=[common, "+model.layers.0.dropout=0.5"]),
        record(0.7, ("chain",), settings=[common]),
        record(0.6, ("identity",), "sum", settings=[common]),
        record(0.5, (), settings=[common]),
        record(0.4, axis="instance", configuration="1", settings=[common]),
        record(0.3, configuration="2345678900", settings=[common]),
    )
    first, *others = (entry.label for entry in leaderboard(found).entries)
    assert first.startswith("chain+gaussian_rbf mean axis=attribute #")
    assert others == [
        "chain+gaussian_rbf max axis=attribute model.layers.0.dropout=0.5",
        "chain axis=attribute",
        "identity axis=attribute",
        "mlp",
        "chain+gaussian_rbf mean axis=instance",
        "chain+gaussian_rbf mean axis=attribute #23456789",
    ]
    assert [entry.kind for entry in leaderboard(found).entries[2:5]] == ["single", "identity", "control"]


def test_a_function_on_the_other_axis_is_fused_as_well():
    word = "+interdependence@second.interdependence.attention=attention"
    found = leaderboard(rows(record(0.2, ("chain",), settings=[word]), record(0.1, ("chain",))))
    assert [(entry.label, entry.kind) for entry in found.entries] == [
        (f"chain mean {word[1:]}", "fused"),
        ("chain", "single"),
    ]


def test_a_second_hybrid_without_functions_fuses_nothing():
    words = [f"interdependence@second.interdependence={names}" for names in ("[]", "[one]")]
    found = rows(*(record(0.1, ("chain",), settings=[word]) for word in words))
    assert [one.kind for one in found] == ["single", "fused"]


def test_settings_are_the_words_that_decide_the_result_and_are_told_nowhere_else():
    words = ["++seed=3", "+sweep.name=x", "~fusion", "controls=true", "hydra.verbose=1", "+b=1", "a.b=2"]
    assert rows(record(settings=words))[0].settings == ("+b=1", "a.b=2")


def test_single_functions_that_differ_by_fusion_say_so():
    found = leaderboard(rows(record(0.2, ("chain",), "sum"), record(0.1, ("chain",), "l2_norm")))
    assert [entry.label for entry in found.entries] == ["chain sum", "chain l2_norm"]


def test_a_setting_that_only_some_seeds_state_is_none_of_the_label():
    found = rows(record(0.2), record(0.2, seed=1, settings=["optimizer.lr=0.003"]), record(0.1, fusion="max"))
    for one in found[:2]:
        object.__setattr__(one, "configuration", "same")
    assert [entry.label for entry in leaderboard(found).entries] == [
        "chain+gaussian_rbf mean",
        "chain+gaussian_rbf max",
    ]


def test_data_sets_have_a_leaderboard_each():
    changed = {"name": "digits", "sha256": "cd" * 32}
    found = rows(
        record(0.9),
        record(0.9, data=changed),
        record(0.9, data={"name": "wine", "sha256": "ab" * 32}),
        record(0.9, settings=["data.target=price", "data.batch_size=3"]),
        record(0.9, settings=["data.batch_size=8"]),
        record(0.9, settings=["data/structure=chain"]),
        record(0.9, settings=["+data.horizon=3"]),
        record(0.9, status="failed", data={"name": "iris"}),
    )
    assert {board.data: len(board.entries) for board in leaderboards(found)} == {
        "digits (abababab, val/accuracy)": 2,
        "digits (cdcdcdcd, val/accuracy)": 1,
        "digits data.horizon=3": 1,
        "digits data.target=price": 1,
        "digits data/structure=chain": 1,
        "wine": 1,
    }
    with pytest.raises(ValueError, match=r"^runs must be of one data set, got digits \(abababab, .*, wine\.$"):
        leaderboard(found)
    with pytest.raises(ValueError, match="got none done"):
        leaderboard(found[-1:])


def test_data_drawn_by_the_seed_are_one_data_set():
    found = rows(*(record(0.9, seed=seed, data={"name": "planted", "sha256": f"{seed}"}) for seed in SEEDS))
    assert [len(entry.rows) for entry in leaderboard(found).entries] == [5]


# Standing


def test_order_of_records_does_not_matter():
    found = rows(*(record(0.9 + 0.01 * math.sin(9 * k + s), (f"f{k}",), seed=s) for k in range(4) for s in SEEDS))
    expected = leaderboard(found)
    for place in range(3):
        random.Random(place).shuffle(found)
        assert leaderboard(found) == expected


def test_identical_configurations_are_tied():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for test in ("t", "wilcoxon"):
            for value in (lambda seed: 0.9, lambda seed: 0.9 + 0.01 * seed):
                found = rows(*(record(value(s), (f"f{k}",), seed=s) for k in range(3) for s in SEEDS))
                entries = leaderboard(found, test=test).entries
                assert [(e.label, e.standing, e.p) for e in entries] == [
                    ("f0", "best", None), ("f1", "tied", 1.0), ("f2", "tied", 1.0)]  # fmt: skip


def test_equal_means_are_in_the_order_of_names_however_they_are_rounded():
    values = {"b": (0.1, 0.2, 0.3), "a": (0.3, 0.2, 0.1)}
    found = leaderboard(rows(*(record(v, (name,), seed=s) for name in values for s, v in enumerate(values[name]))))
    first, second = found.entries
    assert first.estimates["val/accuracy"].mean < second.estimates["val/accuracy"].mean
    assert (first.label, second.standing) == ("a", "tied")


def test_a_shift_of_ten_deviations_is_worse_and_one_of_a_tenth_is_not():
    found = board_of([0.9, 0.8, 0.899, 0.7])
    assert [entry.label for entry in found.entries[2:]] == ["f1", "f3"]
    assert [entry.standing for entry in found.entries] == ["best", "tied", "worse", "worse"]


def test_p_is_that_of_scipy_corrected_over_the_comparisons_with_the_best():
    entries = board_of([0.9, 0.885, 0.88, 0.5]).entries
    best = list(entries[0].values("val/accuracy").values())
    ps = [stats.ttest_rel(best, list(entry.values("val/accuracy").values())).pvalue for entry in entries[1:]]
    ordered = sorted(ps)
    corrected = np.maximum.accumulate([min(1, (3 - place) * p) for place, p in enumerate(ordered)])
    assert [entry.p for entry in entries[1:]] == pytest.approx([corrected[ordered.index(p)] for p in ps], rel=1e-9)


def test_lower_is_better_where_it_is():
    metrics = [{"val/rmse": 2.0 + k, "val/r2": 0.1 * k, "test/rmse": 3.0, "test/r2": 0.0} for k in range(3)]
    found = rows(*(record(functions=(f"f{k}",), metrics=metrics[k]) for k in range(3)))
    assert [entry.label for entry in leaderboard(found).entries] == ["f0", "f1", "f2"]
    assert "val/rmse (lower is better)" in leaderboard(found).caption
    by_r2 = leaderboard(found, metric="val/r2")
    assert [entry.label for entry in by_r2.entries] == ["f2", "f1", "f0"]
    assert by_r2.others == ["test/r2", "test/rmse"]
    assert leaderboard(found, metric="r2") == by_r2
    forecast = rows(record(metrics={"val/loss": 1.0, "val/mse": 1.0, "val/mae": 1.0, "test/mse": 2.0}))
    assert leaderboard(forecast).metric == "val/mse"


def test_what_has_no_finite_result_stands_last_and_is_named():
    found = leaderboard(
        rows(record(None), *(record(0.3, ("chain",), seed=s) for s in (0, 1)), record(None, ("chain",), seed=2))
    )
    assert [(entry.label, entry.standing) for entry in found.entries] == [
        ("chain", "best"), ("chain+gaussian_rbf mean", "no result")]  # fmt: skip
    assert found.notes == [
        "val/accuracy is not finite for some seeds, which means leave out: "
        "chain (1 of 3), chain+gaussian_rbf mean (1 of 1).",
        "Configurations have 1 to 3 seeds: a mean of few is less sure than it looks.",
    ]
    assert sheet(found).rows[0][3] == "2 of 3"


def test_too_few_common_seeds_are_no_test():
    one_each = leaderboard(rows(record(0.9), record(0.5, ("chain",))))
    assert [(entry.standing, entry.p) for entry in one_each.entries] == [("best", None), ("no test", None)]
    assert one_each.notes == ["No test is possible: configurations have fewer than 2 seeds in common with the best."]
    assert "tied" not in one_each.caption
    found = rows(*(record(0.9, ("a",), seed=s) for s in SEEDS), *(record(0.2, ("b",), seed=s + 9) for s in SEEDS),
                 *(record(0.1 * s, ("c",), seed=s) for s in SEEDS))  # fmt: skip
    mixed = leaderboard(found)
    assert {entry.label: entry.standing for entry in mixed.entries} == {"a": "best", "b": "no test", "c": "worse"}
    assert mixed.notes == ["No test is possible of what has fewer than 2 seeds in common with the best: b."]
    assert "for 1 comparison with" in mixed.caption
    two_each = leaderboard(rows(*(record(0.9 - k * s, (f"f{k}",), seed=s) for k in (0, 1) for s in (0, 1))))
    assert [entry.standing for entry in two_each.entries] == ["best", "tied"]


def test_what_is_ahead_on_the_common_seeds_is_not_worse():
    """The best owes its mean to seeds that the other does not have."""
    for sign in (1, -1):
        name = "val/accuracy" if sign > 0 else "val/rmse"
        a = [0.5, 0.51, 0.5, 0.99, 0.99]
        b = [0.6, 0.612, 0.6]
        found = [record(functions=("a",), seed=s, metrics={name: sign * v}) for s, v in enumerate(a)]
        found += [record(functions=("b",), seed=s, metrics={name: sign * v}) for s, v in enumerate(b)]
        entries = leaderboard(rows(*found)).entries
        assert [(entry.label, entry.standing) for entry in entries] == [("a", "best"), ("b", "tied")]
        assert entries[1].p < 0.05


def test_without_a_naive_answer_there_is_no_line_of_it():
    found = leaderboard(rows(record(baseline=None), record(0.8, ("chain",), baseline={})))
    assert (found.naive, len(sheet(found).rows)) == ({}, 2)
    some = leaderboard(rows(record(), record(0.8, ("chain",), baseline={})))
    assert some.naive["test/accuracy"][:1] == (0.1,)


def test_selecting_on_test_is_said_in_words():
    found = board_of([0.9, 0.5], metric="test/accuracy")
    assert found.notes[0].startswith("Selected on the test split: the numbers of the best are too good")
    assert found.others == ["val/accuracy", "test/f1"]
    assert not board_of([0.9, 0.5]).notes


def test_names_of_tests_and_intervals_are_told():
    assert (
        "(paired t test over common seeds, two-sided, Holm-corrected for 1 comparison" in board_of([0.9, 0.5]).caption
    )
    found = board_of([0.9, 0.5], interval="bootstrap", test="wilcoxon")
    assert "(BCa bootstrap, 9,999 resamples, shares cut at 0 and 1)" in found.caption
    assert found.entries[1].p == 2 / 2**5
    assert found.notes == [
        "With 5 common seeds and 1 comparison the exact Wilcoxon signed-rank test cannot find any difference: "
        "its smallest p is 0.062."
    ]


def test_what_many_comparisons_leave_a_test_of_ranks_is_told():
    def said(configurations):
        values = [(k, s, 0.9 - 0.01 * k + 0.001 * math.sin(k * s)) for k in range(configurations) for s in range(8)]
        return leaderboard(rows(*(record(v, (f"f{k}",), seed=s) for k, s, v in values)), test="wilcoxon").notes

    assert said(2) == []
    assert "With 8 common seeds and 10 comparisons" in said(11)[0]
    assert said(11)[0].endswith("its smallest p is 0.078.")


WRONG = {
    "val/acuracy": r"^metric must be one of val/accuracy, val/loss, test/.*did you mean val/accuracy\?$",
    "interval": r"^interval must be one of t, bootstrap, got 'bootstap'; did you mean bootstrap\?$",
    "test": r"^test must be one of t, wilcoxon, got 'willcoxon'; did you mean wilcoxon\?$",
}


def test_wrong_names_are_told_with_the_nearest():
    found = rows(record())
    for options in ({"metric": "val/acuracy"}, {"interval": "bootstap"}, {"test": "willcoxon"}):
        name, value = next(iter(options.items()))
        with pytest.raises(ValueError, match=WRONG.get(name) or WRONG[value]):
            leaderboards(found, **options)
    with pytest.raises(ValueError, match="metric must be given where no run has validation metrics, as one of test/f1"):
        leaderboards(rows(record(metrics={"test/f1": 1.0})))
    with pytest.raises(ValueError, match=r"the metric must be one of accuracy, .*, got 'made_up'"):
        leaderboards(rows(record(metrics={"val/made_up": 1.0})), metric="val/made_up")
    assert leaderboards([]) == []


# Forms


def test_csv_has_every_number_in_full():
    boards = [board_of([0.9, 0.123456789012])]
    found = list(csv.DictReader(io.StringIO(csv_form.text(boards))))
    assert [line["configuration"] for line in found] == ["f0", "f1", "naive answer"]
    for line, entry in zip(found, boards[0].entries, strict=False):
        of = entry.estimates["val/accuracy"]
        numbers = [float(line[f"val/accuracy {name}"]) for name in ("mean", "sd", "low", "high", "n")]
        assert numbers == list(of)
        assert (line["standing"], line["seeds"], line["interdependence"]) == (entry.standing, "0 1 2 3 4", entry.label)
        assert line["hash"] == entry.rows[0].configuration
    assert (found[0]["p"], float(found[1]["p"])) == ("", boards[0].entries[1].p)
    assert (found[2]["val/accuracy mean"], found[2]["test/accuracy mean"]) == ("", "0.1")
    assert None not in found[2]
    (one, _) = csv.DictReader(io.StringIO(csv_form.text([leaderboard(rows(record(duration_s=None)))])))
    assert (one["val/accuracy mean"], one["val/accuracy sd"], one["test/f1 low"], one["seconds"]) == ("0.9", "", "", "")


def test_markdown_is_a_table_that_escapes_what_means_something():
    text = markdown.text([leaderboard(rows(record(0.9, ("a_b|c*",)), record(0.1, ("d",))))])
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.replace(r"\|", "").count("|") for line in table} == {13}
    assert r"| best | **a\_b\|c\*** | single | 1 | **0.9000** |" in table[2]
    assert table[3].startswith("| no test | d | single |")
    assert table[4].startswith("|  | naive answer | naive |")
    assert text.startswith("## digits\n\n| standing |")
    standings = dict(re.findall(r"^\| (\w+) \| (\**)f", markdown.text([board_of([0.9, 0.899, 0.5])]), re.MULTILINE))
    assert standings == {"best": "**", "tied": "**", "worse": ""}


def test_latex_escapes_all_its_characters():
    assert latex.escaped(r"a_b&c%d$e#f{g}~^\<±") == (
        r"a\_b\&c\%d\$e\#f\{g\}\textasciitilde{}\textasciicircum{}\textbackslash{}\textless{}$\pm$"
    )
    text = latex.text([leaderboard(rows(record(-0.5, ("a_b",)), record(-0.6, ("a_b",), seed=1)))])
    assert r"best & \textbf{a\_b} & single & 2 & \textbf{$-$0.5500 $\pm$ 0.0707} & [$-$1.1853, 0.0853] &" in text
    lines = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert {line.count(" & ") for line in lines} == {11}
    assert text.count("{") == text.count("}")
    assert [f"\\{rule}" in text for rule in ("toprule", "midrule", "bottomrule")] == [True] * 3


def test_numbers_of_a_column_are_written_alike():
    assert [Numbers([0.5, 12.0]).number(value) for value in (0.5, 12.0)] == ["0.500", "12.000"]
    assert Numbers([0.93]).number(0.93) == "0.9300"
    assert Numbers([12345.678]).number(12345.678) == "12346"
    assert Numbers([0.00123456]).number(0.00123456) == "0.001235"
    assert Numbers([3e9]).number(3e9) == "3.0000e+09"
    assert Numbers([2e-9]).number(2e-9) == "2.0000e-09"
    assert Numbers([0.0, math.nan]).number(0.0) == "0.0000"
    assert Numbers([]).number(math.nan) == ""
    assert list(map(probability, (None, 1.0, 0.0504, 0.0049, 0.00001))) == ["", "1.00", "0.050", "0.0049", "< 0.0001"]
    assert list(map(duration, (math.nan, 0.84, 99.97, 3599.7, 7322))) == [
        "",
        "0.8 s",
        "1 min 40 s",
        "1 h 00 min",
        "2 h 02 min",
    ]


def drawn(board, width):
    """What a terminal of that width shows of a leaderboard, line by line."""
    table = screen.table(sheet(board), width)
    console = Console(file=io.StringIO(), width=table.width, color_system=None)
    console.print(table)
    return console.file.getvalue().splitlines()


def test_nothing_is_cut_however_narrow_the_terminal():
    name = "a_function_with_a_very_long_name_" * 10
    found = leaderboard(rows(record(0.9, (name, "chain")), record(0.8, ("chain",)), record(0.7, ("one",))))
    for width in (20, 80, 100, 200, 800):
        lines = drawn(found, width)
        names = "".join(line.split("│")[2].strip() for line in lines if line.count("│") > 3)
        assert f"{name}+chain" in names.replace("mean", "")
        for cell in itertools.chain(*sheet(found).rows, (column.heading for column in sheet(found).columns)):
            assert name in cell or any(cell in line for line in lines), (cell, width)
        assert max(map(len, lines)) <= max(width, 80)
    assert len(drawn(found, 800)) == 5 + 3 + 1  # title, frame and headings; configurations; naive answer


def test_names_are_broken_where_they_are_made_of_parts():
    found = leaderboard(rows(record(0.9, ("cosine_similarity", "gaussian_rbf", "chain"))))
    cells = [line.split("│")[2].strip() for line in drawn(found, 80) if line.count("│") > 3]
    assert cells == ["cosine_similarity+", "gaussian_rbf+chain", "mean", "fused", "1", "naive answer", "naive", ""]


def test_names_are_broken_before_numbers_are_stacked_and_then_long_enough():
    found = leaderboard(rows(record(0.9, tuple("abcdefghijklmnopqrstuvwxyz"))))
    rooms = {}
    for width in range(90, 190):
        lines = drawn(found, width)
        is_stacked = not any("configuration" in line and "kind" in line for line in lines)
        assert max(map(len, lines)) <= width
        rooms.setdefault(is_stacked, []).append(len(lines[1].split("┳")[1]) - 2)
    assert min(rooms[False]) >= 25
    assert max(rooms[False]) == 51 + len(" mean")
    assert len(rooms[True]) > 9


def test_plain_lines_are_columns():
    lines = leaderboard(rows(record(0.9, ("a" * 200,)), record(0.8, ("b",)))).lines()
    assert lines[1].index("val/accuracy") + len("val/accuracy") == lines[2].index("0.9000") + 6
    assert lines[3].index("0.8000") == lines[2].index("0.9000")
    assert lines[2].startswith(f"best      {'a' * 200}  single  1  ")
    top = leaderboard(rows(record(0.9, ("a",)), record(0.8, ("b",)), record(0.7, ("c",)))).lines(top=1)
    assert (len(top), top[4]) == (7, "and 2 more configurations")


def test_a_grid_is_found_where_there_is_one():
    sets, fusions = (("a", "b"), ("a", "c"), ("a", "b", "c")), ("mean", "max")
    found = [record(0.5, names, fusion) for names in sets for fusion in fusions]
    singles = [record(0.4, ("a",)), record(0.3, ())]
    made = grid(leaderboard(rows(*found[1:], *singles)))
    assert made is not None
    assert (made.functions, made.fusions) == (["a+c", "a+b+c"], ["max", "mean"])
    whole = grid(leaderboard(rows(*found, *singles)))
    assert whole.functions == ["a+b", "a+c", "a+b+c"]
    assert [[cell.label for cell in row] for row in whole.cells][1] == ["a+c max", "a+c mean"]
    assert grid(leaderboard(rows(*found, record(0.1, ("a", "b"), settings=["optimizer.lr=1"])))) is None
    assert grid(leaderboard(rows(*singles))) is None
    half = [record(0.5, (f"f{k}", "g"), fusion) for k, pair in enumerate(("ab", "cd", "ef")) for fusion in pair]
    assert grid(leaderboard(rows(*half))) is None
    assert len(grid(leaderboard(rows(*half[:4]))).fusions) == 4


# Two folders


def test_two_folders_are_compared_seed_by_seed():
    def runs(shift, *, settings=()):
        values = [0.8 + 0.01 * math.sin(9 * s) for s in SEEDS]
        alike = [
            record(v + shift + 0.001 * math.cos(s), ("a",), seed=s, settings=settings) for s, v in enumerate(values)
        ]
        return [*alike, *(record(v, ("b",), seed=s) for s, v in enumerate(values)), record(0.5, (f"only{shift}",))]

    (found,) = compared(rows(*runs(0.0)), rows(*runs(0.1)))
    assert found.title == "digits, val/accuracy"
    assert [(row[0], row[1], row[4]) for row in found.rows] == [("better", "a", "5"), ("unclear", "b", "5")]
    assert found.rows[0][5] == "0.1000"
    assert found.below[-1] == "Configurations that are only before: 1; only after: 1."
    (back,) = compared(rows(*runs(0.1)), rows(*runs(0.0)))
    assert [row[0] for row in back.rows] == ["unclear", "worse"]
    after = [record(0.1, ("a",), seed=7, configuration="of another version", experiment="new")]
    (renamed,) = compared(rows(*runs(0.0)), rows(*after))
    assert [row[:2] for row in renamed.rows] == [("no test", "a")]
    spelled = [record(0.5, settings=[f"optimizer.lr={word}"], configuration="1") for word in ("1e-3", "0.001")]
    assert len(compared(rows(spelled[0]), rows(spelled[1]))[0].rows) == 1
    assert compared(rows(*runs(0.0)), []) == []
    same = rows(*runs(0.0))
    changed = rows(*runs(0.1), record(0.4, data={"name": "digits", "sha256": "cd" * 32}))
    assert [sheet.title for sheet in compared(same, changed)] == ["digits (abababab, val/accuracy), val/accuracy"]
    assert {row[0] for row in compared(same, same)[0].rows} == {"unclear", "no test"}


def test_data_sets_without_the_metric_take_their_own():
    wine = record(data={"name": "wine"}, metrics={"val/rmse": 1.0})
    found = leaderboards(rows(record(), wine), metric="val/loss")
    assert [(board.data, board.metric) for board in found] == [("digits", "val/loss"), ("wine", "val/rmse")]
