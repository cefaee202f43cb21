import numpy as np
import pytest
import torch
from scipy.integrate import trapezoid
from torch.func import functional_call

from enlib.curvature import Hessian, spectral_density
from enlib.losses import polynomial_hinge
from enlib.models.networks import mlp


def problem():
    random = torch.Generator().manual_seed(0)
    x = torch.randn(200, 10, generator=random, dtype=torch.float64)
    y = torch.sign(x[:, 0] * x[:, 1])
    model = mlp((10, 8, 4, 1), seed=0).double()
    return lambda p: polynomial_hinge(functional_call(model, p, (x,)), y), dict(model.named_parameters())


def test_the_distribution_function_is_near_that_of_all_eigenvalues():
    loss, params = problem()
    exact = torch.linalg.eigvalsh(Hessian(loss, params).dense()).numpy()
    spectrum = spectral_density(loss, params, steps=40, probes=40)
    at = np.linspace(exact[0] - 1, exact[-1] + 1, 400)
    true = np.searchsorted(exact, at) / len(exact)
    assert np.abs(spectrum.cdf(at) - true).mean() < 0.005
    assert spectrum.weights.sum() == pytest.approx(1)
    assert (np.diff(spectrum.nodes) >= 0).all()
    assert spectrum.nodes[-1] == pytest.approx(exact[-1], rel=1e-6)


def test_moments_come_out_in_the_mean():
    curvatures = torch.tensor([-1.0, 0.0, 1.0, 4.0], dtype=torch.float64)
    spectrum = spectral_density(
        lambda p: (curvatures * p["w"] ** 2).sum() / 2, {"w": torch.zeros(4, dtype=torch.float64)}, probes=2000
    )
    for power, mean in ((1, 1.0), (2, 4.5)):
        assert spectrum.weights @ spectrum.nodes**power == pytest.approx(mean, rel=0.1)


def test_density_integrates_to_one():
    loss, params = problem()
    spectrum = spectral_density(loss, params)
    at = np.linspace(spectrum.nodes[0] - 1, spectrum.nodes[-1] + 1, 20001)
    assert trapezoid(spectrum.density(at, 0.05), at) == pytest.approx(1, abs=1e-6)


def test_the_cost_is_counted_and_the_result_repeats():
    loss, params = problem()
    first, second = (spectral_density(loss, params, steps=4, probes=3) for _ in range(2))
    assert first.gradients == 1 + 2 * 4 * 3
    assert np.array_equal(first.nodes, second.nodes)


@pytest.mark.parametrize("options", [{"steps": 0}, {"probes": 0}, {"probes": 1.5}])
def test_bad_options(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        spectral_density(*problem(), **options)
    with pytest.raises(ValueError, match="width > 0"):
        spectral_density(*problem(), steps=2, probes=1).density([0.0], 0.0)
