import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from enlib.dynamics import descend

ratios = st.floats(0.01, 3.0)


@given(ratios, st.floats(0.1, 10), st.floats(-5, 5))
def test_on_a_parabola_it_is_the_closed_form(ratio, curvature, start):
    path = descend(lambda w: curvature * w, start, eta=ratio / curvature, steps=12)[:, 0]
    np.testing.assert_allclose(path, start * (1 - ratio) ** np.arange(13), rtol=1e-9, atol=1e-9)


def test_the_numbers_of_the_lecture_s_figure():
    def at(ratio, steps):
        return descend(lambda w: w, 1.0, eta=ratio, steps=steps)[-1, 0]

    assert at(1.0, 1) == 0
    assert [abs(at(2.0, k)) for k in range(1, 8)] == [1.0] * 7
    assert at(2.1, 10) == pytest.approx(2.5937, abs=5e-5)


def radius(step, momentum):
    """Return the larger eigenvalue, in absolute value, of the step that takes (w_k, w_k-1) to (w_k+1, w_k)."""
    return np.abs(np.linalg.eigvals(np.array([[1 + momentum - step, -momentum], [1.0, 0.0]]))).max()


@given(st.floats(0.01, 6.0), st.floats(-1.5, 1.5))
def test_it_converges_inside_the_triangle_and_nowhere_else(step, momentum):
    assume(abs(radius(step, momentum) - 1) > 0.01)
    path = descend(lambda w: w, 1.0, eta=step, steps=3000, momentum=momentum)[:, 0]
    assert (abs(momentum) < 1 and step < 2 * (1 + momentum)) == bool(abs(path[-1]) < 1e-3)


def test_without_friction_it_swings_forever_and_stays_bounded():
    path = descend(lambda w: w, 1.0, eta=0.1, steps=5000, momentum=1.0)[:, 0]
    assert np.abs(path).max() < 1.2
    assert np.abs(path[-200:]).max() > 0.9


def test_the_steepest_direction_sets_the_limit_and_the_flattest_the_pace():
    curvatures = np.array([100.0, 1.0])
    for eta, converges in ((0.0199, True), (0.0201, False)):
        path = descend(lambda w: curvatures * w, [1.0, 1.0], eta=eta, steps=5000)
        assert (np.abs(path[-1]).max() < 1e-3) == converges
    path = descend(lambda w: curvatures * w, [1.0, 1.0], eta=2 / (100 + 1), steps=1)
    assert np.abs(path[1]) == pytest.approx([99 / 101] * 2, abs=1e-12)


def test_divergence_is_a_result_not_an_exception():
    path = descend(lambda w: w**3, 10.0, eta=1.0, steps=20)
    assert path.shape == (21, 1)
    assert not np.isfinite(path[-1, 0])


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"eta": 0.0}, "expected eta > 0, got 0.0"),
        ({"eta": -1.0}, "expected eta > 0"),
        ({"steps": 0}, "expected steps to be an integer >= 1"),
        ({"momentum": math.nan}, "expected finite momentum"),
        ({"start": [1.0, math.nan]}, "expected finite start, got 1 NaN"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        descend(lambda w: w, **{"start": 1.0, "eta": 0.1, "steps": 1, **arguments})


def test_bad_gradient():
    with pytest.raises(ValueError, match=r"gradient of shape \(2,\), got \(\): return one derivative for each w"):
        descend(lambda w: w.sum(), [1.0, 2.0], eta=0.1, steps=1)


@pytest.mark.parametrize("wrong", ["x", None, {}])
def test_wrong_types_at_the_front_door(wrong):
    with pytest.raises(TypeError, match="expected the gradient to be a function"):
        descend(wrong, 1.0, eta=0.1, steps=1)
    with pytest.raises(TypeError, match="expected gradient to be numbers"):
        descend(lambda w: wrong, 1.0, eta=0.1, steps=1)
    with pytest.raises(TypeError, match="expected start to be numbers"):
        descend(lambda w: w, wrong, eta=0.1, steps=1)
    with pytest.raises(TypeError, match="expected momentum to be"):
        descend(lambda w: w, 1.0, eta=0.1, steps=1, momentum=wrong)


def test_numbers_of_torch_and_integers_are_taken():
    path = descend(lambda w: torch.as_tensor(w), torch.tensor([1, 2]), eta=np.float32(0.5), steps=np.int64(2))
    assert path.tolist() == [[1, 2], [0.5, 1], [0.25, 0.5]]
