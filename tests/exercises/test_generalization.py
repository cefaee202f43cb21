import math

import numpy as np
import pytest
from scipy.stats import norm

from enlib import exercises
from enlib.exercises.generalization import expected_extreme


def test_most_errors_of_a_mean_loss():
    check = exercises.check_most_errors
    assert check(None) == exercises.NOT_YET
    assert check(60) == exercises.RIGHT
    assert "is a mean" in check(0.03)
    assert "cost at least 100" in check(100)
    assert "how large is the sum" in check(30)
    assert "expected a number" in check("many")


def test_share_of_the_tail():
    check = exercises.check_tail_share
    assert check(lambda s, q, p: None) == exercises.NOT_YET
    assert check(lambda s, q, p: norm.cdf(p * s - norm.ppf(1 - q))) == exercises.RIGHT
    assert "not by s" in check(lambda s, q, p: norm.cdf(s - norm.ppf(1 - q)))
    assert "subtract the quantile" in check(lambda s, q, p: norm.cdf(p * s + norm.ppf(1 - q)))
    assert "all the other points" in check(lambda s, q, p: norm.cdf(norm.ppf(1 - q) - p * s))
    assert check(lambda s, q, p: 0.5).endswith("got 0.5")
    assert "return a number" in check(lambda s, q, p: "x")


def test_the_formula_of_the_tail_against_a_simulation():
    z = 0.5 * np.random.default_rng(0).standard_normal(1_000_000)
    weight = np.exp(3 * z)
    top = z > np.quantile(z, 0.99)
    assert weight[top].sum() / weight.sum() == pytest.approx(norm.cdf(1.5 - norm.ppf(0.99)), abs=0.01)


def test_optimism_of_the_best_of_many():
    check = exercises.check_optimism
    assert check(None) == exercises.NOT_YET
    assert check(0.53) == exercises.RIGHT
    assert "leave the minus out" in check(-0.53)
    assert "on average" in check(0)
    assert "units of the spread" in check(1.77)
    assert "further out" in check(0.3)
    assert "too large" in check(1)
    assert "too small" in check(0.1)


@pytest.mark.parametrize("n, expected", [(1, 0.0), (2, 1 / math.sqrt(math.pi)), (3, 1.5 / math.sqrt(math.pi))])
def test_expected_extreme_in_closed_form(n, expected):
    assert expected_extreme(n) == pytest.approx(expected, abs=1e-9)


def test_seeds_for_equivalence():
    check = exercises.check_seeds_for_equivalence
    assert check(None) == exercises.NOT_YET
    for answer in (20, 21, 22):
        assert check(answer) == exercises.RIGHT
    assert "round up" in check(19)
    assert "round up" in check(19.3)
    assert "seeds come whole" in check(20.5)
    assert "each in 10 %" in check(14)
    assert "square root" in check(4.4)
    assert "too few" in check(10)
    assert "too many" in check(100)
