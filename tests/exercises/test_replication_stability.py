import math

import pytest
from scipy.stats import binom, binomtest

from enlib import exercises, statistics


def test_the_fatal_length():
    check = exercises.check_fatal_length
    assert check(None) == exercises.NOT_YET
    assert check(math.sqrt(2499)) == check(50) == exercises.RIGHT
    assert "not 0.2" in check(5)
    assert "take the root" in check(2499)
    assert "positive" in check(-50)
    assert "s = 0.201, not 1" in check(10)
    assert "got 'long'" in check("long")


def test_how_many_seeds_must_differ():
    check = exercises.check_discordant_seeds
    assert check(...) == exercises.NOT_YET
    assert check(8) == exercises.RIGHT
    assert "one side" in check(7)
    assert "against none" in check(6)
    assert "p = 0.219" in check(5)
    assert "so are fewer" in check(9)
    assert "1 or more" in check(0)
    assert "1 or more" in check(5.5)


def test_eight_is_what_the_test_itself_says():
    assert statistics.mcnemar(1, 7).p > 0.05 > statistics.mcnemar(1, 8).p
    assert statistics.mcnemar(1, 8).p == 2 * (1 + 9) / 2**9


def test_mcnemars_test():
    check = exercises.check_mcnemar
    assert check(lambda b, c: None) == exercises.NOT_YET
    assert check(lambda b, c: statistics.mcnemar(b, c).p) == exercises.RIGHT
    assert check(lambda b, c: min(1, 2 * binom.cdf(min(b, c), b + c, 0.5))) == exercises.RIGHT
    assert "two sides" in check(lambda b, c: binom.cdf(min(b, c), b + c, 0.5))
    assert "never above 1" in check(lambda b, c: 2 * binom.cdf(min(b, c), b + c, 0.5))
    assert "fair coins" in check(lambda b, c: 0.5)
    assert "got 'x'" in check(lambda b, c: "x")


def test_without_a_coin_the_natural_answer_is_told_and_not_a_traceback():
    check = exercises.check_mcnemar
    assert "no coin to toss: return 1" in check(lambda b, c: binomtest(b, b + c).pvalue)
    with pytest.raises(ValueError, match="mine"):
        check(_raising)


def _raising(b, c):
    raise ValueError("mine")


def test_the_cosine_at_a_tenth():
    check = exercises.check_cosine_tenth
    assert check(None) == exercises.NOT_YET
    assert check(0.795) == exercises.RIGHT
    assert "0.095 of its start" in check(0.8)
    assert "straight line" in check(0.9)
    assert "(1 + cos) / 2" in check(0.4681)
    assert "between 0 and 1" in check(79.5)
    assert "0.500 of its start" in check(0.5)


@pytest.mark.parametrize("fraction", [0.7951, math.acos(-0.8) / math.pi])
def test_the_solution_in_the_notebook(fraction):
    assert math.isclose((1 + math.cos(math.pi * fraction)) / 2, 0.1, abs_tol=1e-4)
    assert exercises.check_cosine_tenth(fraction) == exercises.RIGHT
