import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from replication_rows import row

from enlib.tables import (
    choose,
    explosion_table,
    generalization,
    label,
    moment_table,
    noise_table,
    quality,
    quality_table,
    speed,
    speed_table,
    stability_table,
)
from enlib.tables.selection import at_shared_setting

PROBLEM = "spheres-1.01-1000"


def sweep(times):
    """Return rows for times[arm][seed][trial]."""
    return [
        row(seed, bool(arm), lr=0.001 * (trial + 1), epochs_to_zero=time)
        for arm, seeds in enumerate(times)
        for seed, trials in enumerate(seeds)
        for trial, time in enumerate(trials)
    ]


time = st.one_of(st.just(math.nan), st.integers(1, 100).map(float))
arm = st.lists(st.lists(time, min_size=3, max_size=3), min_size=4, max_size=4)


@given(st.tuples(arm, arm))
def test_own_takes_the_fastest_trial_of_each_seed_and_censors_seeds_without_one(times):
    found = choose(sweep(times), PROBLEM, speed).values("epochs_to_zero")
    for mine, seeds in zip(found, times, strict=True):
        reached = [[t for t in trials if t == t] for trials in seeds]
        np.testing.assert_array_equal(mine, [min(r) if r else math.nan for r in reached])


def test_others_takes_the_setting_that_was_best_on_the_other_seeds():
    # Trial 1 is the best on seeds 1 to 3, trial 0 on seed 0 alone: seed 0 is tuned without its own answer.
    times = [[1.0, 9.0], [8.0, 2.0], [8.0, 2.0], [8.0, 2.0]]
    pairs = choose(sweep([times, times]), PROBLEM, speed, by="others")
    np.testing.assert_array_equal(pairs.values("epochs_to_zero")[0], [9.0, 2.0, 2.0, 2.0])
    assert choose(sweep([times, times]), PROBLEM, speed).values("epochs_to_zero")[0][0] == 1.0


def test_others_is_never_better_than_own():
    rng = np.random.default_rng(0)
    rows = sweep(rng.integers(1, 100, (2, 6, 5)).astype(float).tolist())
    for own, others in zip(
        choose(rows, PROBLEM, speed).values("epochs_to_zero"),
        choose(rows, PROBLEM, speed, by="others").values("epochs_to_zero"),
        strict=True,
    ):
        assert (own <= others).all()
        assert (own < others).any()


def test_a_diverged_run_is_chosen_only_where_all_diverged():
    rows = [row(0, arm, lr=lr, errors=errors, status=status) for arm in (False, True) for lr, errors, status in (
        (0.1, 0, "diverged"), (0.2, 7, "capped"),
    )]  # fmt: skip
    assert choose(rows, PROBLEM, quality).without[0]["train_errors"] == 7
    alone = [r for r in rows if r["status"] == "diverged"]
    assert choose(alone, PROBLEM, quality).without[0]["train_errors"] == 0


def test_generalization_asks_for_zero_training_errors_first_and_never_looks_at_the_test_split():
    rows = [
        row(0, arm, lr=lr, epochs_to_zero=time, validation_errors=validation, test_errors=test)
        for arm in (False, True)
        for lr, time, validation, test in ((0.1, math.nan, 0.0, 0), (0.2, 5.0, 30.0, 1), (0.3, 5.0, 20.0, 40))
    ]
    assert choose(rows, PROBLEM, generalization).without[0]["test_errors"] == 40


def test_seeds_that_are_not_complete_are_left_out():
    rows = sweep([[[1.0, 2.0]] * 3, [[1.0, 2.0]] * 3])
    assert choose(rows[:-1], PROBLEM, speed).seeds == [0, 1]
    assert choose(rows, PROBLEM, speed).subset([2, 0]).seeds == [2, 0]


def test_bad_input():
    with pytest.raises(ValueError, match=r"expected runs of both arms of nothing, got none .*spheres-1.01-1000"):
        choose(sweep([[[1.0]], [[1.0]]]), "nothing", speed)
    with pytest.raises(ValueError, match="expected by to be one of own, others; got 'mine'"):
        choose(sweep([[[1.0]], [[1.0]]]), PROBLEM, speed, by="mine")


@pytest.mark.parametrize(
    "problem, name",
    [
        ("spheres-5-5000", "spheres 1/5, n = 5000"),
        ("cifar10-0v1", "CIFAR-10, 0 and 1"),
        ("two-moons", "two-moons"),
        ("spheres-1.01-1000-momentum", "spheres 1/1.01, n = 1000, momentum"),
    ],
)
def test_labels(problem, name):
    assert label(problem) == name


TRIALS = [row(seed, arm, epochs_to_zero=10.0 + arm) for seed in range(6) for arm in (False, True)]


def test_rows_without_a_column_that_every_run_has():
    for table in (quality_table, speed_table, stability_table, noise_table, explosion_table, moment_table):
        with pytest.raises(ValueError, match="column 'status' in every row, got none: pass enlib"):
            table([TRIALS[0], {name: value for name, value in TRIALS[1].items() if name != "status"}])


def test_half_the_rows_are_said_to_be_missing():
    table = speed_table(TRIALS[:-1])
    assert table.numbers[0]["seeds"] == 5
    assert table.notes[-1] == "Seeds left out because trials are missing: spheres 1/1.01, n = 1000 (1)."
    without_pairs = quality_table([r for r in TRIALS if r["exponential"]])
    assert without_pairs.shown == []
    assert without_pairs.notes[-2].endswith("n = 1000 (6).")
    assert (
        without_pairs.notes[-1] == "Left out, as no seed has all its trials in both arms: spheres 1/1.01, n = 1000."
    )


