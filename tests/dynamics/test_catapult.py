import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from enlib.dynamics import catapult


def by_autograd(u, v, eta, steps):
    u, v, n = u.clone().requires_grad_(), v.clone().requires_grad_(), len(u)
    outputs, curvatures = [], []
    for _ in range(steps + 1):
        f = u @ v / n**0.5
        outputs.append(f.item())
        curvatures.append(((u @ u + v @ v) / n).item())
        gu, gv = torch.autograd.grad(f**2 / 2, (u, v))
        with torch.no_grad():
            u -= eta * gu
            v -= eta * gv
    return np.array(outputs), np.array(curvatures)


@given(st.integers(1, 20), st.integers(0, 10**6), st.floats(0.1, 3.9))
def test_two_numbers_follow_all_weights_exactly(n, seed, ratio):
    generator = torch.Generator().manual_seed(seed)
    u, v = torch.randn(2, n, generator=generator, dtype=torch.float64)
    curvature = float((u @ u + v @ v) / n)
    outputs, curvatures = by_autograd(u, v, ratio / curvature, 12)
    run = catapult(outputs[0], curvatures[0], eta=ratio / curvature, width=n, steps=12)
    # Errors grow with the catapult, so they are measured against its height.
    np.testing.assert_allclose(run.output, outputs, atol=1e-6 * max(1, np.abs(outputs).max()))
    np.testing.assert_allclose(run.curvature, curvatures, atol=1e-6 * max(1, curvatures.max()))
    np.testing.assert_allclose(run.loss, run.output**2 / 2)


def test_curvature_is_the_sharpness_at_a_minimum():
    u = torch.tensor([3.0, 0.0, 1.0], dtype=torch.float64)
    v = torch.tensor([0.0, 2.0, 0.0], dtype=torch.float64)

    def loss(w):
        return (w[:3] @ w[3:]) ** 2 / 3 / 2

    top = torch.linalg.eigvalsh(torch.func.hessian(loss)(torch.cat([u, v])))[-1]
    assert top.item() == pytest.approx(float(u @ u + v @ v) / 3)


def test_numbers_of_the_notebook():
    """Lewkowycz et al. 2020: eta * lambda = 2.5 climbs, comes down elsewhere, and there is flat."""
    run = catapult(1.0, 2.0, eta=1.25, width=1000, steps=300)
    assert run.loss.max() / run.loss[0] == pytest.approx(109.67, abs=0.01)
    assert run.loss[-1] < 1e-12
    assert run.curvature[-1] == pytest.approx(1.0230, abs=1e-4)
    # The height of the climb, relative to the first loss, depends on where it begins.
    further = catapult(1.9, 2.0, eta=1.25, width=1000, steps=300)
    assert further.loss.max() / further.loss[0] == pytest.approx(30, abs=1)
    assert further.curvature[-1] == pytest.approx(1.02, abs=0.01)


@pytest.mark.parametrize("ratio", [0.5, 1.0, 1.9])
def test_below_two_the_loss_falls_and_the_curvature_hardly_moves(ratio):
    run = catapult(1.0, 2.0, eta=ratio / 2, width=1000, steps=300)
    assert run.loss.max() == run.loss[0]
    assert run.curvature[-1] == pytest.approx(2.0, abs=0.02)


@pytest.mark.parametrize("ratio", [4.01, 4.5])
def test_above_four_it_diverges(ratio):
    assert not np.isfinite(catapult(1.0, 2.0, eta=ratio / 2, width=1000, steps=300).loss[-1])


@pytest.mark.parametrize("ratio", [2.2, 2.5, 3.0, 3.5])
def test_between_two_and_four_it_ends_below_the_edge(ratio):
    run = catapult(1.0, 2.0, eta=ratio / 2, width=1000, steps=300)
    assert run.loss[-1] < 1e-12
    assert run.curvature[-1] * ratio / 2 < 2
    # The curvature never grows on the way.
    assert (np.diff(run.curvature) <= 0).all()


def test_refuses():
    good = {"eta": 1.0, "width": 4, "steps": 1}
    with pytest.raises(ValueError, match="expected eta > 0"):
        catapult(1.0, 2.0, **(good | {"eta": 0}))
    with pytest.raises(ValueError, match="expected width"):
        catapult(1.0, 2.0, **(good | {"width": 0}))
    with pytest.raises(ValueError, match="expected steps"):
        catapult(1.0, 2.0, **(good | {"steps": 0}))
    with pytest.raises(ValueError, match="no weights have less"):
        catapult(2.0, 1.9, **good)
    assert catapult(2.0, 2.0, **good).output[0] == 2
