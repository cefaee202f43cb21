"""Adam, momentum and plain gradient descent, with a step size of its own for every network of a stack."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from enlib import _tools
from enlib.training.optimizers import OPTIMIZERS


class StackedOptimizer:
    r"""One update for R networks at once, the same as R optimizers of `enlib.make_optimizer`.

    Parameters
    ----------
    name : {"adam", "sgd", "momentum"}
    parameters : sequence of Tensor
        Each of shape (R, ...); changed in place.
    momentum : float
        For ``"momentum"``.

    Notes
    -----
    D. P. Kingma, J. Ba, *Adam: A Method for Stochastic Optimization*, arXiv:1412.6980, with PyTorch's defaults
    :math:`\beta_1 = 0.9, \beta_2 = 0.999, \epsilon = 10^{-8}`.

    Examples
    --------
    >>> weights = torch.ones(2, 1)
    >>> StackedOptimizer("sgd", [weights]).step([weights], [torch.ones(2, 1)], [torch.tensor([[0.1], [0.5]])])
    >>> weights.flatten().tolist()
    [0.8999999761581421, 0.5]
    """

    BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8

    def __init__(self, name: str, parameters: Sequence[Tensor], *, momentum: float = 0.9) -> None:
        self.name = _tools.known("optimizer", name, OPTIMIZERS)
        self.momentum = momentum
        self.updates = 0
        kept = {"adam": 2, "momentum": 1, "sgd": 0}[name]
        self.moments = [[torch.zeros_like(p) for p in parameters] for _ in range(kept)]

    def step(self, parameters: Sequence[Tensor], derivatives: Sequence[Tensor], lr: Sequence[Tensor]) -> None:
        """Make one update.

        Parameters
        ----------
        parameters, derivatives : sequence of Tensor
            Each of shape (R, ...).
        lr : sequence of Tensor
            For each parameter the step sizes, of a shape that broadcasts against it.
        """
        self.updates += 1
        if self.name == "adam":
            # The corrections for the moments' start at zero go into the step size and epsilon.
            first, second = 1 - self.BETA1**self.updates, math.sqrt(1 - self.BETA2**self.updates)
            for p, g, m, v, eta in zip(parameters, derivatives, *self.moments, lr, strict=True):
                m.lerp_(g, 1 - self.BETA1)
                v.mul_(self.BETA2).addcmul_(g, g, value=1 - self.BETA2)
                direction = torch.sqrt(v).add_(self.EPSILON * second)
                p.addcmul_(torch.div(m, direction, out=direction), eta * (second / first), value=-1)
            return
        if self.name == "momentum":
            for g, m in zip(derivatives, self.moments[0], strict=True):
                m.mul_(self.momentum).add_(g)
            derivatives = self.moments[0]
        for p, g, eta in zip(parameters, derivatives, lr, strict=True):
            p.addcmul_(g, eta, value=-1)

    def keep(self, which: Tensor) -> None:
        """Drop the state of the networks that are not in ``which``, a tensor of indices."""
        self.moments = [[m[which] for m in moments] for moments in self.moments]
