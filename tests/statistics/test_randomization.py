import itertools
import math

import hypothesis.strategies as st
import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings

from enlib.statistics import holm, sign_flip, signed_rank
from enlib.statistics.randomization import signed_rank_distribution

NAN, INF = math.nan, math.inf

# Hollander and Wolfe, Nonparametric Statistical Methods (1973): depression of 9 patients before and after a drug.
BEFORE = np.array([1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30])
AFTER = np.array([0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29])
# Darwin's maize, eighths of an inch (Fisher 1935, section 21): 1726 of 32768 signs are as extreme.
DARWIN = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]


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

    @settings(max_examples=30, deadline=None)
    @given(st.lists(st.integers(-3, 3), min_size=1, max_size=8))
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


class TestSignFlip:
    def test_published_example(self):
        assert sign_flip(DARWIN).p == 1726 / 32768

    @settings(max_examples=30, deadline=None)
    @given(st.lists(st.sampled_from([-0.3, -0.1, 0.0, 0.1, 0.2, 0.3]), min_size=1, max_size=8))
    def test_by_enumeration(self, values):
        values = np.array(values)
        assert sign_flip(values).p == pytest.approx(enumerated(values, np.sum))

    def test_as_scipy(self):
        values = np.random.default_rng(0).normal(0.2, 0.3, 12)
        reference = scipy.stats.permutation_test(
            (values,), np.mean, permutation_type="samples", n_resamples=2**12, vectorized=True
        )
        found = sign_flip(values)
        assert found.p == pytest.approx(reference.pvalue)
        assert found.statistic == pytest.approx(values.mean())
        assert found.method == "sign flip, exact"

    def test_random_signs_where_there_are_too_many(self):
        values = np.random.default_rng(1).normal(0.08, 0.3, 40)
        found = sign_flip(values, seed=3)
        assert found.method == "sign flip, 99999 random signs"
        # For this many, the sum is as good as normal.
        normal = 2 * scipy.stats.norm.sf(abs(values.sum()) / math.sqrt(np.sum(values**2)))
        assert found.p == pytest.approx(normal, abs=0.01)
        assert found == sign_flip(values, seed=3)
        assert found.p != sign_flip(values, seed=4).p
        assert sign_flip([1.0] * 21, resamples=9).p == 0.1  # never zero

    @pytest.mark.parametrize("values", [[0.1, INF, 0.2], [0.1, NAN, 0.2]])
    def test_censored_pairs_have_no_mean(self, values):
        found = sign_flip(values)
        assert math.isnan(found.p)
        assert found.used == 2
        assert "use signed_rank" in found.note

    def test_no_effect_at_all(self):
        assert sign_flip([0.0, 0.0]).p == 1

    def test_bad_options(self):
        with pytest.raises(ValueError, match="resamples"):
            sign_flip([1.0], resamples=0)
        with pytest.raises(ValueError, match="seed"):
            sign_flip([1.0], seed=-1)


@pytest.mark.parametrize("function", [signed_rank, sign_flip])
@pytest.mark.parametrize("values", [[], [[1.0]], 1.0])
def test_effects_are_flat_and_not_empty(function, values):
    with pytest.raises(ValueError, match=r"effects of shape \(n,\), one per seed"):
        function(values)


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
