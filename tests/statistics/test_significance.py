import itertools
import math
from collections import Counter

import hypothesis.strategies as st
import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings

from enlib.statistics import (
    holm,
    kaplan_meier,
    log_rank,
    mcnemar,
    signed_rank,
    stratified_exact,
)
from enlib.statistics.significance import signed_rank_distribution

NAN, INF = math.nan, math.inf

# Hollander and Wolfe, Nonparametric Statistical Methods (1973): depression of 9 patients before and after a drug.
BEFORE = np.array([1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30])
AFTER = np.array([0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29])


def enumerated(values, statistic):
    """Slow oracle: the share of all sign vectors whose statistic is as far from the middle."""
    found = [statistic(np.array(signs) * np.abs(values)) for signs in itertools.product([-1, 1], repeat=len(values))]
    middle = (max(found) + min(found)) / 2
    return np.mean([abs(value - middle) >= abs(statistic(values) - middle) - 1e-9 for value in found])


class TestSignedRank:
    def test_published_example(self):
        found = signed_rank(AFTER - BEFORE)
        assert found.p == pytest.approx(0.0390625)
        assert found.statistic == 5
        assert signed_rank(BEFORE - AFTER).statistic == 40

    @given(st.lists(st.floats(-10, 10).filter(lambda x: abs(x) > 1e-6), min_size=1, max_size=30, unique_by=abs))
    def test_as_scipy_without_ties(self, values):
        reference = scipy.stats.wilcoxon(values, method="exact")
        found = signed_rank(values)
        assert found.p == pytest.approx(reference.pvalue, rel=1e-9)
        assert min(found.statistic, len(values) * (len(values) + 1) / 2 - found.statistic) == reference.statistic

    @settings(max_examples=30)
    @given(st.lists(st.integers(-3, 3), min_size=1, max_size=6))
    def test_ties_and_zeros_by_enumeration(self, values):
        values = np.array(values)

        def statistic(v):
            return scipy.stats.rankdata(np.abs(v))[v > 0].sum()

        assert signed_rank(values).p == pytest.approx(enumerated(values, statistic))

    def test_ties_as_scipy_by_permutation(self):
        values = np.array([1, 1, -1, 2, 2, 2, -3, 3, 4, 0, 0, 5.0])
        method = scipy.stats.PermutationMethod(n_resamples=2**13)
        reference = scipy.stats.wilcoxon(values, zero_method="pratt", method=method)
        assert signed_rank(values).p == pytest.approx(reference.pvalue)

    def test_a_run_that_did_not_get_there_has_the_largest_rank(self):
        assert signed_rank([INF, 1, 2, -3]).p == signed_rank([99, 1, 2, -3]).p
        assert signed_rank([INF, -INF, 1]).p == signed_rank([99, -99, 1]).p
        found = signed_rank([NAN, 1, 2, 3, NAN])
        assert found.p == signed_rank([1, 2, 3]).p
        assert found.used == 3

    @pytest.mark.parametrize("values", [[0.0, 0.0], [NAN], [0.0, NAN]])
    def test_nothing_to_rank(self, values):
        assert signed_rank(values).p == 1

    def test_distribution_sums_to_one_and_has_the_known_moments(self):
        chances = signed_rank_distribution(np.arange(1, 21))
        sums = np.arange(len(chances))
        assert chances.sum() == pytest.approx(1)
        assert chances @ sums == pytest.approx(20 * 21 / 4)
        assert chances @ (sums - 105) ** 2 == pytest.approx(20 * 21 * 41 / 24)


@pytest.mark.parametrize("values", [[], [[1.0]], 1.0])
def test_effects_are_flat_and_not_empty(values):
    with pytest.raises(ValueError, match=r"effects of shape \(n,\), one entry per seed"):
        signed_rank(values)


@pytest.mark.parametrize("rank", [-1, 1.5, "1", None])
def test_ranks_are_whole_numbers(rank):
    with pytest.raises((ValueError, TypeError), match="rank to be an integer >= 0"):
        signed_rank_distribution([1, rank])


def test_mcnemar_as_published():
    # Fagerland, Lydersen and Laake, BMC Medical Research Methodology 13:91 (2013), table 1.
    assert mcnemar(1, 7).p == pytest.approx(0.070, abs=5e-4)


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_by_its_definition(b, c):
    n = b + c
    found = mcnemar(b, c)
    assert found.p == pytest.approx(min(1, 2 * scipy.stats.binom.cdf(min(b, c), n, 0.5)) if n else 1)
    assert found == mcnemar(np.int64(b), np.int64(c))
    assert (found.statistic, found.used) == (b, n)
    assert found.p == pytest.approx(mcnemar(c, b).p)


