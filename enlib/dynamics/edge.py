"""Full-batch gradient descent that measures the sharpness on its way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from enlib import _tools
from enlib.curvature import sharpness

Array = npt.NDArray[np.float64]
Losses = Callable[[Tensor], Tensor]
TOO_LARGE = 1e6


@dataclass(frozen=True, eq=False)
class Descent:
    """Some runs of gradient descent, side by side.

    Parameters
    ----------
    eta : array, shape (runs,)
        Step size of each.
    loss : array, shape (steps + 1, runs)
        Loss before each step and after the last; NaN from where a run has diverged.
    at : array of int, shape (m,)
        The steps at which was measured what follows.
    sharpness : array, shape (m, runs)
        The largest eigenvalue of the Hessian; NaN where a run has diverged.
    weights : Tensor, shape (m, runs, size)
        The weights.
    """

    eta: Array
    loss: Array
    at: npt.NDArray[np.int64]
    sharpness: Array
    weights: Tensor

    @property
    def diverged(self) -> npt.NDArray[np.bool_]:
        """Whether each run diverged."""
        lost: npt.NDArray[np.bool_] = np.isnan(self.loss[-1])
        return lost


def descend(
    loss: Losses,
    start: Tensor,
    *,
    eta: float | npt.ArrayLike,
    steps: int,
    every: int,
    momentum: float = 0.0,
    tol: float = 1e-3,
) -> Descent:
    r"""Follow gradient descent with momentum on the whole loss, and measure the sharpness every few steps.

    .. math:: v_{k+1} = \mu v_k - \eta \nabla L(w_k), \qquad w_{k+1} = w_k + v_{k+1}

    On a parabola it is stable exactly if :math:`\lambda_{\max} < 2 (1 + \mu) / \eta`.

    Parameters
    ----------
    loss : callable
        Maps weights of shape (runs, size) to losses of shape (runs,); no run may depend on another one.
    start : Tensor, shape (runs, size)
        Where each run begins.
    eta : float or array_like, shape (runs,)
        Step size, the same for all or one for each run.
    steps : int
        Number of steps.
    every : int
        Steps from one measurement to the next. Choose an odd number: at the edge a run alternates between two sides,
        and an even one would only ever see one of them.
    momentum : float
        The factor :math:`\mu`, at least 0 and below 1.
    tol : float
        Relative error of the sharpness; see `enlib.curvature.sharpness`.

    Returns
    -------
    Descent
        A run has diverged when its loss is above a million or not a number.

    Raises
    ------
    ValueError
        If a number is out of range, or the shapes do not fit.

    Examples
    --------
    >>> curvatures = torch.tensor([1.0, 4.0], dtype=torch.float64)
    >>> start = torch.ones(1, 2, dtype=torch.float64)
    >>> run = descend(lambda w: w**2 @ curvatures / 2, start, eta=0.4, steps=9, every=3)
    >>> run.at.tolist(), run.sharpness[:, 0].round(3).tolist(), run.loss[:2, 0].round(3).tolist()
    ([0, 3, 6, 9], [4.0, 4.0, 4.0, 4.0], [2.5, 0.9])
    """
    if start.ndim != 2:
        raise ValueError(f"expected a start of shape (runs, size), got {tuple(start.shape)}: one row for each run")
    sizes = np.broadcast_to(np.asarray(eta, dtype=np.float64), len(start)).copy()
    for size in sizes:
        _tools.positive("eta", size)
    _tools.count("steps", steps)
    _tools.count("every", every)
    if not 0 <= momentum < 1:
        raise ValueError(f"expected 0 <= momentum < 1, got {momentum}: 0.9 is usual")
    step_size = torch.as_tensor(sizes).to(start)[:, None]
    w, v = start.detach().clone(), torch.zeros_like(start)
    losses, at, sharp, kept = [], [], [], []
    for k in range(steps + 1):
        value, slope = _gradient(loss, w)
        lost = ~(value < TOO_LARGE)
        value[lost], w[lost] = torch.nan, torch.nan
        losses.append(value)
        if k % every == 0:
            at.append(k)
            sharp.append([_sharpness(loss, row, tol) for row in w])
            kept.append(w.clone())
        v = momentum * v - step_size * slope
        w = w + v
    return Descent(sizes, torch.stack(losses).cpu().numpy(), np.array(at), np.array(sharp), torch.stack(kept))


def _gradient(loss: Losses, w: Tensor) -> tuple[Tensor, Tensor]:
    w = w.detach().requires_grad_()
    value = loss(w)
    if value.shape != w.shape[:1]:
        raise ValueError(f"expected losses of shape ({len(w)},), got {tuple(value.shape)}: return one loss a run")
    # Every run has weights of its own, so the gradient of the sum holds the gradient of each.
    (slope,) = torch.autograd.grad(value.sum(), w)
    return value.detach().clone(), slope


def _sharpness(loss: Losses, row: Tensor, tol: float) -> float:
    if not torch.isfinite(row).all():
        return float("nan")
    return sharpness(lambda p: loss(p["w"][None])[0], {"w": row}, tol=tol).value
