"""Argument checks that say what was expected, what came, and what to do."""

from __future__ import annotations

import difflib
import math
import operator
from collections.abc import Iterable
from typing import SupportsFloat


def known(kind: str, got: str, names: Iterable[str]) -> str:
    """Return ``got`` if it is one of ``names``; otherwise raise, suggesting the nearest.

    >>> known("optimizer", "adm", ["adam", "sgd"])
    Traceback (most recent call last):
    ValueError: expected optimizer to be one of adam, sgd; got 'adm': did you mean 'adam'?
    """
    names = list(names)
    if got in names:
        return got
    near = difflib.get_close_matches(str(got).lower(), names, n=1, cutoff=0.4)
    advice = f"did you mean {near[0]!r}?" if near else "choose one of these"
    raise ValueError(f"expected {kind} to be one of {', '.join(names)}; got {got!r}: {advice}")


def positive(name: str, value: SupportsFloat, *, advice: str = "pass a positive, finite number") -> float:
    """Return ``value`` as a float if it is finite and greater than zero."""
    number = float(value)
    if not (math.isfinite(number) and number > 0):
        raise ValueError(f"expected {name} > 0, got {value}: {advice}")
    return number


def non_negative(name: str, value: SupportsFloat, *, advice: str = "pass zero or a positive, finite number") -> float:
    """Return ``value`` as a float if it is finite and not negative."""
    number = float(value)
    if not (math.isfinite(number) and number >= 0):
        raise ValueError(f"expected {name} >= 0, got {value}: {advice}")
    return number


def count(name: str, value: int, *, least: int = 1) -> int:
    """Return ``value`` as an int if it is a whole number of at least ``least``; NumPy's integers are welcome."""
    number = operator.index(value) if hasattr(value, "__index__") and not isinstance(value, bool) else None
    if number is None or number < least:
        raise ValueError(
            f"expected {name} to be an integer >= {least}, got {value!r}: pass a whole number of at least {least}"
        )
    return number
