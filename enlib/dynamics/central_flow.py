"""The smooth path around which gradient descent swings at the edge of stability."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from enlib import _tools
from enlib.curvature import sharpness
from enlib.dynamics.edge import Losses

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CentralFlow:
    """A central flow, at the times of the steps of gradient descent that it stands for.

    Parameters
    ----------
    eta : float
        Step size of that gradient descent.
    weights : Tensor, shape (steps + 1, runs, size)
        The path.
    direction : Tensor, shape (steps + 1, runs, size)
        The sharpest direction there: unit eigenvectors.
    sharpness : array, shape (steps + 1, runs)
        The largest eigenvalue.
    variance : array, shape (steps + 1, runs)
        The mean square of the swing along the direction; 0 before the edge.
    loss : array, shape (steps + 1, runs)
        Loss on the path itself.
    """

    eta: float
    weights: Tensor
    direction: Tensor
    sharpness: Array
    variance: Array
    loss: Array

    @property
    def mean_loss(self) -> Array:
        r"""The mean loss that gradient descent should have, :math:`L + \tfrac12 \lambda \sigma^2`."""
        return self.loss + self.sharpness * self.variance / 2


def central_flow(loss: Losses, start: Tensor, *, eta: float, steps: int, substeps: int = 2) -> CentralFlow:
    r"""Follow the central flow of gradient descent, for one unstable direction.

    Gradient descent at the edge is at :math:`w + x u`, with u the sharpest direction and x changing sign at each
    step. To second order in x its mean gradient is that of the loss plus half of :math:`x^2` times that of the
    sharpness, so the middle w moves along (Cohen et al. 2025)

    .. math:: \frac{dw}{dt} = -\nabla L(w) - \tfrac12 \sigma^2 \nabla \lambda_{\max}(w)

    where :math:`\sigma^2` is what keeps the sharpness at or below :math:`2/\eta`:

    .. math:: \sigma^2 = \max\left(0, -2 \frac{\nabla L \cdot \nabla \lambda_{\max}}{|\nabla \lambda_{\max}|^2}\right)
        \text{ at } \lambda_{\max} = 2/\eta, \qquad 0 \text{ below.}

    Parameters
    ----------
    loss, start
        As for `enlib.dynamics.edge`.
    eta : float
        Step size of gradient descent, which is the time that passes in one of its steps.
    steps : int
        Number of its steps to follow.
    substeps : int
        Euler steps for each, at least 2: a single one would swing itself.

    Returns
    -------
    CentralFlow

    Raises
    ------
    ValueError
        If a number is out of range, or the shapes do not fit.

    Notes
    -----
    With u the unit eigenvector, :math:`\nabla \lambda_{\max} = \nabla (u^\top H(w) u)` with u held fixed: a third
    derivative. One power iteration a substep keeps u up to date. Where a second eigenvalue reaches the edge as well
    this flow no longer stands for gradient descent, and does not notice.

    Examples
    --------
    Progressive sharpening at speed a = 0.1, stopped at 2/0.5 by a swing of variance 2a:

    >>> def toy(w):  # (10 + y) x² / 2 - y / 10, from y = -7
    ...     return (10 + w[:, 1]) * w[:, 0] ** 2 / 2 - w[:, 1] / 10
    >>> flow = central_flow(toy, torch.tensor([[0.0, -7.0]], dtype=torch.float64), eta=0.5, steps=40)
    >>> flow.sharpness[[0, 10, 20, 40], 0].round(6).tolist(), flow.variance[[0, 10, 40], 0].round(6).tolist()
    ([3.0, 3.5, 4.0, 4.0], [0.0, 0.0, 0.2])
    """
    _tools.positive("eta", eta)
    _tools.count("steps", steps)
    _tools.count("substeps", substeps, least=2)
    if start.ndim != 2:
        raise ValueError(f"expected a start of shape (runs, size), got {tuple(start.shape)}: one row for each run")
    dt = eta / substeps
    w = start.detach().clone()
    u = torch.stack([sharpness(lambda p: loss(p["w"][None])[0], {"w": row}, tol=1e-6).vector for row in w])
    path: list[tuple[Tensor, ...]] = []
    for k in range(steps * substeps + 1):
        w = w.detach().requires_grad_()
        value = loss(w)
        (slope,) = torch.autograd.grad(value.sum(), w, create_graph=True)
        (curved,) = torch.autograd.grad((slope * u).sum(), w, create_graph=True)
        lam = (u * curved).sum(1)
        (sharpening,) = torch.autograd.grad(lam.sum(), w)
        # What the sharpness would exceed the edge by after this substep, without a swing.
        excess = lam - 2 / eta - dt * (slope * sharpening).sum(1)
        variance = (2 * excess / (dt * sharpening.square().sum(1))).nan_to_num(0.0).clamp(min=0.0).detach()
        if k % substeps == 0:
            path.append((w.detach(), u, lam.detach(), variance, value.detach()))
        w = w.detach() - dt * (slope.detach() + variance[:, None] / 2 * sharpening)
        u = torch.nn.functional.normalize(curved.detach(), dim=1)
    weights, direction, lams, variances, losses = (torch.stack(part) for part in zip(*path, strict=True))
    return CentralFlow(
        eta, weights, direction, lams.cpu().numpy(), variances.cpu().numpy(), losses.cpu().numpy()
    )  # fmt: skip
