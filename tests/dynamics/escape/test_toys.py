import math

import numpy as np
import pytest
import torch

from enlib.dynamics.escape import Toy, example_a, example_b, one_sample
from enlib.losses import polynomial_hinge

TOYS = {"A": example_a(), "A, both wrong": example_a(-0.5), "B": example_b(), "one sample": one_sample(0.7, x=2.0)}
THETA = np.linspace(-1.4, 1.4, 37)


@pytest.mark.parametrize("name", TOYS)
def test_derivatives_agree_with_differences(name):
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
    for toy in (example_a(np.full((3, 4), 0.2)), example_b(), one_sample(np.full((3, 4), 0.2))):
        n = len(toy.x)
        assert toy.output(theta).shape == toy.slope(theta).shape == toy.curvature(theta).shape == (n, 3, 4)
        assert toy.loss(theta[None]).shape == toy.errors(theta).shape == (3, 4)
        assert toy.gradient(theta[None]).shape == (1, 3, 4)
        assert toy.hessian(theta[None]).shape == (3, 4, 1, 1)


def test_says_what_was_expected():
    with pytest.raises(ValueError, match="one label a sample"):
        Toy(np.zeros(2), np.ones(3), np.sin, np.cos, np.sin)
    with pytest.raises(ValueError, match=r"expected labels in \{-1, \+1\}"):
        Toy(np.zeros(2), np.array([0.0, 1.0]), np.sin, np.cos, np.sin)
