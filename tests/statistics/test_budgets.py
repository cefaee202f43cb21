import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from enlib.statistics import best_of, chance_slower, typical_best

TIMES = st.lists(st.one_of(st.integers(1, 40).map(float), st.just(math.nan)), min_size=1, max_size=7)


def minima(times, tries):
    """Return the best of every subset, by going through them all."""
    finite = [math.inf if math.isnan(t) else t for t in times]
    return [min(subset) for subset in itertools.combinations(finite, tries)]


@given(TIMES, st.data())
def test_all_subsets_are_counted(times, data):
    tries = data.draw(st.integers(1, len(times)))
    best, chances = best_of(times, tries)
    slow = minima(times, tries)
    assert chances.sum() == pytest.approx(1)
    for value in set(best):
        assert chances[best == value].sum() == pytest.approx(slow.count(value) / len(slow))


@given(TIMES, st.data())
def test_typical_best_is_the_geometric_mean(times, data):
    tries = data.draw(st.integers(1, len(times)))
    slow = [min(value, 50.0) for value in minima(times, tries)]
    assert typical_best(times, tries, cap=50) == pytest.approx(np.exp(np.mean(np.log(slow))))


@given(TIMES)
def test_more_tries_never_hurt(times):
    values = [typical_best(times, tries, cap=50) for tries in range(1, len(times) + 1)]
    assert all(b <= a * (1 + 1e-12) for a, b in itertools.pairwise(values))


@given(TIMES, TIMES, st.data())
def test_the_chance_to_look_slower(without, with_neuron, data):
    tries = [data.draw(st.integers(1, len(times))) for times in (without, with_neuron)]
    slow = [b > a for a in minima(without, tries[0]) for b in minima(with_neuron, tries[1])]
    assert chance_slower(without, tries[0], with_neuron, tries[1]) == pytest.approx(np.mean(slow))


@pytest.mark.parametrize("tries", [1, 2, 4, 8, 16])
def test_against_itself_it_is_slower_unless_it_meets_its_own_best(tries):
    times = np.arange(10.0, 26.0)
    assert chance_slower(times, 16, times, tries) == pytest.approx(1 - tries / 16)


def test_many_trials_stay_exact():
    _, chances = best_of(np.arange(1.0, 2001.0), 1000)
    assert chances[0] == pytest.approx(0.5)
    assert chances.sum() == pytest.approx(1)


def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match=r"expected at most 2 tries, one for each trial, got 3"):
        best_of([1, 2], 3)
    with pytest.raises(ValueError, match="integer >= 1"):
        best_of([1, 2], 0)
    with pytest.raises(ValueError, match="not empty|one entry per seed"):
        best_of([], 1)
    with pytest.raises(ValueError, match="expected times > 0, got 0"):
        typical_best([0, 2], 1, cap=10)
    with pytest.raises(ValueError, match="expected cap at or above every time, got 10"):
        typical_best([20, 2], 1, cap=10)
