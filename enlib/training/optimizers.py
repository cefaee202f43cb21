"""Optimizers and learning-rate schedules by name, so that an experiment can be written down as data."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from enlib import _tools
from enlib.models import WithExponentialNeuron

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
    """Build an optimizer over all parameters of a model.

    Parameters
    ----------
    name : {"adam", "sgd", "momentum"}
        Adam with PyTorch's defaults, plain gradient descent, or gradient descent with momentum.
    model : nn.Module
        The exponential neuron of a `WithExponentialNeuron` is a parameter group of its own.
    lr : float
        Step size, positive.
    neuron_lr : float, optional
        Step size of the exponential neuron; by default ``lr``.
    momentum : float
        For ``"momentum"``: at least 0, below 1.
    fused : bool
        For ``"adam"``: update all numbers in one pass, which rounds differently; worth it from a million parameters.

    Raises
    ------
    ValueError
        If the name is unknown, a number is out of range, ``neuron_lr`` is given without a neuron, or ``fused`` is
        asked of another optimizer than Adam.

    Examples
    --------
    >>> make_optimizer("adam", nn.Linear(2, 1), lr=-0.1)
    Traceback (most recent call last):
    ValueError: expected lr > 0, got -0.1: pass a positive, finite number
    """
    _tools.known("optimizer", name, OPTIMIZERS)
    _tools.positive("lr", lr)
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
    if name == "sgd":
        return torch.optim.SGD(groups, lr=lr)
    if not 0 <= momentum < 1:
        raise ValueError(f"expected momentum in [0, 1), got {momentum}: 0.9 is usual")
    return torch.optim.SGD(groups, lr=lr, momentum=momentum)


def make_schedule(name: str, optimizer: torch.optim.Optimizer, *, updates: int) -> LRScheduler:
    r"""Build a learning-rate schedule that is stepped once per update.

    ``"constant"`` leaves the step size :math:`\eta_0`; ``"cosine"`` takes it to zero over the run,

    .. math:: \eta_k = \tfrac{1}{2} \eta_0 (1 + \cos(\pi k / K)).

    Parameters
    ----------
    name : {"constant", "cosine"}
    optimizer : Optimizer
    updates : int
        Number K of updates in the whole run.

    Raises
    ------
    ValueError
        If the name is unknown or ``updates`` is not a positive integer.

    Examples
    --------
    >>> opt = make_optimizer("sgd", nn.Linear(1, 1), lr=1.0)
    >>> make_schedule("cosine", opt, updates=10).get_last_lr()
    [1.0]
    """
    _tools.known("schedule", name, SCHEDULES)
    _tools.count("updates", updates)
    factors = {
        "constant": lambda update: 1.0,
        # PyTorch's own cosine climbs again after the last update; a run that goes on should stay where it ended.
        "cosine": lambda update: 0.5 * (1 + math.cos(math.pi * min(update, updates) / updates)),
    }
    schedule = LambdaLR(optimizer, factors[name])
    schedule.updates = updates  # type: ignore[attr-defined]  # part of its state, by which a checkpoint knows the run
    return schedule
