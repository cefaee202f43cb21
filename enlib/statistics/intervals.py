"""Point estimates and intervals of the middle of a few effects, some of which may be infinite."""

from __future__ import annotations

import math
import warnings

import numpy as np
from scipy.stats import bootstrap

from enlib.statistics.pairs import Array
from enlib.statistics.randomization import signed_rank_distribution


def median_effect(values: Array) -> float:
    """Return the median; NaN if there is none, or if it lies between opposite infinities.

    >>> median_effect(np.array([0.1, 0.3, np.inf]))
    0.3
    """
    if not len(values):
        return math.nan
    with np.errstate(invalid="ignore"):
        return float(np.median(values))


def hodges_lehmann(values: Array) -> float:
    """Return the median of all pairwise means; NaN if opposite infinities leave it open."""
    if not len(values):
        return math.nan
    means = _pairwise_means(values)
    # The mean of the two infinities may be anything.
    low, high = (median_effect(np.where(np.isnan(means), bound, means)) for bound in (-np.inf, np.inf))
    if low == high:
        return low
    return (low + high) / 2 if math.isfinite(low) and math.isfinite(high) else math.nan


def signed_rank_interval(values: Array, confidence: float) -> tuple[float, float]:
    r"""Return the values that the two-sided signed-rank test of size 1 - confidence does not reject.

    The :math:`k`-th smallest and largest of the :math:`n (n+1)/2` pairwise means, with the largest k for which
    :math:`P(W < k) \le (1 - \text{confidence})/2`; unbounded where there is no such k.
    """
    below = np.cumsum(signed_rank_distribution(np.arange(1, len(values) + 1)))
    k = int(np.sum(below <= (1 - confidence) / 2 + 1e-12))
    if not k:
        return -math.inf, math.inf
    means = _pairwise_means(values)
    low, high = (np.sort(np.where(np.isnan(means), bound, means)) for bound in (-np.inf, np.inf))
    return float(low[k - 1]), float(high[-k])


def bootstrap_interval(values: Array, confidence: float, resamples: int, seed: int) -> tuple[float, float, bool]:
    """Return the bootstrap interval of the median, and whether it is BCa: otherwise it is made of percentiles."""
    if len(values) < 3:
        return -math.inf, math.inf, False
    finite = bool(np.isfinite(values).all())
    with warnings.catch_warnings(), np.errstate(invalid="ignore"):
        warnings.simplefilter("ignore")  # BCa warns where it is not defined, which is handled below
        found = bootstrap(
            (values,),
            np.median,
            n_resamples=resamples,
            confidence_level=confidence,
            method="BCa" if finite else "percentile",
            rng=np.random.default_rng(seed),
        )
    low, high = (float(end) for end in found.confidence_interval)
    if finite and math.isfinite(low) and math.isfinite(high):
        return low, high, True
    medians, tail = found.bootstrap_distribution, (1 - confidence) / 2
    # Interpolation between infinities is NaN, so each end is one of the medians.
    low = float(np.quantile(np.where(np.isnan(medians), -np.inf, medians), tail, method="lower"))
    high = float(np.quantile(np.where(np.isnan(medians), np.inf, medians), 1 - tail, method="higher"))
    return low, high, False


def _pairwise_means(values: Array) -> Array:
    i, j = np.triu_indices(len(values))
    with np.errstate(invalid="ignore"):
        means: Array = (values[i] + values[j]) / 2
    return means
