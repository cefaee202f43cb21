r"""Critical points of the two-layer linear network, all of which are known.

.. math:: L(W_1, W_2) = \tfrac12 \lVert W_2 W_1 - M \rVert_F^2

Let :math:`\sigma_1 > \sigma_2 > \dots > 0` be the singular values of M, its *modes*. At a critical point the network
has learned some of the modes and none of the others; each set of modes has one family of critical points.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Sequence

import numpy as np
import torch
from torch import Tensor

from enlib import _tools


def critical_point(
    singular_values: Sequence[float], modes: Collection[int], *, hidden: int | None = None
) -> dict[str, Tensor]:
    r"""Return the balanced critical point that has learned the given modes of a diagonal target.

    Hidden unit j carries the j-th learned mode i: its input and output weights for this mode are
    :math:`\sqrt{\sigma_i}`. For any invertible G, :math:`(G W_1, W_2 G^{-1})` is a critical point with the same loss
    and index.

    Parameters
    ----------
    singular_values : sequence of float
        The diagonal of the target :math:`M = \mathrm{diag}(\sigma_1, \dots, \sigma_d)`: positive and descending.
    modes : collection of int
        The learned modes, counted from 1; no modes give the zero network.
    hidden : int, optional
        Number of hidden units, at least as many as modes; by default d.

    Returns
    -------
    dict of str to Tensor
        ``"0.weight"`` of shape (hidden, d) and ``"1.weight"`` of shape (d, hidden), in float64.

    Raises
    ------
    TypeError, ValueError
        If the singular values are not finite, positive and descending, a mode does not exist or comes twice, or there
        are more modes than hidden units.

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


def saddle_index(singular_values: Sequence[float], modes: Collection[int], *, hidden: int | None = None) -> int:
    r"""Return the index of a critical point, the number of directions in which the loss curves down.

    .. math:: \sum_{i \notin S} \big( h - |S| + \#\{ j \in S : \sigma_j < \sigma_i \} \big)

    Each mode i that is not learned could be learned by each spare hidden unit, or by each unit that carries a smaller
    mode. So the index is zero only if the h largest modes are learned (all d of them if h > d): every other
    critical point is a saddle.

    Parameters
    ----------
    singular_values, modes, hidden
        As in `critical_point`.

    Examples
    --------
    >>> [saddle_index([3, 2, 1], modes) for modes in ((), (3,), (2,), (2, 3), (1,), (1, 3), (1, 2), (1, 2, 3))]
    [9, 6, 5, 3, 4, 2, 1, 0]
    """
    sigma, learned, hidden = _check_modes(singular_values, modes, hidden)
    missing = [i for i in range(1, len(sigma) + 1) if i not in learned]
    return sum(hidden - len(learned) + sum(j > i for j in learned) for i in missing)


def _check_modes(
    singular_values: Sequence[float], modes: Collection[int], hidden: int | None
) -> tuple[list[float], list[int], int]:
    sigma = _tools.array("singular_values", singular_values, finite=True).tolist()
    if not np.ndim(sigma) == 1 or not sigma or not all(a > b for a, b in itertools.pairwise([*sigma, 0.0])):
        raise ValueError(
            f"expected positive singular values in descending order, got {sigma}: sort them, and leave out zeros"
        )
    if not isinstance(modes, Collection):
        raise TypeError(f"expected a set of modes, got {modes!r}: pass a set of integers, such as {{1, 3}}")
    learned = sorted(_tools.count("each mode", mode, least=0) for mode in modes)
    if len(set(learned)) < len(learned) or not all(i in range(1, len(sigma) + 1) for i in learned):
        raise ValueError(
            f"expected modes from 1 to {len(sigma)}, each at most once, got {learned}: they are counted from 1"
        )
    hidden = len(sigma) if hidden is None else _tools.count("hidden", hidden)
    if hidden < len(learned):
        raise ValueError(f"expected at most {hidden} modes, one for each hidden unit, got {len(learned)}: drop some")
    return sigma, learned, hidden
