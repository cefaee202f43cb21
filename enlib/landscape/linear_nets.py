r"""The two-layer linear network, whose critical points are all known.

.. math:: L(W_1, W_2) = \tfrac12 \lVert W_2 W_1 - M \rVert_F^2

Let :math:`\sigma_1 > \sigma_2 > \dots > 0` be the singular values of M, its *modes*. A critical point has learned
some of the modes and knows nothing of the others; there is one family of critical points for each set of modes.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Sequence

import torch
from torch import Tensor

from enlib import _tools
from enlib.landscape.parameters import Parameters


def factorization_loss(params: Parameters, target: Tensor) -> Tensor:
    r"""Return half the squared distance of the product of two matrices from a target.

    .. math:: L = \tfrac12 \lVert W_2 W_1 - M \rVert_F^2

    Parameters
    ----------
    params : mapping of str to Tensor
        :math:`W_1` as ``"0.weight"`` of shape (hidden, in), :math:`W_2` as ``"1.weight"`` of shape (out, hidden).
    target : Tensor, shape (out, in)
        The matrix M.

    Returns
    -------
    Tensor
        A scalar.

    Raises
    ------
    ValueError
        If a matrix is missing, or the shapes do not fit.

    Examples
    --------
    >>> factorization_loss({"0.weight": torch.zeros(3, 2), "1.weight": torch.zeros(2, 3)}, torch.eye(2))
    tensor(1.)
    """
    if set(params) != {"0.weight", "1.weight"}:
        raise ValueError(
            f"expected the two matrices '0.weight' and '1.weight', got {', '.join(params) or 'none'}: "
            "name them as nn.Sequential of two layers without bias does"
        )
    first, second = params["0.weight"], params["1.weight"]
    if target.dim() != 2 or second.shape != (target.shape[0], first.shape[0]) or first.shape[1:] != target.shape[1:]:
        raise ValueError(
            f"expected shapes (hidden, in), (out, hidden) and (out, in), got {tuple(first.shape)}, "
            f"{tuple(second.shape)} and {tuple(target.shape)}: the target is what second @ first should become"
        )
    return (second @ first - target).square().sum() / 2


def critical_point(
    singular_values: Sequence[float], modes: Collection[int], *, hidden: int | None = None
) -> dict[str, Tensor]:
    r"""Return the balanced critical point that has learned some modes of a diagonal target.

    Hidden unit j carries the j-th chosen mode i, with :math:`\sqrt{\sigma_i}` into it and :math:`\sqrt{\sigma_i}` out
    of it. For any invertible G, :math:`(G W_1, W_2 G^{-1})` is a critical point with the same loss and index.

    Parameters
    ----------
    singular_values : sequence of float
        Those of the target :math:`M = \mathrm{diag}(\sigma_1, \dots, \sigma_d)`: positive and descending.
    modes : collection of int
        Which modes are learned, counted from 1; none is the zero network.
    hidden : int, optional
        Number of hidden units, at least as many as modes; by default d.

    Returns
    -------
    dict of str to Tensor
        ``"0.weight"`` of shape (hidden, d) and ``"1.weight"`` of shape (d, hidden), in float64.

    Raises
    ------
    ValueError
        If the singular values do not descend to a positive one, a mode does not exist or comes twice, or there are
        more modes than hidden units.

    Notes
    -----
    P. Baldi, K. Hornik, *Neural Networks and Principal Component Analysis: Learning from Examples Without Local
    Minima*, Neural Networks 2 (1989).

    Examples
    --------
    >>> point = critical_point([3, 2, 1], {1, 3})
    >>> (point["1.weight"] @ point["0.weight"]).round(decimals=9)
    tensor([[3., 0., 0.],
            [0., 0., 0.],
            [0., 0., 1.]], dtype=torch.float64)
    """
    sigma, learned, hidden = _check_modes(singular_values, modes, hidden)
    first = torch.zeros(hidden, len(sigma), dtype=torch.float64)
    for unit, mode in enumerate(learned):
        first[unit, mode - 1] = math.sqrt(sigma[mode - 1])
    return {"0.weight": first, "1.weight": first.T.clone()}


def index(singular_values: Sequence[float], modes: Collection[int], *, hidden: int | None = None) -> int:
    r"""Return the index of a critical point: in how many directions the loss curves down.

    .. math:: \sum_{i \notin S} \big( h - |S| + \#\{ j \in S : \sigma_j < \sigma_i \} \big)

    Each mode i that is not learned could be taken up by each spare hidden unit, or by each unit that carries a
    smaller mode. So the index is zero only if the h largest modes are learned (all d of them if h > d): every other
    critical point is a saddle.

    Parameters
    ----------
    singular_values, modes, hidden
        As in `critical_point`.

    Examples
    --------
    >>> [index([3, 2, 1], modes) for modes in ((), (3,), (2,), (2, 3), (1,), (1, 3), (1, 2), (1, 2, 3))]
    [9, 6, 5, 3, 4, 2, 1, 0]
    """
    sigma, learned, hidden = _check_modes(singular_values, modes, hidden)
    missing = [i for i in range(1, len(sigma) + 1) if i not in learned]
    return sum(hidden - len(learned) + sum(j > i for j in learned) for i in missing)


def hessian_eigenvalues(
    singular_values: Sequence[float], modes: Collection[int], *, hidden: int | None = None
) -> Tensor:
    r"""Return all eigenvalues of the Hessian at a balanced critical point, in closed form.

    For each mode i that is not learned: :math:`\sigma_j \pm \sigma_i` for each learned j, and :math:`\pm \sigma_i`
    for each spare hidden unit. For each two learned modes i and j, in both orders: :math:`\sigma_i + \sigma_j`
    and 0. For each learned mode and each spare unit: 0 twice.

    Parameters
    ----------
    singular_values, modes, hidden
        As in `critical_point`.

    Returns
    -------
    Tensor, shape (2 * d * hidden,)
        Ascending, in float64.

    Examples
    --------
    >>> hessian_eigenvalues([2, 1], {1})
    tensor([-1., 0., 0., 0., 1., 1., 3., 4.], dtype=torch.float64)
    """
    sigma, learned, hidden = _check_modes(singular_values, modes, hidden)
    spare = hidden - len(learned)
    values: list[float] = []
    for i, s in enumerate(sigma, 1):
        for j in learned:
            values += [sigma[j - 1] + s, 0.0] if i in learned else [sigma[j - 1] + s, sigma[j - 1] - s]
        values += ([0.0, 0.0] if i in learned else [s, -s]) * spare
    return torch.tensor(sorted(values), dtype=torch.float64)


def _check_modes(
    singular_values: Sequence[float], modes: Collection[int], hidden: int | None
) -> tuple[list[float], list[int], int]:
    sigma = [float(s) for s in singular_values]
    if not sigma or sigma[-1] <= 0 or any(a <= b for a, b in itertools.pairwise(sigma)):
        raise ValueError(
            f"expected positive singular values in descending order, got {sigma}: sort them, and leave zeros out"
        )
    learned = sorted(modes)
    if len(set(learned)) < len(learned) or not all(i in range(1, len(sigma) + 1) for i in learned):
        raise ValueError(
            f"expected modes from 1 to {len(sigma)}, each at most once, got {learned}: they are counted from 1"
        )
    hidden = len(sigma) if hidden is None else _tools.count("hidden", hidden)
    if hidden < len(learned):
        raise ValueError(f"expected at most {hidden} modes, one for each hidden unit, got {len(learned)}: drop some")
    return sigma, learned, hidden
