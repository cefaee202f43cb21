"""The loss of the theorem and of the report, and the one definition of an error."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Literal, TypeVar

import numpy.typing as npt
from torch import Tensor
from torch.nn.functional import softplus

from enlib import _tools

Values = TypeVar("Values", Tensor, npt.NDArray[Any])


def polynomial_hinge(
    output: Tensor,
    target: Tensor,
    power: float = 3,
    reduction: Literal["mean", "sum", "none"] = "mean",
) -> Tensor:
    r"""Return the polynomial hinge loss of a binary classifier.

    .. math:: \ell(f, y) = \max(0,\, 1 - y f)^p

    With ``power`` at least 3 it meets the assumptions of the theorem: it is twice differentiable and non-decreasing
    in :math:`-yf`, and each of its critical points is a global minimum.

    Parameters
    ----------
    output : Tensor of shape (n,)
        The outputs :math:`f(x_i)` of the network.
    target : Tensor of shape (n,)
        The labels :math:`y_i \in \{-1, +1\}`. They are not checked here, in the innermost loop of training; `Split`
        and `error_count` check them.
    power : float
        The exponent p, at least 1.
    reduction : {"mean", "sum", "none"}
        How the losses of the samples are combined. The theorem is stated for the sum; training uses the mean.

    Returns
    -------
    Tensor
        A scalar, or for ``"none"`` a tensor of shape (n,).

    Raises
    ------
    ValueError
        If the shapes differ, the power is below 1 or the reduction is unknown.
    TypeError
        If ``output`` or ``target`` is not a tensor, or the power is not a number.

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
    _check(output, target)
    if _tools.positive("power", power) < 1:
        raise ValueError(f"expected power >= 1, got {power}: the theorem needs at least 3")
    _tools.known("reduction", reduction, ["mean", "sum", "none"])
    loss = (1 - target * output).clamp(min=0).pow(power)
    return loss.mean() if reduction == "mean" else loss.sum() if reduction == "sum" else loss


def error_count(output: Tensor, target: Tensor) -> int:
    r"""Return the number of samples that are classified wrongly; see `wrong`.

    Parameters
    ----------
    output : Tensor of shape (n,)
        The outputs :math:`f(x_i)` of the network.
    target : Tensor of shape (n,)
        The labels :math:`y_i \in \{-1, +1\}`.

    Raises
    ------
    ValueError
        If the shapes differ, or a label is neither -1 nor +1.
    TypeError
        If ``output`` or ``target`` is not a tensor.

    Examples
    --------
    >>> import torch
    >>> error_count(torch.tensor([0.3, 0.0, float("nan")]), torch.tensor([1.0, 1.0, -1.0]))
    2
    """
    _check(output, target)
    check_labels(target)
    return int(wrong(output, target).sum())


def wrong(output: Values, target: Values) -> Values:
    r"""Return which samples are classified wrongly: those without a positive margin :math:`y_i f(x_i)`.

    A margin of exactly zero is an error, and so is NaN: a network that has diverged classifies nothing. This is the
    one definition of an error in the package.

    Parameters
    ----------
    output : Tensor or array of shape (..., n)
        The outputs :math:`f(x_i)`, of one network or of several.
    target : Tensor or array of shape (n,)
        The labels :math:`y_i \in \{-1, +1\}`. If ``output`` is already a margin, pass a single +1 of shape ().

    Returns
    -------
    Tensor or array of bool
        In the shape of ``output``.

    Examples
    --------
    >>> import torch
    >>> wrong(torch.tensor([0.3, 0.0, float("nan")]), torch.tensor([1.0, 1.0, -1.0]))
    tensor([False,  True,  True])
    """
    errors: Values = ~(target * output > 0)
    return errors


def check_labels(target: Tensor) -> None:
    """Raise unless every label is -1 or +1.

    Examples
    --------
    >>> import torch
    >>> check_labels(torch.tensor([0.0, 1.0]))
    Traceback (most recent call last):
    ValueError: expected labels in {-1, +1}, got {0, 1}: map them with 2*y - 1
    """
    if not bool(((target == 1) | (target == -1)).all()):
        found = sorted(set(target.flatten().tolist()))
        names = ", ".join(f"{label:g}" for label in found[:5]) + (", ..." if len(found) > 5 else "")
        advice = "map them with 2*y - 1" if set(found) <= {0, 1} else "map your two classes to -1 and +1"
        raise ValueError(f"expected labels in {{-1, +1}}, got {{{names}}}: {advice}")


def _check(output: Tensor, target: Tensor) -> None:
    if not (isinstance(output, Tensor) and isinstance(target, Tensor)):
        raise TypeError(
            f"expected output and target to be tensors, got {_tools.shown(output)} and {_tools.shown(target)}: "
            "convert them with torch.as_tensor"
        )
    # (n, 1) against (n,) would broadcast to an n-by-n matrix and silently train on nonsense.
    if output.shape != target.shape:
        raise ValueError(
            f"expected output and target of one shape, got {tuple(output.shape)} and {tuple(target.shape)}: "
            "pass one output and one label per sample, both of shape (n,)"
        )


def _logistic(output: Tensor, target: Tensor) -> Tensor:
    return softplus(-output * target).mean()


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "cubic hinge": polynomial_hinge,
    "squared hinge": partial(polynomial_hinge, power=2),
    "logistic": _logistic,
}
"""Losses by name, as a `Recipe` names them; each takes outputs and targets of shape (n,), and returns the mean."""
