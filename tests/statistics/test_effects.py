import math
from fractions import Fraction

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given

from enlib.statistics import differences, log_ratios, paired_difference, paired_ratio
from enlib.statistics.effects import log_ratio_bounds

NAN, INF = math.nan, math.inf


def test_each_kind_of_pair():
    assert np.array_equal(
        log_ratios([10, 20, 10, NAN, NAN], [10, 10, NAN, 10, NAN]), [0, -math.log(2), INF, -INF, NAN], equal_nan=True
    )
    assert np.array_equal(differences([1, 2, NAN, NAN], [3, NAN, 1, NAN]), [2, INF, -INF, NAN], equal_nan=True)


@given(st.lists(st.tuples(st.integers(1, 500), st.integers(1, 500)), min_size=1))
def test_swapping_the_arms_changes_the_sign_to_the_last_bit(pairs):
    first, second = zip(*pairs, strict=True)
    logs = log_ratios(first, second)
    assert np.array_equal(logs, -log_ratios(second, first))
    assert logs == pytest.approx(np.log(second) - np.log(first))


def test_equal_effects_tie():
    assert len(set(log_ratios([10, 20, 30], [30, 60, 90]))) == 1
    assert len(set(np.abs(log_ratios([10, 30], [30, 10])))) == 1
    assert len(set(differences([0.1, 0.2, 0.3], [0.2, 0.3, 0.4]))) == 1  # 0.3 - 0.2 is not 0.2 - 0.1 in binary


def test_small_differences_are_not_rounded_away():
    """They were rounded to ten decimals, so that losses of 2e-11 and 1e-11 were equal."""
    assert differences([1e-11, 3e-200, 0.0], [2e-11, 5e-200, 0.0]) == pytest.approx(
        [1e-11, 2e-200, 0], rel=1e-9, abs=0
    )
    assert differences([1e9], [1e9 + 1e-6]).tolist() == [0.0]  # beyond twelve digits


def test_bounds_enclose_whatever_the_censored_run_would_have_done():
    rng = np.random.default_rng(0)
    without, with_neuron = rng.lognormal(4, 1, (2, 200))
    cap = 60.0
    seen = [np.where(times > cap, NAN, times) for times in (without, with_neuron)]
    least, largest = log_ratio_bounds(*seen, cap)
    truth = np.log(with_neuron / without)
    ordered = ~np.isnan(least)
    assert np.array_equal(~ordered, np.isnan(seen[0]) & np.isnan(seen[1]))
    assert np.all(least[ordered] <= truth[ordered] + 1e-12)
    assert np.all(truth[ordered] <= largest[ordered] + 1e-12)
    both = ~np.isnan(seen[0]) & ~np.isnan(seen[1])
    assert np.array_equal(least[both], largest[both])
    assert np.all(np.isfinite(least[np.isnan(seen[1]) & ordered]))  # above cap / time
    assert np.all(np.isnan(log_ratio_bounds([NAN], [NAN], cap)))


@pytest.mark.parametrize("function", [log_ratios, differences, paired_ratio, paired_difference])
@pytest.mark.parametrize(
    "without, with_neuron, message",
    [
        ([1, 2], [1], "as many runs without as with the neuron, got 2 and 1"),
        ([], [], r"without of shape \(n,\), one entry per seed, got shape \(0,\)"),
        ([[1]], [[1]], r"got shape \(1, 1\)"),
        ([1, INF], [1, 1], "finite numbers in without, got an infinite one: write NaN"),
        ([1, 1], [1, -INF], "finite numbers in with_neuron"),
    ],
)
def test_bad_pairs(function, without, with_neuron, message):
    with pytest.raises(ValueError, match=message):
        function(without, with_neuron)


def test_times_are_positive_and_below_the_cap():
    with pytest.raises(ValueError, match="expected without > 0, got -1: write NaN"):
        log_ratios([1, -1], [1, 1])
    with pytest.raises(ValueError, match="expected with_neuron > 0, got 0"):
        log_ratios([1, 1], [0, NAN])
    for cap, message in (
        (19, "expected cap at or above every time"),
        (NAN, "expected cap > 0, got nan"),
        (INF, "expected cap > 0, got inf"),
    ):
        with pytest.raises(ValueError, match=message):
            log_ratio_bounds([10, 20], [10, NAN], cap)


@pytest.mark.parametrize(
    "convert",
    [
        list, tuple, np.array, torch.tensor,
        lambda values: torch.tensor(values, requires_grad=True),
        lambda values: [np.float32(value) for value in values],
        lambda values: [Fraction(value) for value in values],
    ],
)  # fmt: skip
def test_every_kind_of_numbers_is_taken(convert):
    assert differences(convert([1.0, 2.0]), convert([3.0, 5.0])).tolist() == [2, 3]


@pytest.mark.parametrize("function", [log_ratios, differences, paired_ratio, paired_difference])
@pytest.mark.parametrize(
    "values",
    ["12", ["1", "2"], [1, None], [1, "2"], [1, [2]], None, {1, 2}, [1 + 1j, 2], len, [b"1", 2]],
    ids=repr,
)
def test_what_is_not_a_number_is_refused_in_words(function, values):
    with pytest.raises((TypeError, ValueError), match="expected without to be numbers, got .*: pass a number or an"):
        function(values, [1.0, 2.0])
