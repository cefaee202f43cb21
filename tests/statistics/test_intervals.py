import math

import hypothesis.strategies as st
import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings

from enlib.statistics import signed_rank
from enlib.statistics.intervals import bootstrap_interval, hodges_lehmann, median_effect, signed_rank_interval
from enlib.statistics.randomization import signed_rank_distribution

INF = math.inf


def test_published_example():
    # Hollander and Wolfe (1973), the data of test_randomization: -0.46, and (-0.786, -0.010) at 96.1 %.
    values = np.array([-0.952, 0.147, -1.022, -0.430, -0.620, -0.590, -0.490, 0.080, -0.010])
    assert hodges_lehmann(values) == pytest.approx(-0.46)
    for confidence in (0.95, 0.96):
        assert signed_rank_interval(values, confidence) == pytest.approx((-0.786, -0.010))
    assert 1 - 2 * signed_rank_distribution(np.arange(1, 10))[:6].sum() == pytest.approx(0.961, abs=5e-4)


@settings(max_examples=50, deadline=None)
@given(st.integers(6, 15), st.integers(0, 1000), st.sampled_from([0.8, 0.9, 0.95]))
def test_the_interval_is_what_the_signed_rank_test_does_not_reject(n, seed, confidence):
    values = np.random.default_rng(seed).normal(size=n)
    low, high = signed_rank_interval(values, confidence)
    if math.isinf(low):
        return
    for end, inside in ((low, 1e-9), (high, -1e-9)):
        assert signed_rank(values - end - inside).p > 1 - confidence
        assert signed_rank(values - end + inside).p <= 1 - confidence + 1e-12
    assert low <= hodges_lehmann(values) <= high


@pytest.mark.parametrize("n", range(1, 9))
def test_how_many_values_bound_anything(n):
    low, high = signed_rank_interval(np.arange(n, dtype=float), 0.95)
    # Both signs all equal have chance 2 / 2^n.
    assert math.isfinite(low) == math.isfinite(high) == (2 * 0.5**n <= 0.05)


def test_infinite_values_do_what_huge_ones_do():
    values = np.random.default_rng(0).normal(size=12)
    for infinite in range(4):
        ours, huge = values.copy(), values.copy()
        ours[:infinite], huge[:infinite] = INF, 1e12
        assert hodges_lehmann(ours) == pytest.approx(hodges_lehmann(huge))
        low, high = signed_rank_interval(ours, 0.95)
        low_huge, high_huge = signed_rank_interval(huge, 0.95)
        assert low == pytest.approx(low_huge)
        assert high == pytest.approx(high_huge) or (high == INF and high_huge > 1e11)


def test_opposite_infinities_may_mean_anything():
    values = np.array([INF, -INF, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    low, high = signed_rank_interval(values, 0.9)
    for up, down in ((1e9, -1), (1e3, -1e9), (1e6, -1e6)):
        whatever = np.array([up, down, *values[2:]])
        assert low <= signed_rank_interval(whatever, 0.9)[0]
        assert high >= signed_rank_interval(whatever, 0.9)[1]
    assert math.isnan(hodges_lehmann(np.array([INF, -INF])))
    assert math.isnan(median_effect(np.array([INF, -INF])))
    assert hodges_lehmann(np.array([INF, -INF, *[0.25] * 8])) == 0.25


def test_no_values():
    assert math.isnan(hodges_lehmann(np.empty(0)))
    assert math.isnan(median_effect(np.empty(0)))
    assert signed_rank_interval(np.empty(0), 0.95) == (-INF, INF)


class TestBootstrap:
    def test_bca_as_scipy(self):
        values = np.random.default_rng(0).normal(size=15)
        reference = scipy.stats.bootstrap(
            (values,), np.median, n_resamples=999, method="BCa", rng=np.random.default_rng(5)
        ).confidence_interval
        assert bootstrap_interval(values, 0.95, 999, 5) == (*reference, True)

    @pytest.mark.parametrize("values", [[1.0] * 8, [0.0, 0, 0, 0, 0, 0, 0, 5]])
    def test_percentiles_where_bca_is_not_defined(self, values):
        low, high, bca = bootstrap_interval(np.array(values), 0.95, 999, 0)
        assert not bca
        assert low <= np.median(values) <= high
        assert math.isfinite(low + high)

    def test_the_interval_becomes_infinite_where_resamples_are(self):
        values = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, INF, INF, INF])
        low, high, bca = bootstrap_interval(values, 0.95, 9999, 0)
        assert not bca
        # More than half of a resample is infinite, or half, with chance 15 %.
        assert (math.isfinite(low), high) == (True, INF)
        assert scipy.stats.binom.sf(4, 10, 0.3) == pytest.approx(0.15, abs=1e-3)
        one = bootstrap_interval(np.array([*values[:8], 0.2, 0.3]), 0.95, 9999, 0)
        assert math.isfinite(one[1])  # at least five of ten draws from one value: chance 0.2 %
        low, high, _ = bootstrap_interval(np.array([-INF, -INF, 0, 0.1, INF, INF]), 0.95, 9999, 0)
        assert (low, high) == (-INF, INF)

    def test_two_values_bound_nothing(self):
        assert bootstrap_interval(np.array([1.0, 2.0]), 0.95, 99, 0) == (-INF, INF, False)
