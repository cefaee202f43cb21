import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from enlib.statistics import chance_of_lower, expected_best, typical_best
from enlib.statistics.tries import _best_of

TIMES = st.lists(st.one_of(st.integers(1, 40).map(float), st.just(math.nan)), min_size=1, max_size=7)


def minima(times, tries):
    """Return the best of every subset, by going through them all."""
    finite = [math.inf if math.isnan(t) else t for t in times]
    return [min(subset) for subset in itertools.combinations(finite, tries)]


@given(TIMES, st.data())
def test_all_subsets_are_counted(times, data):
    tries = data.draw(st.integers(1, len(times)))
    best, chances = _best_of(times, tries)
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
def test_the_chance_of_a_lower_best(without, with_neuron, data):
    tries = [data.draw(st.integers(1, len(times))) for times in (without, with_neuron)]
    slow = [b > a for a in minima(without, tries[0]) for b in minima(with_neuron, tries[1])]
    assert chance_of_lower(without, with_neuron, tries=tuple(tries))[0] == pytest.approx(np.mean(slow))


@pytest.mark.parametrize("tries", [1, 2, 4, 8, 16])
def test_against_itself_it_is_slower_unless_it_meets_its_own_best(tries):
    times = np.arange(10.0, 26.0)
    assert chance_of_lower(times, times, tries=(16, tries))[0] == pytest.approx(1 - tries / 16)


def test_many_trials_stay_exact():
    _, chances = _best_of(np.arange(1.0, 2001.0), 1000)
    assert chances[0] == pytest.approx(0.5)
    assert chances.sum() == pytest.approx(1)


TRIALS = st.lists(st.integers(0, 20), min_size=1, max_size=7)


@given(TRIALS)
def test_expected_best_is_the_mean_over_all_subsets(values):
    counted = [np.mean([min(c) for c in itertools.combinations(values, k)]) for k in range(1, len(values) + 1)]
    assert expected_best(values) == pytest.approx(counted)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 20)), min_size=1, max_size=7))
def test_chosen_by_one_split_and_counted_on_another(trials):
    """Equals in the first split: the first of them is taken, as `min` does."""
    counted = [
        np.mean([min(chosen, key=lambda trial: trial[0])[1] for chosen in itertools.combinations(trials, k)])
        for k in range(1, len(trials) + 1)
    ]
    by, values = zip(*trials, strict=True)
    assert expected_best(values, by=by) == pytest.approx(counted)


def test_expected_best_of_several_seeds_at_once():
    values = np.random.default_rng(0).exponential(size=(3, 16))
    best = expected_best(values)
    assert best[1] == pytest.approx(expected_best(values[1]))
    assert best[:, 0] == pytest.approx(values.mean(axis=1))
    assert best[:, -1] == pytest.approx(values.min(axis=1))
    assert (np.diff(best) <= 0).all()


@given(TRIALS, TRIALS, st.data())
def test_chances_are_those_of_all_pairs_of_subsets(first, second, data):
    tries = tuple(data.draw(st.integers(1, len(arm))) for arm in (first, second))
    pairs = [
        (min(a), min(b))
        for a in itertools.combinations(first, tries[0])
        for b in itertools.combinations(second, tries[1])
    ]
    signs = [np.sign(a - b) for a, b in pairs]
    expected = [signs.count(sign) / len(signs) for sign in (-1, 0, 1)]
    assert chance_of_lower(first, second, tries=tries) == pytest.approx(expected)


def test_more_tries_win_between_arms_that_are_alike():
    # Of many interleaved trials, the best of m is below the best of k in a share m / (m + k).
    first, second = np.arange(0, 4000, 2), np.arange(1, 4000, 2)
    assert chance_of_lower(first, second, tries=(16, 4))[0] == pytest.approx(0.8, abs=0.002)


def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match=r"expected at most 2 tries, one for each trial, got 3"):
        _best_of([1, 2], 3)
    with pytest.raises(ValueError, match="integer >= 1"):
        _best_of([1, 2], 0)
    with pytest.raises(ValueError, match="one entry per seed"):
        _best_of([], 1)
    with pytest.raises(ValueError, match="expected times > 0, got 0"):
        typical_best([0, 2], 1, cap=10)
    with pytest.raises(ValueError, match="expected cap at or above every time, got 10"):
        typical_best([20, 2], 1, cap=10)
    with pytest.raises(ValueError, match="expected finite values"):
        expected_best([1.0, np.nan])
    with pytest.raises(ValueError, match="pass one for each trial"):
        expected_best([])
    with pytest.raises(ValueError, match=r"expected by of shape \(2,\), as the values, got \(3,\)"):
        expected_best([1.0, 2.0], by=[1, 2, 3])
    with pytest.raises(ValueError, match="expected by without NaN"):
        expected_best([1.0, 2.0], by=[1, np.nan])
    with pytest.raises(ValueError, match="expected at most 2 tries"):
        chance_of_lower([1.0, 2.0], [1.0], tries=(3, 1))
    with pytest.raises(ValueError, match="expected tries for both arms, got 3"):
        chance_of_lower([1.0, 2.0], [1.0], tries=3)
    with pytest.raises(TypeError, match="expected values to be numbers, got None"):
        expected_best(None)
