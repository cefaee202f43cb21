import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq

from enlib.landscape import gain, gain_interval

weights = st.floats(4.001, 200) | st.floats(-200, -4.001)
biases = st.floats(-20, 20)


def width(w, b=0.0):
    low, high = gain_interval(w, b)
    return high - low


@given(st.floats(-700, 700))
def test_gain_against_autograd(z):
    x = torch.tensor(z, dtype=torch.float64, requires_grad=True)
    torch.sigmoid(x).backward()
    assert gain(1.0, z) == pytest.approx(x.grad.item(), rel=1e-9, abs=1e-15)


def test_the_largest_gain_of_a_unit_weight_is_a_quarter_at_zero():
    z = np.linspace(-5, 5, 1001)
    assert gain(1.0, z).max() == gain(-1.0, 0.0) == 0.25
    assert z[gain(1.0, z).argmax()] == 0


def test_far_out_there_is_no_gain_and_no_warning():
    with np.errstate(all="raise"):
        assert gain(1.0, np.array([-1e6, 1e6])).max() < 1e-300


@given(weights, biases)
def test_interval_against_a_numeric_root(w, b):
    low, high = gain_interval(w, b)
    center = -b / w
    root = brentq(lambda a: float(gain(w, a, b)) - 1, center, center + 10, xtol=1e-14)
    assert high == pytest.approx(root, abs=1e-10)
    assert low == pytest.approx(2 * center - root, abs=1e-10)


@given(weights, biases)
def test_width_is_symmetric_in_w_and_independent_of_b(w, b):
    assert width(w, b) == pytest.approx(width(-w), abs=1e-12)


@given(st.floats(-3.999, 3.999), biases, st.floats(-50, 50))
def test_below_four_there_is_no_interval(w, b, a):
    assert all(math.isnan(end) for end in gain_interval(w, b))
    assert gain(w, a, b) < 1


def test_the_homework_s_formula_is_the_same_width():
    """2/|w| ln r2 with r2 the larger root of x^2 + (2 - |w|) x + 1, and r1 r2 = 1."""
    for w in (4.0, 5.0, 7.0, 30.0):
        r1, r2 = sorted(np.roots([1, 2 - w, 1]).real)
        assert r1 * r2 == pytest.approx(1, abs=1e-12)
        assert width(w) == pytest.approx(2 / w * math.log(r2), abs=1e-7)
    assert width(4.0) == 0
    assert width(7.0) == pytest.approx(0.4476569249, abs=1e-10)


@given(st.lists(st.floats(-30, 30), min_size=1, max_size=12), st.floats(-10, 10))
def test_no_chain_beats_the_bound(inputs, w):
    product = math.prod(float(gain(w, a)) for a in inputs)
    assert product <= (abs(w) / 4) ** len(inputs) * (1 + 1e-12)


@pytest.mark.parametrize("wrong", ["7", None, [7.0], math.nan, math.inf])
def test_bad_input(wrong):
    for call in (gain_interval, lambda b: gain_interval(7.0, b)):
        with pytest.raises((TypeError, ValueError), match="expected (finite )?[wb]( to be|, got)"):
            call(wrong)
    for text in ("7", None):
        with pytest.raises(TypeError, match="expected a to be numbers"):
            gain(1.0, text)
