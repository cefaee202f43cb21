import itertools
import math

import pytest
import torch
from torch import nn

from enlib.dynamics import TanhLoss

X = torch.linspace(-1, 1, 20, dtype=torch.float64)[:, None]
Y = 2 * torch.sin(math.pi * X)


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


def test_refuses():
    with pytest.raises(ValueError, match="widths from 1 to 1, got"):
        TanhLoss(X, Y, widths=(2, 1))
    with pytest.raises(ValueError, match="add a dimension"):
        TanhLoss(X[:, 0], Y, widths=(1, 1))
    with pytest.raises(ValueError, match="integer >= 1"):
        TanhLoss(X, Y, widths=(1, 0, 1))
    with pytest.raises(ValueError, match=r"weights of shape \(\.\.\., 2\)"):
        TanhLoss(X, Y, widths=(1, 1))(torch.zeros(3))
