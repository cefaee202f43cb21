import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from torch.func import functional_call

from enlib.curvature import Hessian, sharpness, spectral_density, top_eigenvalues
from enlib.losses import polynomial_hinge
from enlib.models import mlp


def quadratic(curvatures, seed=0):
    """A rotated parabola with the given curvatures, away from its minimum."""
    d = len(curvatures)
    random = torch.Generator().manual_seed(seed)
    q, _ = torch.linalg.qr(torch.randn(d, d, generator=random, dtype=torch.float64))
    matrix = q @ torch.diag(torch.as_tensor(curvatures, dtype=torch.float64)) @ q.T
    return lambda p: p["w"] @ matrix @ p["w"] / 2, {"w": torch.randn(d, generator=random, dtype=torch.float64)}


def network(seed=0, n=300):
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 10, generator=random, dtype=torch.float64)
    y = torch.sign(x[:, 0] * x[:, 1])
    model = mlp((10, 8, 4, 1), seed=seed).double()
    return lambda p: polynomial_hinge(functional_call(model, p, (x,)), y), dict(model.named_parameters())


@settings(max_examples=30)
@given(
    curvatures=st.lists(st.floats(-10, 10), min_size=2, max_size=30, unique=True).filter(lambda c: max(c) > 0.1),
    seed=st.integers(0, 100),
)
def test_sharpness_of_parabolas_is_right_and_its_bound_holds(curvatures, seed):
    found = sharpness(*quadratic(curvatures, seed), tol=1e-6, seed=seed)
    nearest = np.abs(np.array(curvatures) - found.value).min()
    assert nearest <= found.residual + 1e-9
    assert found.converged
    assert found.value == pytest.approx(max(curvatures), rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_a_networks_largest_eigenvalues_against_the_dense_matrix(seed):
    loss, params = network(seed)
    exact = torch.linalg.eigvalsh(Hessian(loss, params).dense()).flip(0).numpy()
    found = top_eigenvalues(loss, params, k=5, tol=1e-6, seed=seed)
    assert found.values == pytest.approx(exact[:5], rel=1e-5)
    assert (np.abs(found.values - exact[:5]) <= found.residuals + 1e-10).all()
    assert sharpness(loss, params, tol=1e-6).value == pytest.approx(exact[0], rel=1e-6)
    matrix = Hessian(loss, params).dense()
    for value, residual, vector in zip(found.values, found.residuals, found.vectors, strict=True):
        assert (matrix @ vector - value * vector).norm().item() == pytest.approx(residual, rel=0.01, abs=1e-8)


def test_power_iteration_agrees_to_1e_6():
    loss, params = network()
    hessian = Hessian(loss, params)
    v = torch.ones(hessian.size, dtype=torch.float64)
    for _ in range(500):
        w = hessian @ v
        v = w / w.norm()
    assert sharpness(loss, params, tol=1e-8).value == pytest.approx((v @ (hessian @ v)).item(), rel=1e-6)


def test_the_largest_curvature_is_found_where_the_gradient_hides_it():
    # The gradient lies wholly in the flat direction; only the random part of the start sees the sharp one.
    curvatures = torch.ones(2000, dtype=torch.float64) * torch.linspace(0, 0.5, 2000, dtype=torch.float64)
    curvatures[0], curvatures[1] = 10.0, 1.0
    point = torch.zeros(2000, dtype=torch.float64)
    point[1] = 1.0
    found = sharpness(lambda p: (curvatures * p["w"] ** 2).sum() / 2, {"w": point})
    assert found.value == pytest.approx(10, rel=1e-3)


def test_a_tolerance_relative_to_the_largest_is_cheaper():
    curvatures = [100.0, *np.linspace(1, 2, 60)]
    each = top_eigenvalues(*quadratic(curvatures), k=3)
    largest = top_eigenvalues(*quadratic(curvatures), k=3, relative_to="largest")
    assert largest.gradients < each.gradients
    assert largest.values == pytest.approx(each.values, abs=0.5)
    # In a crowd one may be passed over, as the docstring says; each that is reported is one of them.
    nearest = np.abs(np.subtract.outer(each.values, curvatures)).min(axis=1)
    assert (nearest <= 1e-3 * each.values).all()
    with pytest.raises(ValueError, match="did you mean 'each'"):
        top_eigenvalues(*quadratic(curvatures), k=3, relative_to="eahc")


def test_negative_curvatures_do_not_pass_for_the_largest():
    assert sharpness(*quadratic([-50.0, 1.0, 2.0, 0.5])).value == pytest.approx(2, rel=1e-3)


def test_flat_losses_and_repeated_eigenvalues():
    flat = sharpness(lambda p: (p["w"] * 0).sum(), {"w": torch.ones(50)})
    assert (flat.value, flat.residual, flat.converged) == (0, 0, True)
    bowl = top_eigenvalues(lambda p: (p["w"] ** 2).sum(), {"w": torch.ones(50)}, k=3)
    assert bowl.values == pytest.approx([2, 2, 2])
    alone = sharpness(lambda p: 3 * p["w"] ** 2, {"w": torch.tensor(1.0)})
    assert (alone.value, alone.residual, alone.converged) == (6, 0, True)
    everything = top_eigenvalues(*quadratic([3.0, 3.0, 1.0]), k=3)
    assert everything.values == pytest.approx([3, 3, 1])


def test_float32_reaches_1e_3():
    loss, params = network()
    exact = sharpness(loss, params, tol=1e-8).value
    single, model = {n: p.detach().float() for n, p in params.items()}, mlp((10, 8, 4, 1), seed=0)
    random = torch.Generator().manual_seed(0)
    x = torch.randn(300, 10, generator=random, dtype=torch.float64)
    y = torch.sign(x[:, 0] * x[:, 1]).float()
    found = sharpness(lambda p: polynomial_hinge(functional_call(model, p, (x.float(),)), y), single)
    assert found.value == pytest.approx(exact, rel=1e-3)
    assert found.vector.dtype == torch.float32


def test_same_seed_same_result():
    loss, params = network()
    first, second = (sharpness(loss, params, seed=1) for _ in range(2))
    assert first.value == second.value
    assert torch.equal(first.vector, second.vector)


def test_giving_up_is_said_and_marked():
    with pytest.warns(UserWarning, match=r"no convergence to 1e-12 within 2 .* raise max_products"):
        found = sharpness(*quadratic(np.linspace(1, 2, 40)), tol=1e-12, max_products=2)
    assert not found.converged


@pytest.mark.parametrize(
    "options, message", [({"tol": 0}, "tol > 0"), ({"seed": -1}, "seed"), ({"max_products": 0}, "max_products")]
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        sharpness(*quadratic([1.0, 2.0]), **options)


def test_k_out_of_range():
    loss, params = quadratic([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match=r"k <= 3, the number of parameters, got 4"):
        top_eigenvalues(loss, params, k=4)
    with pytest.raises(ValueError, match="k to be an integer >= 1"):
        top_eigenvalues(loss, params, k=0)


def test_a_second_derivative_that_is_not_finite():
    with pytest.raises(ValueError, match="finite Hessian-vector products"):
        sharpness(lambda p: (p["w"].abs() ** 1.5).sum(), {"w": torch.zeros(3)})
    with pytest.raises(ValueError, match="expected parameters by name, got none"):
        sharpness(lambda p: torch.tensor(0.0), {})


def test_the_distribution_function_is_near_that_of_all_eigenvalues():
    loss, params = network(n=200)
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


def test_the_cost_of_the_density_is_counted_and_it_repeats():
    loss, params = network(n=200)
    first, second = (spectral_density(loss, params, steps=4, probes=3) for _ in range(2))
    assert first.gradients == 1 + 2 * 4 * 3
    assert np.array_equal(first.nodes, second.nodes)


@pytest.mark.parametrize("options", [{"steps": 0}, {"probes": 0}, {"seed": -1}])
def test_bad_options_of_the_density(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        spectral_density(*network(n=200), **options)


def test_nan_has_no_fraction_of_eigenvalues_below_it():
    spectrum = spectral_density(*quadratic([1.0, 2.0]))
    assert np.isnan(spectrum.cdf([np.nan, 5.0])).tolist() == [True, False]


def test_wrong_types_at_the_front_door():
    loss, params = quadratic([1.0, 2.0])
    spectrum = spectral_density(loss, params)
    for at in ("x", None, [[1.0], [1.0, 2.0]]):
        with pytest.raises((TypeError, ValueError), match="expected at to be numbers, got"):
            spectrum.cdf(at)
    for measure in (sharpness, spectral_density, lambda a, b: top_eigenvalues(a, b, 1)):
        for wrong in ("loss", None, [None], 1.0):
            with pytest.raises(TypeError, match="expected the loss to be a function"):
                measure(wrong, params)
        for wrong in ("params", None, [torch.ones(2)], {"w": [1.0, 2.0]}):
            with pytest.raises(TypeError, match=r"pass dict\(model.named_parameters\(\)\)"):
                measure(loss, wrong)


def test_numbers_of_numpy_and_torch_are_taken():
    loss, params = quadratic([1.0, 2.0, 3.0])
    three = top_eigenvalues(loss, params, np.int64(3), tol=torch.tensor(1e-3), seed=np.int64(1))
    assert np.array_equal(three.values, top_eigenvalues(loss, params, 3, seed=1).values)
    spectrum = spectral_density(loss, params, steps=np.int64(2), probes=torch.tensor(2), seed=np.int64(1))
    assert np.array_equal(spectrum.nodes, spectral_density(loss, params, steps=2, probes=2, seed=1).nodes)
    assert spectrum.cdf(torch.tensor(1.5)) == spectrum.cdf(np.float32(1.5))
