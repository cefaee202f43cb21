import copy

import pytest
import torch
from torch.nn.functional import softplus

from enlib.curvature import sharpness
from enlib.models import ResidualNet
from enlib.training import (
    drifted,
    features,
    head_sharpness,
    learn_classes,
    net_sharpness,
    refitted,
    tune,
    with_new_head,
)


@pytest.fixture
def samples():
    g = torch.Generator().manual_seed(0)
    return torch.randn(20, 1, 8, 8, generator=g), torch.tensor([-1.0, 1.0]).repeat_interleave(10)


@pytest.fixture
def net(samples):
    net = ResidualNet(1, 2, width=4, size=3, stride=1, seed=0)
    learn_classes(net, samples[0], (samples[1] > 0).long(), augment="none", seed=0, epochs=3)
    return net


def state(net):
    return {name: value.clone() for name, value in net.state_dict().items()}


@pytest.mark.parametrize("updates", [200, 100])
def test_last_layer_is_trained_as_in_the_whole_network_with_a_frozen_body(net, samples, updates):
    """The features are computed once; the slow way passes the images through the body in every update."""
    fast, slow = (with_new_head(net, train="last") for _ in range(2))
    tune(fast, *samples, lr=0.3, moving=False, seed=0, updates=updates)
    x, y = samples
    optimizer = torch.optim.SGD(slow.head.parameters(), lr=0.3)
    for k in range(updates):
        optimizer.param_groups[0]["lr"] = 0.3 * (1 + torch.cos(torch.tensor(torch.pi * k / updates)).item()) / 2
        optimizer.zero_grad()
        softplus(-slow(x) * y).mean().backward()
        optimizer.step()
    assert torch.allclose(fast.head.weight, slow.head.weight, rtol=1e-3, atol=1e-5)
    assert all(torch.equal(a, b) for a, b in zip(net.body.parameters(), fast.body.parameters(), strict=True))


@pytest.mark.parametrize("train", ["last", "all"])
def test_statistics_move_only_if_they_may(net, samples, train):
    for moving in (False, True):
        tuned = with_new_head(net, train=train)
        before = state(tuned)
        tune(tuned, *samples, lr=0.01, moving=moving, seed=0)
        changed = [n for n, v in tuned.state_dict().items() if "running" in n and not torch.equal(v, before[n])]
        assert bool(changed) == moving


def test_head_has_the_sharpness_of_its_hessian_and_no_point_a_larger_one(net, samples):
    x, y = samples
    start = with_new_head(net, train="last")
    phi = features(start, x)

    def loss(p):
        return softplus(-(phi @ p["w"] + p["b"]) * y).mean()

    exact = head_sharpness(phi)
    g = torch.Generator().manual_seed(1)
    at = {"w": torch.zeros(16), "b": torch.tensor(0.0)}
    assert sharpness(loss, at).value == pytest.approx(exact, rel=1e-3)
    for _ in range(5):
        elsewhere = {"w": torch.randn(16, generator=g), "b": torch.randn((), generator=g)}
        assert sharpness(loss, elsewhere).value <= exact * (1 + 1e-4)
    whole = with_new_head(net, train="all")
    assert net_sharpness(start, x, y) == pytest.approx(exact, rel=0.02)
    assert net_sharpness(whole, x, y) >= exact * 0.99


def test_refitted_head_starts_from_zero_and_lowers_the_loss(net, samples):
    x, y = samples
    fitted = refitted(net, x, y)
    with torch.no_grad():
        assert softplus(-fitted(x) * y).mean() < torch.tensor(2.0).log()
    assert all(torch.equal(a, b) for a, b in zip(net.body.parameters(), fitted.body.parameters(), strict=True))


def test_random_drift_is_as_long_as_the_training_in_every_tensor(net, samples):
    after = with_new_head(net, train="all")
    tune(after, *samples, lr=0.05, moving=False, seed=0)
    away = drifted(net, after, torch.Generator().manual_seed(0))
    for a, b, c in zip(*(n.body.parameters() for n in (net, after, away)), strict=True):
        assert torch.allclose((c - a).norm(), (b - a).norm(), rtol=1e-2)


def test_new_head_leaves_the_network_and_the_global_state_alone(net):
    before, seeded = copy.deepcopy(state(net)), torch.random.get_rng_state()
    new = with_new_head(net, train="all")
    assert torch.equal(seeded, torch.random.get_rng_state())
    assert all(torch.equal(v, before[n]) for n, v in net.state_dict().items())
    assert torch.equal(new(torch.zeros(2, 1, 8, 8)), torch.zeros(2))


def test_diverged_training_ends_and_says_so_by_its_outputs(net, samples):
    tuned = with_new_head(net, train="all")
    tune(tuned, *samples, lr=1e6, moving=False, seed=0)
    assert not tuned(samples[0]).isfinite().all()
