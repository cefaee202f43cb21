import math

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from scipy.stats import norm, ttest_1samp
from scipy.stats import t as student_t

from enlib.statistics import (
    kaplan_meier,
    log_ratios,
    paired_difference,
    paired_ratio,
    paired_shares,
    pooled_ratio,
    signed_rank,
    wilson,
)
from enlib.statistics.estimates import _hodges_lehmann, _median, _signed_rank_interval
from enlib.statistics.significance import signed_rank_distribution

NAN, INF = math.nan, math.inf


def simulated(ratio, n, seed, *, sd=0.3):
    """Return paired times whose ratio is log-normal about the true one, after a part that both arms share."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(3, 1, n)
    return np.exp(shared), np.exp(shared + math.log(ratio) + rng.normal(0, sd, n))


def test_ratio_by_hand():
    # Log-ratios -log 2, 0, log 2, ..., so that every pairwise mean is known.
    found = paired_ratio([2, 2, 2], [1, 2, 4])
    assert (found.estimate, found.median) == pytest.approx((1, 1))
    assert (found.low, found.high) == (0, INF)
    assert found.note == "3 pairs bound nothing at 95 %: it takes 6"
    six = paired_ratio([1] * 6, [2, 2, 4, 4, 8, 8])
    assert (six.estimate, six.low, six.high) == pytest.approx((4, 2, 8))
    assert six.note == ""


def test_scale_and_direction():
    without, with_neuron = simulated(1.2, 12, 0)
    found, scaled, swapped = (
        paired_ratio(without, with_neuron),
        paired_ratio(without, 3 * with_neuron),
        paired_ratio(with_neuron, without),
    )
    ends = [found.estimate, found.low, found.high, found.median]
    assert [scaled.estimate, scaled.low, scaled.high, scaled.median] == pytest.approx([3 * end for end in ends])
    assert [swapped.estimate, swapped.high, swapped.low, swapped.median] == pytest.approx([1 / end for end in ends])


def test_the_interval_and_the_test_say_the_same():
    for seed in range(40):
        arms = simulated(1.2, 10, seed)
        found = paired_ratio(*arms)
        assert (found.low <= 1 <= found.high) == (signed_rank(log_ratios(*arms)).p > 0.05)


@pytest.mark.parametrize("n", [10, 20])
@pytest.mark.slow
def test_coverage_of_the_default_interval(n):
    # At 95.1 %, a thousand simulations have a standard error of 0.7 %.
    found = [paired_ratio(*simulated(1.33, n, seed)) for seed in range(1000)]
    covered = np.mean([f.low <= 1.33 <= f.high for f in found])
    assert 0.93 <= covered <= 0.97


def test_power_to_detect_a_third():
    found = [paired_ratio(*simulated(1.33, 10, seed)) for seed in range(1000)]
    assert np.mean([f.low > 1 for f in found]) == pytest.approx(0.75, abs=0.05)


def test_coverage_with_a_cap_and_true_times_beyond_it():
    covered, infinite = 0, 0
    for seed in range(300):
        arms = [np.where(times > 60, NAN, times) for times in simulated(1.33, 12, seed)]
        found = paired_ratio(*arms, cap=60)
        covered += found.low <= 1.33 <= found.high
        infinite += math.isinf(found.high)
    assert covered >= 0.93 * 300
    assert infinite > 0


class TestCensoredPairs:
    WITHOUT = np.array([20, 24, 30, 22, 28, 26, 25, 27, NAN, NAN])
    WITH = np.array([15, 18, 20, 19, 21, NAN, 22, 24, 20, NAN])

    def test_every_pair_is_counted(self):
        found = paired_ratio(self.WITHOUT, self.WITH)
        assert (found.pairs, found.used) == (10, 9)
        assert (found.only_without, found.only_with, found.neither) == (1, 1, 1)

    def test_one_sided_pairs_push_their_way(self):
        both = paired_ratio(self.WITHOUT[:5], self.WITH[:5])
        worse = paired_ratio([*self.WITHOUT[:5], 20, 20], [*self.WITH[:5], NAN, NAN])
        better = paired_ratio([*self.WITHOUT[:5], NAN, NAN], [*self.WITH[:5], 20, 20])
        assert better.estimate < both.estimate < worse.estimate
        assert worse.high == INF
        assert better.low == 0

    def test_the_median_stays_finite_below_half(self):
        ones = np.ones(9)
        for censored in range(10):
            other = np.where(np.arange(9) < censored, NAN, 2.0)
            assert paired_ratio(ones, other).median == (2 if censored <= 4 else INF)

    def test_the_cap_bounds_what_never_would_overstate(self):
        without, with_neuron = [50.0] * 8, [NAN] * 8
        never = paired_ratio(without, with_neuron)
        assert (never.estimate, never.low, never.high) == (INF, INF, INF)
        capped = paired_ratio(without, with_neuron, cap=100)
        assert (capped.low, capped.high) == pytest.approx((2, INF))
        assert capped.estimate == INF
        faster = paired_ratio(with_neuron, without, cap=100)
        assert (faster.low, faster.high) == pytest.approx((0, 0.5))

    def test_nobody_got_there(self):
        found = paired_ratio([NAN] * 7, [NAN] * 7, cap=20)
        assert math.isnan(found.estimate)
        assert (found.low, found.high, found.used, found.neither) == (0, INF, 0, 7)
        assert "0 pairs bound nothing" in found.note

    def test_both_arms_balance(self):
        found = paired_ratio([NAN, 5, NAN, 5, NAN, 5], [5, NAN, 5, NAN, 5, NAN])
        assert math.isnan(found.estimate)
        assert (found.low, found.high) == (0, INF)
        assert "censored runs of both arms balance" in found.note


@pytest.mark.parametrize("n", [1, 2, 3, 5, 6, 10])
def test_equal_effects(n):
    found = paired_ratio([10.0] * n, [20.0] * n)
    assert found.estimate == pytest.approx(2)
    if n >= 6:
        assert (found.low, found.high) == pytest.approx((2, 2))
        assert found.note == "all effects are equal"
    else:
        assert (found.low, found.high) == (0, INF)
        assert "it takes 6" in found.note


def test_confidence():
    arms = simulated(1.2, 12, 0)
    widths = [(f := paired_ratio(*arms, confidence=c)).high / f.low for c in (0.5, 0.8, 0.95, 0.99)]
    assert widths == sorted(widths)
    assert len(set(widths)) == 4


def test_difference_is_additive_and_robust():
    without = np.array([1.0, 1.2, 0.9, 1.1, 1.0, 1.3, 1.1, 1.2])
    with_neuron = without - np.array([0.1, 0.2, 0.1, 0.3, 0.2, 0.1, 0.2, 0.3])
    found = paired_difference(without, with_neuron)
    assert (found.estimate, found.low, found.high) == pytest.approx((-0.2, -0.25, -0.1), abs=0.05)
    astray = with_neuron.copy()
    astray[0] = 50.0
    assert paired_difference(without, astray).estimate < 0
    astray[0] = NAN
    lost = paired_difference(without, astray)
    assert lost.estimate < 0
    assert (lost.only_without, lost.used) == (1, 8)


def test_no_difference_at_all():
    found = paired_difference([0.0] * 10, [0.0] * 10)
    assert (found.estimate, found.low, found.high, found.note) == (0, 0, 0, "all effects are equal")


@pytest.mark.parametrize("function", [paired_ratio, paired_difference])
@pytest.mark.parametrize(
    "options, message",
    [
        ({"confidence": 0}, "confidence > 0, got 0"),
        ({"confidence": 95}, "confidence < 1, got 95: pass a number between 0 and 1; 0.95 is 95 percent"),
        ({"confidence": NAN}, "confidence > 0, got nan"),
    ],
)
def test_bad_options(function, options, message):
    with pytest.raises(ValueError, match=message):
        function([1, 2], [1, 2], **options)


def test_bad_cap():
    with pytest.raises(ValueError, match="expected cap at or above every time, got 5"):
        paired_ratio([10], [NAN], cap=5)


def test_the_estimate_and_its_interval_as_published():
    # Hollander and Wolfe (1973), the data of test_significance: -0.46, and (-0.786, -0.010) at 96.1 %.
    values = np.array([-0.952, 0.147, -1.022, -0.430, -0.620, -0.590, -0.490, 0.080, -0.010])
    assert _hodges_lehmann(values) == pytest.approx(-0.46)
    for confidence in (0.95, 0.96):
        assert _signed_rank_interval(values, confidence) == pytest.approx((-0.786, -0.010))
    assert 1 - 2 * signed_rank_distribution(np.arange(1, 10))[:6].sum() == pytest.approx(0.961, abs=5e-4)


@given(st.integers(6, 15), st.integers(0, 1000), st.sampled_from([0.8, 0.9, 0.95]))
def test_the_interval_is_what_the_signed_rank_test_does_not_reject(n, seed, confidence):
    values = np.random.default_rng(seed).normal(size=n)
    low, high = _signed_rank_interval(values, confidence)
    if math.isinf(low):
        return
    for end, inside in ((low, 1e-9), (high, -1e-9)):
        assert signed_rank(values - end - inside).p > 1 - confidence
        assert signed_rank(values - end + inside).p <= 1 - confidence + 1e-12
    assert low <= _hodges_lehmann(values) <= high


@pytest.mark.parametrize("n", range(1, 9))
def test_how_many_values_bound_anything(n):
    low, high = _signed_rank_interval(np.arange(n, dtype=float), 0.95)
    # Both signs all equal have chance 2 / 2^n.
    assert math.isfinite(low) == math.isfinite(high) == (2 * 0.5**n <= 0.05)


def test_infinite_values_do_what_huge_ones_do():
    values = np.random.default_rng(0).normal(size=12)
    for infinite in range(4):
        ours, huge = values.copy(), values.copy()
        ours[:infinite], huge[:infinite] = INF, 1e12
        assert _hodges_lehmann(ours) == pytest.approx(_hodges_lehmann(huge))
        low, high = _signed_rank_interval(ours, 0.95)
        low_huge, high_huge = _signed_rank_interval(huge, 0.95)
        assert low == pytest.approx(low_huge)
        assert high == pytest.approx(high_huge) or (high == INF and high_huge > 1e11)


def test_opposite_infinities_may_mean_anything():
    values = np.array([INF, -INF, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    low, high = _signed_rank_interval(values, 0.9)
    for up, down in ((1e9, -1), (1e3, -1e9), (1e6, -1e6)):
        whatever = np.array([up, down, *values[2:]])
        assert low <= _signed_rank_interval(whatever, 0.9)[0]
        assert high >= _signed_rank_interval(whatever, 0.9)[1]
    assert math.isnan(_hodges_lehmann(np.array([INF, -INF])))
    assert math.isnan(_median(np.array([INF, -INF])))
    assert _hodges_lehmann(np.array([INF, -INF, *[0.25] * 8])) == 0.25


def test_no_values():
    assert math.isnan(_hodges_lehmann(np.empty(0)))
    assert math.isnan(_median(np.empty(0)))
    assert _signed_rank_interval(np.empty(0), 0.95) == (-INF, INF)


@pytest.mark.parametrize(
    "successes, trials, low, high",
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_as_published(successes, trials, low, high):
    # Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
    found = wilson(successes, trials)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)
    assert found.share == successes / trials


@given(st.integers(1, 100).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.5, 0.999))
def test_wilson_inverts_the_score_test(counts, confidence):
    successes, trials = counts
    found = wilson(successes, trials, confidence=confidence)
    assert 0 <= found.low <= found.share <= found.high <= 1
    for end in (found.low, found.high):
        if 1e-9 < end < 1 - 1e-9:
            score = (found.share - end) / math.sqrt(end * (1 - end) / trials)
            assert abs(score) == pytest.approx(norm.ppf((1 + confidence) / 2), rel=1e-6)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: wilson(3, 2), "successes <= trials, got 3 of 2"),
        (lambda: wilson(0, 0), "trials to be an integer >= 1, got 0"),
        (lambda: wilson(-1, 2), "successes to be an integer >= 0, got -1"),
        (lambda: wilson(1.5, 2), "successes to be an integer"),
        (lambda: wilson("1", 2), "successes to be an integer >= 0, got '1'"),
        (lambda: wilson(1, None), "trials to be an integer >= 1, got None"),
        (lambda: wilson(1, 2, confidence=1.0), "confidence < 1, got 1.0"),
        (lambda: wilson(1, 2, confidence=math.nan), "confidence > 0, got nan"),
    ],
)
def test_bad_shares(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()


# Freireich et al., Blood 21 (1963): weeks of remission with 6-MP, of which 12 were cut short.
RELAPSE = [6, 6, 6, 7, 10, 13, 16, 22, 23]
CUT_SHORT = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
TREATED = np.array(RELAPSE + [NAN] * len(CUT_SHORT))
CAPS = np.array([35] * len(RELAPSE) + CUT_SHORT)


@pytest.mark.parametrize("chances", [(0.3, 0.35, 0.03, 0.32), (0.0, 0.6, 0.0, 0.4), (0.5, 0.2, 0.2, 0.1)])
def test_the_interval_of_paired_shares_covers_the_difference(chances):
    random, held = np.random.default_rng(0), 0
    for both, first, second, _ in random.multinomial(30, chances, size=1000):
        _, low, high = paired_shares(int(both), int(first), int(second), 30)
        held += low <= chances[2] - chances[1] <= high
    assert held >= 930


def test_kaplan_meier_as_published():
    times, survival = kaplan_meier(TREATED, CAPS)
    published = {6: 0.857, 7: 0.807, 10: 0.753, 13: 0.690, 16: 0.627, 22: 0.538, 23: 0.448}
    for time, share in published.items():
        assert survival[times == time] == pytest.approx([share], abs=6e-4)


def test_kaplan_meier_with_one_cap_is_the_share_counted():
    rng = np.random.default_rng(0)
    times = rng.integers(1, 40, 50).astype(float)
    times[times > 30] = NAN
    steps, survival = kaplan_meier(times, 30)
    assert survival == pytest.approx([np.mean(~(times <= t)) for t in steps])
    assert (steps[0], survival[0], steps[-1]) == (0, 1, 30)


def test_kaplan_meier_where_nobody_gets_there():
    assert np.array_equal(kaplan_meier([NAN, NAN], 20), ([0, 20], [1, 1]))


class TestPooledRatio:
    def test_with_the_same_seeds_it_is_the_t_interval_of_their_means(self):
        logs = np.random.default_rng(0).normal(0.1, 0.3, (5, 12))
        found, t = pooled_ratio(logs), ttest_1samp(logs.mean(axis=0), 0)
        assert found.estimate == pytest.approx(math.exp(logs.mean()))
        assert (found.low, found.high) == pytest.approx(np.exp(t.confidence_interval()))
        assert found.p == pytest.approx(t.pvalue)
        assert (found.rows, found.seeds) == (5, 12)

    def test_with_other_seeds_in_each_row_variances_of_the_rows_add_up(self):
        logs = np.full((2, 15), NAN)
        rng = np.random.default_rng(0)
        logs[0, :10], logs[1, 10:] = rng.normal(0, 1, 10), rng.normal(1, 2, 5)
        parts = [row[~np.isnan(row)] for row in logs]
        error = math.sqrt(sum(part.var(ddof=1) / len(part) for part in parts)) / 2
        found = pooled_ratio(logs)
        assert math.log(found.estimate) == pytest.approx(sum(part.mean() for part in parts) / 2)
        half = (math.log(found.high) - math.log(found.low)) / 2
        assert half == pytest.approx(student_t.ppf(0.975, 4) * error)

    def test_rows_that_share_their_seeds_do_not_narrow_it(self):
        """Ten copies of a row say no more than the row; as independent rows they would."""
        row = np.random.default_rng(0).normal(0, 1, 10)
        one, ten = pooled_ratio([row]), pooled_ratio([row] * 10)
        assert (one.low, one.high) == pytest.approx((ten.low, ten.high))

    @pytest.mark.parametrize("shared", [0.0, 0.8])
    def test_coverage_with_mixed_numbers_of_seeds(self, shared):
        """Five rows of 20 seeds and two of 10, as in the replication; 2000 sets have a standard error of 0.5 %."""
        rng, covered = np.random.default_rng(1), 0
        for _ in range(2000):
            logs = shared * rng.normal(size=20) + math.sqrt(1 - shared**2) * rng.normal(size=(7, 20))
            logs[5:, 10:] = NAN
            found = pooled_ratio(logs)
            covered += found.low <= 1 <= found.high
        assert 0.94 <= covered / 2000 <= 0.985

    def test_seeds_that_all_agree_are_no_proof(self):
        """Two seeds with the same ratio had p = 0: times are whole epochs, so that ratios are often equal."""
        assert pooled_ratio([[0.5] * 2]).p == 0.5
        assert pooled_ratio([[math.log(9 / 8)] * 7, [math.log(8 / 7)] * 7]).p == 2 / 2**7

    def test_extremes(self):
        assert math.isnan(pooled_ratio([[0.1, 0.2], [0.3, NAN]]).low)
        same = pooled_ratio([[0.0, 0.0]])
        assert (same.low, same.high, same.p) == (1, 1, 1)
        for bad in ([0.1, 0.2], [[NAN, NAN]], [[INF, 0.0]], []):
            with pytest.raises(ValueError, match=r"expected log_ratios of shape \(rows, seeds\)"):
                pooled_ratio(bad)
