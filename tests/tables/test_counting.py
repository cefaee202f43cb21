import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enlib.replication import Recipe
from enlib.statistics import mcnemar, signed_rank, wilson
from enlib.tables import change, discordant, happened, moment, percent, share, sides, twins
from enlib.tables.counting import surplus

NEVER = math.nan


def run(seed=0, *, spike=NEVER, end=NEVER, **recipe):
    what = {"data": "spheres", "inner": 1.0, "outer": 1.5, "train": 200, "model": "fc1", "lr": 0.01, "epochs": 10}
    row = Recipe(**what | recipe, seed=seed).row()
    status = "capped" if math.isnan(end) else "diverged"
    return row | {"train_size": 200, "first_spike": spike, "diverged_at": end, "status": status}


def pair(seed, first, second):
    spikes = [5.0 if happened else NEVER for happened in (first, second)]
    return run(seed, spike=spikes[0]), run(seed, spike=spikes[1], exponential=True, lam=0.1)


def test_a_moment_is_a_fraction_of_all_updates():
    assert moment(run(spike=5.0), "spikes") == 0.25
    assert moment(run(end=20.0), "diverges") == 1.0
    assert math.isnan(moment(run(), "spikes"))
    assert math.isnan(moment(run(spike=5.0), "diverges"))


def test_the_last_batch_counts_when_it_is_small():
    assert moment(run(spike=15.0) | {"train_size": 201}, "spikes") == 0.5


def test_a_run_that_diverges_has_spiked_at_the_latest_then():
    # In the sweep: a training loss that overflows after an epoch whose batches were calm.
    assert moment(run(end=10.0), "spikes") == 0.5
    assert moment(run(spike=2.0, end=10.0), "spikes") == 0.1


@pytest.mark.parametrize("event", ["spikes", "diverges"])
@pytest.mark.parametrize("spike", [NEVER, 2.0])
@pytest.mark.parametrize("end", [NEVER, 10.0])
def test_what_happened_has_a_moment(event, spike, end):
    row = run(spike=spike, end=end)
    assert happened(row, event) == (not math.isnan(moment(row, event)))
    assert happened(row, "spikes") >= happened(row, "diverges")


def test_an_unknown_event():
    for function in (moment, happened):
        with pytest.raises(ValueError, match="event"):
            function(run(), "explodes")


def test_shares_are_wilsons():
    rows = [run(0, spike=1.0), run(1), run(2)]
    assert share(rows, "spikes") == wilson(1, 3)
    assert percent(share(rows, "diverges")) == "0 [0, 56]"


def test_twins_share_everything_but_one_setting():
    rows = [run(s, schedule=how, lr=lr) for s in (0, 1) for how in ("constant", "cosine") for lr in (0.01, 0.1)]
    found = twins(rows, "schedule", "constant", "cosine")
    assert len(found) == 4
    for first, second in found:
        assert {name for name in first if first[name] != second[name] and first[name] == first[name]} == {"schedule"}


def test_one_run_without_the_neuron_is_the_twin_of_all_lambdas():
    rows = [run(), *(run(exponential=True, lam=lam) for lam in (0.1, 1.0))]
    found = twins(rows, "exponential", False, True)
    assert [second["lam"] for _, second in found] == [0.1, 1.0]
    assert all(first is rows[0] for first, _ in found)


def test_a_run_in_several_pairs_counts_once_in_a_share():
    """Runs without the neuron were counted once for every lambda: 10.4 % spiked of the pairs, 7.9 % of the runs."""
    rows = [run(0, spike=1.0), run(1)]
    rows += [run(0, exponential=True, lam=lam) for lam in (0.1, 1.0)] + [run(1, exponential=True, lam=0.1)]
    pairs = twins(rows, "exponential", False, True)
    assert [len(side) for side in sides(pairs)] == [2, 3]
    assert change(pairs, "spikes").before == wilson(1, 2)


def test_twins_have_the_same_batch_order():
    rows = [run(order=order, spike=float(order + 1)) for order in range(4)]
    rows += [run(order=order, exponential=True, lam=lam) for order, lam in enumerate((0.01, 1.0))]
    found = twins(rows, "exponential", False, True)
    assert [(before["first_spike"], after["lam"]) for before, after in found] == [(1.0, 0.01), (2.0, 1.0)]


def test_runs_without_a_twin_are_left_out():
    assert twins([run(0), run(1, exponential=True, lam=0.1)], "exponential", False, True) == []
    with pytest.raises(ValueError, match="setting"):
        twins([run()], "colour", 0, 1)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=12))
def test_counts_agree_with_one_another(outcomes):
    pairs = [pair(seed, *outcome) for seed, outcome in enumerate(outcomes)]
    only_first, only_second = discordant(pairs, "spikes")
    more = surplus(pairs, "spikes")
    assert sum(more) == only_second - only_first
    found = change(pairs, "spikes")
    assert (found.prevented, found.new) == (only_first, only_second)
    assert found.before.successes - found.after.successes == only_first - only_second
    # With one pair a seed, the signed-rank test of -1, 0 and 1 is McNemar's.
    assert math.isclose(found.p, mcnemar(only_first, only_second).p)


def test_pairs_of_one_seed_are_added_up():
    pairs = [pair(0, True, False), pair(0, True, False), pair(1, False, True), pair(2, True, True)]
    assert surplus(pairs, "spikes") == [-2, 1, 0]
    assert change(pairs, "spikes").p == signed_rank([-2, 1, 0]).p


@pytest.mark.parametrize("seeds, verdict", [(5, "undecided"), (6, "fewer")])
def test_six_seeds_decide_and_five_do_not(seeds, verdict):
    assert change([pair(seed, True, False) for seed in range(seeds)], "spikes").verdict == verdict
    if seeds == 6:
        assert change([pair(seed, False, True) for seed in range(6)], "spikes").verdict == "more"


def test_the_direction_of_a_change_is_that_of_its_test():
    """Fourteen seeds with one explosion more each, and one with fewer, by many."""
    pairs = []
    for seed, (first, second, times) in [(s, (0, 1, 1)) for s in range(14)] + [(14, (1, 0, 20))]:
        pairs += [tuple(a_run(seed, exploded) for exploded in (first, second))] * times
    found = change(pairs, "diverges")
    assert found.p < 0.05
    assert (found.prevented > found.new, found.verdict) == (True, "more")


def a_run(seed, exploded):
    return {"seed": seed, "status": "diverged" if exploded else "capped", "first_spike": math.nan}
