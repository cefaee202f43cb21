"""Optimizers and learning-rate schedules by name, so that an experiment can be written down as data."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from enlib import _tools
from enlib.models import WithExponentialNeuron
from enlib.training.evaluation import _check_model, _check_type

OPTIMIZERS = ("adam", "sgd", "momentum")
SCHEDULES = ("constant", "cosine")


def make_optimizer(
    name: str,
    model: nn.Module,
    *,
    lr: float,
    neuron_lr: float | None = None,
    momentum: float = 0.9,
    fused: bool = False,
) -> torch.optim.Optimizer:
    """Return an optimizer over all parameters of a model.

    Parameters
    ----------
    name : {"adam", "sgd", "momentum"}
        Adam with PyTorch's defaults, plain gradient descent, or gradient descent with momentum.
    model : nn.Module
        The exponential neuron of a `WithExponentialNeuron` is a parameter group of its own.
    lr : float
        The learning rate, positive.
    neuron_lr : float, optional
        The learning rate of the exponential neuron; by default ``lr``.
    momentum : float
        For ``"momentum"``: at least 0, below 1.
    fused : bool
        For ``"adam"``: update all numbers in one pass, which rounds differently. It pays from a million parameters.

    Raises
    ------
    ValueError
        If the name is unknown, a number is out of range, ``neuron_lr`` is given without a neuron, or ``fused`` is
        given for another optimizer than Adam.
    TypeError
        If an argument has the wrong type.

    Examples
    --------
    >>> make_optimizer("adam", nn.Linear(2, 1), lr=-0.1)
    Traceback (most recent call last):
    ValueError: expected lr > 0, got -0.1: pass a positive, finite number
    """
    _tools.known("optimizer", name, OPTIMIZERS)
    _check_model(model)
    lr, momentum = _tools.positive("lr", lr), _check_momentum(momentum)
    if isinstance(model, WithExponentialNeuron):
        groups = model.parameter_groups(lr, neuron_lr)
    elif neuron_lr is not None:
        raise ValueError(
            f"expected a WithExponentialNeuron for neuron_lr={neuron_lr}, got {type(model).__name__}: "
            "leave neuron_lr out"
        )
    else:
        groups = [{"params": list(model.parameters()), "lr": lr}]
    if name == "adam":
        return torch.optim.Adam(groups, lr=lr, fused=True) if fused else torch.optim.Adam(groups, lr=lr)
    if fused:
        raise ValueError(f"expected optimizer 'adam' for fused=True, got {name!r}: leave fused out")
    return torch.optim.SGD(groups, lr=lr, momentum=momentum if name == "momentum" else 0.0)


def _check_momentum(momentum: float) -> float:
    """Return ``momentum`` as a float if it is at least 0 and below 1."""
    number = _tools.non_negative("momentum", momentum, advice="pass a number in [0, 1); 0.9 is usual")
    if not number < 1:
        raise ValueError(f"expected momentum in [0, 1), got {momentum}: 0.9 is usual")
    return number


def make_schedule(name: str, optimizer: torch.optim.Optimizer, *, updates: int) -> LRScheduler:
    r"""Return a learning-rate schedule, to be stepped once per update.

    ``"constant"`` keeps the learning rate :math:`\eta_0`; ``"cosine"`` lowers it to zero over the run,

    .. math:: \eta_k = \tfrac{1}{2} \eta_0 (1 + \cos(\pi k / K)).

    Parameters
    ----------
    name : {"constant", "cosine"}
        Which schedule.
    optimizer : Optimizer
        Its learning rates are scheduled.
    updates : int
        Number K of updates in the whole run.

    Raises
    ------
    ValueError
        If the name is unknown or ``updates`` is not a positive integer.
    TypeError
        If ``optimizer`` is not an optimizer.

    Examples
    --------
    >>> opt = make_optimizer("sgd", nn.Linear(1, 1), lr=1.0)
    >>> make_schedule("cosine", opt, updates=10).get_last_lr()
    [1.0]
    """
    _check_type(optimizer, torch.optim.Optimizer, "an optimizer", "build one with make_optimizer")
    factor = _LearningRateFactor(_tools.known("schedule", name, SCHEDULES), _tools.count("updates", updates))
    return LambdaLR(optimizer, factor)


@dataclass
class _LearningRateFactor:
    """The factor by which a schedule multiplies the learning rate.

    It is an object because a scheduler's state then holds its attributes, by which a checkpoint recognizes the run.

    Parameters
    ----------
    schedule : {"constant", "cosine"}
        Which schedule.
    updates : int
        Number of updates in the whole run.

    Examples
    --------
    >>> factor = _LearningRateFactor("cosine", updates=10)
    >>> factor(0), factor(5), factor(99)
    (1.0, 0.5, 0.0)
    """

    schedule: str
    updates: int

    def __call__(self, update: int) -> float:
        """Return the factor after ``update`` updates."""
        if self.schedule == "constant":
            return 1.0
        # PyTorch's own cosine rises again after the last update; a run that continues should stay where it ended.
        return 0.5 * (1 + math.cos(math.pi * min(update, self.updates) / self.updates))
