"""Controls, what a reader sets: sliders and choices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

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


@dataclass(frozen=True)
class Ticks:
    """Two values of a slider, for each of several rows below it, as a part of a frame.

    Parameters
    ----------
    control : str
        Name of the slider.
    names : (str, str)
        What the smaller and the larger value are called.
    rows : sequence of (str, float or None, float or None)
        A name, and the two values; None if there is none.
    """

    control: str
    names: tuple[str, str]
    rows: Sequence[Sequence[Any]]


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
        If the range is empty, an end or the start is not finite, a logarithmic range reaches zero, or ``n`` is below
        2.

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
    # The function gets the four digits that are shown, and a value meant as 0 is 0, not -1.1e-16.
    snapped = [0.0 if abs(v) < 1e-9 * max(abs(low), abs(high)) else float(f"{v:.4g}") for v in raw]
    index = n // 2 if start is None else int(np.argmin(np.abs(np.array(snapped) - _tools.number("start", start))))
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
        If ``values`` is a string or cannot be iterated over.
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
    texts = tuple(map(_text, values))
    if len(set(texts)) < len(texts):
        raise ValueError(f"expected values with different texts, got {texts}: a reader could not tell them apart")
    index = 0 if start is None else texts.index(_tools.known("start", _text(start), texts))
    return Control(values, texts, index, label, "choice")


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def interval(name: str, ends: tuple[float, float], log: bool) -> tuple[float, float]:
    """Return the two ends of an interval as floats if they ascend, and on a logarithmic scale are positive."""
    given = _tools.array(f"ends of {name}", ends, finite=True)
    if given.shape != (2,):
        raise ValueError(f"expected two numbers for {name}, got {_tools.shown(ends)}: pass (low, high)")
    low, high = given.tolist()
    if low >= high:
        raise ValueError(f"expected low < high for {name}, got {low:g} and {high:g}: swap or change them")
    if log and low <= 0:
        raise ValueError(f"expected low > 0 for {name}, which is logarithmic, got {low:g}: raise it, or use no log")
    return low, high
