import math
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import trapezoid

from enlib import ExponentialNeuron, polynomial_hinge
from enlib.dynamics import (
    OneSample,
    ToyClassifier,
    ToyWithNeuron,
    descend,
    example_a,
    example_b,
)

START = [0.3, 0.01, 0.1, 0.0]


def onset_law(eta, lam, u):
    """The predicted step at which the sharpness of one sample with a neuron reaches 2 / eta, for input 0."""
    return 1 / (6 * eta**3 * lam**2 * u**3)


def corrected(eta, lam, u):
    return onset_law(eta, lam, u) * (1 + 4 * eta * lam)


def escape_loss(t, u):
    """The loss of one sample with a neuron at time t of gradient flow, for large t: it does not depend on lambda."""
    return 1 / (4 * t) + 4 / (6 * u * t) ** 1.5


TOYS = {
    "A": example_a(),
    "A, both wrong": example_a(-0.5),
    "B": example_b(),
    "one sample": ToyClassifier.one_sample(0.7, x=2.0),
    "sine": ToyClassifier.sine([0.2, -0.9], [1, -1]),
}
THETA = np.linspace(-1.4, 1.4, 37)


@pytest.mark.parametrize("name", TOYS)
def test_derivatives_of_classifiers_agree_with_differences(name):
    toy, h = TOYS[name], 1e-5
    up, down = THETA + h, THETA - h
    for function, derivative in ((toy.output, toy.slope), (toy.slope, toy.curvature)):
        np.testing.assert_allclose((function(up) - function(down)) / (2 * h), derivative(THETA), atol=1e-8)
    here = THETA[None]
    differences = (toy.loss(up[None]) - toy.loss(down[None])) / (2 * h)
    np.testing.assert_allclose(toy.gradient(here)[0], differences, rtol=1e-6, atol=1e-6)
    differences = (toy.gradient(up[None]) - toy.gradient(down[None]))[0] / (2 * h)
    np.testing.assert_allclose(toy.hessian(here)[:, 0, 0], differences, rtol=1e-4, atol=2e-3)


def test_the_loss_is_that_of_the_package():
    toy = example_b()
    for theta in (-9.0, 0.3, 3.7):
        output, target = torch.tensor(toy.output(np.array(theta))), torch.tensor(toy.y)
        expected = polynomial_hinge(output, target, reduction="sum").item()
        assert toy.loss(np.array([theta])) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("c", [0.5, -0.5, 0.0, 0.9])
def test_the_bad_minimum_of_example_a(c):
    toy, zero = example_a(c), np.zeros(1)
    assert toy.loss(zero) == pytest.approx(2 * (1 - c) ** 3)
    assert toy.gradient(zero).item() == 0
    assert toy.hessian(zero).item() == pytest.approx(12 * (1 - c) ** 2)


def test_example_a_reaches_zero_loss_where_the_closed_form_says():
    edge = math.sqrt((1 + math.sqrt(3)) / 2)
    assert edge == pytest.approx(1.16877, abs=1e-5)
    toy = example_a()
    assert toy.loss(np.array([edge + 1e-9])) == 0
    assert toy.loss(np.array([-edge - 1e-9])) == 0
    assert toy.loss(np.array([edge - 1e-3])) > 0
    assert example_a(-0.5).loss(np.zeros(1)) == 6.75


def test_shapes_are_samples_first_runs_after():
    theta = np.zeros((3, 4))
    for toy in (example_a(np.full((3, 4), 0.2)), example_b(), ToyClassifier.one_sample(np.full((3, 4), 0.2))):
        n = len(toy.x)
        assert toy.output(theta).shape == toy.slope(theta).shape == toy.curvature(theta).shape == (n, 3, 4)
        assert toy.loss(theta[None]).shape == toy.errors(theta).shape == (3, 4)
        assert toy.gradient(theta[None]).shape == (1, 3, 4)
        assert toy.hessian(theta[None]).shape == (3, 4, 1, 1)


def test_a_classifier_of_lists_is_the_same():
    """Lists passed the checks and stayed lists, so that the first loss failed."""
    a = example_a()
    toy = ToyWithNeuron(ToyClassifier(a.x.tolist(), a.y.tolist(), a.output, a.slope, a.curvature), 0.5)
    at = [0.3, 0.1, 0.2, 0.0]
    assert toy.loss(at) == ToyWithNeuron(a, 0.5).loss(at)
    assert toy.gradient(at).tolist() == ToyWithNeuron(a, 0.5).gradient(at).tolist()


