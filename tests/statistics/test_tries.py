from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from enlib.statistics import chance_of_lower, expected_best

TRIALS = st.lists(st.integers(0, 20), min_size=1, max_size=7)


@given(TRIALS)
def test_expected_best_is_the_mean_over_all_subsets(values):
    counted = [np.mean([min(c) for c in combinations(values, k)]) for k in range(1, len(values) + 1)]
    assert expected_best(values) == pytest.approx(counted)


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
    pairs = [(min(a), min(b)) for a in combinations(first, tries[0]) for b in combinations(second, tries[1])]
    signs = [np.sign(a - b) for a, b in pairs]
    expected = [signs.count(sign) / len(signs) for sign in (-1, 0, 1)]
    assert chance_of_lower(first, second, tries=tries) == pytest.approx(expected)


def test_more_tries_win_between_arms_that_are_alike():
    # Of many interleaved trials, the best of m is below the best of k in a share m / (m + k).
    first, second = np.arange(0, 4000, 2), np.arange(1, 4000, 2)
    assert chance_of_lower(first, second, tries=(16, 4))[0] == pytest.approx(0.8, abs=0.002)


def test_what_is_no_set_of_trials():
    with pytest.raises(ValueError, match="expected finite values"):
        expected_best([1.0, np.nan])
    with pytest.raises(ValueError, match="one value for each trial"):
        expected_best([])
    with pytest.raises(ValueError, match="with n >= 3 tries"):
        chance_of_lower([1.0, 2.0], [1.0], tries=(3, 1))
    with pytest.raises(ValueError, match="one seed at a time"):
        chance_of_lower([1.0], [[1.0, 2.0]], tries=(1, 1))
