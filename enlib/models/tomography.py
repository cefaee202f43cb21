r"""Read the loss derivative of every sample off the neuron's amplitude: the theorem's proof as an instrument.

With the exponential neuron switched off, a = 0, the slope of the loss in a is

.. math:: \frac{\partial \tilde L}{\partial a}(w, b) = \sum_i c_i\, e^{w \cdot x_i + b}, \qquad
    c_i = \frac{\partial}{\partial f_i} \ell(-y_i f_i) .

Each choice of (w, b) is a probe, and gives one linear equation for the n unknown :math:`c_i`. So n probes suffice.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
from torch import Tensor

from enlib.losses import polynomial_hinge

# How many decimal digits of the recovered numbers must be correct.
_DIGITS = 3
_hinge = functools.partial(polynomial_hinge, reduction="none")


def amplitude_slopes(
    output: Tensor,
    target: Tensor,
    x: Tensor,
    weights: Tensor,
    biases: Tensor | float = 0.0,
    *,
    loss: Callable[[Tensor, Tensor], Tensor] = _hinge,
) -> Tensor:
    r"""Return :math:`\partial \tilde L / \partial a` at a = 0 for k probes.

    It differentiates the loss with respect to the amplitude alone.

    Parameters
    ----------
    output, target : Tensor of shape (n,)
        The base network's outputs for the samples, and their labels.
    x : Tensor of shape (n, ...) or (n,)
        The samples, of d numbers each.
    weights : Tensor of shape (k, d) or, for d = 1, (k,)
        One w for each probe.
    biases : Tensor of shape (k,), or float
        One b for each probe.
    loss : callable
        Maps outputs and labels to losses, all of one shape; by default the cubed hinge.

    Returns
    -------
    Tensor of shape (k,)

    Examples
    --------
    >>> x, y = torch.tensor([-1.0, 1.0]), torch.tensor([-1.0, 1.0])
    >>> amplitude_slopes(torch.zeros(2), y, x, torch.tensor([0.0, 1.0])).round(decimals=4)  # 3/e - 3e for w = 1
    tensor([ 0.0000, -7.0512])
    """
    response = probe_matrix(x, weights, biases)
    a = torch.zeros(len(response), dtype=response.dtype, requires_grad=True)
    f_tilde = output.detach() + a[:, None] * response
    (slopes,) = torch.autograd.grad(loss(f_tilde, target.expand_as(f_tilde)).sum(), a)
    return slopes


def probe_matrix(x: Tensor, weights: Tensor, biases: Tensor | float = 0.0) -> Tensor:
    r"""Return the responses of k probes to n samples, :math:`e^{w_j \cdot x_i + b_j}`, as a matrix of shape (k, n).

    Parameters
    ----------
    x, weights, biases
        As in `amplitude_slopes`.

    Raises
    ------
    ValueError
        If a probe and a sample differ in length, or an entry overflows.
    TypeError
        If samples and probes are not tensors of the same floating-point type.

    Examples
    --------
    >>> probe_matrix(torch.tensor([0.0, 1.0]), torch.tensor([0.0, 1.0])).round(decimals=4)
    tensor([[1.0000, 1.0000],
            [1.0000, 2.7183]])
    """
    samples, probes = _rows(x), _rows(weights)
    if samples.dtype != probes.dtype or not probes.is_floating_point():
        raise TypeError(
            f"expected samples and probes of one floating-point type, got {samples.dtype} and {probes.dtype}: "
            "convert both with .double()"
        )
    if samples.shape[1] != probes.shape[1]:
        raise ValueError(
            f"expected probes with {samples.shape[1]} weights, one for each number of a sample, got "
            f"{probes.shape[1]}: pass weights of shape (k, {samples.shape[1]})"
        )
    exponent = probes @ samples.T + torch.as_tensor(biases, dtype=probes.dtype).reshape(-1, 1)
    matrix = exponent.exp()
    if not bool(torch.isfinite(matrix).all()):
        raise ValueError(f"expected finite probes, got an exponent of {exponent.max():.4g}: take smaller weights")
    return matrix


def sample_slopes(slopes: Tensor, x: Tensor, weights: Tensor, biases: Tensor | float = 0.0) -> Tensor:
    r"""Return :math:`c_i = \partial \ell_i / \partial f_i` for every sample, recovered from slopes in the amplitude.

    It solves :math:`\sum_i e^{w_j \cdot x_i + b_j} c_i = s_j`, by least squares if there are more probes than
    samples. The condition number of `probe_matrix` bounds the growth of an error in the slopes. It increases
    exponentially with the number of samples in a given range.

    Parameters
    ----------
    slopes : Tensor of shape (k,) or (k, m)
        The slopes that `amplitude_slopes` measured with these probes; several columns are solved together.
    x, weights, biases
        As in `amplitude_slopes`.

    Returns
    -------
    Tensor of shape (n,) or (n, m)

    Raises
    ------
    ValueError
        If there are fewer probes than samples, two samples coincide, or fewer than three decimal digits would be
        correct even if the slopes were exact.

    Examples
    --------
    >>> x, w = torch.tensor([-1.0, 1.0]).double(), torch.tensor([0.0, 1.0]).double()
    >>> s = amplitude_slopes(torch.zeros(2).double(), torch.tensor([-1.0, 1.0]).double(), x, w)
    >>> sample_slopes(s, x, w).round(decimals=12)  # 3 (1 - margin)^2, against the label
    tensor([ 3., -3.], dtype=torch.float64)
    """
    _check_distinct(x)
    matrix = probe_matrix(x, weights, biases)
    k, n = matrix.shape
    if k < n:
        raise ValueError(f"expected at least {n} probes for {n} samples, got {k}: pass one probe for each unknown")
    if len(slopes) != k:
        raise ValueError(f"expected {k} slopes, one for each probe, got {len(slopes)}: pass those of these probes")
    condition = float(torch.linalg.cond(matrix))
    if not condition * torch.finfo(matrix.dtype).eps <= 10.0**-_DIGITS:
        raise ValueError(
            f"expected {_DIGITS} digits to survive, got condition number {condition:.0e} in {matrix.dtype}: "
            "spread the probes further, take fewer samples or ones further apart, or use float64"
        )
    columns = slopes.to(matrix.dtype).reshape(k, -1)
    # Elimination with pivoting is accurate on these matrices; in one dimension they are totally positive. With more
    # probes than samples, QR is used. The normal equations would square the condition number.
    solution: Tensor
    if k == n:
        solution = torch.linalg.solve(matrix, columns)
    else:
        solution = torch.linalg.lstsq(matrix, columns, driver="gels").solution
    return solution.reshape(n, *slopes.shape[1:])


def _rows(x: Tensor) -> Tensor:
    given: object = x
    if not isinstance(given, Tensor):
        raise TypeError(f"expected a tensor, got {type(given).__name__}: convert with torch.as_tensor")
    return x[:, None] if x.ndim == 1 else x.flatten(1)


def _check_distinct(x: Tensor) -> None:
    samples = _rows(x)
    count = len(torch.unique(samples, dim=0))
    if count < len(samples):
        raise ValueError(
            f"expected distinct samples, got {len(samples)} with {count} different values: no probe tells equal "
            "samples apart; pass torch.unique(x, dim=0) to recover the sum over each group"
        )
