import math

import numpy as np
import pytest
import torch

from enlib.dynamics import TanhLoss, central_flow, descend

X = torch.linspace(-1, 1, 20, dtype=torch.float64)[:, None]
LOSS = TanhLoss(X, 2 * torch.sin(math.pi * X), widths=(1, 16, 16, 1))


def narrowing(w, pull=0.1, goal=10.0):
    """A valley along s whose sharpness is s itself: s x²/2 + pull (s - goal)²/2."""
    x, s = w[:, 0], w[:, 1]
    return s * x**2 / 2 + pull * (s - goal) ** 2 / 2


def test_below_the_edge_it_is_descent_with_short_steps():
    starts = torch.stack([LOSS.start(seed) for seed in range(2)])
    flow = central_flow(LOSS, starts, eta=0.02, steps=50, substeps=4)
    plain = descend(LOSS, starts, eta=0.005, steps=200, every=4, tol=1e-6)
    torch.testing.assert_close(flow.weights, plain.weights, rtol=1e-9, atol=1e-12)
    assert not flow.variance.any()
    np.testing.assert_allclose(flow.loss, plain.loss[::4], rtol=1e-9)
    np.testing.assert_allclose(flow.sharpness[-1], plain.sharpness[-1], rtol=1e-3)


@pytest.mark.parametrize("eta", [0.21, 0.23, 0.24])
def test_variance_in_the_narrowing_valley_has_a_closed_form(eta):
    """At s = 2/eta the pull upwards and the swing's push downwards balance: x² = 2 pull (goal - 2/eta)."""
    start = torch.tensor([[0.0, 7.0]], dtype=torch.float64)
    flow = central_flow(narrowing, start, eta=eta, steps=400)
    assert flow.sharpness[-1, 0] == pytest.approx(2 / eta)
    assert flow.variance[-1, 0] == pytest.approx(2 * 0.1 * (10 - 2 / eta))
    # And descent itself ends in exactly that swing.
    run = descend(narrowing, torch.tensor([[0.3, 7.0]], dtype=torch.float64), eta=eta, steps=20000, every=19999)
    x, s = run.weights[-1, 0].tolist()
    assert x**2 == pytest.approx(2 * 0.1 * (10 - 2 / eta), rel=1e-6)
    assert s == pytest.approx(2 / eta, rel=1e-6)


def test_predicts_the_swing_and_the_loss_of_a_network_at_the_edge():
    eta, steps = 0.05, 1500
    start = descend(LOSS, LOSS.start(1)[None], eta=eta, steps=1350, every=1350).weights[-1]
    flow = central_flow(LOSS, start, eta=eta, steps=steps)
    w, path = start, []
    for _ in range(steps):
        path.append(w)
        w = w - eta * torch.func.grad(lambda w: LOSS(w).sum())(w)
    path = torch.stack(path)
    swing = ((path - flow.weights[:-1]) * flow.direction[:-1]).sum(2).numpy()
    window = slice(steps - 500, steps)
    assert (swing[window] ** 2).mean() == pytest.approx(flow.variance[window].mean(), rel=0.05)
    assert LOSS(path[window]).mean().item() == pytest.approx(flow.mean_loss[window].mean(), rel=0.05)
    assert LOSS(path[window]).mean().item() > 1.5 * flow.loss[window].mean()
    middle = path[window].mean(0) - flow.weights[window].mean(0)
    plain = descend(LOSS, start, eta=eta / 4, steps=4 * steps, every=4).weights
    assert middle.norm() < 0.2 * (path[window].mean(0) - plain[window].mean(0)).norm()


def test_refuses():
    start = LOSS.start(0)[None]
    with pytest.raises(ValueError, match="expected eta > 0"):
        central_flow(LOSS, start, eta=0, steps=1)
    with pytest.raises(ValueError, match="expected steps"):
        central_flow(LOSS, start, eta=0.1, steps=0)
    with pytest.raises(ValueError, match="substeps to be an integer >= 2"):
        central_flow(LOSS, start, eta=0.1, steps=1, substeps=1)
    with pytest.raises(ValueError, match="one row for each run"):
        central_flow(LOSS, start[0], eta=0.1, steps=1)
