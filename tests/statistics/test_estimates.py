import dataclasses
import math

import numpy as np
import pytest

from enlib.statistics import log_ratios, paired_difference, paired_ratio, signed_rank

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
def test_coverage_of_the_default_interval(n):
    # At 95.1 %, a thousand simulations have a standard error of 0.7 %.
    found = [paired_ratio(*simulated(1.33, n, seed)) for seed in range(1000)]
    covered = np.mean([f.low <= 1.33 <= f.high for f in found])
    assert 0.93 <= covered <= 0.97


@pytest.mark.slow
@pytest.mark.parametrize("n", [10, 20])
def test_coverage_of_the_bca_median(n):
    found = [paired_ratio(*simulated(1.33, n, s), method="bca-median", resamples=1999) for s in range(1000)]
    covered = np.mean([f.low <= 1.33 <= f.high for f in found])
    assert 0.915 <= covered <= 0.96  # 93.7 % and 94.0 % in ten thousand


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

    @pytest.mark.parametrize("method", ["signed-rank", "bca-median"])
    def test_every_pair_is_counted(self, method):
        found = paired_ratio(self.WITHOUT, self.WITH, method=method)
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

    @pytest.mark.parametrize("method", ["signed-rank", "bca-median"])
    def test_nobody_got_there(self, method):
        found = paired_ratio([NAN] * 7, [NAN] * 7, method=method, cap=20)
        assert math.isnan(found.estimate)
        assert (found.low, found.high, found.used, found.neither) == (0, INF, 0, 7)
        assert "0 pairs bound nothing" in found.note

    def test_both_arms_balance(self):
        found = paired_ratio([NAN, 5, NAN, 5, NAN, 5], [5, NAN, 5, NAN, 5, NAN])
        assert math.isnan(found.estimate)
        assert (found.low, found.high) == (0, INF)
        assert "censored runs of both arms balance" in found.note


@pytest.mark.parametrize("method", ["signed-rank", "bca-median"])
@pytest.mark.parametrize("n", [1, 2, 3, 5, 6, 10])
def test_equal_effects(method, n):
    found = paired_ratio([10.0] * n, [20.0] * n, method=method)
    assert found.estimate == pytest.approx(2)
    enough = 6 if method == "signed-rank" else 3
    if n >= enough:
        assert (found.low, found.high) == pytest.approx((2, 2))
        assert found.note == "all effects are equal"
    else:
        assert (found.low, found.high) == (0, INF)
        assert f"it takes {enough}" in found.note


def test_methods_are_named():
    arms = simulated(1.2, 12, 0)
    assert paired_ratio(*arms).method == "signed-rank"
    assert paired_ratio(*arms, method="bca-median").method == "bca-median"
    assert paired_ratio([10] * 6, [20] * 6, method="bca-median").method == "percentile-median"
    assert paired_ratio([10] * 6, [20] * 5 + [NAN], method="bca-median").method == "percentile-median"


def test_the_bootstrap_repeats_itself():
    arms = simulated(1.2, 12, 0)
    first, again, other = (paired_ratio(*arms, method="bca-median", resamples=199, seed=s) for s in (1, 1, 2))
    assert dataclasses.asdict(first) == dataclasses.asdict(again)
    assert (first.low, first.high) != (other.low, other.high)
    assert first.estimate == pytest.approx(np.median(arms[1] / arms[0]), rel=0.05)


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
        ({"confidence": 0}, "confidence between 0 and 1, got 0"),
        ({"confidence": 95}, "confidence between 0 and 1, got 95: 0.95 is 95 percent"),
        ({"confidence": NAN}, "confidence between 0 and 1"),
        ({"method": "bca"}, "method to be one of signed-rank, bca-median; got 'bca'"),
        ({"resamples": 0}, "resamples to be an integer >= 1"),
        ({"resamples": 10.5}, "resamples to be an integer >= 1"),
        ({"seed": -1}, "seed to be an integer >= 0"),
    ],
)
def test_bad_options(function, options, message):
    with pytest.raises(ValueError, match=message):
        function([1, 2], [1, 2], **options)


def test_bad_cap():
    with pytest.raises(ValueError, match="expected cap at or above every time, got 5"):
        paired_ratio([10], [NAN], cap=5)