def test_an_unknown_choice_is_refused_even_without_runs():
    with pytest.raises(ValueError, match="expected by to be one of own, others; got 'mine'"):
        speed_table([], by="mine")


@pytest.mark.parametrize("by", ["own", "others"])
def test_ties_go_to_the_smallest_learning_rate_then_order_then_schedule(by):
    """Table 3 of protocol 1 depended on the order of the rows of its file."""
    settings = [(lr, order, how) for lr in (0.2, 0.1) for order in (1, 0) for how in ("cosine", "constant")]
    rows = [
        row(s, arm, lr=lr) | {"order": order, "schedule": how}
        for s in range(3)
        for arm in (False, True)
        for lr, order, how in settings
    ]
    for shuffled in (rows, rows[::-1], rows[5:] + rows[:5]):
        found = choose(shuffled, PROBLEM, speed, by=by)
        assert found.seeds == [0, 1, 2]
        chosen = {(r["lr"], r["order"], r["schedule"]) for r in found.without + found.with_neuron}
        assert chosen == {(0.1, 0, "constant")}


def at(lr_to_time, *, arm=False, seed=0):
    return [row(seed, arm, lr=lr, epochs_to_zero=float(time)) for lr, time in lr_to_time.items()]


@pytest.mark.parametrize(
    "times, edge",
    [
        ({0.1: 5, 0.2: 7, 0.3: 9}, -1),
        ({0.1: 9, 0.2: 7, 0.3: 5}, 1),
        ({0.1: 9, 0.2: 5, 0.3: 7}, 0),
        ({0.1: 5, 0.2: 5, 0.3: 9}, 0),  # one inside is as good
        ({0.1: 9, 0.2: 5, 0.3: 5}, 0),
        ({0.1: 5, 0.2: 9, 0.3: 5}, -1),  # the choice is the smaller one, and none inside is as good
        ({0.1: 5}, 0),  # nothing was chosen
    ],
)
@pytest.mark.parametrize("by", ["own", "others"])
def test_at_the_edge_of_a_grid(times, edge, by):
    found = choose(at(times) + at(dict.fromkeys(times, 5), arm=True), PROBLEM, speed, by=by)
    assert found.edges[0] == [edge]
    assert found.subset([0]).edges[0] == [edge]


def test_a_missing_column_order_is_order_zero():
    rows = sweep([[[1.0, 2.0]] * 3] * 2)
    numbered = [r | {"order": 0} for r in rows]
    empty = [r | {"order": None} for r in rows]
    expected = choose(rows, PROBLEM, speed).values("epochs_to_zero")[0].tolist()
    for each in (numbered, empty):
        assert choose(each, PROBLEM, speed).values("epochs_to_zero")[0].tolist() == expected


def test_orders_make_the_arms():
    rows = [
        row(0, bool(arm), epochs_to_zero=10.0 + order) | {"order": order}
        for arm, order in ((0, 2), (0, 3), (0, 0), (0, 1), (1, 0), (1, 1))
    ]
    both = choose(rows, PROBLEM, speed)
    placebo = choose(rows, PROBLEM, speed, arms=("without", "placebo"))
    assert [found.values("epochs_to_zero")[1].tolist() for found in (both, placebo)] == [[10], [12]]
    assert both.trials == placebo.trials == 2


def test_arms_with_unequal_numbers_of_tries_are_not_compared():
    rows = at({0.1: 5, 0.2: 5}) + at({0.1: 5}, arm=True)
    with pytest.raises(ValueError, match="none that are complete"):
        choose(rows, PROBLEM, speed)


def test_the_shared_setting_does_not_depend_on_which_arm_is_which():
    """Exchanging the arms of any seed leaves the setting, so a test that exchanges them keeps its level."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        lrs, times = (0.1, 0.2, 0.3, 0.4, 0.5), rng.integers(1, 30, (2, 4, 5)).astype(float)
        found = []
        for swapped in ([], [1], [0, 2, 3]):
            arms = times.copy()
            arms[:, swapped] = arms[::-1, swapped]
            rows = [
                r
                for a in (0, 1)
                for s in range(4)
                for r in at(dict(zip(lrs, arms[a, s], strict=True)), arm=bool(a), seed=s)
            ]
            found.append(at_shared_setting(rows, PROBLEM, speed).without[0]["lr"])
        assert len(set(found)) == 1
        assert found[0] not in (0.1, 0.5)


def test_no_shared_setting_inside_both_grids():
    assert at_shared_setting(at({0.1: 1, 0.2: 1}) + at({0.1: 1, 0.2: 1}, arm=True), PROBLEM, speed) is None
    apart = at({0.1: 1, 0.2: 1, 0.3: 1}) + at({0.2: 1, 0.3: 1, 0.4: 1}, arm=True)
    assert at_shared_setting(apart, PROBLEM, speed) is None
    assert at_shared_setting(at({0.1: 1}), PROBLEM, speed) is None


@pytest.mark.parametrize("by", ["own", "others"])
def test_runs_that_differ_in_a_setting_that_tables_do_not_know_are_not_pooled(by):
    """Another loss or another start of the neuron: a table would take one for the other."""
    rows = sweep([[[1.0, 2.0], [2.0, 1.0]]] * 2)
    other = [mine | {"w_std": 0.1} for mine in rows if mine["exponential"]]
    with pytest.raises(ValueError, match="expected one run per learning rate, schedule, lambda and .* for seed 0"):
        choose(rows + other, PROBLEM, speed, by=by)
