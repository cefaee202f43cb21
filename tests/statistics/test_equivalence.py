import math

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from scipy.stats import t as student

from enlib.statistics import difference_equivalence, log_ratios, ratio_equivalence

NAN = math.nan


def by_hand(values, margin):
    """Closed form: p, and the 90 % interval of the mean."""
    n, mean, error = len(values), np.mean(values), np.std(values, ddof=1) / math.sqrt(len(values))
    p = max(student.sf((margin + mean) / error, n - 1), student.sf((margin - mean) / error, n - 1))
    half = student.ppf(0.95, n - 1) * error
    return p, mean - half, mean + half


@given(st.integers(2, 25), st.integers(0, 10_000), st.floats(-0.3, 0.3), st.floats(0.02, 0.4))
def test_closed_form_and_interval(n, seed, mean, sd):
    values = np.random.default_rng(seed).normal(mean, sd, n)
    found = difference_equivalence(np.zeros(n), values, margin=0.2)
    assert (found.p, found.low, found.high) == pytest.approx(by_hand(values, 0.2), abs=1e-7)
    assert (found.verdict == "equivalent") == (found.low > -0.2 and found.high < 0.2) == (found.p <= 0.05)
    assert found.method == "two one-sided t tests"


def test_ratios_are_differences_of_logarithms():
    rng = np.random.default_rng(0)
    without = rng.lognormal(3, 1, 15)
    logs = rng.normal(0, 0.08, 15)
    ratio = ratio_equivalence(without, without * np.exp(logs))
    p, low, high = by_hand(logs, math.log(1.1))
    assert (ratio.p, ratio.low, ratio.high) == pytest.approx((p, math.exp(low), math.exp(high)))
    assert ratio.mean == pytest.approx(math.exp(logs.mean()))
    swapped = ratio_equivalence(without * np.exp(logs), without)
    assert (swapped.p, swapped.low, swapped.high) == pytest.approx((ratio.p, 1 / ratio.high, 1 / ratio.low))


def share_equivalent(true, sd, n, *, function, simulations):
    rng = np.random.default_rng(n)
    ones = np.ones(n)
    if function is ratio_equivalence:
        found = [function(ones, np.exp(rng.normal(math.log(true), sd, n))) for _ in range(simulations)]
    else:
        found = [function(ones, ones + rng.normal(true, sd, n)) for _ in range(simulations)]
    return np.mean([f.verdict == "equivalent" for f in found])


@pytest.mark.parametrize("n", [10, 20])
@pytest.mark.slow
def test_the_level_holds_on_the_margin(n):
    """For ratios, the shares below say so."""
    # A thousand simulations at 5 % have a standard error of 0.7 %.
    share = share_equivalent(0.2, 0.2, n, function=difference_equivalence, simulations=1000)
    assert 0.03 <= share <= 0.07


@pytest.mark.parametrize("n, power", [(10, 0.80), (20, 0.99)])
def test_power_where_there_is_no_difference(n, power):
    share = share_equivalent(0, 0.2, n, function=difference_equivalence, simulations=400)
    assert share == pytest.approx(power, abs=0.06)


@pytest.mark.slow
@pytest.mark.parametrize(
    "true, sd, n, share",
    [
        (1.1, 0.1, 10, 0.047),
        (1 / 1.1, 0.1, 20, 0.049),
        (1.1, 0.3, 10, 0.005),
        (1.1, 0.3, 20, 0.006),
        (1.0, 0.1, 10, 0.75),
        (1.0, 0.1, 20, 0.985),
        (1.0, 0.3, 10, 0.003),
        (1.0, 0.3, 20, 0.015),
        (1.0, 0.3, 85, 0.80),
    ],
)
def test_what_the_docstring_says_was_measured(true, sd, n, share):
    measured = share_equivalent(true, sd, n, function=ratio_equivalence, simulations=2000)
    assert measured == pytest.approx(share, abs=0.03 if share > 0.1 else 0.015)


class TestEqualEffects:
    @pytest.mark.parametrize("n", range(2, 12))
    def test_the_sign_test_stands_in(self, n):
        found = difference_equivalence([1.0] * n, [1.1] * n)
        assert (found.method, found.p) == ("sign test", 0.5**n)
        assert found.verdict == ("equivalent" if n >= 5 else "not shown")
        assert found.note == "all effects are equal"
        expected = (0.1, 0.1) if n >= 5 else (-math.inf, math.inf)
        assert (found.low, found.high) == pytest.approx(expected)

    @pytest.mark.parametrize("other", [1.2, 0.8, 3.0])
    def test_on_or_beyond_the_margin(self, other):
        found = difference_equivalence([1.0] * 10, [other] * 10)
        assert (found.verdict, found.p) == ("not shown", 1)

    def test_ratios_equal_up_to_rounding(self):
        arms = [0.2, 1.0, 2.0, 0.6, 4.0], [0.21, 1.05, 2.1, 0.63, 4.2]
        assert 0 < np.ptp(log_ratios(*arms)) < 1e-15
        found = ratio_equivalence(*arms)
        assert (found.method, found.verdict) == ("sign test", "equivalent")
        assert ratio_equivalence([10] * 5, [11] * 5).verdict == "not shown"
        assert ratio_equivalence([11] * 5, [10] * 5).verdict == "not shown"


@pytest.mark.parametrize("function", [ratio_equivalence, difference_equivalence])
class TestNotTestable:
    @pytest.mark.parametrize("arms", [([1, 2, NAN], [1, 2, 3]), ([1, 2, 3], [1, 2, NAN]), ([1, 2, NAN], [1, 2, NAN])])
    def test_censored(self, function, arms):
        found = function(*arms)
        assert found.verdict == "not testable"
        assert np.isnan([found.p, found.mean, found.low, found.high]).all()
        assert (found.used, found.note) == (2, "1 of 3 pairs have a run without a value")

    def test_one_pair(self, function):
        found = function([1], [1])
        assert (found.verdict, found.note) == ("not testable", "one pair has no spread")

    @pytest.mark.parametrize(
        "options, message",
        [
            ({"margin": 0}, "margin > 0, got 0"),
            ({"margin": -0.2}, "margin > 0"),
            ({"margin": math.inf}, "margin > 0, got inf"),
            ({"level": 0.5}, "level < 0.5, got 0.5"),
            ({"level": 0}, "level > 0, got 0"),
        ],
    )
    def test_bad_options(self, function, options, message):
        with pytest.raises(ValueError, match=message):
            function([1, 2], [1, 2], **options)


def test_a_margin_for_ratios_is_a_factor():
    with pytest.raises(ValueError, match="expected margin > 1, got 0.1: it is a factor"):
        ratio_equivalence([1, 2], [1, 2], margin=0.1)


def test_bad_pairs():
    with pytest.raises(ValueError, match="got 2 and 1"):
        difference_equivalence([1, 2], [1])
    with pytest.raises(ValueError, match="with_neuron > 0, got 0"):
        ratio_equivalence([1, 2], [1, 0])
