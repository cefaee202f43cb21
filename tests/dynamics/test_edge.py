import math

import numpy as np
import pytest
import torch

from enlib.dynamics import TanhLoss, descend

X = torch.linspace(-1, 1, 20, dtype=torch.float64)[:, None]
LOSS = TanhLoss(X, 2 * torch.sin(math.pi * X), widths=(1, 16, 16, 1))
STARTS = torch.stack([LOSS.start(seed) for seed in range(3)])


@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_is_torch_sgd_run_by_run_with_the_sharpness_of_the_dense_hessian(momentum):
    etas = [0.05, 0.1, 0.2]
    run = descend(LOSS, STARTS, eta=etas, steps=60, every=20, momentum=momentum, tol=1e-6)
    for i, eta in enumerate(etas):
        w = STARTS[i].clone().requires_grad_()
        optimizer = torch.optim.SGD([w], lr=eta, momentum=momentum)
        for k in range(61):
            optimizer.zero_grad()
            value = LOSS(w)
            assert run.loss[k, i] == pytest.approx(value.item(), rel=1e-6)
            if k % 20 == 0:
                torch.testing.assert_close(run.weights[k // 20, i], w.detach(), rtol=1e-6, atol=1e-9)
                dense = torch.autograd.functional.hessian(LOSS, w.detach())
                top = torch.linalg.eigvalsh(dense)[-1].item()
                assert run.sharpness[k // 20, i] == pytest.approx(top, rel=1e-5)
            value.backward()
            optimizer.step()
    assert run.at.tolist() == [0, 20, 40, 60]


def test_settles_at_the_edge_of_stability():
    """Cohen et al. 2021: the numbers of the notebook, with one seed."""
    etas = np.array([0.05, 0.1, 0.2])
    run = descend(LOSS, STARTS[:1].repeat(3, 1), eta=etas, steps=12000, every=75)
    ratio = run.sharpness * etas / 2
    last = ratio[run.at >= 9000]
    np.testing.assert_allclose(last.mean(0), 1.0, atol=0.02)  # chaotic: another processor, another path
    assert (ratio.max(0) > 1.1).all()
    quarters = run.loss[1:].reshape(4, 3000, 3).mean(1)
    assert (np.diff(quarters, axis=0) < 0).all()
    rises = (np.diff(run.loss[9000:], axis=0) > 0).mean(0)
    assert ((rises > 0.4) & (rises < 0.6)).all()


def test_settles_at_the_edge_of_momentum():
    run = descend(LOSS, STARTS, eta=0.1, steps=6000, every=75, momentum=0.5)
    ratio = run.sharpness * 0.1 / (2 * 1.5)
    np.testing.assert_allclose(ratio[run.at >= 4500].mean(0), 1.0, atol=0.01)


def test_the_condition_at_the_start_is_neither_necessary_nor_sufficient():
    starts = torch.stack([LOSS.start(seed) for seed in range(10)])
    run = descend(LOSS, starts, eta=0.22, steps=1500, every=75)
    above = run.sharpness[0] * 0.11 > 1
    assert (above & ~run.diverged).sum() >= 4
    assert (~above & run.diverged).sum() >= 1


def test_divergence_is_a_result():
    run = descend(LOSS, STARTS[:2], eta=[0.01, 5.0], steps=200, every=50)
    assert run.diverged.tolist() == [False, True]
    assert np.isfinite(run.sharpness[:, 0]).all()
    assert np.isnan(run.sharpness[-1, 1])
    # The neighbor does not notice.
    alone = descend(LOSS, STARTS[:1], eta=0.01, steps=200, every=50)
    np.testing.assert_allclose(run.loss[:, 0], alone.loss[:, 0], rtol=1e-12)


def test_leaves_the_start_alone():
    start = STARTS.clone()
    descend(LOSS, start, eta=0.1, steps=3, every=1)
    assert torch.equal(start, STARTS)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"eta": 0.0}, "expected eta > 0"),
        ({"steps": 0}, "expected steps"),
        ({"every": 0}, "expected every"),
        ({"momentum": 1.0}, "0 <= momentum < 1"),
    ],
)
def test_refuses_numbers(change, message):
    with pytest.raises(ValueError, match=message):
        descend(LOSS, STARTS, **({"eta": 0.1, "steps": 1, "every": 1} | change))


def test_refuses_shapes():
    with pytest.raises(ValueError, match="one row for each run"):
        descend(LOSS, STARTS[0], eta=0.1, steps=1, every=1)
    with pytest.raises(ValueError, match="return one loss a run"):
        descend(lambda w: LOSS(w).sum(), STARTS, eta=0.1, steps=1, every=1)
