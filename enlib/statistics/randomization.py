"""Exact tests of paired runs by swapping the arms, and the correction for asking many times."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from enlib import _tools
from enlib.statistics.pairs import Array, effects

MOST_EXACT_FLIPS = 20


@dataclass(frozen=True)
class HypothesisTest:
    """What a two-sided test found.

    Attributes
    ----------
    p : float
        NaN where the test could not be made; ``note`` says why.
    statistic : float
        What the method calls so.
    method : str
    used : int
        Entries that it rests on.
    note : str
        Empty, as a rule.
    direction : int
        Of `signed_rank`, to which side its ranks lean: 1 above zero, -1 below, 0 to neither.
    """

    p: float
    statistic: float
    method: str
    used: int
    note: str = ""
    direction: int = 0


def signed_rank(paired_effects: npt.ArrayLike) -> HypothesisTest:
    r"""Return Wilcoxon's signed-rank test of whether the effects are symmetric about zero.

    .. math:: W = \sum_{d_i > 0} \operatorname{rank} |d_i|

    The p-value is exact for any ties and zeros: the share of the :math:`2^n` ways to swap the arms within the pairs
    whose W is as far from its mean. (`scipy.stats.wilcoxon` is exact without ties only, or enumerates.) Zeros
    take part in the ranking and then drop out (Pratt 1959). An infinite effect has the largest rank: a valid
    test where both runs of a pair had the same cap, but it takes for granted that a run which did not get there would
    have been the latest by far (`paired_ratio` with a cap does not). Pairs with two such runs (NaN) are left out.

    Parameters
    ----------
    paired_effects : array_like, shape (n,)
        From `log_ratios` or `differences`.

    Returns
    -------
    HypothesisTest
        The statistic is W; ``used`` counts zeros, but no NaN. Without an effect that is not zero, p is 1.

    Raises
    ------
    ValueError
        If the effects are empty or not flat.

    References
    ----------
    F. Wilcoxon, Individual comparisons by ranking methods, Biometrics Bulletin 1 (1945).
    J. W. Pratt, Remarks on zeros and ties in the Wilcoxon signed rank procedures, JASA 54 (1959).

    Examples
    --------
    >>> signed_rank([0.3, 0.1, 0.4, 0.2, float("inf"), 0.5]).p
    0.03125
    """
    values = effects(paired_effects)
    values = values[~np.isnan(values)]
    # Ranks are doubled, so that the mean rank of a tie is a whole number.
    doubled = np.rint(2 * rankdata(np.abs(values))).astype(int)
    observed = int(doubled[values > 0].sum())
    chances = signed_rank_distribution(doubled[values != 0])
    tail = min(chances[: observed + 1].sum(), chances[observed:].sum())
    return HypothesisTest(
        min(1.0, float(2 * tail)),
        observed / 2,
        "signed rank, exact",
        len(values),
        direction=int(np.sign(2 * observed - doubled[values != 0].sum())),
    )


def signed_rank_distribution(ranks: npt.NDArray[np.int_]) -> Array:
    r"""Return the chances of each sum of a random half of the ranks: entry s is :math:`P(W = s)`.

    Every rank enters the sum with chance one half, independently; their generating function is
    :math:`\prod_i (1 + x^{r_i}) / 2`.

    Examples
    --------
    >>> signed_rank_distribution(np.array([1, 2]))
    array([0.25, 0.25, 0.25, 0.25])
    """
    chances = np.ones(1)
    for rank in ranks:
        padding = np.zeros(rank)
        chances = (np.append(chances, padding) + np.append(padding, chances)) / 2
    return chances


def sign_flip(paired_effects: npt.ArrayLike, *, resamples: int = 99_999, seed: int = 0) -> HypothesisTest:
    r"""Return the sign-flip permutation test of whether the effects have mean zero.

    .. math:: p = P\Big( \big|\textstyle\sum_i s_i d_i\big| \ge \big|\textstyle\sum_i d_i\big| \Big),
              \qquad s_i = \pm 1 \text{ independently}

    Exact over all :math:`2^n` signs up to 20 effects that are not zero; beyond, a sample of signs with the observed
    ones among them (Phipson and Smyth 2010). `scipy.stats.permutation_test` gives the same numbers and takes
    seconds for :math:`2^{18}` signs; here they take milliseconds.

    Parameters
    ----------
    paired_effects : array_like, shape (n,)
        From `log_ratios` or `differences`.
    resamples : int
        Signs to draw where there are too many to go through.
    seed : int
        For those signs.

    Returns
    -------
    HypothesisTest
        The statistic is the mean. Where a pair is censored there is no mean: p is NaN, and `signed_rank` can be used.

    Raises
    ------
    ValueError
        If the effects are empty or not flat, or an option is out of range.

    References
    ----------
    R. A. Fisher, The Design of Experiments (1935), section 21.
    B. Phipson and G. K. Smyth, Permutation p-values should never be zero, Stat. Appl. Genet. Mol. Biol. 9 (2010).

    Examples
    --------
    >>> sign_flip([0.3, 0.1, 0.4, 0.2, 0.5]).p
    0.0625
    """
    values = effects(paired_effects)
    resamples, seed = _tools.count("resamples", resamples), _tools.count("seed", seed, least=0)
    if not np.all(np.isfinite(values)):
        note = "censored pairs have no mean: use signed_rank"
        return HypothesisTest(np.nan, np.nan, "not made", int(np.isfinite(values).sum()), note)
    moving = values[values != 0]
    # Sums that are equal on paper differ in their last bits.
    threshold = np.abs(values.sum()) - 1e-12 * np.abs(values).sum()
    if len(moving) <= MOST_EXACT_FLIPS:
        sums = np.zeros(1)
        for value in moving:
            sums = np.concatenate([sums + value, sums - value])
        p, method = float(np.mean(np.abs(sums) >= threshold)), "sign flip, exact"
    else:
        rng = np.random.default_rng(seed)
        hits = 0
        for start in range(0, resamples, 10_000):
            signs = rng.integers(0, 2, size=(min(10_000, resamples - start), len(moving))) * 2 - 1
            hits += int(np.sum(np.abs(signs @ moving) >= threshold))
        p, method = (1 + hits) / (1 + resamples), f"sign flip, {resamples} random signs"
    return HypothesisTest(p, float(values.mean()), method, len(values))


def holm(p_values: npt.ArrayLike) -> Array:
    r"""Return p-values adjusted for their number, so that a false rejection among them all has chance alpha at most.

    .. math:: \tilde p_{(i)} = \max_{j \le i} \min\big(1, (m - j + 1)\, p_{(j)}\big)

    No assumption about their dependence is needed. NaN is a test that was not made: it stays NaN, and does not
    count among the m.

    Parameters
    ----------
    p_values : array_like, shape (n,)

    Returns
    -------
    array, shape (n,)
        In the order given.

    Raises
    ------
    ValueError
        If a p-value is not in [0, 1], or the array is not flat.

    References
    ----------
    S. Holm, A simple sequentially rejective multiple test procedure, Scand. J. Statist. 6 (1979).

    Examples
    --------
    >>> holm([0.01, 0.04, float("nan"), 0.03])
    array([0.03, 0.06,  nan, 0.06])
    """
    values = np.asarray(p_values, dtype=np.float64)
    if values.ndim != 1:
        raise ValueError(f"expected p_values of shape (n,), got shape {values.shape}: pass a flat array")
    if np.any((values < 0) | (values > 1)):
        raise ValueError(f"expected p_values in [0, 1], got {values}: write NaN for a test that was not made")
    order = np.argsort(values)[: int(np.sum(~np.isnan(values)))]
    adjusted = np.full(len(values), np.nan)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(np.arange(len(order), 0, -1) * values[order]))
    return adjusted
