import itertools
import math

import numpy as np
import pytest
import torch
from torch import nn

from enlib.dynamics import TanhLoss, central_flow, descend, track_sharpness

X = torch.linspace(-1, 1, 20, dtype=torch.float64)[:, None]
Y = 2 * torch.sin(math.pi * X)
LOSS = TanhLoss(X, Y, widths=(1, 16, 16, 1))
STARTS = torch.stack([LOSS.start(seed) for seed in range(3)])


@pytest.mark.parametrize("widths", [(1, 1), (1, 16, 16, 1), (1, 5, 3, 4, 1)])
def test_is_the_loss_of_the_network_in_plain_pytorch(widths):
    loss = TanhLoss(X, Y, widths=widths)
    layers = [nn.Linear(a, b).double() for a, b in itertools.pairwise(widths)]
    model = nn.Sequential(layers[0], *(m for layer in layers[1:] for m in (nn.Tanh(), layer)))
    weights = nn.utils.parameters_to_vector(model.parameters())
    assert weights.shape == (loss.size,)
    assert loss(weights).shape == ()
    torch.testing.assert_close(loss(weights), nn.functional.mse_loss(model(X), Y))
    torch.testing.assert_close(loss(torch.stack([weights, 0 * weights]))[0], loss(weights))


def test_several_inputs_and_outputs():
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(7, 3, generator=generator), torch.randn(7, 2, generator=generator)
    loss = TanhLoss(x, y, widths=(3, 2))
    w = loss.start(0)
    expected = (x @ w[:6].view(2, 3).T + w[6:] - y).square().sum(1).mean()
    torch.testing.assert_close(loss(w), expected)


def test_start_has_the_variance_it_says():
    loss = TanhLoss(X, Y, widths=(1, 200, 1))
    w = loss.start(0)
    assert torch.equal(w, loss.start(0))
    assert not torch.equal(w, loss.start(1))
    assert w[:200].std().item() == pytest.approx(1, rel=0.15)
    assert w[400:600].std().item() == pytest.approx(200**-0.5, rel=0.15)
    assert not w[200:400].any()


def test_tanh_loss_refuses():
    with pytest.raises(ValueError, match="widths from 1 to 1, got"):
        TanhLoss(X, Y, widths=(2, 1))
    with pytest.raises(ValueError, match="add a dimension"):
        TanhLoss(X[:, 0], Y, widths=(1, 1))
    with pytest.raises(ValueError, match="integer >= 1"):
        TanhLoss(X, Y, widths=(1, 0, 1))
    with pytest.raises(ValueError, match=r"weights of shape \(\.\.\., 2\)"):
        TanhLoss(X, Y, widths=(1, 1))(torch.zeros(3))


