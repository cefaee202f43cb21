import math

import pytest

from enlib import exercises


@pytest.mark.parametrize("stub", [None, ...])
def test_stubs_are_not_answered_yet(stub):
    assert exercises.check_added_parameters(stub) == exercises.NOT_YET
    assert exercises.check_rescue(stub) == exercises.NOT_YET
    assert exercises.check_slope_in_b(lambda a, slope_in_a, lam: stub) == exercises.NOT_YET


def test_right_answers():
    assert exercises.check_added_parameters(3074) == exercises.RIGHT
    assert exercises.check_rescue(1.5 * math.exp(-2)) == exercises.RIGHT
    assert exercises.check_slope_in_b(lambda a, slope_in_a, lam: a * slope_in_a - lam * a**2) == exercises.RIGHT


def test_answers_that_are_no_numbers():
    assert "expected a number, got '0.2'" in exercises.check_rescue("0.2")
    assert "expected a number, got nan" in exercises.check_rescue(math.nan)
    assert "return a number, got 'x'" in exercises.check_slope_in_b(lambda a, slope_in_a, lam: "x")


@pytest.mark.parametrize("wrong, hint", [(3072, "a and b"), (3073, "missing"), (1, "what else")])
def test_wrong_counts_get_a_hint(wrong, hint):
    assert hint in exercises.check_added_parameters(wrong)


@pytest.mark.parametrize("wrong, hint", [(0.1, "too small"), (1.0, "larger than it need be"), (-1.0, "too small")])
def test_wrong_amplitudes_get_a_hint(wrong, hint):
    assert hint in exercises.check_rescue(wrong)


def test_wrong_slopes_get_a_hint():
    assert "off by lambda" in exercises.check_slope_in_b(lambda a, slope_in_a, lam: a * slope_in_a)
    assert "from autograd" in exercises.check_slope_in_b(lambda a, slope_in_a, lam: slope_in_a)
