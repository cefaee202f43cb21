"""What the notebook on critical points says about networks on two moons: hills between them, and width."""

import pytest
import torch
from sklearn.datasets import make_moons

from enlib.landscape import (
    barrier,
    bezier_curve,
    find_bend,
    losses_at,
    match_hidden,
    permute_hidden,
    straight_line,
)

pytestmark = pytest.mark.slow
T = torch.linspace(0, 1, 51, dtype=torch.float64)
MOONS, LABELS = map(torch.tensor, make_moons(200, noise=0.2, random_state=0))


def loss(p):
    hidden = torch.relu(MOONS @ p["0.weight"].T + p["0.bias"])
    return torch.nn.functional.softplus(-(2.0 * LABELS - 1) * (hidden @ p["1.weight"].T + p["1.bias"])[..., 0]).mean()


def start(width, seed):
    rng = torch.Generator().manual_seed(seed)
    shapes = {"0.weight": (width, 2), "0.bias": (width,), "1.weight": (1, width), "1.bias": (1,)}
    bound = {"0": 2**-0.5, "1": width**-0.5}
    return {
        name: bound[name[0]] * (2 * torch.rand(shape, generator=rng, dtype=torch.float64) - 1)
        for name, shape in shapes.items()
    }


def train(width, seeds, lr):
    starts = [start(width, seed) for seed in seeds]
    nets = {name: torch.stack([s[name] for s in starts]).requires_grad_() for name in starts[0]}
    optimizer = torch.optim.Adam(nets.values(), lr=lr)
    for _ in range(1000):
        optimizer.zero_grad()
        losses_at(loss, nets).sum().backward()
        optimizer.step()
    return {name: tensor.detach() for name, tensor in nets.items()}


@pytest.fixture(scope="module")
def pairs():
    trained = train(64, range(6), lr=0.01)
    nets = [{name: tensor[i] for name, tensor in trained.items()} for i in range(6)]
    return list(zip(nets[::2], nets[1::2], strict=True))


def test_matching_removes_most_of_the_hill(pairs):
    for a, b in pairs:
        before = barrier(T, losses_at(loss, straight_line(a, b, T)))
        after = barrier(T, losses_at(loss, straight_line(a, permute_hidden(b, match_hidden(b, a)), T)))
        assert 0.4 < before < 0.9
        assert after < 0.03


def test_a_curve_goes_round_the_hill(pairs):
    for a, b in pairs:
        losses = losses_at(loss, bezier_curve(a, find_bend(loss, a, b, steps=300), b, T))
        assert barrier(T, losses) < 0.02
        assert losses.max() < 0.06


def test_the_spread_is_a_hump_and_bad_results_become_rare_with_width():
    final = {width: losses_at(loss, train(width, range(40), lr=0.02)) for width in (2, 4, 8, 16)}
    bad = [(losses > 0.15).double().mean().item() for losses in final.values()]
    assert bad[0] == 1
    assert bad == sorted(bad, reverse=True)
    assert bad[-1] == 0
    spread = [losses[losses < 0.69].std().item() for losses in final.values()]  # dead networks aside
    assert max(spread[1:3]) > 2 * spread[0]
    assert max(spread[1:3]) > 4 * spread[3]
