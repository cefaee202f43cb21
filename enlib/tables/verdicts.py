"""The verdict on a row of Tables 1 to 3: its margins, its words, and the rule that finds the word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from enlib.tables.selection import Array

LEVEL = 0.05
WORDS = (
    "better",
    "better, within the margin",
    "worse",
    "worse, within the margin",
    "equivalent",
    "floor",
    "undecided",
    "undecided (edge)",
)
"""All verdicts. In Table 2, better is faster and worse is slower."""


def finding(line: Mapping[str, Any]) -> str:
    """Return the verdict on the neuron, or on what stands in its place, from tests at the level of 5 %.

    - "floor": no run that was compared has an error, in either arm. The difference cannot be tested.
    - "better" or "worse": the paired test shows a difference. If the test of equivalence passes too, the difference
      is real and small: "better, within the margin" or "worse, within the margin".
    - "equivalent": the test of equivalence passes, and the paired test shows no difference.
    - "undecided": neither test passes. Neither a difference nor its absence is shown.
    - "undecided (edge)": the choice of any seed, in either arm, lies at an edge of its grid (see `Pairs`), so that a
      longer grid might change the row. Such a row keeps its word only if both arms, at the best setting that they
      share inside both grids (see `at_shared_setting`), get the same word.

    Both tests are adjusted by Holm over the rows of the table; those at the shared setting, which can only take a
    word away, are not.

    Parameters
    ----------
    line : dict
        From ``numbers`` of a table.

    Returns
    -------
    str
        One of `WORDS`.
    """
    if line["floor"]:
        return "floor"
    word = _word(line["p_holm"], line["p_equivalence_holm"], line["direction"])
    if not line["at_edge"]:
        return word
    inside = _word(line["p_shared"], line["p_equivalence_shared"], line["direction_shared"])
    return word if word == inside != "undecided" else "undecided (edge)"


def error_margin(rates: Array) -> float:
    """Return the difference of error rates, in percentage points, below which two arms count as equivalent.

    It is a tenth of the mean rate of the first arm, as for times, and at least 0.1 points.

    A margin in points alone is too wide where errors are rare and too narrow where they are common. With 0.2 points,
    ten seeds and the spread of MNIST's errors (a mean of 0.13 % of 1082 samples, standard deviation of the paired
    differences 0.085 points), an arm with twice the errors is called equivalent in 78 % of the cases. With 0.1
    points, which are one error in MNIST's 1082, it never is, and equal arms are called equivalent in 93 %. Where
    errors are common, 0.1 or 0.2 points are less than chance moves: with 20 seeds, two equal arms of spheres 1/1.5
    (14 %, standard deviation 1.7 points) never pass; with a tenth of the rate, 1.4 points, they do in 93 %.
    Rates between 0.2 and 1 % remain hard: there equal arms are mostly "undecided". These are chances of one test by
    itself; at the smallest level that Holm may ask of it in seven rows, the 93 % become 52 % and 60 %.

    The margin is computed from the first arm's runs and then taken as fixed. In simulations on the margin, that makes
    5 % of wrong "equivalent" into 6 to 7 %, as do counts of single errors.

    Parameters
    ----------
    rates : array of shape (n,)
        Error rates of the arm without the neuron, in percent.

    Examples
    --------
    >>> import numpy as np
    >>> error_margin(np.array([0.0, 0.2])), error_margin(np.array([14.0, 16.0]))
    (0.1, 1.5)
    """
    return max(0.1, 0.1 * float(rates.mean()))


def time_margin(epochs: Array) -> float:
    """Return the factor between times below which two arms count as equivalent: 10 %, and at least one epoch.

    Errors are counted once an epoch, so that no time is known more exactly: one epoch of MNIST's eight is 12.5 %.
    With the spread measured here (standard deviations of the log-ratio of 0.04 to 0.13), 20 seeds show equal arms to
    be equivalent in 87 % of the cases or more, and in 44 % or more at the smallest level that Holm may ask for in
    seven rows.

    Parameters
    ----------
    epochs : array of shape (n,)
        Times of the arm without the neuron; NaN for a run that did not get there.

    Examples
    --------
    >>> import numpy as np
    >>> time_margin(np.array([8.0, 8.0, 9.0])), time_margin(np.array([40.0]))
    (1.125, 1.1)
    """
    return max(1.1, 1 + 1 / float(np.median(np.nan_to_num(epochs, nan=np.inf))))


def _word(p: float, p_equivalence: float, direction: int) -> str:
    different, same = p <= LEVEL, p_equivalence <= LEVEL
    if not different:
        return "equivalent" if same else "undecided"
    return ("worse" if direction > 0 else "better") + (", within the margin" if same else "")
