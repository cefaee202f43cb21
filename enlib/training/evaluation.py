"""Loss and errors of a model over a whole split, and the order in which training sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from enlib import _tools
from enlib.datasets import Split
from enlib.losses import error_count, polynomial_hinge

Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Evaluation:
    """Loss and number of errors over one split."""

    loss: float
    errors: int


@torch.no_grad()
def evaluate(model: nn.Module, split: Split, loss: Loss = polynomial_hinge, *, chunk: int = 512) -> Evaluation:
    """Return loss and errors of a model over a whole split, in evaluation mode; the model is left as it was.

    Parameters
    ----------
    model : nn.Module
        Maps (n, ...) to (n,).
    split : Split
        On the device of the model.
    loss : callable
        Of outputs and targets, both of shape (n,).
    chunk : int
        Samples a forward pass, which bounds the memory.

    Examples
    --------
    >>> from enlib import datasets, mlp
    >>> evaluate(mlp((100, 1), seed=0), datasets.load("spheres", seed=0).test).errors > 500
    True
    """
    _tools.count("chunk", chunk)
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        outputs = torch.cat([model(inputs) for inputs in torch.split(split.inputs, chunk)])
    finally:
        for module, training in modes.items():
            module.training = training
    value = loss(outputs, split.targets)
    if value.numel() != 1:
        raise ValueError(f"expected a loss that returns one number, got shape {tuple(value.shape)}: take its mean")
    return Evaluation(value.item(), error_count(outputs, split.targets))


def batches(split: Split, batch_size: int | None, order: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield one epoch of shuffled batches; the whole split, unshuffled, for ``batch_size=None``.

    Parameters
    ----------
    split : Split
    batch_size : int or None
        The last batch may be smaller.
    order : torch.Generator
        On the CPU, so that every device sees the same order.

    Examples
    --------
    >>> from enlib import datasets
    >>> train = datasets.load("digits-1v7", seed=0).train
    >>> [len(targets) for _, targets in batches(train, 100, torch.Generator())]
    [100, 100, 17]
    """
    if batch_size is None:
        yield split.inputs, split.targets
        return
    shuffled = torch.randperm(len(split), generator=order).to(split.targets.device)
    for batch in torch.split(shuffled, batch_size):
        yield split.inputs[batch], split.targets[batch]
