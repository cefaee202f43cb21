"""Controls, what a reader can set: sliders and choices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from enlib import _tools
from enlib.figures.style import check_text


@dataclass(frozen=True)
class Control:
    """A parameter with finitely many values.

    Parameters
    ----------
    values : tuple
        Passed to the function, in this order.
    texts : tuple of str
        Shown and read out, one for each value.
    start : int
        Index of the first value shown.
    label : str or None
        Shown beside the control; by default the parameter's name.
    kind : {"slider", "choice"}
        How it is drawn.

    Raises
    ------
    TypeError
        If the label is not a string.
    ValueError
        If there are fewer than two values.
    """

    values: tuple[object, ...]
    texts: tuple[str, ...]
    start: int
    label: str | None
    kind: str = "slider"

    def __post_init__(self) -> None:
        if len(self.values) < 2:
            raise ValueError(
                f"expected a control with at least 2 values, got {len(self.values)}: there is nothing to move; "
                "pass the value to the function instead"
            )
        check_text("label", self.label or "", "write what the control sets", empty=True)


def slider(
    low: float, high: float, n: int = 21, *, log: bool = False, start: float | None = None, label: str | None = None
) -> Control:
    """Return a slider over numbers.

    Parameters
    ----------
    low, high : float
        Ends of the range, included.
    n : int
        Number of values, at least 2.
    log : bool
        Space the values evenly on the logarithmic scale.
    start : float, optional
        First value shown, rounded to the nearest on the slider; by default the middle one.
    label : str, optional
        Shown beside the slider; by default the parameter's name.

    Raises
    ------
    TypeError
        If an end or the start is not a number.
    ValueError
        If the range is empty or not finite, a logarithmic one reaches zero, ``start`` is NaN, or ``n`` is below 2.

    Examples
    --------
    >>> slider(0, 1, 5, start=0.3).texts
    ('0', '0.25', '0.5', '0.75', '1')
    >>> slider(0.01, 1, 3, log=True).values
    (0.01, 0.1, 1.0)
    """
    low, high = interval("a slider", (low, high), log)
    n = _tools.count("n", n, least=2)
    raw = np.geomspace(low, high, n) if log else np.linspace(low, high, n)
    # Four digits are shown, so the same four digits are computed with; and a value meant as 0 is 0, not -1.1e-16.
    snapped = [0.0 if abs(v) < 1e-9 * max(abs(low), abs(high)) else float(f"{v:.4g}") for v in raw]
    index = n // 2
    if start is not None:
        first = _number("start", start)
        if math.isnan(first):
            raise ValueError("expected a number as start, got nan: pass a value of the slider, or leave it out")
        index = int(np.argmin(np.abs(np.array(snapped) - min(max(first, low), high))))
    return Control(tuple(snapped), tuple(f"{v:.4g}" for v in snapped), index, label)


def choice(values: Sequence[object], *, start: object = None, label: str | None = None) -> Control:
    """Return a choice among a few values of any kind, shown as their text.

    Parameters
    ----------
    values : sequence
        Two or more, with different texts.
    start : object, optional
        First value shown; by default the first in the list.
    label : str, optional
        Shown beside the control; by default the parameter's name.

    Raises
    ------
    TypeError
        If ``values`` is a string or no sequence at all.
    ValueError
        If there are fewer than two values, two look the same, or ``start`` is not among them.

    Examples
    --------
    >>> choice(["SGD", "Adam"], start="Adam").start
    1
    """
    if isinstance(values, str) or not hasattr(values, "__iter__"):
        raise TypeError(f"expected a list of values to choose from, got {values!r}: put them in brackets")
    values = tuple(values)
    texts = tuple(str(value) for value in values)
    if len(set(texts)) < len(texts):
        raise ValueError(f"expected values with different texts, got {texts}: a reader could not tell them apart")
    index = 0 if start is None else texts.index(_tools.known("start", str(start), texts))
    return Control(values, texts, index, label, "choice")


def interval(name: str, ends: tuple[float, float], log: bool) -> tuple[float, float]:
    """Return the two ends of an interval as finite floats in ascending order, positive on a logarithmic scale."""
    if isinstance(ends, str) or not hasattr(ends, "__len__") or len(ends) != 2:
        raise TypeError(f"expected two numbers for {name}, got {ends!r}: pass (low, high)")
    low, high = (_number(f"the ends of {name}", end) for end in ends)
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"expected finite low < high for {name}, got {low:g} and {high:g}: swap or mend them")
    if log and low <= 0:
        raise ValueError(f"expected low > 0 for {name}, which is logarithmic, got {low:g}: raise it, or use no log")
    return low, high


def _number(name: str, value: object) -> float:
    if isinstance(value, str) or not hasattr(value, "__float__"):
        raise TypeError(f"expected numbers as {name}, got {value!r}: pass a float")
    return float(value)
