"""The loss and errors of a model over a whole split, and the batches of an epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from enlib.datasets import Split
from enlib.losses import error_count, polynomial_hinge
from enlib.training.settings import check_model, check_type

Loss = Callable[[Tensor, Tensor], Tensor]

# Number of samples per forward pass of an evaluation, which bounds the memory.
_CHUNK = 512


@dataclass(frozen=True)
class Evaluation:
    """Loss and number of errors over one split.

    Parameters
    ----------
    loss : float
        The loss over the split.
    errors : int
        Number of samples that are classified wrongly.
    """

    loss: float
    errors: int


@torch.no_grad()
def evaluate(model: nn.Module, split: Split, loss: Loss = polynomial_hinge) -> Evaluation:
    """Return the loss and the number of errors of a model over a whole split.

    The model computes in evaluation mode. It is not changed: the mode of each part and all buffers are restored.

    Parameters
    ----------
    model : nn.Module
        Maps inputs of shape (n, ...) to outputs of shape (n,).
    split : Split
        On the model's device, in its floating-point type.
    loss : callable
        Maps outputs and targets, both of shape (n,), to a scalar.

    Raises
    ------
    ValueError
        If the loss is not one number, or the model has no parameters.
    TypeError
        If ``model`` is not a module, or ``split`` is not a Split.

    Examples
    --------
    >>> from enlib import datasets, mlp
    >>> evaluate(mlp((100, 1), seed=0), datasets.load("spheres", seed=0).test).errors > 500
    True
    """
    check_model(model)
    check_type(split, Split, "a Split", "pass one of a data set, such as data.test")
    with evaluation_mode(model):
        outputs = torch.cat([model(inputs) for inputs in torch.split(split.inputs, _CHUNK)])
    value = loss(outputs, split.targets)
    if value.numel() != 1:
        raise ValueError(f"expected a loss that returns one number, got shape {tuple(value.shape)}: take its mean")
    return Evaluation(value.item(), error_count(outputs, split.targets))


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Put a model into evaluation mode, and restore the mode of each part and all buffers afterwards."""
    modes = [(module, module.training) for module in model.modules()]
    buffers = [(name, buffer, buffer.clone()) for name, buffer in model.named_buffers(remove_duplicate=False)]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
        for name, buffer, before in buffers:
            # Copied only if necessary: a write would invalidate the caller's graphs that use the buffer.
            if not torch.equal(buffer, before):
                with torch.no_grad():
                    buffer.copy_(before)
            owner, _, own_name = name.rpartition(".")
            setattr(model.get_submodule(owner), own_name, buffer)


def batches(split: Split, batch_size: int | None, order: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield one epoch of shuffled batches; the whole split, unshuffled, for ``batch_size=None``.

    Parameters
    ----------
    split : Split
        The samples.
    batch_size : int or None
        Number of samples per batch; the last batch may be smaller.
    order : torch.Generator
        Shuffles the samples. It is on the CPU, so that every device sees the same order.

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