@pytest.mark.parametrize("momentum", [0.0, 0.5])
@pytest.mark.slow
def test_is_torch_sgd_run_by_run_with_the_sharpness_of_the_dense_hessian(momentum):
    etas = [0.05, 0.1, 0.2]
    run = track_sharpness(LOSS, STARTS, eta=etas, steps=60, every=20, momentum=momentum)
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
                assert run.sharpness[k // 20, i] == pytest.approx(top, rel=1e-3)
            value.backward()
            optimizer.step()
    assert run.at.tolist() == [0, 20, 40, 60]


@pytest.mark.slow
def test_settles_at_the_edge_of_stability():
    """Cohen et al. 2021. The largest step size bursts, and a nudge of 1e-12 moves its mean by as much as 0.007."""
    etas = np.array([0.05, 0.1, 0.2])
    run = track_sharpness(LOSS, STARTS[:1].repeat(3, 1), eta=etas, steps=12000, every=75)
    ratio = run.sharpness * etas / 2
    last = ratio[run.at >= 9000].mean(0)
    np.testing.assert_allclose(last[:2], 1.0, atol=0.005)
    assert last[2] == pytest.approx(1.0, abs=0.03)
    assert (ratio.max(0) > 1.1).all()
    quarters = run.loss[1:].reshape(4, 3000, 3).mean(1)
    assert (np.diff(quarters, axis=0) < 0).all()
    rises = (np.diff(run.loss[9000:], axis=0) > 0).mean(0)
    assert ((rises > 0.4) & (rises < 0.6)).all()


@pytest.mark.slow
def test_settles_at_the_edge_of_momentum():
    run = track_sharpness(LOSS, STARTS, eta=0.1, steps=6000, every=75, momentum=0.5)
    ratio = run.sharpness * 0.1 / (2 * 1.5)
    np.testing.assert_allclose(ratio[run.at >= 4500].mean(0), 1.0, atol=0.01)


def test_the_condition_at_the_start_is_neither_necessary_nor_sufficient():
    starts = torch.stack([LOSS.start(seed) for seed in range(10)])
    run = track_sharpness(LOSS, starts, eta=0.22, steps=1500, every=75)
    above = run.sharpness[0] * 0.11 > 1
    assert (above & ~run.diverged).sum() >= 4
    assert (~above & run.diverged).sum() >= 1


def test_divergence_is_a_result():
    run = track_sharpness(LOSS, STARTS[:2], eta=[0.01, 5.0], steps=200, every=50)
    assert run.diverged.tolist() == [False, True]
    assert np.isfinite(run.sharpness[:, 0]).all()
    assert np.isnan(run.sharpness[-1, 1])
    # The neighbor does not notice.
    alone = track_sharpness(LOSS, STARTS[:1], eta=0.01, steps=200, every=50)
    np.testing.assert_allclose(run.loss[:, 0], alone.loss[:, 0], rtol=1e-12)


def test_leaves_the_start_alone():
    start = STARTS.clone()
    track_sharpness(LOSS, start, eta=0.1, steps=3, every=1)
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
def test_track_sharpness_refuses_numbers(change, message):
    with pytest.raises(ValueError, match=message):
        track_sharpness(LOSS, STARTS, **({"eta": 0.1, "steps": 1, "every": 1} | change))


def test_track_sharpness_refuses_shapes():
    with pytest.raises(ValueError, match="one row for each run"):
        track_sharpness(LOSS, STARTS[0], eta=0.1, steps=1, every=1)
    with pytest.raises(ValueError, match="return one loss for each run"):
        track_sharpness(lambda w: LOSS(w).sum(), STARTS, eta=0.1, steps=1, every=1)


def narrowing(w, pull=0.1, goal=10.0):
    """A valley along s whose sharpness is s itself: s x²/2 + pull (s - goal)²/2."""
    x, s = w[:, 0], w[:, 1]
    return s * x**2 / 2 + pull * (s - goal) ** 2 / 2


def test_below_the_edge_it_is_descent_with_short_steps():
    starts = torch.stack([LOSS.start(seed) for seed in range(2)])
    flow = central_flow(LOSS, starts, eta=0.01, steps=100)
    plain = track_sharpness(LOSS, starts, eta=0.005, steps=200, every=2)
    torch.testing.assert_close(flow.weights, plain.weights, rtol=1e-9, atol=1e-12)
    assert not flow.variance.any()
    np.testing.assert_allclose(flow.loss, plain.loss[::2], rtol=1e-9)
    np.testing.assert_allclose(flow.sharpness[-1], plain.sharpness[-1], rtol=3e-3)


@pytest.mark.parametrize("eta", [0.21, 0.23, 0.24])
def test_variance_in_the_narrowing_valley_has_a_closed_form(eta):
    """At s = 2/eta the pull upwards and the swing's push downwards balance: x² = 2 pull (goal - 2/eta)."""
    start = torch.tensor([[0.0, 7.0]], dtype=torch.float64)
    flow = central_flow(narrowing, start, eta=eta, steps=400)
    assert flow.sharpness[-1, 0] == pytest.approx(2 / eta)
    assert flow.variance[-1, 0] == pytest.approx(2 * 0.1 * (10 - 2 / eta))
    # And descent itself ends in exactly that swing.
    path = descend(
        lambda w: np.array([w[0] * w[1], w[0] ** 2 / 2 + 0.1 * (w[1] - 10)]), [0.3, 7.0], eta=eta, steps=20000
    )
    x, s = path[-2]
    assert x**2 == pytest.approx(2 * 0.1 * (10 - 2 / eta), rel=1e-6)
    assert s == pytest.approx(2 / eta, rel=1e-6)


@pytest.mark.slow
def test_predicts_the_swing_and_the_loss_of_a_network_at_the_edge():
    eta, steps = 0.05, 1500
    start = track_sharpness(LOSS, LOSS.start(1)[None], eta=eta, steps=1350, every=1350).weights[-1]
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
    plain = track_sharpness(LOSS, start, eta=eta / 4, steps=4 * steps, every=40).weights[-50:]
    assert middle.norm() < 0.2 * (path[window].mean(0) - plain.mean(0)).norm()


def test_central_flow_refuses():
    start = LOSS.start(0)[None]
    with pytest.raises(ValueError, match="expected eta > 0"):
        central_flow(LOSS, start, eta=0, steps=1)
    with pytest.raises(ValueError, match="expected steps"):
        central_flow(LOSS, start, eta=0.1, steps=0)
    with pytest.raises(ValueError, match="one row for each run"):
        central_flow(LOSS, start[0], eta=0.1, steps=1)


@pytest.mark.parametrize("call", [track_sharpness, central_flow])
def test_a_loss_that_ignores_the_weights_is_refused(call):
    options = {"eta": 0.1, "steps": 3} | ({"every": 1} if call is track_sharpness else {})
    elsewhere = STARTS.clone().requires_grad_()
    for loss in (lambda w: LOSS(elsewhere), lambda w: LOSS(w).detach()):
        with pytest.raises(ValueError, match="expected losses that depend on the weights they are given"):
            call(loss, STARTS, **options)
    for wrong in ("x", None):
        with pytest.raises(TypeError, match="expected the loss to be a function"):
            call(wrong, STARTS, **options)
    for wrong in ("x", None, [[1.0]], STARTS.long()):
        with pytest.raises(TypeError, match="expected start to be a tensor of floats"):
            call(LOSS, wrong, **options)
    with pytest.raises(ValueError, match="expected finite start"):
        call(LOSS, STARTS * torch.nan, **options)


def test_one_eta_for_each_run():
    with pytest.raises(ValueError, match=r"expected one eta or 3, one for each run, got \(2,\)"):
        track_sharpness(LOSS, STARTS, eta=[0.1, 0.2], steps=1, every=1)


def test_central_flow_of_a_parabola():
    start, curvatures = torch.ones(1, 2, dtype=torch.float64), torch.tensor([1.0, 4.0], dtype=torch.float64)
    flow = central_flow(lambda w: w**2 @ curvatures / 2, start, eta=0.4, steps=9)
    np.testing.assert_allclose(flow.weights[-1, 0], [(1 - 0.2) ** 18, (1 - 0.8) ** 18], rtol=1e-9)
    assert not flow.variance.any()
    above = central_flow(lambda w: w**2 @ curvatures / 2, start, eta=0.6, steps=3)
    assert np.isinf(above.variance[0, 0])
    assert np.isnan(above.mean_loss[-1, 0])


def test_wrong_types_of_a_network():
    for wrong in ("x", None, [1.0, 2.0]):
        with pytest.raises(TypeError, match="expected inputs to be a tensor"):
            TanhLoss(wrong, Y, widths=(1, 1))
    with pytest.raises(ValueError, match=r"weights of shape \(\.\.\., 2\), got list"):
        TanhLoss(X, Y, widths=(1, 1))([1.0, 2.0])


def test_numbers_of_numpy_and_torch_are_taken():
    options = {"eta": torch.tensor(0.1), "steps": np.int64(2)}
    tracked = track_sharpness(LOSS, STARTS, every=torch.tensor(1), momentum=np.float32(0.5), **options)
    plain = track_sharpness(LOSS, STARTS, eta=float(options["eta"]), steps=2, every=1, momentum=0.5)
    assert np.array_equal(tracked.loss, plain.loss)
    assert len(central_flow(LOSS, STARTS, **options).loss) == 3