def test_bad_classifiers():
    with pytest.raises(ValueError, match="one label for each sample"):
        ToyClassifier(np.zeros(2), np.ones(3), np.sin, np.cos, np.sin)
    with pytest.raises(ValueError, match=r"expected labels in \{-1, \+1\}"):
        ToyClassifier(np.zeros(2), np.array([0.0, 1.0]), np.sin, np.cos, np.sin)


WITH_NEURON = {
    "A": ToyWithNeuron(example_a(), 1.0),
    "B": ToyWithNeuron(example_b(), 0.3),
    "one sample, wide": ToyWithNeuron(ToyClassifier.one_sample(0.8, x=-1.5), 0.2),
    "one sample": OneSample(0.8, 0.2),
}
numbers = st.floats(-1.5, 1.5)


@pytest.mark.parametrize("name", WITH_NEURON)
def test_derivatives_agree_with_differences(name):
    landscape, h = WITH_NEURON[name], 1e-5
    p = np.random.default_rng(0).uniform(-1.2, 1.2, (len(landscape.names), 40))
    gradient, hessian = landscape.gradient(p), landscape.hessian(p)
    assert hessian.shape == (40, len(p), len(p))
    np.testing.assert_allclose(hessian, np.swapaxes(hessian, 1, 2))
    for i in range(len(p)):
        step = np.zeros_like(p)
        step[i] = h
        differences = (landscape.loss(p + step) - landscape.loss(p - step)) / (2 * h)
        np.testing.assert_allclose(gradient[i], differences, rtol=1e-6, atol=1e-6)
        differences = (landscape.gradient(p + step) - landscape.gradient(p - step)) / (2 * h)
        np.testing.assert_allclose(hessian[:, i].T, differences, rtol=1e-4, atol=5e-3)


def test_gradient_agrees_with_autograd_through_the_packages_own_neuron():
    lam, theta = 0.3, torch.tensor(-9.0, dtype=torch.float64, requires_grad=True)
    neuron = ExponentialNeuron(1, a=0.4, b=0.2, w_std=0.0, seed=0).double()
    neuron.a.data, neuron.b.data = (torch.tensor(v, dtype=torch.float64) for v in (0.4, 0.2))
    neuron.w.data += 0.3
    toy = example_b()
    x, y = torch.tensor(toy.x)[:, None], torch.tensor(toy.y)
    output = 2 * torch.sin(theta * x[:, 0]) + neuron(x)
    loss = polynomial_hinge(output, y, reduction="sum") + lam * neuron.a**2 / 2
    loss.backward()
    p = np.array([-9.0, 0.4, 0.3, 0.2])
    landscape = ToyWithNeuron(toy, lam)
    assert landscape.loss(p) == pytest.approx(loss.item(), rel=1e-14)
    expected = [theta.grad.item(), neuron.a.grad.item(), neuron.w.grad.item(), neuron.b.grad.item()]
    np.testing.assert_allclose(landscape.gradient(p), expected, rtol=1e-12)


@given(st.lists(numbers, min_size=4, max_size=4), st.floats(0, 5))
def test_the_identity_behind_the_theorem(point, lam):
    p = np.array(point)
    gradient = ToyWithNeuron(example_b(), lam).gradient(p)
    scale = 1 + np.abs(gradient).max()
    assert p[1] * gradient[1] - gradient[3] == pytest.approx(lam * p[1] ** 2, abs=1e-13 * scale)


@given(st.lists(numbers, min_size=4, max_size=4), st.floats(0, 5), st.floats(1e-3, 0.5))
def test_the_books_of_one_step_of_descent(point, lam, eta):
    p = np.array(point)
    landscape = ToyWithNeuron(example_b(), lam)
    gradient = landscape.gradient(p)
    q = p - eta * gradient
    rose = (q[3] - q[1] ** 2 / 2) - (p[3] - p[1] ** 2 / 2)
    booked = eta * lam * p[1] ** 2 - eta**2 / 2 * gradient[1] ** 2
    assert rose == pytest.approx(booked, abs=1e-12 * (1 + q[1] ** 2))


