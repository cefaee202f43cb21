"""How much faster, or how much better: the effect of the neuron over all pairs, with its interval."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from enlib import _tools
from enlib.statistics.intervals import bootstrap_interval, hodges_lehmann, median_effect, signed_rank_interval
from enlib.statistics.pairs import Array, differences, fraction, log_ratio_bounds, log_ratios

METHODS = ("signed-rank", "bca-median")


@dataclass(frozen=True)
class PairedEstimate:
    """An effect over all pairs, its interval, and what it rests on.

    Attributes
    ----------
    estimate, low, high : float
        Infinite where the runs do not bound them; NaN where no pair has an order, or where censored runs of both arms
        leave even the side open.
    median : float
        Of the effects, whatever the method; infinite once half of them are.
    confidence : float
        Asked for. The signed-rank interval covers at least that much, if the effects are symmetric.
    method : str
        ``"signed-rank"``, ``"bca-median"``, or ``"percentile-median"`` where BCa is not defined.
    pairs, used : int
        All pairs, and those with an order: all but ``neither``.
    only_without, only_with, neither : int
        Pairs in which only the run without the neuron got there, only the run with it, and none of the two.
    note : str
        Empty, as a rule; else what to know before printing the interval.
    """

    estimate: float
    low: float
    high: float
    median: float
    confidence: float
    method: str
    pairs: int
    used: int
    only_without: int
    only_with: int
    neither: int
    note: str = ""


def paired_ratio(
    without: npt.ArrayLike,
    with_neuron: npt.ArrayLike,
    *,
    cap: float | None = None,
    confidence: float = 0.95,
    method: str = "signed-rank",
    resamples: int = 9999,
    seed: int = 0,
) -> PairedEstimate:
    r"""Return the typical ratio of the times with the neuron to those without, with its interval.

    By default :math:`\exp` of Hodges and Lehmann's estimate on the log-ratios :math:`d_i` of `log_ratios`, the median
    of the means of all pairs of effects,

    .. math:: \hat\theta = \operatorname{median}_{i \le j} \frac{d_i + d_j}{2},

    with the interval that inverts the signed-rank test: the values that the test does not reject. For effects
    that are symmetric about their median it covers as promised at any n, exactly, and it agrees with the p-value of
    `signed_rank` up to ties. For skewed effects it is about the median of :math:`(d_i + d_j)/2`, not that of
    :math:`d_i`.

    ``method="bca-median"`` is the median effect with a BCa bootstrap interval (percentiles, where BCa is not
    defined). It is not the default, because it covers less than it says. Coverage of 95 % intervals, measured on
    10 000 sets of normal log-ratios with standard deviation 0.3 (standard error 0.2 %; 1999 resamples):

    ==============================  ========  ========
    interval                        n = 10    n = 20
    ==============================  ========  ========
    signed rank, the default        94.9 %    95.3 %
    BCa, median                     93.7 %    94.0 %
    order statistics, median        97.8 %    95.7 %
    BCa, mean                       89.3 %    92.5 %
    t, mean                         95.0 %    95.2 %
    bootstrap t, mean               94.7 %    95.1 %
    ==============================  ========  ========

    The bootstrap knows only the n values that it draws from: the spread of their mean comes out too small by
    :math:`\sqrt{(n-1)/n}`, and its normal quantiles ignore that the spread is itself estimated. The median, moreover,
    can only be one of the n values or half way between two. The t intervals need every effect to be finite. On such
    log-ratios the signed-rank test finds a ratio of 1.33 at the 5 % level in 75 % of the cases with ten pairs, in
    81 % with twelve, and in 97 % with twenty.

    **Censored pairs.** A pair in which only one run got there has an infinite effect: it counts as the largest (or
    smallest) effect. Estimates and intervals remain finite as long as there are few of them: the median up to half of
    the pairs, Hodges and Lehmann's estimate up to 29 %. A pair in which no run got there has no order: it is counted
    in ``neither`` and left out, so the result speaks of seeds that at least one arm can solve. With ``cap``, the
    interval takes into account that a run that did not get there might have done so just after its cap: each end is
    computed from the least, or the largest, ratio that a pair can have. Without, never within the cap is as good as
    never, and if most pairs are censored even the low end is infinite.

    Parameters
    ----------
    without, with_neuron : array_like, shape (n,)
        Times above zero, entry i from seed i; NaN where the run is censored.
    cap : float, optional
        When the runs stopped, in the unit of the times.
    confidence : float
        In (0, 1).
    method : str
        ``"signed-rank"`` or ``"bca-median"``.
    resamples, seed : int
        Of the bootstrap.

    Returns
    -------
    PairedEstimate
        Ratios; below 1 the neuron is faster. Fewer than six pairs bound nothing at 95 %: the interval is then from 0
        to infinity, and ``note`` says so.

    Raises
    ------
    ValueError
        If an option is out of range, or as `log_ratios`.

    References
    ----------
    J. L. Hodges and E. L. Lehmann, Estimates of location based on rank tests, Ann. Math. Statist. 34 (1963).
    B. Efron, Better bootstrap confidence intervals, JASA 82 (1987).

    Examples
    --------
    >>> found = paired_ratio([20, 24, 30, 22, 28, 26], [15, 18, 20, 19, 21, float("nan")])
    >>> print(round(found.estimate, 3), round(found.low, 3), found.high, found.only_without)
    0.759 0.667 inf 1
    """
    logs = log_ratios(without, with_neuron)
    bounds = (logs, logs) if cap is None else log_ratio_bounds(without, with_neuron, cap)
    found = _estimate(logs, bounds, confidence, method, resamples, seed)
    estimate, low, high, median = (
        float(np.exp(value)) for value in (found.estimate, found.low, found.high, found.median)
    )
    return replace(found, estimate=estimate, low=low, high=high, median=median)


def paired_difference(
    without: npt.ArrayLike,
    with_neuron: npt.ArrayLike,
    *,
    confidence: float = 0.95,
    method: str = "signed-rank",
    resamples: int = 9999,
    seed: int = 0,
) -> PairedEstimate:
    """Return the typical difference of the errors with the neuron and without, with its interval.

    As `paired_ratio`, on the effects of `differences`. The estimate is again Hodges and Lehmann's, not the mean: it
    agrees with the signed-rank test, ties and all, and one run that goes astray (an error of 50 % among errors of
    1 %) moves it little, where it would move the mean by 50 / n points. The mean is in `difference_equivalence`.

    Parameters
    ----------
    without, with_neuron : array_like, shape (n,)
        Errors in percent, entry i from seed i; NaN for a run that has none, which counts as worse than any number.
    confidence, method, resamples, seed
        As in `paired_ratio`.

    Returns
    -------
    PairedEstimate
        Percentage points; below 0 the neuron does better.

    Raises
    ------
    ValueError
        If an option is out of range, or as `differences`.

    Examples
    --------
    >>> found = paired_difference([1.0, 1.2, 0.9, 1.1, 1.0, 1.3], [0.9, 1.0, 0.9, 0.8, 0.9, 1.0])
    >>> print(round(found.estimate, 3), round(found.low, 3), round(found.high, 3))
    -0.15 -0.3 0.0
    """
    values = differences(without, with_neuron)
    return _estimate(values, (values, values), confidence, method, resamples, seed)


def _estimate(
    values: Array, bounds: tuple[Array, Array], confidence: float, method: str, resamples: int, seed: int
) -> PairedEstimate:
    confidence = fraction("confidence", confidence)
    _tools.known("method", method, METHODS)
    resamples, seed = _tools.count("resamples", resamples), _tools.count("seed", seed, least=0)
    ordered = ~np.isnan(values)
    used, least, largest = values[ordered], bounds[0][ordered], bounds[1][ordered]
    median = median_effect(used)
    if method == "signed-rank":
        estimate = hodges_lehmann(used)
        low, high = signed_rank_interval(least, confidence)[0], signed_rank_interval(largest, confidence)[1]
        too_few = len(used) < (needed := math.ceil(math.log2(2 / (1 - confidence)) - 1e-9))
    else:
        estimate = median
        low, _, exact_low = bootstrap_interval(least, confidence, resamples, seed)
        _, high, exact_high = bootstrap_interval(largest, confidence, resamples, seed)
        too_few = len(used) < (needed := 3)
        method = "bca-median" if exact_low and exact_high else "percentile-median"
    notes = []
    if too_few:
        notes.append(f"{len(used)} pairs bound nothing at {100 * confidence:.4g} %: it takes {needed}")
    elif np.isfinite(used).all() and np.ptp(used) == 0:
        notes.append("all effects are equal")
    if len(used) and math.isnan(estimate):
        notes.append("censored runs of both arms balance: the estimate is undefined")
    return PairedEstimate(
        estimate,
        low,
        high,
        median,
        confidence,
        method,
        pairs=len(values),
        used=len(used),
        only_without=int(np.sum(values == np.inf)),
        only_with=int(np.sum(values == -np.inf)),
        neither=int(np.sum(~ordered)),
        note="; ".join(notes),
    )
