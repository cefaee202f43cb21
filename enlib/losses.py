"""The loss of the theorem and of the report, and the count of errors."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from enlib import _tools


def polynomial_hinge(
    output: Tensor,
    target: Tensor,
    power: float = 3,
    reduction: Literal["mean", "sum", "none"] = "mean",
) -> Tensor:
    r"""Polynomial hinge loss of a binary classifier.

    .. math:: \ell(f, y) = \max(0,\, 1 - y f)^p

    With ``power`` at least 3 it meets the assumptions of the theorem: twice differentiable, non-decreasing in
    :math:`-yf`, and every critical point is a global minimum.

    Parameters
    ----------
    output : Tensor, shape (n,)
        What the network says, :math:`f(x_i)`.
    target : Tensor, shape (n,)
        The labels :math:`y_i \in \{-1, +1\}`.
    power : float
        The exponent p, at least 1.
    reduction : {"mean", "sum", "none"}
        Over the samples. The theorem is stated for the sum; training uses the mean.

    Returns
    -------
    Tensor
        A scalar, or shape (n,) for ``"none"``.

    Raises
    ------
    ValueError
        If the shapes differ, the power is below 1 or the reduction is unknown.

    Notes
    -----
    S. Liang, R. Sun, J. D. Lee, R. Srikant, *Adding One Neuron Can Eliminate All Bad Local Minima*,
    arXiv:1805.08671. In float32 the cube overflows once the output passes about 7e12 = exp(29.6).

    Examples
    --------
    >>> import torch
    >>> polynomial_hinge(torch.tensor([2.0, 0.0]), torch.tensor([1.0, -1.0]))
    tensor(0.5000)
    """
    _check_shapes(output, target)
    if not power >= 1:
        raise ValueError(f"expected power >= 1, got {power}: the theorem needs at least 3")
    _tools.known("reduction", reduction, ["mean", "sum", "none"])
    loss = (1 - target * output).clamp(min=0).pow(power)
    return loss.mean() if reduction == "mean" else loss.sum() if reduction == "sum" else loss


def error_count(output: Tensor, target: Tensor) -> int:
    r"""Count the samples on the wrong side: those without a positive margin :math:`y_i f(x_i) > 0`.

    A margin of exactly zero is an error, and so is NaN: a network that has blown up classifies nothing.

    Parameters
    ----------
    output, target : Tensor, shape (n,)
        As in `polynomial_hinge`.

    Raises
    ------
    ValueError
        If the shapes differ.

    Examples
    --------
    >>> import torch
    >>> error_count(torch.tensor([0.3, 0.0, float("nan")]), torch.tensor([1.0, 1.0, -1.0]))
    2
    """
    _check_shapes(output, target)
    return int((~(target * output > 0)).sum())


def _check_shapes(output: Tensor, target: Tensor) -> None:
    # (n, 1) against (n,) would broadcast to an n-by-n matrix and train on nonsense without a word.
    if output.shape != target.shape:
        raise ValueError(
            f"expected output and target of one shape, got {tuple(output.shape)} and {tuple(target.shape)}: "
            "one output and one label a sample, both of shape (n,)"
        )
