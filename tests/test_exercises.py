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


def test_sigmoid_exercises():
    from enlib.activations import gain_interval_width

    assert exercises.check_smallest_weight(None) == exercises.NOT_YET
    assert exercises.check_smallest_weight(4) == exercises.check_smallest_weight(-4.0) == exercises.RIGHT
    assert "largest gain is 2; it should be 1" in exercises.check_smallest_weight(8)
    assert exercises.check_interval_width(lambda w: None) == exercises.NOT_YET
    assert exercises.check_interval_width(gain_interval_width) == exercises.RIGHT
    assert "divide by |w|" in exercises.check_interval_width(lambda w: w * gain_interval_width(w))
    assert "apart, got 1" in exercises.check_interval_width(lambda w: 1.0)
    assert exercises.check_depth(None) == exercises.NOT_YET
    assert exercises.check_depth(10) == exercises.RIGHT
    assert "fewer will do" in exercises.check_depth(12)


def test_step_size_exercises():
    assert exercises.check_largest_step(None) == exercises.NOT_YET
    assert exercises.check_largest_step(0.02) == exercises.RIGHT
    assert "may be larger" in exercises.check_largest_step(0.01)
    assert "up to 2 / curvature" in exercises.check_largest_step(1)
    assert exercises.check_best_factor(lambda kappa: ...) == exercises.NOT_YET
    assert exercises.check_best_factor(lambda kappa: (kappa - 1) / (kappa + 1)) == exercises.RIGHT
    assert "shrink alike" in exercises.check_best_factor(lambda kappa: 0.9)
    assert exercises.check_momentum_limit(None) == exercises.NOT_YET
    assert exercises.check_momentum_limit(3.8) == exercises.RIGHT
    assert "it is 1 at the limit" in exercises.check_momentum_limit(4)
