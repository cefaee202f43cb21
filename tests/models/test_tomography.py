"""The numbers of the theorem's proof, each recomputed, and the instrument that it makes."""

import functools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from enlib.losses import polynomial_hinge
from enlib.models.tomography import amplitude_slopes, probe_matrix, sample_slopes

X = torch.tensor([-1, -0.4, 0.3, 0.7, 1], dtype=torch.float64)
Y = torch.sign(torch.sin(3.7 * X))
WEIGHTS = torch.linspace(-2, 2, 5, dtype=torch.float64)
BAD_MINIMA = {-9.033830: (7.483432, 2), -0.056431: (4.899495, 3), 9.484583: (12.316621, 1)}


def five_samples(theta):
    return 2 * torch.sin(theta * X)


def hinge_slopes(f, y):
    return -3 * y * (1 - y * f).clamp(min=0) ** 2


def test_largest_relative_error_of_the_identity_over_a_thousand_points():
    """a dL/da - dL/db = lambda a^2, up to rounding: the terms are sums of 20 numbers that cancel in part."""
    g = torch.Generator().manual_seed(0)
    x, f, w = (torch.randn(*s, generator=g, dtype=torch.float64) for s in ((20, 3), (1000, 20), (1000, 3)))
    y = torch.where(torch.rand(20, generator=g) < 0.5, -1.0, 1.0).double()
    a, b = (torch.randn(1000, 1, generator=g, dtype=torch.float64).requires_grad_() for _ in range(2))
    f_tilde = f + a * torch.exp(w @ x.T + b)
    loss = (1 - y * f_tilde).clamp(min=0).pow(3).sum() + (a**2).sum() / 2
    da, db = torch.autograd.grad(loss, (a, b))
    error = (a * da - db - a**2).abs() / torch.stack([(a * da).abs(), db.abs(), a**2]).amax(dim=0)
    assert error.median() < 1e-15
    assert error.max() < 1e-13


@pytest.mark.parametrize("theta", BAD_MINIMA)
def test_bad_minima_of_the_five_samples(theta):
    exact = torch.tensor(theta, dtype=torch.float64, requires_grad=True)
    f = five_samples(exact)
    loss = polynomial_hinge(f, Y, reduction="sum")
    (slope,) = torch.autograd.grad(loss, exact)
    value, errors = BAD_MINIMA[theta]
    assert loss.item() == pytest.approx(value, abs=1e-5)
    assert abs(slope.item()) < 1e-4
    assert int((Y * f <= 0).sum()) == errors


def test_five_slopes_tell_all_five_samples():
    assert torch.linalg.cond(probe_matrix(X, WEIGHTS)).item() == pytest.approx(620.26, abs=0.01)
    for theta in (*BAD_MINIMA, 0.7, 3.7):
        f = five_samples(theta)
        read = sample_slopes(amplitude_slopes(f, Y, X, WEIGHTS), X, WEIGHTS)
        torch.testing.assert_close(read, hinge_slopes(f, Y), rtol=0, atol=1e-12)


def test_smallest_hessian_eigenvalue_of_the_two_samples():
    """Example A with c = 1/2: a critical point of the loss with the neuron, and no minimum."""
    x = y = torch.tensor([-1.0, 1.0], dtype=torch.float64)

    def loss(p):
        theta, a, w, b = p
        f_tilde = x * (0.5 - theta**2 + theta**4) + a * torch.exp(w * x + b)
        return polynomial_hinge(f_tilde, y, reduction="sum") + a**2 / 2

    at = torch.zeros(4, dtype=torch.float64)
    assert torch.autograd.functional.jacobian(loss, at).abs().max() == 0
    eigenvalues = torch.linalg.eigvalsh(torch.autograd.functional.hessian(loss, at))
    assert eigenvalues[0].item() == pytest.approx((7 - 58**0.5) / 2, abs=1e-12)
    assert eigenvalues[0].item() == pytest.approx(-0.307887, abs=1e-6)


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.integers(1, 6), st.integers(1, 4), st.integers(0, 3))
def test_what_is_read_is_what_autograd_says_in_any_dimension(seed, n, d, extra):
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(n, d, generator=g, dtype=torch.float64)
    y = torch.where(torch.rand(n, generator=g) < 0.5, -1.0, 1.0).double()
    f = torch.randn(n, generator=g, dtype=torch.float64)
    weights = torch.randn(n + extra, d, generator=g, dtype=torch.float64)
    biases = torch.randn(n + extra, generator=g, dtype=torch.float64)
    condition = torch.linalg.cond(probe_matrix(x, weights, biases)).item()
    slopes = amplitude_slopes(f, y, x, weights, biases)
    if condition > 1e12:
        return
    read, true = sample_slopes(slopes, x, weights, biases), hinge_slopes(f, y)
    assert (read - true).norm() <= 1e-14 * condition * max(true.norm(), 1) + 1e-12


