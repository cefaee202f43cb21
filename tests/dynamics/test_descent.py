import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from enlib.dynamics import contraction, descend, hypergradient, regime

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


@given(ratios)
def test_regimes_are_what_the_path_does(ratio):
    path = descend(lambda w: w, 1.0, eta=ratio, steps=6)[:, 0]
    name = regime(ratio, 1.0)
    if name == "monotone":
        assert (np.diff(path) <= 0).all()
        assert (path >= 0).all()
    elif name == "oscillating":
        assert (np.diff(np.abs(path)) <= 0).all()
        assert path[1] <= 0
    elif name == "diverges":
        assert (np.diff(np.abs(path)) > 0).all()


@given(st.floats(0.01, 6.0), st.floats(-1.5, 1.5))
def test_triangle_of_stability(step, momentum):
    inside = abs(momentum) < 1 and step < 2 * (1 + momentum)
    radius = contraction(step, 1.0, momentum)
    assume(abs(radius - 1) > 1e-9)
    assert (radius < 1) == inside


@given(st.floats(0.05, 5.0), st.floats(-0.95, 0.95))
def test_contraction_is_the_rate_of_the_path(step, momentum):
    radius = float(contraction(step, 1.0, momentum))
    assume(0.05 < radius < 1.5)
    eigenvalues = np.linalg.eigvals(np.array([[1 + momentum - step, -momentum], [1.0, 0.0]]))
    assert radius == pytest.approx(np.abs(eigenvalues).max(), rel=1e-6, abs=1e-6)


def test_without_friction_it_swings_forever_and_stays_bounded():
    path = descend(lambda w: w, 1.0, eta=0.1, steps=5000, momentum=1.0)[:, 0]
    assert np.abs(path).max() < 1.2
    assert np.abs(path[-200:]).max() > 0.9
    assert contraction(0.1, 1.0, 1.0) == pytest.approx(1, abs=1e-12)


def test_the_steepest_direction_sets_the_limit_and_the_flattest_the_pace():
    curvatures = np.array([100.0, 1.0])
    for eta, converges in ((0.0199, True), (0.0201, False)):
        path = descend(lambda w: curvatures * w, [1.0, 1.0], eta=eta, steps=5000)
        assert (np.abs(path[-1]).max() < 1e-3) == converges
    best = 2 / (100 + 1)
    kappa = 100
    assert contraction(best, curvatures).max() == pytest.approx((kappa - 1) / (kappa + 1), abs=1e-12)


@given(st.floats(0.01, 2.0), st.floats(-2, 2))
def test_hypergradient_against_finite_differences(eta, w):
    def loss(v):
        return 0.25 * v**4 + 0.5 * v**2

    def slope(v):
        return v**3 + v

    def after(step):
        return loss(w - step * slope(w))

    h = 1e-5
    expected = (after(eta + h) - after(eta - h)) / (2 * h)
    assert hypergradient(slope, w, eta) == pytest.approx(expected, rel=1e-4, abs=1e-5)


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


def test_bad_gradient_and_curvature():
    with pytest.raises(ValueError, match=r"gradient of shape \(2,\), got \(\): return one slope for each w"):
        descend(lambda w: w.sum(), [1.0, 2.0], eta=0.1, steps=1)
    with pytest.raises(ValueError, match="expected curvature > 0, got 0"):
        regime(0.1, 0)


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
    with pytest.raises(TypeError, match="expected curvature to be numbers"):
        contraction(0.1, wrong)
    with pytest.raises(TypeError, match="expected start to be numbers"):
        hypergradient(lambda w: w, wrong, 0.1)


def test_numbers_of_torch_and_integers_are_taken():
    path = descend(lambda w: torch.as_tensor(w), torch.tensor([1, 2]), eta=np.float32(0.5), steps=np.int64(2))
    assert path.tolist() == [[1, 2], [0.5, 1], [0.25, 0.5]]
