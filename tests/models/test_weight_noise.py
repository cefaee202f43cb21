import numpy as np
import pytest
import torch

from enlib import WithExponentialNeuron, datasets, fit, make_optimizer, mlp, polynomial_hinge
from enlib.models.weight_noise import loss_under_noise


def test_factors_on_a_parabola_have_the_mean_of_the_formula():
    # E |w + s n|^2 / |w|^2 = 1 + d s^2 / |w|^2, with s = r mean |w|
    w = torch.linspace(-1, 2, 50, dtype=torch.float64)
    factors = loss_under_noise(lambda: w.square().sum(), [w], relative=0.5, draws=4000)
    sigma = 0.5 * w.abs().mean()
    assert factors.mean() == pytest.approx((1 + 50 * sigma**2 / w.square().sum()).item(), rel=0.02)


def test_weights_are_put_back_even_if_the_loss_fails():
    w = torch.tensor([1.0, 2.0])
    calls = []

    def loss():
        calls.append(1)
        if len(calls) == 3:
            raise RuntimeError("no")
        return w.square().sum()

    with pytest.raises(RuntimeError, match="no"):
        loss_under_noise(loss, [w])
    assert w.tolist() == [1.0, 2.0]


def test_same_seed_same_factors_and_bad_input():
    w = torch.tensor([1.0, 2.0])
    first, second = (loss_under_noise(lambda: w.square().sum(), [w], seed=3) for _ in range(2))
    assert np.array_equal(first, second)
    for bad, message in (
        ({"relative": 0}, "relative > 0"),
        ({"draws": 0}, "draws"),
    ):
        with pytest.raises(ValueError, match=message):
            loss_under_noise(lambda: w.square().sum(), [w], **bad)
    with pytest.raises(TypeError, match=r"expected a list of weights, got Tensor: pass \[w\]"):
        loss_under_noise(lambda: w.sum(), w)
    with pytest.raises(ValueError, match="got an empty list"):
        loss_under_noise(lambda: w.sum(), [])
    with pytest.raises(ValueError, match="loss without noise > 0, got 0"):
        loss_under_noise(lambda: 0 * w.sum(), [w])


@pytest.mark.slow
def test_noise_on_the_neuron_does_about_what_noise_on_a_layer_does():
    # The report has the one diverge at once and the other not at all.
    for seed in range(3):
        data = datasets.load("spheres", seed=seed, radii=(1.0, 1.5), train=2000)
        model = WithExponentialNeuron(mlp((100, 50, 25, 1), seed=seed), 100, seed=seed)
        optimizer = make_optimizer("adam", model, lr=0.01)
        fit(model, data, optimizer=optimizer, lam=0.1, seed=seed, epochs=25, stop_at_zero_errors=False, device="cpu")
        model.eval()
        medians = [
            np.median(
                loss_under_noise(lambda m=model, d=data: polynomial_hinge(m(d.train.inputs), d.train.targets), w)
            )
            for w in ([model.neuron.w, model.neuron.b], [model.base[1].weight, model.base[1].bias])
        ]
        assert all(1 < median < 200 for median in medians)
        assert 0.5 < medians[0] / medians[1] < 8