@pytest.mark.parametrize("lam", [1e-3, 1.0, 1e3])
def test_the_bad_minimum_is_a_saddle_for_every_penalty(lam):
    at = np.zeros(4)
    landscape = ToyWithNeuron(example_a(), lam)
    np.testing.assert_array_equal(landscape.gradient(at), 0)
    eigenvalues = np.linalg.eigvalsh(landscape.hessian(at))
    assert eigenvalues[0] == pytest.approx((6 + lam - math.sqrt((6 + lam) ** 2 + 9)) / 2, rel=1e-9)
    assert eigenvalues[0] < 0


def test_points_with_half_of_the_loss_lie_beyond_the_wall():
    """With theta = 0, the loss is above (1 - c)^3 whatever the neuron; with the neuron off, theta = 1.0461 has it."""
    p = np.random.default_rng(0).uniform(-3, 3, (4, 10_000))
    p[0] = 0
    assert (ToyWithNeuron(example_a(), 0.0).loss(p) > 1 / 8).all()
    theta = np.sqrt((1 + np.sqrt(3 - 4 * 16 ** (-1 / 3))) / 2)
    assert theta == pytest.approx(1.0461, abs=5e-5)
    assert example_a().loss(np.array([theta])) == pytest.approx(1 / 8, rel=1e-12)


@pytest.mark.parametrize("c", [0.5, 0.0])
def test_two_classes_ride_to_infinity_without_a_penalty(c):
    u, t, landscape = 1 - c, 1e4, ToyWithNeuron(example_a(c), 0.0)
    theta, a, w, b = p = landscape.flow([0.0, 0.01, 0.1, 0.0], [t])[:, 0]
    assert np.exp(2 * w) / (12 * u**3 * t) == pytest.approx(1, abs=0.03)
    assert landscape.sharpness(p) / (6 * u * np.exp(w)) == pytest.approx(1, abs=0.02)
    assert b - a**2 / 2 == pytest.approx(-(0.01**2) / 2, abs=1e-8)
    assert landscape.loss(p) == pytest.approx(u**3, rel=0.01)
    assert theta == 0


def test_two_classes_cross_the_edge_without_a_penalty():
    eta = np.array([0.1, 0.05, 0.02])
    start = np.multiply.outer(START, np.ones(3))
    crossed, _ = ToyWithNeuron(example_a(), 0.0).first_instability(start, eta=eta, steps=45_000)
    ratio = crossed * 108 * 0.5**5 * eta**3
    assert (np.diff(ratio) < 0).all()
    assert ratio[-1] == pytest.approx(1, abs=0.07)


def test_one_sample_and_five_do_not_ride_without_a_penalty():
    one, five = OneSample(0.5, 0.0), ToyWithNeuron(example_b(), 0.0)
    times = [1e3, 1e5]
    for landscape, start in ((one, [0.01, 0.0]), (five, TestExampleB.start)):
        p = landscape.flow(start, times)
        np.testing.assert_allclose(p[-1, 0], p[-1, 1], atol=1e-3)
        assert landscape.sharpness(p[:, 1]) <= landscape.sharpness(p[:, 0]) * (1 + 1e-6)


def test_the_bias_rests_where_the_neuron_is_not_needed():
    p = ToyWithNeuron(example_b(), 1.0).flow([3.5, 0.5, 0.1, 0.0], [50.0, 1e4])
    assert p[3, 0] == pytest.approx(p[3, 1], abs=1e-6)
    assert abs(p[1, 1]) < 1e-6


@given(st.lists(numbers, min_size=4, max_size=4), st.floats(0, 5), st.floats(1e-3, 0.5), st.floats(1e-3, 0.5))
def test_the_books_with_two_learning_rates(point, lam, alpha, beta):
    p = np.array(point)
    gradient = ToyWithNeuron(example_b(), lam).gradient(p)
    a, b = p[1] - alpha * gradient[1], p[3] - beta * gradient[3]
    rose = (b - p[3]) / beta - (a**2 - p[1] ** 2) / (2 * alpha)
    booked = lam * p[1] ** 2 - alpha / 2 * gradient[1] ** 2
    assert rose == pytest.approx(booked, abs=1e-9 * (1 + gradient[1] ** 2))


def test_its_smallest_eigenvalue_for_lambda_one():
    smallest = np.linalg.eigvalsh(ToyWithNeuron(example_a(), 1.0).hessian(np.zeros(4)))[0]
    assert smallest == pytest.approx((7 - math.sqrt(58)) / 2, abs=1e-14)
    assert smallest == pytest.approx(-0.307887, abs=1e-6)


