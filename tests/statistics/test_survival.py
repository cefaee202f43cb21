import math

import numpy as np
import pytest

from enlib.statistics import kaplan_meier, log_rank

NAN, INF = math.nan, math.inf

# Freireich et al., Blood 21 (1963): weeks of remission with 6-MP, of which 12 were cut short, and with placebo.
RELAPSE = [6, 6, 6, 7, 10, 13, 16, 22, 23]
CUT_SHORT = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
TREATED = np.array(RELAPSE + [NAN] * len(CUT_SHORT))
CAPS = np.array([35] * len(RELAPSE) + CUT_SHORT)
PLACEBO = np.array([8, 11, 11, 12, 12, 15, 17, 22, 23, 1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8])


def test_kaplan_meier_as_published():
    curve = kaplan_meier(TREATED, CAPS)
    published = {6: 0.857, 7: 0.807, 10: 0.753, 13: 0.690, 16: 0.627, 22: 0.538, 23: 0.448}
    for time, share in published.items():
        assert curve.survival[curve.times == time] == pytest.approx([share], abs=6e-4)


def test_kaplan_meier_with_one_cap_is_the_share_counted():
    rng = np.random.default_rng(0)
    times = rng.integers(1, 40, 50).astype(float)
    times[times > 30] = NAN
    curve = kaplan_meier(times, 30)
    assert curve.survival == pytest.approx([np.mean(~(times <= t)) for t in curve.times])
    assert curve.times[0] == 0
    assert curve.survival[0] == 1
    assert curve.times[-1] == 30


def test_kaplan_meier_where_nobody_gets_there():
    curve = kaplan_meier([NAN, NAN], 20)
    assert np.array_equal(curve.times, [0, 20])
    assert np.array_equal(curve.survival, [1, 1])


def test_log_rank_as_published():
    found = log_rank(PLACEBO, TREATED, CAPS)
    # The chi square of textbooks on these data (Kleinbaum and Klein, Survival Analysis).
    assert found.statistic**2 == pytest.approx(16.79, abs=5e-3)
    assert found.statistic < 0  # the treated relapse later
    assert found.p < 1e-4


def by_hand(without, with_neuron, cap):
    """Slow oracle: observed minus expected, time by time."""
    watched = [np.where(np.isnan(t), cap, t) for t in (without, with_neuron)]
    excess = variance = 0.0
    for time in np.unique(np.concatenate([without, with_neuron])):
        if math.isnan(time):
            continue
        at_risk = [np.sum(w >= time) for w in watched]
        events = [np.sum(t == time) for t in (without, with_neuron)]
        n, d = sum(at_risk), sum(events)
        excess += events[1] - at_risk[1] * d / n
        if n > 1:
            variance += at_risk[0] * at_risk[1] * d * (n - d) / (n**2 * (n - 1))
    return excess / math.sqrt(variance)


def test_log_rank_by_hand():
    rng = np.random.default_rng(1)
    for _ in range(20):
        arms = rng.integers(1, 40, (2, 12)).astype(float)
        arms[arms > 30] = NAN
        assert log_rank(*arms, 30).statistic == pytest.approx(by_hand(*arms, 30.0))
        assert log_rank(*arms, 30).p == pytest.approx(log_rank(*arms[::-1], 30).p)
        fewer = arms[0][:7], arms[1]
        assert log_rank(*fewer, 30).statistic == pytest.approx(by_hand(*fewer, 30.0))


def test_log_rank_ignores_the_pairing():
    first, second = np.array([5, 8, NAN, 9]), np.array([4, 9, 3, NAN])
    assert log_rank(first, second, 20).p == pytest.approx(log_rank(first, second[::-1], 20).p)


@pytest.mark.parametrize("arms", [([NAN, NAN], [NAN, NAN]), ([3, 3], [3, 3])])
def test_log_rank_where_no_time_tells_the_arms_apart(arms):
    found = log_rank(*arms, 20)
    assert (found.p, found.statistic, found.note) == (1, 0, "no time tells the arms apart")


@pytest.mark.parametrize(
    "times, cap, message",
    [
        ([1, 21], 20, "at or below the cap, got 21: write NaN"),
        ([1, -2], 20, ">= 0, got -2: write NaN"),
        ([1, INF], 20, "finite numbers"),
        ([], 20, "one entry per seed"),
        ([1, 2], 0, "expected cap > 0, got 0"),
        ([1, 2], INF, "expected cap > 0, got inf"),
        ([1, 2], [20, 20, 20], r"expected one cap, or 2, got shape \(3,\)"),
    ],
)
def test_bad_times(times, cap, message):
    with pytest.raises(ValueError, match=message):
        kaplan_meier(times, cap)
    with pytest.raises(ValueError, match=message):
        log_rank(times, times, cap)


def test_caps_for_each_run_are_as_many_as_the_runs():
    with pytest.raises(ValueError, match="expected one cap, or 1, got shape"):
        log_rank([1, 2], [1], [20, 30])