def test_without_a_discordant_sample_there_is_nothing_to_test():
    # SciPy either refuses zero trials or returns NaN, depending on its version.
    assert (mcnemar(0, 0).p, mcnemar(0, 0).used) == (1.0, 0)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: mcnemar(-1, 2), "only_first_wrong to be an integer >= 0, got -1"),
        (lambda: mcnemar(1, 2.5), "only_second_wrong to be an integer"),
        (lambda: mcnemar(None, 2), "only_first_wrong to be an integer >= 0, got None"),
    ],
)
def test_bad_counts(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()


# Freireich et al., Blood 21 (1963): weeks of remission with 6-MP, of which 12 were cut short, and with placebo.
RELAPSE = [6, 6, 6, 7, 10, 13, 16, 22, 23]
CUT_SHORT = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
TREATED = np.array(RELAPSE + [NAN] * len(CUT_SHORT))
CAPS = np.array([35] * len(RELAPSE) + CUT_SHORT)
PLACEBO = np.array([8, 11, 11, 12, 12, 15, 17, 22, 23, 1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8])


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


class TestHolm:
    def test_published_examples(self):
        # The documentation of pingouin.holm.
        assert holm([0.50, 0.003, 0.32, 0.054, 0.0003]) == pytest.approx([0.64, 0.012, 0.64, 0.162, 0.0015])
        # Benjamini and Hochberg (1995), section 3.2: Bonferroni and Hochberg reject three of 15; Holm is between.
        fifteen = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240,
                   0.4262, 0.5719, 0.6528, 0.7590, 1.0000]  # fmt: skip
        assert np.sum(holm(fifteen) <= 0.05) == 3

    @given(st.lists(st.one_of(st.floats(0, 1), st.just(NAN)), max_size=12))
    def test_by_the_sequential_procedure(self, values):
        adjusted = holm(values)
        made = sorted((p, k) for k, p in enumerate(values) if not math.isnan(p))
        assert [math.isnan(p) for p in adjusted] == [math.isnan(p) for p in values]
        for alpha in (0.01, 0.05, 0.3):
            rejected = set()
            for step, (p, k) in enumerate(made):
                if p * (len(made) - step) > alpha:
                    break
                rejected.add(k)
            assert {k for k, p in enumerate(adjusted) if p <= alpha} == rejected

    def test_nothing_to_adjust(self):
        assert holm([]).size == 0
        assert holm([0.03]) == [0.03]

    @pytest.mark.parametrize("values", [[-0.1], [0.5, 1.1]])
    def test_not_p_values(self, values):
        with pytest.raises(ValueError, match=r"expected p_values in \[0, 1\]"):
            holm(values)

    def test_not_flat(self):
        with pytest.raises(ValueError, match=r"p_values of shape \(n,\), got shape \(1, 1\)"):
            holm([[0.1]])


def test_the_test_over_one_stratum_is_fishers():
    for table in ([[3, 1], [0, 6]], [[5, 2], [3, 9]], [[0, 0], [0, 4]]):
        assert stratified_exact([table]).p == pytest.approx(scipy.stats.fisher_exact(table).pvalue)


def test_a_difference_between_strata_is_no_relation():
    """Pooled, these are [[18, 6], [0, 56]] with p = 4e-13, of which one stratum alone is not determined."""
    tables = [[[0, 0], [0, 40]], [[0, 0], [0, 10]], [[3, 1], [0, 6]], [[7, 3], [0, 0]], [[8, 2], [0, 0]]]
    assert scipy.stats.fisher_exact(np.sum(tables, axis=0)).pvalue < 1e-11
    assert stratified_exact(tables).p == pytest.approx(1 / 30)


def test_the_stratified_test_against_all_permutations():
    tables = [[[3, 1], [0, 6]], [[2, 1], [1, 4]]]
    chances = {0: 1.0}
    for (both, first), (second, neither) in tables:
        size, new = both + first + second + neither, Counter()
        draws = list(itertools.combinations(range(size), both + second))
        for drawn in draws:
            for before, chance in chances.items():
                new[before + sum(i < both + first for i in drawn)] += chance / len(draws)
        chances = new
    expected = sum(chance for chance in chances.values() if chance <= chances[5] * (1 + 1e-9))
    assert stratified_exact(tables).p == pytest.approx(expected)


@pytest.mark.parametrize(
    "tables", [[[1, 2], [3, 4]], [[[1, 2, 3], [4, 5, 6]]], [[[1.5, 0], [0, 1]]], [[[-1, 0], [0, 1]]]]
)
def test_the_stratified_test_refuses_what_are_not_counts(tables):
    with pytest.raises(ValueError, match="expected"):
        stratified_exact(tables)
