"""What tries buy: the best of k of the n trials of a grid, drawn at random, and who has it.

Nothing is simulated: all subsets are counted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from enlib import _tools
from enlib.statistics.pairs import Array, column


def best_of(times: npt.ArrayLike, tries: int) -> tuple[Array, Array]:
    r"""Return what the best of a few random trials can be, and with which chance.

    Of n trials, sorted, all subsets of size k are equally likely. The i-th is the best of its subset if the other
    k - 1 come from the n - i behind it:

    .. math:: P(\min = t_{(i)}) = \binom{n-i}{k-1} \Big/ \binom{n}{k}

    Parameters
    ----------
    times : array_like, shape (n,)
        Of all trials; NaN for one that did not get there, which is worse than any that did.
    tries : int
        k, from 1 to n.

    Returns
    -------
    best : array, shape (n,)
        The times in ascending order; infinite for trials that did not get there.
    chances : array, shape (n,)
        Of each to be the best; they sum to 1.

    Raises
    ------
    ValueError
        If there are no times, or fewer than ``tries``.

    Examples
    --------
    >>> best, chances = best_of([30, 20, float("nan")], tries=2)
    >>> print(best, chances.round(3))
    [20. 30. inf] [0.667 0.333 0.   ]
    """
    values = column("times", times)
    n, k = len(values), _tools.count("tries", tries)
    if k > n:
        raise ValueError(f"expected at most {n} tries, one for each trial, got {k}: nothing is drawn twice")
    return np.sort(np.where(np.isnan(values), np.inf, values)), _chances(n, k)


def typical_best(times: npt.ArrayLike, tries: int, *, cap: float) -> float:
    r"""Return the geometric mean of the best of a few random trials.

    .. math:: \exp \sum_i P(\min = t_{(i)}) \log t_{(i)}

    A subset in which no trial gets there counts as the cap, the least that it can be.

    Parameters
    ----------
    times, tries
        As in `best_of`; the times are positive.
    cap : float
        When watching ended.

    Raises
    ------
    ValueError
        If a time is not positive or above the cap, the cap not positive and finite, or as `best_of`.

    Examples
    --------
    >>> round(typical_best([40, 10], tries=1, cap=100), 3), round(typical_best([40, 10], tries=2, cap=100), 3)
    (20.0, 10.0)
    """
    if not 0 < cap < math.inf:
        raise ValueError(f"expected cap > 0 and finite, got {cap:g}: pass the cap that the runs had")
    best, chances = best_of(times, tries)
    if best[0] <= 0:
        raise ValueError(f"expected times > 0, got {best[0]:g}: times are positive, or NaN if not reached")
    finite = best[np.isfinite(best)]
    if not np.all(finite <= cap):
        raise ValueError(f"expected cap at or above every time, got {cap:g}: pass the cap that the runs had")
    return float(np.exp(chances @ np.log(np.minimum(best, cap))))


def expected_best(values: npt.ArrayLike, *, by: npt.ArrayLike | None = None) -> Array:
    r"""Return what one may expect of the best of k trials, for k = 1, ..., n.

    .. math:: E_k = \sum_{i=1}^{n} P(\text{the } i\text{-th is the best})\, x_i

    with the trials in order, the best first, and the chances of `best_of`.

    Exact, and unbiased for the expectation over all settings that the grid stands for; drawing *with* replacement, as
    is also done, promises too little, for it may draw one trial twice: the less, the nearer k is to n.

    Parameters
    ----------
    values : array_like, shape (..., n)
        What is to be small, such as errors; one for each trial along the last axis.
    by : array_like, shape (..., n), optional
        What the best has the least of, such as errors on a split of its own; by default the values themselves. Of
        equals, the first is the better one.

    Returns
    -------
    array, shape (..., n)
        Entry k - 1 is for k trials: first the mean, last the value of the best of all.

    Raises
    ------
    ValueError
        If there are no values, or one is not finite; or ``by`` is of another shape, or NaN somewhere.

    References
    ----------
    J. Dodge et al., Show your work: improved reporting of experimental results, EMNLP 2019.
    R. Tang et al., Showing your work doesn't always work, ACL 2020.

    Examples
    --------
    >>> expected_best([3.0, 0.0, 9.0])
    array([4., 1., 0.])
    >>> expected_best([3.0, 0.0, 9.0], by=[1, 2, 3])
    array([4., 2., 3.])
    """
    array = np.asarray(values, dtype=np.float64)
    if not array.ndim or not array.shape[-1]:
        raise ValueError(f"expected values of shape (..., n), got shape {array.shape}: pass one for each trial")
    if not np.isfinite(array).all():
        raise ValueError(f"expected finite values, got {array}: give a diverged trial the errors of a coin")
    keys = array if by is None else np.asarray(by, dtype=np.float64)
    if keys.shape != array.shape:
        raise ValueError(
            f"expected by of shape {array.shape}, as the values, got {keys.shape}: pass one for each trial"
        )
    if np.isnan(keys).any():
        raise ValueError(f"expected by without NaN, got {keys}: NaN is neither better nor worse")
    ordered = np.take_along_axis(array, np.argsort(keys, axis=-1, kind="stable"), axis=-1)
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
        What is to be small, one for each trial; NaN for one that did not get there, worse than any that did.
    tries : (int, int)
        How many the first and the second arm may draw.

    Returns
    -------
    (float, float, float)
        Lower, equal, higher.

    Raises
    ------
    ValueError
        As `best_of`.

    Examples
    --------
    >>> chance_of_lower([0.0, 2.0], [1.0, 3.0], tries=(1, 1))
    (0.75, 0.0, 0.25)
    >>> chance_of_lower([0.0, 2.0], [1.0, 3.0], tries=(2, 1))
    (1.0, 0.0, 0.0)
    """
    (one, chances_one), (other, chances_other) = best_of(first, tries[0]), best_of(second, tries[1])
    joint = np.outer(chances_one, chances_other)
    lower, equal = (compare.outer(one, other) for compare in (np.less, np.equal))
    return float(joint[lower].sum()), float(joint[equal].sum()), float(joint[~lower & ~equal].sum())


def _chances(n: int, k: int) -> Array:
    """Return the chance that the i-th smallest of n is the smallest of k, for i = 1, ..., n."""
    return np.array([math.comb(n - i, k - 1) / math.comb(n, k) for i in range(1, n + 1)])
