import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from enlib import ExponentialNeuron, polynomial_hinge
from enlib.dynamics.escape import Multiplied, OneSample, WithNeuron, double_well, example_a, example_b, one_sample

LANDSCAPES = {
    "A": WithNeuron(example_a(), 1.0),
    "B": WithNeuron(example_b(), 0.3),
    "one sample, wide": WithNeuron(one_sample(0.8, x=-1.5), 0.2),
    "one sample": OneSample(0.8, 0.2),
    "double well": double_well(0.1),
}
numbers = st.floats(-1.5, 1.5)


@pytest.mark.parametrize("name", LANDSCAPES)
def test_derivatives_agree_with_differences(name):
    landscape, h = LANDSCAPES[name], 1e-5
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
    landscape = WithNeuron(toy, lam)
    assert landscape.loss(p) == pytest.approx(loss.item(), rel=1e-14)
    expected = [theta.grad.item(), neuron.a.grad.item(), neuron.w.grad.item(), neuron.b.grad.item()]
    np.testing.assert_allclose(landscape.gradient(p), expected, rtol=1e-12)


@given(st.lists(numbers, min_size=4, max_size=4), st.floats(0, 5))
def test_the_identity_behind_the_theorem(point, lam):
    p = np.array(point)
    gradient = WithNeuron(example_b(), lam).gradient(p)
    scale = 1 + np.abs(gradient).max()
    assert p[1] * gradient[1] - gradient[3] == pytest.approx(lam * p[1] ** 2, abs=1e-13 * scale)
    p = p[:3]
    gradient = double_well(lam).gradient(p)
    scale = 1 + np.abs(gradient).max()
    assert p[1] * gradient[1] - gradient[2] == pytest.approx(2 * lam * p[1] ** 2, abs=1e-13 * scale)


@given(st.lists(numbers, min_size=4, max_size=4), st.floats(0, 5), st.floats(1e-3, 0.5))
def test_the_books_of_one_step_of_descent(point, lam, eta):
    p = np.array(point)
    landscape = WithNeuron(example_b(), lam)
    gradient = landscape.gradient(p)
    q = p - eta * gradient
    rose = (q[3] - q[1] ** 2 / 2) - (p[3] - p[1] ** 2 / 2)
    booked = eta * lam * p[1] ** 2 - eta**2 / 2 * gradient[1] ** 2
    assert rose == pytest.approx(booked, abs=1e-12 * (1 + q[1] ** 2))


@pytest.mark.parametrize("lam", [1e-3, 1.0, 1e3])
def test_the_bad_minimum_is_a_saddle_for_every_penalty(lam):
    at = np.zeros(4)
    landscape = WithNeuron(example_a(), lam)
    np.testing.assert_array_equal(landscape.gradient(at), 0)
    eigenvalues = np.linalg.eigvalsh(landscape.hessian(at))
    assert eigenvalues[0] == pytest.approx((6 + lam - math.sqrt((6 + lam) ** 2 + 9)) / 2, rel=1e-9)
    assert eigenvalues[0] < 0


def test_its_smallest_eigenvalue_for_lambda_one():
    smallest = np.linalg.eigvalsh(WithNeuron(example_a(), 1.0).hessian(np.zeros(4)))[0]
    assert smallest == pytest.approx((7 - math.sqrt(58)) / 2, abs=1e-14)
    assert smallest == pytest.approx(-0.307887, abs=1e-6)


def test_with_the_neuron_off_only_the_base_is_seen():
    toy, theta = example_b(), np.linspace(-12, 12, 50)
    p = np.stack([theta, 0 * theta, 0.3 + 0 * theta, 0 * theta])
    landscape = WithNeuron(toy, 2.0)
    np.testing.assert_allclose(landscape.loss(p), toy.loss(theta[None]))
    np.testing.assert_array_equal(landscape.errors(p), toy.errors(theta))


def test_one_sample_is_the_neuron_beside_a_constant():
    p = np.random.default_rng(1).uniform(-1, 1, (2, 30))
    u, lam = np.full(30, 0.8), np.full(30, 0.3)
    narrow, wide = OneSample(u, lam), WithNeuron(one_sample(u), lam)
    q = np.stack([0 * p[0], p[0], 0 * p[0], p[1]])
    np.testing.assert_allclose(narrow.loss(p), wide.loss(q), rtol=1e-14)
    np.testing.assert_allclose(narrow.gradient(p), wide.gradient(q)[[1, 3]], rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(narrow.hessian(p), wide.hessian(q)[:, [1, 3]][:, :, [1, 3]], rtol=1e-12, atol=1e-14)


def test_the_double_well_has_a_good_and_a_bad_minimum():
    well = double_well(0.1)
    theta = np.linspace(-1.3, 1.3, 260_001)
    value = well.value(theta)
    assert value.min() == pytest.approx(0, abs=1e-6)
    right = theta > 0.3
    assert theta[right][value[right].argmin()] == pytest.approx(0.9602, abs=1e-4)
    assert value[right].min() == pytest.approx(0.599575, abs=1e-6)


@given(st.lists(numbers, min_size=3, max_size=3))
def test_multiplying_only_adds(point):
    p = np.array(point)
    well = double_well(0.1)
    assert well.loss(p) >= well.value(p[0]) * (1 - 1e-12) - 1e-6


@pytest.mark.parametrize("make", [lambda v: WithNeuron(example_b(), v), lambda v: OneSample(0.5, v), double_well])
def test_negative_penalties_are_refused(make):
    with pytest.raises(ValueError, match="expected lam >= 0, got -1"):
        make(-1.0)
    assert Multiplied.names == ("theta", "a", "b")
