"""Transfer learning: a residual network learns many classes, gets a new head, and is tuned in part or whole."""

from __future__ import annotations

import copy
import functools
import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import cross_entropy
from torch.nn.utils import skip_init

from enlib import _tools
from enlib.datasets import augmented
from enlib.losses import LOSSES
from enlib.models import ResidualNet

UPDATES, BATCH = 200, 50
_logistic = LOSSES["logistic"]


def learn_classes(net: ResidualNet, images: Tensor, labels: Tensor, *, augment: str, seed: int, epochs: int) -> None:
    """Train a network on many classes by SGD: momentum 0.9, weight decay 5e-4, learning rate from 0.1 to 0."""
    g = _tools.generator(seed, "batch order")
    batches = [b for _ in range(epochs) for b in torch.split(torch.randperm(len(images), generator=g), 100)]
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
    net.train()
    for at, batch in enumerate(batches):
        _set_rate(optimizer, 0.1, at / len(batches))
        optimizer.zero_grad()
        cross_entropy(net(augmented(images[batch], augment, g)), labels[batch]).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    net.eval()


def with_new_head(net: ResidualNet, *, train: str) -> ResidualNet:
    """Return a copy with one output, whose weights are zero; ``train`` says what needs gradients: "last" or "all"."""
    net = copy.deepcopy(net).eval()
    net.classes = 1
    # draws no random numbers
    net.head = skip_init(nn.Linear, net.head.in_features, 1)  # type: ignore[no-untyped-call]
    nn.init.zeros_(net.head.weight)
    nn.init.zeros_(net.head.bias)
    net.body.requires_grad_(train == "all")
    return net


def tune(
    net: ResidualNet,
    inputs: Tensor,
    targets: Tensor,
    *,
    lr: float,
    moving: bool,
    seed: int,
    updates: int = UPDATES,
) -> None:
    """Train what needs gradients by SGD, with up to 50 samples an update.

    Parameters
    ----------
    net : ResidualNet
        See `with_new_head`.
    inputs, targets : Tensor of shape (n, ...) and (n,)
        The targets are -1 or +1.
    lr : float
        Learning rate at the start; it falls to zero like a cosine.
    moving : bool
        Whether batch normalization is left in training mode, as it is by default: it takes the batch's mean and
        variance, and moves its running ones.
    seed : int
        Of the batch order.
    updates : int
        How many.
    """
    parameters = [p for p in net.parameters() if p.requires_grad]
    fixed = not moving and len(parameters) == 2  # the features of the samples do not change: compute them once
    model: nn.Module = net.head if fixed else net
    if fixed:
        inputs = features(net, inputs)
    net.train(moving)
    optimizer = torch.optim.SGD(parameters, lr=lr)
    g = _tools.generator(seed, "batch order")
    batches: Iterator[Tensor] = iter(())
    for at in range(updates):
        _set_rate(optimizer, lr, at / updates)
        batch = next(batches, None)
        if batch is None:
            batches = iter(torch.split(torch.randperm(len(inputs), generator=g), BATCH))
            batch = next(batches)
        optimizer.zero_grad()
        loss = _logistic(model(inputs[batch]).flatten(), targets[batch])
        if not loss.isfinite():
            break
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    net.eval()


def _set_rate(optimizer: torch.optim.Optimizer, lr: float, progress: float) -> None:
    optimizer.param_groups[0]["lr"] = lr * (1 + math.cos(math.pi * progress)) / 2


@torch.no_grad()
def features(net: ResidualNet, inputs: Tensor) -> Tensor:
    """Return what the body makes of images, in evaluation mode."""
    net.eval()
    return torch.cat([net.body(part) for part in torch.split(inputs, 500)])


def head_sharpness(features: Tensor) -> float:
    r"""Return the sharpness of the logistic loss in a head of zeros, from its Hessian.

    With :math:`\tilde x = (x, 1)`, the Hessian is :math:`\frac1n \sum_i p_i (1 - p_i) \tilde x_i \tilde x_i^\top`,
    and all :math:`p_i` are 1/2. Elsewhere :math:`p (1 - p)` is smaller, so it is nowhere sharper.

    Parameters
    ----------
    features : Tensor of shape (n, d)
    """
    x = torch.cat([features, torch.ones(len(features), 1)], dim=1).double()
    return float(torch.linalg.eigvalsh(x.T @ x / (4 * len(x)))[-1])


def net_sharpness(net: ResidualNet, inputs: Tensor, targets: Tensor) -> float:
    """Return a lower bound, by Lanczos, of the sharpness in all that needs gradients, with fixed statistics."""
    from enlib.curvature import sharpness  # imported here because workers that only train do not need it

    net.eval()
    params = {name: p.detach() for name, p in net.named_parameters() if p.requires_grad}

    def part(x: Tensor, y: Tensor, params: dict[str, Tensor]) -> Tensor:
        return _logistic(functional_call(net, params, (x,)), y) * (len(x) / len(inputs))

    pairs = zip(torch.split(inputs, 150), torch.split(targets, 150), strict=True)
    return sharpness([functools.partial(part, x, y) for x, y in pairs], params, tol=0.01).value


@torch.no_grad()
def drifted(net: ResidualNet, to: ResidualNet, g: torch.Generator) -> ResidualNet:
    """Return a copy of ``net`` with each tensor of the body as far away as in ``to``, in a random direction."""
    copied = copy.deepcopy(net)
    for ours, before, after in zip(*(n.body.parameters() for n in (copied, net, to)), strict=True):
        away = torch.randn(ours.shape, generator=g)
        ours.add_(away * ((after - before).norm() / away.norm()))
    return copied


def refitted(net: ResidualNet, inputs: Tensor, targets: Tensor) -> ResidualNet:
    """Return a copy with a head of its own: from zeros, 200 steps of gradient descent with the rate 1/sharpness."""
    net = with_new_head(net, train="last")
    x = features(net, inputs)
    eta = 1 / head_sharpness(x)
    for _ in range(UPDATES):
        slopes = torch.autograd.grad(_logistic(net.head(x).flatten(), targets), [*net.head.parameters()])
        with torch.no_grad():
            for parameter, slope in zip(net.head.parameters(), slopes, strict=True):
                parameter.sub_(eta * slope)
    return net
