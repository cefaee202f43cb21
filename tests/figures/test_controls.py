import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from enlib.figures import choice, slider


@given(st.floats(-100, 99), st.floats(0.5, 100), st.integers(2, 60))
def test_linear_values_ascend_over_the_range(low, width, n):
    control = slider(low, low + width, n)
    assert len(control.values) == len(control.texts) == n
    assert list(control.values) == sorted(control.values)
    assert control.values[0] == pytest.approx(low, rel=1e-3, abs=1e-3)


def test_logarithmic_values_have_one_ratio():
    values = slider(1e-4, 1, 5, log=True).values
    assert [b / a for a, b in itertools.pairwise(values)] == pytest.approx([10] * 4)


def test_zero_is_zero():
    assert slider(-0.3, 0.3, 7).texts[3] == "0"


def test_start_is_the_nearest_value():
    assert slider(0, 1, 11, start=0.42).start == 4
    assert slider(0, 1, 11, start=7).start == 10
    assert slider(0, 1, 11).start == 5
    assert choice(["a", "b"]).start == 0


def test_numbers_of_other_libraries_are_numbers():
    expected = slider(0, 1, 5, start=0.25)
    assert slider(np.float32(0), torch.tensor(1), np.int64(5), start=Fraction(1, 4)) == expected
    assert choice(np.array([1, 2])).texts == ("1", "2")
    assert choice([0.5, 1000.0], start=1000.0).texts[1] == "1000"


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: slider(0, 1, 1), ValueError, "expected n to be an integer >= 2, got 1"),
        (lambda: slider(0, 1, "3"), Exception, "expected n to be an integer"),
        (lambda: slider(1, 1), ValueError, "expected low < high for a slider, got 1 and 1"),
        (lambda: slider(0, math.nan), ValueError, "expected finite ends of a slider"),
        (lambda: slider(0, 1, log=True), ValueError, "low > 0 for a slider, which is logarithmic, got 0"),
        (lambda: slider("0", 1), TypeError, "expected ends of a slider to be numbers"),
        (lambda: slider(0, None), TypeError, r"expected ends of a slider to be numbers, got \(0, None\)"),
        (lambda: slider(0, 1, start=math.nan), ValueError, "expected finite start, got nan"),
        (lambda: slider(0, 1, start="0"), TypeError, "expected start to be a number, got '0'"),
        (lambda: slider(0, 1, label=3), TypeError, "expected label text, got 3"),
        (lambda: choice(["a"]), ValueError, "at least 2 values, got 1: there is nothing to move"),
        (lambda: choice([1, "1"]), ValueError, "different texts"),
        (lambda: choice("ab"), TypeError, "list of values to choose from, got 'ab'"),
        (lambda: choice(None), TypeError, "list of values to choose from, got None"),
        (lambda: choice(["Adam", "SGD"], start="Adm"), ValueError, "did you mean 'Adam'"),
    ],
)
def test_bad_controls(make, error, message):
    with pytest.raises(error, match=message):
        make()
