import torch
from torch import nn

from enlib.models import ResidualBlock, ResidualNet


def test_block_with_nothing_to_add_is_its_shortcut():
    block = ResidualBlock(4, 4).eval()
    nn.init.zeros_(block.second[0].weight)
    x = torch.randn(3, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(block(x), torch.relu(x))


def test_seed_fixes_the_weights_and_the_global_state_stays():
    before = torch.random.get_rng_state()
    one, same, other = (ResidualNet(3, 8, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(before, torch.random.get_rng_state())
    pairs = list(zip(one.parameters(), same.parameters(), other.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b, _ in pairs)
    assert not all(torch.equal(a, c) for a, _, c in pairs)


def test_shapes_with_one_class_and_with_several():
    x = torch.zeros(5, 1, 8, 8)
    assert ResidualNet(1, 1, width=4, size=3, stride=1, seed=0)(x).shape == (5,)
    net = ResidualNet(1, 3, width=4, size=3, stride=1, seed=0)
    assert net(x).shape == (5, 3)
    assert net.body(x).shape == (5, 16)