def test_with_the_neuron_off_only_the_base_is_seen():
    toy, theta = example_b(), np.linspace(-12, 12, 50)
    p = np.stack([theta, 0 * theta, 0.3 + 0 * theta, 0 * theta])
    landscape = ToyWithNeuron(toy, 2.0)
    np.testing.assert_allclose(landscape.loss(p), toy.loss(theta[None]))
    np.testing.assert_array_equal(landscape.errors(p), toy.errors(theta))


def test_one_sample_is_the_neuron_beside_a_constant():
    p = np.random.default_rng(1).uniform(-1, 1, (2, 30))
    u, lam = np.full(30, 0.8), np.full(30, 0.3)
    narrow, wide = OneSample(u, lam), ToyWithNeuron(ToyClassifier.one_sample(u), lam)
    q = np.stack([0 * p[0], p[0], 0 * p[0], p[1]])
    np.testing.assert_allclose(narrow.loss(p), wide.loss(q), rtol=1e-14)
    np.testing.assert_allclose(narrow.gradient(p), wide.gradient(q)[[1, 3]], rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(narrow.hessian(p), wide.hessian(q)[:, [1, 3]][:, :, [1, 3]], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("make", [lambda v: ToyWithNeuron(example_b(), v), lambda v: OneSample(0.5, v)])
def test_negative_penalties_are_refused(make):
    with pytest.raises(ValueError, match="expected lam >= 0, got -1"):
        make(-1.0)
    with pytest.raises(ValueError, match="expected lam >= 0, got nan"):
        make(math.nan)


def test_the_bad_minima_of_example_b():
    toy = example_b()
    theta = toy.minima(-12, 12)
    np.testing.assert_allclose(theta, [-9.033830, -0.056431, 9.484583], atol=1e-6)
    np.testing.assert_allclose(toy.loss(theta[None]), [7.483432, 4.899495, 12.316621], atol=1e-6)
    np.testing.assert_allclose(toy.sharpness(theta[None]), [25.3623, 61.7270, 49.2536], atol=1e-4)
    assert toy.errors(theta).tolist() == [2, 3, 1]
    np.testing.assert_allclose(toy.gradient(theta[None]), 0, atol=1e-10)


def test_a_minimum_on_the_grid_is_found_once():
    for high in (0.7, 0.6999, 0.35):
        assert example_a().minima(-0.7, high) == pytest.approx([0], abs=1e-12)


def test_flat_floors_are_left_out():
    assert len(example_a().minima(0.9, 3.0)) == 0


def test_bad_intervals():
    with pytest.raises(ValueError, match="low < high"):
        example_a().minima(1, 0)


@pytest.mark.parametrize("lam", [0.1, 1.0])
@pytest.mark.parametrize("u", [0.5, 1.0])
def test_the_loss_times_time_goes_to_a_quarter(u, lam):
    times = np.array([1e4, 1e6, 1e8])
    landscape = OneSample(u, lam)
    scaled = times * landscape.loss(landscape.flow([0.01, 0.0], times))
    assert scaled[-1] == pytest.approx(0.25, abs=1e-4)
    np.testing.assert_allclose(scaled, times * escape_loss(times, u), atol=7e-4)


def test_the_loss_at_ten_thousand():
    for lam, expected in ((1.0, 0.2583), (0.1, 0.2577)):
        landscape = OneSample(0.5, lam)
        assert 1e4 * landscape.loss(landscape.flow([0.01, 0.0], [1e4]))[0] == pytest.approx(expected, abs=5e-5)


def test_amplitude_and_bias_follow_the_quasi_steady_law():
    t, lam, u = 1e8, 0.3, 0.7
    a, b = OneSample(u, lam).flow([0.01, 0.0], [t])[:, 0]
    assert a * np.sqrt(2 * lam * t) == pytest.approx(1, abs=1e-3)
    assert np.exp(2 * b) / (2 * lam * u**2 * t) == pytest.approx(1, abs=1e-3)
    assert OneSample(u, lam).sharpness(np.array([a, b])) == pytest.approx(
        2 * np.sqrt(3 * lam * u) * np.exp(b), rel=1e-3
    )


# eta, lambda, predicted, first above the edge, first rise of the loss
TABLE = [(0.2, 1.0, 167, 306, 443), (0.1, 1.0, 1333, 1924, 2244), (0.1, 0.5, 5333, 6433, 7027)]
TABLE.append((0.05, 1.0, 10667, 13003, 13826))


@pytest.mark.parametrize("eta, lam, law, edge, rise", TABLE)
def test_the_onset_of_instability(eta, lam, law, edge, rise):
    assert onset_law(eta, lam, 0.5) == pytest.approx(law, abs=0.5)
    crossed, rose = OneSample(0.5, lam).first_instability([0.01, 0.0], eta=eta, steps=20_000)
    assert crossed == pytest.approx(edge, abs=2)
    assert rose == pytest.approx(rise, rel=0.02)  # it grows out of rounding error
    assert corrected(eta, lam, 0.5) == pytest.approx(crossed, rel=0.04)


def test_the_ratio_goes_to_one_as_eta_lambda_does():
    eta, lam = np.array([0.1, 0.2, 0.4, 0.5]), np.array([2.0, 0.2, 0.0125 * 4, 0.02])
    crossed, _ = OneSample(0.5, lam).first_instability(np.full((2, 4), 0.01), eta=eta, steps=60_000)
    excess = (crossed / onset_law(eta, lam, 0.5) - 1) / (4 * eta * lam)
    order = np.argsort(eta * lam)
    assert np.abs(excess[order] - 1)[0] < 0.15
    assert np.abs(crossed / onset_law(eta, lam, 0.5) - 1)[order][0] < 0.05


def test_a_far_input_brings_the_edge_nearer():
    for x in (0.0, 1.0, 3.0):
        landscape = ToyWithNeuron(ToyClassifier.one_sample(0.5, x), 1.0)
        crossed, _ = landscape.first_instability([0.0, 0.01, 0.0, 0.0], eta=0.05, steps=20_000)
        assert crossed == pytest.approx(corrected(0.05, 1.0, 0.5) / (1 + x**2), rel=0.04)


def test_every_step_is_evaluated(monkeypatch):
    landscape, eta = OneSample(0.5, np.array([1.0, 2.0])), np.array([0.2, 0.15])
    start = np.full((2, 2), 0.01)
    path = landscape.descend(start, eta=eta, steps=1500, at=range(1501))
    steep = landscape.sharpness(path.points) > 2 / eta
    rises = np.diff(path.loss, axis=0) > 0
    for chunk in (7, 100, 5000):
        monkeypatch.setattr("enlib.dynamics.toys._CHUNK", chunk)
        crossed, rose = landscape.first_instability(start, eta=eta, steps=1500)
        np.testing.assert_array_equal(crossed, steep.argmax(axis=0))
        np.testing.assert_array_equal(rose, rises.argmax(axis=0))


def test_what_does_not_happen_is_nan():
    calm = OneSample(0.5, 1.0).first_instability([0.01, 0.0], eta=0.01, steps=100)
    assert np.isnan(calm).all()
    diverging = OneSample(0.5, 3.0).first_instability([0.01, 0.0], eta=1.0, steps=5000)
    assert np.equal(diverging, 0).all()


def test_sharpness_of_many_points():
    p = np.random.default_rng(0).normal(size=(4, 3, 2))
    landscape = ToyWithNeuron(example_b(), 1.0)
    values = landscape.sharpness(p)
    assert values.shape == (3, 2)
    assert values[2, 1] == np.linalg.eigvalsh(landscape.hessian(p[:, 2, 1]))[-1]


def test_agrees_with_the_plain_loop():
    landscape = ToyWithNeuron(example_b(), 0.1)
    start = np.array([-9.0, 0.0, 0.1, 0.0])
    plain = descend(landscape.gradient, start, eta=0.01, steps=300)
    path = landscape.descend(start, eta=0.01, steps=300, at=range(301))
    np.testing.assert_array_equal(path.points, plain.T)
    np.testing.assert_array_equal(path.loss, landscape.loss(plain.T))


def test_runs_side_by_side_are_the_runs_alone():
    etas, lams = np.array([0.01, 0.02, 0.05]), np.array([0.1, 1.0, 3.0])
    starts = np.multiply.outer(START, np.ones(3))
    together = ToyWithNeuron(example_a(), lams).descend(starts, eta=etas, steps=500)
    for i in range(3):
        alone = ToyWithNeuron(example_a(), lams[i]).descend(START, eta=etas[i], steps=500)
        np.testing.assert_allclose(together.points[:, :, i], alone.points, rtol=1e-13)


def test_a_schedule_gives_each_step_its_size():
    sizes = np.array([0.1, 0.05, 0.02])
    path = OneSample(0.5, 1.0).descend([0.01, 0.0], eta=lambda k: sizes[k], steps=3, at=range(4))
    p = np.array([0.01, 0.0])
    for size in sizes:
        p = p - size * OneSample(0.5, 1.0).gradient(p)
    np.testing.assert_array_equal(path.end, p)


def test_divergence_is_a_result_with_its_step_and_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        path = OneSample(0.5, np.array([1.0, 3.0])).descend(np.full((2, 2), 0.01), eta=1.0, steps=4000)
    assert np.isfinite(path.diverged_at).tolist() == [False, True]
    when = path.diverged_at[1]
    assert np.isnan(path.points[:, path.steps >= when, 1]).all()
    assert np.isfinite(path.points[:, path.steps < when, 1]).all()
    assert np.isfinite(path.points[:, :, 0]).all()
    alone = OneSample(0.5, 3.0).descend([0.01, 0.01], eta=1.0, steps=4000)
    assert alone.diverged_at == when


def test_the_recorded_steps_hold_the_powers_of_ten():
    steps = example_a().descend([0.3], eta=0.01, steps=10_000).steps
    assert set(10 ** np.arange(5)) <= set(steps.tolist())
    assert steps[0] == 0
    assert (np.diff(steps) > 0).all()
    assert example_a().descend([0.3], eta=0.01, steps=1).steps.tolist() == [0, 1]


def test_bad_step_sizes_and_starts():
    for eta in (0.0, np.nan, np.array([0.1, -1.0]), lambda k: -1.0):
        with pytest.raises(ValueError, match="expected eta > 0"):
            OneSample(0.5, 1.0).descend([0.0, 0.0], eta=eta, steps=3)
    with pytest.raises(ValueError, match=r"shape \(4, ...\) for theta, a, w, b, got \(2,\)"):
        ToyWithNeuron(example_a(), 1.0).descend([0.0, 0.0], eta=0.1, steps=3)


def test_flow_is_the_limit_of_descent():
    landscape, start = ToyWithNeuron(example_a(), 1.0), START
    there = landscape.flow(start, [10.0])[:, 0]
    distance = [
        np.abs(landscape.descend(start, eta=10 / n, steps=n, at=[n]).end - there).max() for n in (1000, 2000, 4000)
    ]
    assert distance[0] < 0.01
    assert distance[0] / distance[1] == pytest.approx(2, abs=0.05)
    assert distance[1] / distance[2] == pytest.approx(2, abs=0.05)


def test_flow_keeps_its_invariant():
    landscape, times = OneSample(0.5, 1.0), np.linspace(0, 200, 20_001)
    a, b = landscape.flow([0.01, 0.0], times)
    rose = (b - a**2 / 2)[-1] - (b - a**2 / 2)[0]
    assert rose == pytest.approx(trapezoid(a**2, times), rel=1e-5)


class TestExampleA:
    @pytest.mark.slow
    def test_the_ride_of_a_hundred_thousand_steps(self):
        landscape = ToyWithNeuron(example_a(), 1.0)
        path = landscape.descend(START, eta=0.01, steps=100_000, at=range(100_001))
        at = path.loss[[0, 1000, 10_000, 100_000]]
        np.testing.assert_allclose(at, [0.39244, 0.17980, 0.12794, 0.12526], atol=1e-5)
        theta, a, w, b = path.end
        assert abs(theta) < 1e-50
        assert a == pytest.approx(0.0078, abs=4e-4)  # above the edge by then: it swings, out of rounding error
        assert w == pytest.approx(3.70, abs=0.01)
        assert a * np.exp(w + b) == pytest.approx(0.5, abs=0.03)
        assert landscape.toy.loss(path.end[:1]) == 0.25
        # The books, over the whole run.
        slope, amplitude = landscape.gradient(path.points)[1], path.points[1]
        booked = np.cumsum(0.01 * amplitude**2 - 0.01**2 / 2 * slope**2)[:-1]
        level = path.points[3] - amplitude**2 / 2
        assert np.abs(level[1:] - level[0] - booked).max() < 1e-12

    @pytest.mark.slow
    def test_both_wrong(self):
        landscape = ToyWithNeuron(example_a(-0.5), 1.0)
        path = landscape.descend(START, eta=0.01, steps=300_000, at=[300_000])
        assert path.loss[0] == pytest.approx(3.375, abs=1e-3)
        assert path.loss[0] > 3.375
        assert landscape.toy.loss(path.end[:1]) == pytest.approx(6.75)

    @pytest.mark.parametrize("c", [0.75, 0.5, 0.0])
    @pytest.mark.slow
    def test_half_of_the_loss_is_the_limit(self, c):
        path = ToyWithNeuron(example_a(c), 0.3).descend(START, eta=0.01, steps=60_000, at=[60_000])
        assert path.loss[0] / (2 * (1 - c) ** 3) == pytest.approx(0.5, abs=0.02)
        assert path.loss[0] > (1 - c) ** 3


class TestExampleB:
    landscape = ToyWithNeuron(example_b(), 0.1)
    start = (-9.033829700197145, 0.0, 0.1, 0.0)

    def test_the_escape_lowers_the_loss_and_raises_that_of_the_base(self):
        path = self.landscape.descend(self.start, eta=0.005, steps=10_000, at=[0, 10_000])
        np.testing.assert_allclose(path.loss, [7.4834, 2.7640], atol=5e-5)
        assert self.landscape.toy.loss(path.end[:1]) == pytest.approx(7.5875, abs=5e-5)
        assert path.end[1] == pytest.approx(0.297, abs=5e-4)
        assert path.end[3] == pytest.approx(0.870, abs=5e-4)

    def test_the_orbit_of_period_two_and_its_balance(self):
        path = self.landscape.descend(self.start, eta=0.05, steps=20_000, at=range(19_997, 20_001))
        np.testing.assert_allclose(np.sort(path.loss), [2.829281] * 2 + [2.842147] * 2, atol=1e-6)
        np.testing.assert_allclose(path.points[:, :2], path.points[:, 2:], rtol=1e-10)
        orbit = path.points[:, :2]
        push, pull = np.mean(0.1 * orbit[1] ** 2), 0.05 / 2 * np.mean(self.landscape.gradient(orbit)[1] ** 2)
        assert push == pytest.approx(0.0440252, abs=5e-8)
        assert push == pytest.approx(pull, rel=1e-10)

    def test_where_contradictions_remain_the_sharpness_grows_like_time(self):
        times = np.array([1e3, 1e4, 1e5])
        ratio = self.landscape.sharpness(self.landscape.flow(self.start, times)) / times
        np.testing.assert_allclose(ratio, ratio[-1], rtol=0.01)

    def test_without_a_penalty_no_orbit_moves_the_amplitude(self):
        """Averaged over an orbit, the books leave only the square of the slope in a, which must be zero."""
        path = ToyWithNeuron(example_b(), 0.0).descend(self.start, eta=0.03, steps=20_000, at=[19_999, 20_000])
        assert self.landscape.gradient(path.points)[1] != pytest.approx(0, abs=1e-3)
        assert ToyWithNeuron(example_b(), 0.0).gradient(path.points)[1] == pytest.approx(0, abs=1e-10)

    @pytest.mark.parametrize("lam", [0.0, 0.1])
    def test_gains_are_kicks_of_too_long_a_step(self, lam):
        """With w = -4, the neuron gains starts at a large learning rate, and none at a small one, whatever lambda."""
        toy, starts = example_b(), np.linspace(-11.9, 11.9, 60)
        gained = {}
        for eta, steps in ((0.0032, 300), (0.0001, 6000)):
            alone = toy.errors(toy.descend(starts[None], eta=eta, steps=steps, at=[steps]).end[0])
            begin = np.stack([starts, 0 * starts, 0 * starts - 4, 0 * starts])
            landscape = ToyWithNeuron(toy, lam)
            both = landscape.errors(landscape.descend(begin, eta=eta, steps=steps, at=[steps]).end)
            gained[eta] = ((both == 0) & (alone > 0)).sum()
        assert gained[0.0032] > 5
        assert gained[0.0001] == 0

    def test_the_bad_minima_are_no_critical_points_any_more(self):
        theta = example_b().minima(-12, 12)
        zero = np.zeros(3)
        gradient = ToyWithNeuron(example_b(), 1.0).gradient(np.stack([theta, zero, zero + 0.1, zero]))
        assert (np.abs(gradient[1]) > 3).all()
        np.testing.assert_allclose(gradient[[0, 2, 3]], 0, atol=1e-10)


def test_bursts_grow_past_the_edge_and_the_bias_never_falls():
    path = OneSample(0.5, 1.0).descend([0.01, 0.0], eta=0.2, steps=100_000, at=range(100_001))
    assert np.isnan(path.diverged_at)
    rise = int((np.diff(path.loss) > 0).argmax())
    assert path.loss[rise] < 5e-3
    assert path.loss[rise + 1 :].max() > 1
    assert (np.diff(path.points[1]) >= 0).all()


def test_a_step_size_that_shrinks_like_the_cube_root_stays_below_the_edge():
    landscape, limit = OneSample(0.5, 1.0), 3 ** (-2 / 3) / 0.5
    alpha = np.array([0.9, 1.2]) * limit
    keep = np.arange(1000, 30_001, 50)

    def schedule(k):
        return np.minimum(0.2, alpha * (k + 1.0) ** (-1 / 3))

    path = landscape.descend(np.full((2, 2), 0.01), eta=schedule, steps=30_000, at=keep)
    sizes = np.array([schedule(k) for k in keep])
    ratio = np.linalg.eigvalsh(landscape.hessian(path.points))[..., -1] * sizes / 2
    assert ratio[:, 0].max() < 0.9
    assert ratio[:, 1].max() > 1


def test_faster_schedules_stay_below_the_edge_and_slower_ones_do_not():
    powers = np.array([1 / 4, 1 / 3, 1 / 2, 1.0])
    keep = np.arange(0, 20_001, 20)

    def schedule(k):
        return 0.2 * (1 + k / 100) ** -powers

    landscape = OneSample(0.5, 1.0)
    path = landscape.descend(np.full((2, 4), 0.01), eta=schedule, steps=20_000, at=keep)
    ratio = landscape.sharpness(path.points) * np.array([schedule(k) for k in keep]) / 2
    assert (ratio.max(axis=0) > 1).tolist() == [True, False, False, False]
    assert (np.diff(path.loss[-1, 1:]) > 0).all()  # the slowest that is safe ends lowest


def test_a_run_that_diverged_classifies_nothing():
    toy = example_b()
    assert toy.errors(np.array([3.7, np.nan])).tolist() == [0, 5]
    points = np.array([[3.7, np.nan], [0.0, 0.0], [0.1, 0.1], [0.0, 0.0]])
    assert ToyWithNeuron(toy, 1.0).errors(points).tolist() == [0, 5]
    path = ToyWithNeuron(toy, 3.0).descend([3.7, 0.5, 0.1, 0.0], eta=5.0, steps=2000)
    assert np.isfinite(path.diverged_at)
    assert ToyWithNeuron(toy, 3.0).errors(path.end) == 5


@pytest.mark.parametrize("wrong", ["x", None, [], {}])
def test_wrong_types_at_the_front_door(wrong):
    toy, sample = example_a(), OneSample(0.5, 1.0)
    for call in (
        lambda: sample.descend([0.0, 0.0], eta=wrong, steps=3),
        lambda: sample.descend(wrong, eta=0.1, steps=3),
        lambda: sample.descend([0.0, 0.0], eta=0.1, steps=wrong),
        lambda: sample.flow(wrong, [1.0]),
        lambda: sample.flow([0.0, 0.0], wrong),
        lambda: sample.first_instability([0.0, 0.0], eta=wrong, steps=3),
        lambda: toy.minima(wrong, 1.0),
        lambda: ToyWithNeuron(toy, wrong) if wrong != [] else example_a("x"),
        lambda: OneSample(wrong, 1.0) if wrong != [] else example_a(None),
    ):
        with pytest.raises((TypeError, ValueError), match="expected "):
            call()


def test_toys_are_made_of_functions_and_of_classifiers():
    with pytest.raises(TypeError, match="expected output, slope and curvature to be functions"):
        ToyClassifier(np.ones(1), np.ones(1), np.sin, None, np.sin)
    with pytest.raises(TypeError, match="expected a toy classifier, got OneSample"):
        ToyWithNeuron(OneSample(0.5, 1.0), 1.0)


def test_steps_that_cannot_be_recorded_are_refused():
    for at in ([3, 1], [0, 11], [-1, 2], [0.5], [[0, 1]]):
        with pytest.raises(ValueError, match="expected the steps in at"):
            example_a().descend([0.3], eta=0.01, steps=10, at=at)
    with pytest.raises(ValueError, match="expected finite start, got 1 NaN"):
        example_a().descend([np.nan], eta=0.01, steps=10)
    with pytest.raises(ValueError, match="expected ascending times"):
        example_a().flow([0.3], [2.0, 1.0])
