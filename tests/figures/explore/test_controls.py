import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enlib.figures.explore import choice, slider


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
    assert slider(0, 1, 11).start == 5
    assert choice(["a", "b"]).start == 0


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: slider(0, 1, 1), "at least 2 values, got 1: there is nothing to move"),
        (lambda: slider(1, 1), "finite low < high, got 1 and 1"),
        (lambda: slider(0, math.nan), "finite low < high"),
        (lambda: slider(0, 1, log=True), "low > 0 for a logarithmic slider, got 0"),
        (lambda: choice(["a"]), "at least 2 values, got 1"),
        (lambda: choice([1, "1"]), "different texts"),
        (lambda: choice(["Adam", "SGD"], start="Adm"), "did you mean 'Adam'"),
    ],
)
def test_bad_controls(make, message):
    with pytest.raises(ValueError, match=message):
        make()
