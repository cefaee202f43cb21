import base64

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from enlib.figures.explore import Curve, slider
from enlib.figures.explore.frames import compute, pack


def unpack(packed):
    """The oracle: what explore.js does, in Python."""
    integers = np.frombuffer(base64.b64decode(packed["b"]), "<i2").astype(float)
    values = packed["o"] + (integers + 32768) * packed["s"]
    return 10**values if packed["log"] else values


@given(arrays(float, st.integers(1, 50), elements=st.floats(-1e6, 1e6)))
def test_packed_numbers_are_within_half_a_step(values):
    error = np.abs(unpack(pack(values)) - values)
    assert error.max() <= 0.5001 * (values.max() - values.min()) / 65535 + 1e-9


@given(arrays(float, st.integers(1, 50), elements=st.floats(1e-8, 1e8)))
def test_packed_logarithms_keep_small_numbers(values):
    decades = np.log10(values.max() / values.min())
    assert np.abs(np.log10(unpack(pack(values, log=True)) / values)).max() <= decades / 65535 + 1e-9


def test_last_control_runs_fastest():
    controls = {"p": slider(0, 1, 2), "q": slider(0, 2, 3)}
    frames = compute(lambda p, q: {"c": Curve([0, 1], [p, q])}, controls)
    assert [tuple(frame["c"].y) for frame in frames] == [(p, q) for p in (0, 1) for q in (0, 1, 2)]


@pytest.mark.parametrize(
    "fn, message",
    [
        (lambda p: {"c": Curve(range(2 + (p > 0)), range(2 + (p > 0)))}, r"'c' to have \[2, 2\] numbers .* at p=1"),
        (
            lambda p: {"c" if p == 0 else "d": Curve([0, 1], [0, 1])},
            r"same names in every frame, \['c'\], got \['d'\]",
        ),
        (lambda p: {"c": Curve([0, 1], [0, 1 / (p - 1) if p < 1 else np.nan])}, "at p=1: expected finite numbers"),
        (lambda p: Curve([0, 1], [0, 1]), r"marks by name.* got Curve at p=0"),
        (lambda p: {"c": Curve([0, 1], [0, 1]), "n": 3}, "'n' to be a int .* return Curve, Points"),
    ],
)
def test_bad_frames_name_the_place(fn, message):
    with pytest.raises(ValueError, match=message):
        compute(fn, {"p": slider(0, 1, 2)})
