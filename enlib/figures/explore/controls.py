"""Sliders and choices: the values that a reader can set."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from enlib import _tools


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


def slider(
    low: float, high: float, n: int = 21, *, log: bool = False, start: float | None = None, label: str | None = None
) -> Control:
    """Make a slider over numbers.

    Parameters
    ----------
    low, high : float
        Ends of the range, included.
    n : int
        Number of values.
    log : bool
        Space the values evenly on the logarithmic scale.
    start : float, optional
        Where to begin; the nearest value is taken, by default the middle one.
    label : str, optional
        Shown beside the slider; by default the parameter's name.

    Raises
    ------
    ValueError
        If the range is empty or not finite, a logarithmic one reaches zero, or ``n`` is below 2.

    Examples
    --------
    >>> slider(0, 1, 5, start=0.3).texts
    ('0', '0.25', '0.5', '0.75', '1')
    >>> slider(0.01, 1, 3, log=True).values
    (0.01, 0.1, 1.0)
    """
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"expected finite low < high, got {low} and {high}: pass the smaller number first")
    if log and low <= 0:
        raise ValueError(f"expected low > 0 for a logarithmic slider, got {low}: raise it, or leave log out")
    if n < 2:
        raise ValueError(
            f"expected a control with at least 2 values, got {n}: there is nothing to move; "
            "pass the value to the function instead"
        )
    _tools.count("n", n)
    raw = np.geomspace(low, high, n) if log else np.linspace(low, high, n)
    # Four digits are what is shown, so they are what is computed; and a value meant as 0 is 0, not -1.1e-16.
    snapped = [0.0 if abs(v) < 1e-9 * max(abs(low), abs(high)) else float(f"{v:.4g}") for v in raw]
    at = n // 2 if start is None else int(np.argmin(np.abs(np.array(snapped) - start)))
    return Control(tuple(snapped), tuple(f"{v:.4g}" for v in snapped), at, label)


def choice(values: Sequence[object], *, start: object = None, label: str | None = None) -> Control:
    """Make a choice among a few values of any kind, shown as their text.

    Parameters
    ----------
    values : sequence
        Two or more, with different texts.
    start : object, optional
        The first one shown; by default the first in the list.
    label : str, optional
        Shown beside the control; by default the parameter's name.

    Raises
    ------
    ValueError
        If there are fewer than two values, two look the same, or ``start`` is not among them.

    Examples
    --------
    >>> choice(["SGD", "Adam"], start="Adam").start
    1
    """
    texts = tuple(str(value) for value in values)
    if len(set(texts)) < len(texts):
        raise ValueError(f"expected values with different texts, got {texts}: a reader could not tell them apart")
    if start is not None:
        _tools.known("start", str(start), texts)
    return Control(tuple(values), texts, 0 if start is None else texts.index(str(start)), label, "choice")
