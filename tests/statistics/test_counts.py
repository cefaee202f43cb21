import math

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from scipy.stats import binom

from enlib.statistics import mcnemar, wilson


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
    from scipy.stats import norm

    for end in (found.low, found.high):
        if 1e-9 < end < 1 - 1e-9:
            score = (found.share - end) / math.sqrt(end * (1 - end) / trials)
            assert abs(score) == pytest.approx(norm.ppf((1 + confidence) / 2), rel=1e-6)


def test_mcnemar_as_published():
    # Fagerland, Lydersen and Laake, BMC Medical Research Methodology 13:91 (2013), table 1.
    assert mcnemar(1, 7).p == pytest.approx(0.070, abs=5e-4)


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_by_its_definition(b, c):
    n = b + c
    found = mcnemar(b, c)
    assert found.p == pytest.approx(min(1, 2 * binom.cdf(min(b, c), n, 0.5)) if n else 1)
    assert found == mcnemar(np.int64(b), np.int64(c))
    assert (found.statistic, found.used) == (b, n)
    assert found.p == pytest.approx(mcnemar(c, b).p)


def test_seeds_are_strata():
    assert mcnemar([1, 2, 0], np.array([4, 3, 5])) == mcnemar(3, 12)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: wilson(3, 2), "successes <= trials, got 3 of 2"),
        (lambda: wilson(0, 0), "trials to be an integer >= 1, got 0"),
        (lambda: wilson(-1, 2), "successes to be an integer >= 0, got -1"),
        (lambda: wilson(1.5, 2), "successes to be an integer"),
        (lambda: wilson(1, 2, confidence=1.0), "confidence between 0 and 1, got 1.0"),
        (lambda: wilson(1, 2, confidence=math.nan), "confidence between 0 and 1, got nan"),
        (lambda: mcnemar(-1, 2), "only_first_wrong to be an integer >= 0, got -1"),
        (lambda: mcnemar(1, 2.5), "only_second_wrong to be an integer"),
        (lambda: mcnemar([1], [1, 2]), "as many counts for both classifiers, got 1 and 2"),
        (lambda: mcnemar([], []), "only_first_wrong to be a count, or one per seed, got none"),
    ],
)
def test_bad_counts(call, message):
    with pytest.raises(ValueError, match=message):
        call()
