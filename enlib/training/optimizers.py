"""Optimizers and learning-rate schedules by name, so that data can describe an experiment."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from enlib import _tools
from enlib.models import WithExponentialNeuron
from enlib.training.settings import check_model, check_type, learning_rates

OPTIMIZERS = ("adam", "sgd", "momentum")
SCHEDULES = ("constant", "cosine")
MOMENTUM = 0.9


def make_optimizer(
    name: str,
    model: nn.Module,
    *,
    lr: float,
    neuron_lr: float | None = None,
    fused: bool = False,
) -> torch.optim.Optimizer:
    """Return an optimizer over all parameters of a model.

    Parameters
    ----------
    name : {"adam", "sgd", "momentum"}
        Adam with PyTorch's defaults, plain gradient descent, or gradient descent with momentum 0.9.
    model : nn.Module
        The exponential neuron of a `WithExponentialNeuron` is a parameter group of its own.
    lr : float
        The learning rate, positive.
    neuron_lr : float, optional
        The learning rate of the exponential neuron; by default ``lr``.
    fused : bool
        For ``"adam"``: update all parameters in one pass, which rounds differently. It is faster for models with more
        than a million parameters.

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
    check_model(model)
    lr, neuron_lr = learning_rates(model, lr, neuron_lr)
    if isinstance(model, WithExponentialNeuron):
        groups = [
            {"params": list(model.base.parameters()), "lr": lr},
            {"params": list(model.neuron.parameters()), "lr": neuron_lr},
        ]
    else:
        groups = [{"params": list(model.parameters()), "lr": lr}]
    if name == "adam":
        return torch.optim.Adam(groups, lr=lr, fused=fused or None)  # None is PyTorch's default
    if fused:
        raise ValueError(f"expected optimizer 'adam' for fused=True, got {name!r}: leave fused out")
    return torch.optim.SGD(groups, lr=lr, momentum=MOMENTUM if name == "momentum" else 0.0)


def make_schedule(name: str, optimizer: torch.optim.Optimizer, *, updates: int) -> LRScheduler:
    r"""Return a learning-rate schedule; step it once per update.

    ``"constant"`` keeps the learning rate :math:`\eta_0`; ``"cosine"`` lowers it to zero over the run,

    .. math:: \eta_k = \tfrac{1}{2} \eta_0 (1 + \cos(\pi k / K)).

    Parameters
    ----------
    name : {"constant", "cosine"}
        Which schedule.
    optimizer : Optimizer
        The optimizer whose learning rates are scheduled.
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
    check_type(optimizer, torch.optim.Optimizer, "an optimizer", "build one with make_optimizer")
    factor = LearningRateFactor(_tools.known("schedule", name, SCHEDULES), _tools.count("updates", updates))
    return LambdaLR(optimizer, factor)


@dataclass
class LearningRateFactor:
    """The factor by which a schedule multiplies the learning rate.

    It is an object because a scheduler then saves its attributes, by which a checkpoint recognizes the run.

    Parameters
    ----------
    schedule : {"constant", "cosine"}
        Which schedule.
    updates : int
        Number of updates in the whole run.

    Examples
    --------
    >>> factor = LearningRateFactor("cosine", updates=10)
    >>> factor(0), factor(5), factor(99)
    (1.0, 0.5, 0.0)
    """

    schedule: str
    updates: int

    def __call__(self, update: int) -> float:
        """Return the factor after some number of updates."""
        if self.schedule == "constant":
            return 1.0
        # Unlike PyTorch's own cosine, which rises again, it stays at zero after the last update.
        return 0.5 * (1 + math.cos(math.pi * min(update, self.updates) / self.updates))