def test_slopes_are_those_of_the_loss_with_the_neuron():
    f, h = five_samples(0.7), 1e-6
    for w, slope in zip(WEIGHTS, amplitude_slopes(f, Y, X, WEIGHTS, 0.3), strict=True):
        up, down = (polynomial_hinge(f + a * torch.exp(w * X + 0.3), Y, reduction="sum") for a in (h, -h))
        assert slope.item() == pytest.approx(((up - down) / (2 * h)).item(), rel=1e-7)


def test_any_loss():
    f = five_samples(0.7)

    def logistic(output, target):
        return torch.nn.functional.softplus(-target * output)

    read = sample_slopes(amplitude_slopes(f, Y, X, WEIGHTS, loss=logistic), X, WEIGHTS)
    torch.testing.assert_close(read, -Y * torch.sigmoid(-Y * f), rtol=0, atol=1e-12)
    squared = functools.partial(polynomial_hinge, power=2, reduction="none")
    read = sample_slopes(amplitude_slopes(f, Y, X, WEIGHTS, loss=squared), X, WEIGHTS)
    torch.testing.assert_close(read, -2 * Y * (1 - Y * f).clamp(min=0), rtol=0, atol=1e-12)


def test_several_columns_are_solved_together():
    g = torch.Generator().manual_seed(0)
    true = torch.randn(5, 3, generator=g, dtype=torch.float64)
    read = sample_slopes(probe_matrix(X, WEIGHTS) @ true, X, WEIGHTS)
    torch.testing.assert_close(read, true, rtol=0, atol=1e-11)


def test_the_condition_grows_exponentially_with_the_samples():
    conditions = []
    for n in range(3, 13):
        x, w = (torch.linspace(-s, s, n, dtype=torch.float64) for s in (1, 2))
        conditions.append(torch.linalg.cond(probe_matrix(x, w)).item())
    assert np.all(np.diff(np.log10(conditions)) > 0.6)
    assert conditions[-1] > 1e12


def test_coinciding_samples_are_refused_with_advice():
    twice = torch.tensor([0.0, 1.0, 1.0])
    with pytest.raises(ValueError, match=r"got 3 with 2 different values.*torch.unique"):
        sample_slopes(torch.zeros(3), twice, torch.tensor([0.0, 1.0, 2.0]))


def test_wrong_types_are_refused_with_advice():
    with pytest.raises(TypeError, match="expected a tensor, got list: convert"):
        probe_matrix([0.0, 1.0], WEIGHTS)
    with pytest.raises(TypeError, match=r"got torch.float64 and torch.float32: convert both with .double"):
        probe_matrix(X, WEIGHTS.float())
    with pytest.raises(TypeError, match="of one floating-point type, got torch.int64 and torch.int64"):
        probe_matrix(torch.arange(3), torch.arange(3))


def test_what_cannot_be_solved_is_refused_with_advice():
    slopes = torch.zeros(5, dtype=torch.float64)
    with pytest.raises(ValueError, match="expected at least 5 probes for 5 samples, got 4"):
        sample_slopes(slopes[:4], X, WEIGHTS[:4])
    with pytest.raises(ValueError, match="expected 5 slopes, one for each probe, got 4"):
        sample_slopes(slopes[:4], X, WEIGHTS)
    with pytest.raises(ValueError, match=r"expected 3 digits to survive, got condition number .*float32"):
        sample_slopes(slopes.float(), X.float(), WEIGHTS.float() / 4)
    with pytest.raises(ValueError, match="spread the probes further"):
        sample_slopes(slopes, X, torch.zeros(5, dtype=torch.float64))
    with pytest.raises(ValueError, match="expected probes with 2 weights, one for each number of a sample, got 1"):
        probe_matrix(torch.zeros(3, 2), torch.zeros(3))
    with pytest.raises(ValueError, match="expected finite probes, got an exponent of 1000"):
        probe_matrix(X, 1000 * WEIGHTS / 2)
