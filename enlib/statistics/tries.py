"""What tries buy: the best of k, and who has it, when k of the trials of a grid are drawn at random."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from enlib import _check
from enlib.statistics.pairs import Array


def expected_best(values: npt.ArrayLike) -> Array:
    r"""Return the smallest of k values that one may expect, for k = 1, ..., n.

    Of the :math:`\binom nk` ways to draw k of n values, the j-th smallest, :math:`x_{(j)}`, is the smallest in
    :math:`\binom{n-j}{k-1}`, so

    .. math:: E_k = \sum_{j=1}^{n} \frac{\binom{n-j}{k-1}}{\binom nk}\, x_{(j)} .

    Exact, and unbiased for the expectation over all settings that the grid stands for; drawing *with* replacement, as
    is also done, promises too much for few trials.

    Parameters
    ----------
    values : array_like, shape (..., n)
        What is to be small, such as errors; one for each trial along the last axis.

    Returns
    -------
    array, shape (..., n)
        Entry k - 1 is for k trials: first the mean, last the minimum.

    Raises
    ------
    ValueError
        If there are no values, or one is not finite.

    References
    ----------
    J. Dodge et al., Show your work: improved reporting of experimental results, EMNLP 2019.
    R. Tang et al., Showing your work doesn't always work, ACL 2020.

    Examples
    --------
    >>> expected_best([3.0, 0.0, 9.0])
    array([4., 1., 0.])
    """
    ordered = np.sort(_trials("values", values), axis=-1)
    chances = np.array([_chances(ordered.shape[-1], k) for k in range(1, ordered.shape[-1] + 1)])
    best: Array = ordered @ chances.T
    return best


def chance_of_lower(
    first: npt.ArrayLike, second: npt.ArrayLike, *, tries: Sequence[int]
) -> tuple[float, float, float]:
    r"""Return the chances that the best of the first arm is lower than that of the second, equal to it, or higher.

    Each arm draws its tries from its own trials, without replacement and independently of the other.

    Parameters
    ----------
    first, second : array_like, shape (n,) and (m,)
        What is to be small, one for each trial.
    tries : (int, int)
        How many the first and the second arm may draw.

    Returns
    -------
    (float, float, float)
        Lower, equal, higher.

    Raises
    ------
    ValueError
        If an arm is empty, not flat, not finite, or has fewer trials than tries.

    Examples
    --------
    >>> chance_of_lower([0.0, 2.0], [1.0, 3.0], tries=(1, 1))
    (0.75, 0.0, 0.25)
    >>> chance_of_lower([0.0, 2.0], [1.0, 3.0], tries=(2, 1))
    (1.0, 0.0, 0.0)
    """
    arms, chances = [], []
    for name, values, k in zip(("first", "second"), (first, second), tries, strict=True):
        arm = np.sort(_trials(name, values))
        if arm.ndim != 1 or _check.count("tries", k) > len(arm):
            raise ValueError(
                f"expected {name} of shape (n,) with n >= {k} tries, got shape {arm.shape}: draw fewer, or pass one "
                "seed at a time"
            )
        arms.append(arm)
        chances.append(_chances(len(arm), k))
    joint = np.outer(*chances)
    difference = np.sign(np.subtract.outer(*arms))
    lower, equal, higher = (float(joint[difference == sign].sum()) for sign in (-1, 0, 1))
    return lower, equal, higher


def _chances(n: int, k: int) -> Array:
    """Return the chance that the j-th smallest of n is the smallest of k, for j = 1, ..., n."""
    return np.array([math.comb(n - j, k - 1) / math.comb(n, k) for j in range(1, n + 1)])


def _trials(name: str, values: npt.ArrayLike) -> Array:
    array = np.asarray(values, dtype=np.float64)
    if not array.ndim or not array.shape[-1]:
        raise ValueError(f"expected {name} of shape (..., n), got shape {array.shape}: pass one value for each trial")
    if not np.isfinite(array).all():
        raise ValueError(f"expected finite {name}, got {array}: give a diverged trial the errors of a coin")
    return array
