"""Optimization steps that use the Hessian: Newton's, the saddle-free one, and one step size per coordinate."""

from __future__ import annotations

import torch
from torch import Tensor

from enlib import _tools


def newton_step(gradient: Tensor, hessian: Tensor, *, damping: float = 0.0) -> Tensor:
    r"""Return Newton's step, to the critical point of the local parabola, even if that is a saddle or a maximum.

    .. math:: r = -(H + \delta I)^{-1} g

    The minus sign comes from setting the derivative :math:`g + H r` of
    :math:`E + g \cdot r + \tfrac12 r^\top H r` to zero.

    Parameters
    ----------
    gradient : Tensor of shape (d,)
        The gradient g.
    hessian : Tensor of shape (d, d)
        The symmetric matrix H.
    damping : float
        The number :math:`\delta \ge 0` added to all curvatures.

    Returns
    -------
    Tensor of shape (d,)
        The step to add to the parameters.

    Raises
    ------
    TypeError
        If an argument is not a tensor of floating-point numbers, or the damping is not a number.
    ValueError
        If the matrix is not square, not symmetric, not finite, does not fit the gradient, or is singular.

    Examples
    --------
    >>> newton_step(torch.tensor([2.0, 9.0]), torch.diag(torch.tensor([2.0, 3.0])))
    tensor([-1., -3.])
    """
    return _step(gradient, hessian, damping, positive=False)


def saddle_free_step(gradient: Tensor, hessian: Tensor, *, damping: float = 0.0) -> Tensor:
    r"""Return Newton's step with every curvature made positive, so that it descends at a saddle, too.

    .. math:: r = -(|H| + \delta I)^{-1} g, \qquad |H| = \sum_i |\lambda_i| q_i q_i^\top

    Where all curvatures are positive, this is Newton's step (Dauphin et al. 2014).

    Parameters
    ----------
    gradient, hessian, damping
        As for `newton_step`.

    Returns
    -------
    Tensor of shape (d,)
        The step to add to the parameters.

    Raises
    ------
    TypeError, ValueError
        As `newton_step`.

    Examples
    --------
    >>> saddle_free_step(torch.tensor([2.0, 9.0]), torch.diag(torch.tensor([2.0, -3.0])))
    tensor([-1., -3.])
    """
    return _step(gradient, hessian, damping, positive=True)


def diagonal_step(gradient: Tensor, diagonal: Tensor, *, damping: float = 0.0) -> Tensor:
    r"""Return a step with a separate step size for each coordinate, from the diagonal of the Hessian.

    .. math:: r_i = -\frac{g_i}{|H_{ii}| + \delta}

    The step is cheap and ignores everything off the diagonal: a rotation of the coordinates changes it, and where
    coordinates are coupled it can overshoot (LeCun et al. 1998).

    Parameters
    ----------
    gradient, diagonal : Tensor of shape (d,)
        The gradient g and the diagonal of H.
    damping : float
        The number :math:`\delta \ge 0`; where a curvature is zero it must be positive.

    Returns
    -------
    Tensor of shape (d,)
        The step to add to the parameters.

    Raises
    ------
    TypeError
        If an argument is not a tensor of floating-point numbers, or the damping is not a number.
    ValueError
        If shapes differ, a number is not finite, or a curvature and the damping are both zero.

    Examples
    --------
    >>> diagonal_step(torch.tensor([2.0, 9.0]), torch.tensor([2.0, -3.0]))
    tensor([-1., -3.])
    """
    damping = _tools.non_negative("damping", damping)
    _tools.floats("gradient", gradient)
    _tools.floats("diagonal", diagonal)
    if gradient.ndim != 1 or diagonal.shape != gradient.shape:
        raise ValueError(
            f"expected a gradient and a diagonal of one shape (d,), got {tuple(gradient.shape)} and "
            f"{tuple(diagonal.shape)}: pass the diagonal as a vector, as hessian.diagonal() gives it"
        )
    sizes = diagonal.abs() + damping
    if (sizes == 0).any():
        at = int((sizes == 0).nonzero()[0])
        raise ValueError(f"expected a curvature or a damping above zero, got neither at index {at}: add damping")
    return -gradient / sizes


def _step(gradient: Tensor, hessian: Tensor, damping: float, *, positive: bool) -> Tensor:
    damping = _tools.non_negative("damping", damping)
    _tools.floats("gradient", gradient)
    _tools.floats("Hessian", hessian)
    if hessian.ndim != 2 or hessian.shape[0] != hessian.shape[1]:
        raise ValueError(
            f"expected a square matrix, got shape {tuple(hessian.shape)}: pass one row and one column per parameter"
        )
    if gradient.shape != hessian.shape[:1]:
        raise ValueError(
            f"expected a gradient of shape ({len(hessian)},), got {tuple(gradient.shape)}: pass one entry per row"
        )
    apart = (hessian - hessian.T).abs().max()
    if apart > 100 * torch.finfo(hessian.dtype).eps * hessian.abs().max():
        raise ValueError(
            f"expected a symmetric matrix, got entries that differ by {float(apart):.3g} from their mirror images: a "
            "Hessian is symmetric; if rounding made the difference, pass (H + H.T) / 2"
        )
    values, vectors = torch.linalg.eigh(hessian)
    values = (values.abs() if positive else values) + damping
    if values.abs().min() <= len(values) * torch.finfo(values.dtype).eps * values.abs().max():
        raise ValueError(
            "expected an invertible Hessian, got a singular one: along some direction the loss is flat and Newton's "
            "step is infinite; add damping"
        )
    step: Tensor = -vectors @ ((vectors.T @ gradient) / values)
    return step
