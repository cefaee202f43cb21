"""What can be set, and between which limits."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from enlib import _tools

Setting = dict[str, Any]
SCALES = ("log", "linear", "choice")


class Space:
    """A search space, seen by every searcher as the unit cube: one number from 0 to 1 for each hyper-parameter.

    Parameters
    ----------
    **axes : tuple
        By name: ``("log", low, high)`` or ``("linear", low, high)`` for numbers between two limits, evenly spread on
        that scale; ``("choice", a, b, ...)`` for one of some values.

    Raises
    ------
    ValueError
        If there is no axis, a scale is unknown, limits do not ascend (or, with "log", are not positive), or a choice
        has fewer than two different values.

    Examples
    --------
    >>> space = Space(lr=("log", 1e-4, 1.0), optimizer=("choice", "sgd", "adam"))
    >>> space.setting([0.5, 0.9])
    {'lr': 0.01, 'optimizer': 'adam'}
    >>> space.unit({"lr": 0.01, "optimizer": "sgd"})
    [0.5, 0.25]
    """

    def __init__(self, **axes: tuple[Any, ...]) -> None:
        if not axes:
            raise ValueError("expected at least one axis, got none: pass one such as lr=('log', 1e-4, 1.0)")
        for name, axis in axes.items():
            scale, *ends = axis
            if _tools.known(f"the scale of {name}", scale, SCALES) == "choice":
                if len(ends) < 2 or any(a == b for i, a in enumerate(ends) for b in ends[:i]):
                    raise ValueError(f"expected different values to choose {name} from, got {ends}: name two or more")
                continue
            if len(ends) != 2:
                raise ValueError(f"expected two limits of {name}, got {ends}: pass ({scale!r}, low, high)")
            low, high = (_tools.number(f"a limit of {name}", end) for end in ends)
            if low >= high or (scale == "log" and low <= 0):
                least = "0 < low < high" if scale == "log" else "low < high"
                raise ValueError(f"expected {least} for {name}, got {low:g} and {high:g}: change the limits")
        self.axes = axes

    def __len__(self) -> int:
        """Return the number of hyper-parameters."""
        return len(self.axes)

    def __iter__(self) -> Iterator[str]:
        """Yield the names of the hyper-parameters."""
        return iter(self.axes)

    def setting(self, unit: Sequence[float] | npt.NDArray[Any]) -> Setting:
        """Return the setting at a point of the unit cube.

        Parameters
        ----------
        unit : sequence of float, one for each axis
            From 0 to 1.
        """
        return {name: _value(axis, float(u)) for (name, axis), u in zip(self.axes.items(), unit, strict=True)}

    def unit(self, setting: Mapping[str, Any]) -> list[float]:
        """Return the point of a setting in the unit cube: the inverse of `setting`; a choice gets its middle."""
        return [_unit(axis, setting[name]) for name, axis in self.axes.items()]

    def grid(self, levels: int) -> list[Setting]:
        """Return all combinations of evenly spaced values, both limits among them; of a choice all are taken.

        Examples
        --------
        >>> Space(lr=("log", 0.01, 1.0)).grid(3)
        [{'lr': 0.01}, {'lr': 0.1}, {'lr': 1.0}]
        """
        spread = np.linspace(0, 1, levels)
        values = [
            axis[1:] if axis[0] == "choice" else [_value(axis, u) for u in spread] for axis in self.axes.values()
        ]
        return [dict(zip(self, combination, strict=True)) for combination in itertools.product(*values)]


def _value(axis: tuple[Any, ...], u: float) -> Any:
    scale, *ends = axis
    if scale == "choice":
        return ends[min(int(u * len(ends)), len(ends) - 1)]
    low, high = ends
    # At 0 and 1 the limits themselves, not what rounding makes of them.
    inside = low * (high / low) ** u if scale == "log" else low + u * (high - low)
    return float(min(max(inside, low), high))


def _unit(axis: tuple[Any, ...], value: Any) -> float:
    scale, *ends = axis
    if scale == "choice":
        return (ends.index(value) + 0.5) / len(ends)
    low, high = ends
    return math.log(value / low) / math.log(high / low) if scale == "log" else (value - low) / (high - low)
