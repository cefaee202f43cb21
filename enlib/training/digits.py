"""Train a classifier of digits: four optimizers, L1 by the proximal step, masks, and a growing learning rate."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from enlib import _tools
from enlib._tools import generator, stream
from enlib.training.evaluation import evaluation_mode

DIGIT_OPTIMIZERS = ("sgd", "momentum", "adagrad", "adam")
Examples = tuple[Tensor, Tensor]


@dataclass
class DigitTraining:
    """How a training went: its optimizer, the loss of each batch, the learning rates, and errors by the epoch."""

    optimizer: torch.optim.Optimizer
    batch_loss: list[float] = field(default_factory=list)
    lr: list[float] = field(default_factory=list)
    errors: list[int] = field(default_factory=list)
    diverged: bool = False


def digit_optimizer(name: str, net: nn.Module, lr: float, weight_decay: float = 0.0) -> torch.optim.Optimizer:
    """Return plain gradient descent, with momentum 0.7, AdaGrad, or Adam; the rest is PyTorch's default."""
    parameters, name = net.parameters(), _tools.known("optimizer", name, DIGIT_OPTIMIZERS)
    if name == "adam":
        return torch.optim.Adam(parameters, lr, weight_decay=weight_decay)
    if name == "adagrad":
        return torch.optim.Adagrad(parameters, lr, weight_decay=weight_decay)
    return torch.optim.SGD(parameters, lr, momentum=0.7 if name == "momentum" else 0.0, weight_decay=weight_decay)


def train_digits(
    net: nn.Module,
    train: Examples,
    *,
    optimizer: str,
    lr: float,
    epochs: int,
    seed: int,
    batch_size: int = 50,
    lr_end: float | None = None,
    weight_decay: float = 0.0,
    l1: float = 0.0,
    proximal: bool = True,
    masks: Mapping[str, Tensor] | None = None,
    validation: Examples | None = None,
) -> DigitTraining:
    r"""Train a classifier in place by cross-entropy, and return how it went.

    A loss that is not finite, or exceeds a thousand, ends the training as diverged.

    Parameters
    ----------
    net : nn.Module
        Maps images of shape (n, ...) to outputs of shape (n, classes).
    train : (Tensor of shape (n, ...), Tensor of shape (n,))
        Images and classes.
    optimizer : {"sgd", "momentum", "adagrad", "adam"}
        See `digit_optimizer`.
    lr : float
        Learning rate.
    epochs, batch_size : int
    seed : int
        Of batch order and dropout.
    lr_end : float, optional
        Where a range test ends: the learning rate grows by the same factor in each update.
    weight_decay : float
        Added to the gradient, as PyTorch does it.
    l1 : float
        Weight of the sum of all :math:`|w|`, biases and normalizations left out.
    proximal : bool
        Whether L1 is a step of its own, which shrinks each weight by ``lr * l1`` and stops at zero; otherwise its
        subgradient is added to the gradient.
    masks : mapping of str to Tensor of bool, optional
        By the parameter's name: where it is False, the weight stays zero.
    validation : (Tensor, Tensor), optional
        Counted in errors after each epoch.

    Examples
    --------
    >>> from enlib.datasets import load_digits
    >>> from enlib.models import digit_net
    >>> train, validation, _ = load_digits("digits", train=1000, validation=297)
    >>> how = train_digits(
    ...     digit_net(8, seed=0), train, optimizer="sgd", lr=0.1, epochs=5, seed=0, validation=validation
    ... )
    >>> len(how.batch_loss), how.errors[-1] < 100
    (100, True)
    """
    descent = digit_optimizer(optimizer, net, lr, weight_decay)
    training, order = DigitTraining(descent), generator(seed, "batch order")
    weights = {name: w for name, w in net.named_parameters() if w.ndim > 1}
    _mask(weights, masks)
    updates = epochs * math.ceil(len(train[1]) / batch_size)
    growth = 1.0 if lr_end is None else (lr_end / lr) ** (1 / max(updates - 1, 1))
    net.train()
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(stream(seed, "dropout"))
        for update, (x, y) in enumerate(_batches(train, epochs, batch_size, order)):
            now = descent.param_groups[0]["lr"] = lr * growth**update
            loss = F.cross_entropy(net(x), y)
            training.batch_loss.append(loss.item())
            training.lr.append(now)
            if not training.batch_loss[-1] < 1e3:
                training.diverged = True
                break
            if l1 and not proximal:
                loss = loss + l1 * sum(w.abs().sum() for w in weights.values())
            descent.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            descent.step()
            if l1 and proximal:
                soft_threshold(weights, now * l1)
            _mask(weights, masks)
            if validation and (update + 1) % (updates // epochs) == 0:
                training.errors.append(int(digit_errors(net, validation).sum()))
    return training


@torch.no_grad()
def soft_threshold(weights: Mapping[str, Tensor], by: float) -> None:
    """Shrink each weight toward zero by a number, in place, and stop there: the proximal step of L1."""
    for w in weights.values():
        w.copy_(F.softshrink(w, by))


@torch.no_grad()
def _mask(weights: Mapping[str, Tensor], masks: Mapping[str, Tensor] | None) -> None:
    for name, mask in (masks or {}).items():
        weights[name].mul_(mask)


def _batches(train: Examples, epochs: int, size: int, order: torch.Generator) -> Iterator[Examples]:
    x, y = train
    for _ in range(epochs):
        for batch in torch.split(torch.randperm(len(y), generator=order), size):
            yield x[batch], y[batch]


@torch.no_grad()
def digit_errors(net: nn.Module, examples: Examples) -> Tensor:
    """Return which images are classified wrongly, a Tensor of bool; an output that is not finite is an error."""
    x, y = examples
    with evaluation_mode(net):
        outputs = torch.cat([net(part) for part in torch.split(x, 500)])
    return ~((outputs.argmax(1) == y) & outputs.isfinite().all(1))
