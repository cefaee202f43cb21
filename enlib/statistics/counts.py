"""Shares of runs, and errors of two networks on the same samples: exact and near-exact binomial statistics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scipy.stats import binomtest

from enlib import _tools
from enlib.statistics.pairs import fraction
from enlib.statistics.randomization import HypothesisTest


@dataclass(frozen=True)
class Share:
    """A share of runs and its interval: ``share``, ``low`` and ``high`` in [0, 1], of ``successes`` in ``trials``."""

    share: float
    low: float
    high: float
    successes: int
    trials: int
    confidence: float


def wilson(successes: int, trials: int, *, confidence: float = 0.95) -> Share:
    r"""Return a share with Wilson's interval, which is sensible even for none or all of a few.

    .. math:: \frac{\hat p + z^2/2n \pm z \sqrt{\hat p (1 - \hat p)/n + z^2/4n^2}}{1 + z^2/n}

    Parameters
    ----------
    successes, trials : int
        Runs that diverged, say, and all runs.
    confidence : float
        In (0, 1).

    Raises
    ------
    ValueError
        If there are no trials, more successes than trials, or counts that are not whole numbers.

    References
    ----------
    E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927).

    Examples
    --------
    >>> share = wilson(0, 20)
    >>> print(round(share.low, 3), round(share.high, 3))
    0.0 0.161
    """
    trials, successes = _tools.count("trials", trials), _tools.count("successes", successes, least=0)
    confidence = fraction("confidence", confidence)
    if successes > trials:
        raise ValueError(f"expected successes <= trials, got {successes} of {trials}: pass all runs as trials")
    interval = binomtest(successes, trials).proportion_ci(confidence_level=confidence, method="wilson")
    return Share(successes / trials, float(interval.low), float(interval.high), successes, trials, confidence)


def mcnemar(only_first_wrong: int | Sequence[int], only_second_wrong: int | Sequence[int]) -> HypothesisTest:
    r"""Return McNemar's exact test of whether two classifiers err equally often on the same samples.

    Samples on which both are right, or both wrong, say nothing. Of the other :math:`b + c`, each is as likely to be
    the first one's error as the second's:

    .. math:: p = P\big(|B - \tfrac{b + c}{2}| \ge |b - \tfrac{b + c}{2}|\big), \qquad
              B \sim \operatorname{Binomial}(b + c, \tfrac12)

    Several seeds are strata: their counts add up, which is the exact test of a common effect. That takes every count
    for independent. It holds for **one** pair of trained networks and fresh test samples in each seed; where seeds
    share a test set, or where the neuron helps in some seeds and harms in others, the p-value is too small: then
    test the differences of the seeds with `signed_rank` instead. And it speaks of these trained networks, not of
    training: only seeds as the unit do that.

    Parameters
    ----------
    only_first_wrong, only_second_wrong : int or sequence of int
        Samples that only the first, only the second network gets wrong; one count, or one for each seed.

    Returns
    -------
    HypothesisTest
        The statistic is b, the errors of the first alone; ``used`` is b + c. Without any, p is 1.

    Raises
    ------
    ValueError
        If the counts are not whole numbers, or differ in length.

    References
    ----------
    Q. McNemar, Note on the sampling error of the difference between correlated proportions, Psychometrika 12 (1947).

    Examples
    --------
    >>> mcnemar(1, 7).p
    0.0703125
    >>> mcnemar([1, 0], [4, 3]).p
    0.0703125
    """
    first, second = _counts("only_first_wrong", only_first_wrong), _counts("only_second_wrong", only_second_wrong)
    if len(first) != len(second):
        raise ValueError(
            f"expected as many counts for both classifiers, got {len(first)} and {len(second)}: give one per seed"
        )
    b, discordant = sum(first), sum(first) + sum(second)
    p = float(binomtest(b, discordant, 0.5).pvalue) if discordant else 1.0
    return HypothesisTest(p, float(b), "McNemar, exact", discordant)


def _counts(name: str, values: int | Sequence[int]) -> list[int]:
    several = list(values) if hasattr(values, "__iter__") else [values]
    if not several:
        raise ValueError(f"expected {name} to be a count, or one per seed, got none: pass at least one")
    return [_tools.count(name, value, least=0) for value in several]
