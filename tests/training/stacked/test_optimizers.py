import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from enlib import make_optimizer
from enlib.training.stacked.optimizers import StackedOptimizer

RUNS, SHAPE = 4, (3, 2)


def both(name, lrs, gradients, *, momentum=0.9, keep=None):
    """Return the weights after some updates, stacked and one by one; ``keep`` = (when, which) drops the others."""
    start = torch.randn(RUNS, *SHAPE, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    layers = [nn.Linear(SHAPE[1], SHAPE[0], bias=False).double() for _ in range(RUNS)]
    for layer, weights in zip(layers, start, strict=True):
        layer.weight.data.copy_(weights)
    optimizers = [
        make_optimizer(name, layer, lr=lr, momentum=momentum) for layer, lr in zip(layers, lrs, strict=True)
    ]
    stacked, eta, alive = start.clone(), torch.tensor(lrs, dtype=torch.float64), list(range(RUNS))
    ours = StackedOptimizer(name, [stacked], momentum=momentum)
    for k, gradient in enumerate(gradients):
        if keep is not None and k == keep[0]:
            which = torch.tensor(keep[1], dtype=torch.long)
            alive = keep[1]
            stacked, eta = stacked[which], eta[which]
            ours.keep(which)
        ours.step([stacked], [gradient[alive].clone()], [eta[:, None, None]])
        for run in alive:
            layers[run].weight.grad = gradient[run].clone()
            optimizers[run].step()
    return stacked, torch.stack([layers[run].weight.detach() for run in alive]) if alive else stacked


@pytest.mark.parametrize("name", ["sgd", "momentum", "adam"])
@settings(max_examples=20, deadline=None)
@given(
    lrs=st.lists(st.floats(1e-4, 1.0), min_size=RUNS, max_size=RUNS),
    updates=st.integers(1, 30),
    scale=st.sampled_from([1e-9, 1e-3, 1.0, 1e6]),
    when=st.integers(0, 30),
    which=st.lists(st.integers(0, RUNS - 1), unique=True, max_size=RUNS).map(sorted),
)
def test_every_update_is_that_of_pytorch(name, lrs, updates, scale, when, which):
    random = torch.Generator().manual_seed(1)
    gradients = scale * torch.randn(updates, RUNS, *SHAPE, generator=random, dtype=torch.float64)
    one, other = both(name, lrs, gradients, keep=(when, which))
    torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12 * max(1.0, scale))


def test_another_momentum():
    gradients = torch.ones(10, RUNS, *SHAPE, dtype=torch.float64)
    one, other = both("momentum", [0.1] * RUNS, gradients, momentum=0.5)
    torch.testing.assert_close(one, other, rtol=0, atol=1e-13)
    assert not torch.allclose(one, both("momentum", [0.1] * RUNS, gradients)[0])


def test_without_a_gradient_adam_stands_still():
    weights = torch.ones(2, 3)
    optimizer = StackedOptimizer("adam", [weights])
    for _ in range(3):
        optimizer.step([weights], [torch.zeros(2, 3)], [torch.full((2, 1), 0.1)])
    assert torch.equal(weights, torch.ones(2, 3))


def test_weights_change_in_place_and_gradients_of_sgd_do_not():
    weights, gradient = torch.ones(2, 3), torch.ones(2, 3)
    address = weights.data_ptr()
    StackedOptimizer("sgd", [weights]).step([weights], [gradient], [torch.full((2, 1), 0.1)])
    assert weights.data_ptr() == address
    assert torch.equal(gradient, torch.ones(2, 3))


def test_an_unknown_name():
    with pytest.raises(ValueError, match="did you mean 'adam'"):
        StackedOptimizer("adma", [torch.ones(1)])
