import math

import pytest
import torch
from torch import nn

from enlib.datasets import load_digits
from enlib.models import digit_net
from enlib.training import (
    DIGIT_OPTIMIZERS,
    adam_limit,
    digit_errors,
    digit_optimizer,
    scaled_sharpness,
    train_digits,
)
from enlib.training.digits import soft_threshold

TRAIN, VALIDATION, _ = load_digits("digits", train=200, validation=100)
SGD = {"optimizer": "sgd", "lr": 0.1, "epochs": 1, "seed": 0}


def weights(net):
    return torch.cat([w.detach().flatten() for w in net.parameters() if w.ndim > 1])


def test_the_proximal_step_makes_zeros_and_the_subgradient_none():
    zeros = []
    for proximal in (True, False):
        net = digit_net(8, seed=0)
        train_digits(net, TRAIN, **SGD, l1=0.02, proximal=proximal)
        zeros.append(int((weights(net) == 0).sum()))
    assert zeros[0] > 100
    assert zeros[1] == 0


def test_the_threshold_solves_its_problem():
    w = torch.tensor([-3.0, -0.5, 0.0, 0.2, 2.0])
    grid = torch.linspace(-4, 4, 8001)
    best = grid[((grid - w[:, None]) ** 2 / 2 + 0.7 * grid.abs()).argmin(1)]
    soft_threshold({"w": w}, 0.7)
    assert torch.allclose(w, best, atol=1e-3)


@pytest.mark.parametrize("optimizer", DIGIT_OPTIMIZERS)
def test_masked_weights_stay_zero(optimizer):
    net = digit_net(8, seed=0)
    masks = {name: torch.rand(w.shape) < 0.5 for name, w in net.named_parameters() if w.ndim > 1}
    train_digits(net, TRAIN, **SGD | {"optimizer": optimizer, "lr": 0.01}, masks=masks)
    for name, mask in masks.items():
        assert bool((net.get_parameter(name)[~mask] == 0).all())
        assert bool((net.get_parameter(name)[mask] != 0).any())


def test_a_range_test_ends_at_its_end_or_diverges():
    how = train_digits(digit_net(8, seed=0), TRAIN, **SGD | {"lr": 1e-3}, lr_end=1e-1)
    assert how.lr == pytest.approx([1e-3, 10 ** (-7 / 3), 10 ** (-5 / 3), 1e-1])
    how = train_digits(digit_net(8, seed=0), TRAIN, **SGD | {"lr": 1e3, "epochs": 9})
    assert how.diverged
    assert len(how.batch_loss) < 36


def test_the_random_state_of_the_caller_is_left_alone():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first, second = (
        train_digits(digit_net(8, seed=0), TRAIN, **SGD, validation=VALIDATION).batch_loss for _ in range(2)
    )
    assert first == second
    assert torch.equal(torch.get_rng_state(), before)


def test_outputs_that_are_not_finite_are_errors():
    class Broken(nn.Module):
        def forward(self, x):
            outputs = torch.zeros(len(x), 10)
            outputs[:, 0], outputs[1, 5] = 1.0, math.nan
            return outputs

    net, x = Broken(), torch.zeros(3, 1, 8, 8)
    assert digit_errors(net, (x, torch.tensor([0, 0, 1]))).tolist() == [False, True, True]


@pytest.mark.parametrize("optimizer", DIGIT_OPTIMIZERS)
def test_each_has_its_edge_where_it_should_be(optimizer):
    """Just below its edge a parabola is descended, just above it is not; with a preconditioner all but constant."""
    limit = {"sgd": 2.0, "momentum": 3.4, "adagrad": 2.0, "adam": adam_limit()}[optimizer]
    for factor in (0.9, 1.1):
        net = nn.Linear(3, 1, bias=False).double()
        descent = digit_optimizer(optimizer, net, 1.0)
        (w,) = net.parameters()
        for group in descent.param_groups:
            group.update({"betas": (0.9, 1.0 - 1e-12)} if optimizer == "adam" else {})
        if optimizer == "adagrad":
            descent.state[w]["sum"] = torch.ones_like(w)
        if optimizer == "adam":
            descent.state[w] |= {"step": torch.tensor(1e14), "exp_avg": torch.zeros_like(w)}
            descent.state[w]["exp_avg_sq"] = torch.ones_like(w)
        scaled = scaled_sharpness(net, descent, lambda p: 5 * p["weight"].square().sum() / 2).value
        descent.param_groups[0]["lr"] = factor * limit / scaled
        with torch.no_grad():
            w.fill_(1e-9)
        for _ in range(100):
            w.grad = 5 * w.detach()
            descent.step()
        assert bool((w.abs() < 1e-9).all()) == (factor < 1), factor
