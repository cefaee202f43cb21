"""Every frame of a figure, computed once, checked, and packed small."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from enlib.figures.explore.controls import Control
from enlib.figures.explore.marks import Array, Mark

MAX_FRAMES = 225
Frame = Mapping[str, Any]


@dataclass(frozen=True)
class ClosedForm:
    """A function written twice, in Python and in JavaScript, for figures with too many frames to store.

    Parameters
    ----------
    python : callable
        Of the controls, by name; returns marks by name.
    javascript : str
        An arrow function of one object with the controls' values; returns ``{name: {x: [...], y: [...]}}`` for every
        mark, and strings for notes.
    """

    python: Callable[..., Frame]
    javascript: str

    def __call__(self, **values: Any) -> Frame:
        """Return the marks at some values of the controls."""
        return self.python(**values)


def compute(fn: Callable[..., Frame], controls: Mapping[str, Control], *, only: int | None = None) -> list[Frame]:
    """Return the frames at all values of the controls, the last control running fastest.

    Parameters
    ----------
    fn : callable
    controls : mapping of str to Control
    only : int, optional
        Compute about this many, evenly spread, for the limits of the axes.

    Raises
    ------
    ValueError
        If a frame is not a mapping of names to marks and notes, or two frames do not have the same marks of the same
        kinds and lengths.
    """
    grid = list(itertools.product(*(control.values for control in controls.values())))
    if only is not None and len(grid) > only:
        grid = [grid[i] for i in np.linspace(0, len(grid) - 1, only).round().astype(int)]
    frames: list[Frame] = []
    for values in grid:
        at = dict(zip(controls, values, strict=True))
        where = describe(at)
        try:
            frame = fn(**at)
        except ValueError as error:
            raise ValueError(f"at {where}: {error}") from error
        check_frame(frame, where, frames[0] if frames else frame)
        frames.append(frame)
    return frames


def describe(values: Mapping[str, object]) -> str:
    """Say where a frame is.

    Examples
    --------
    >>> describe({"eta": 1.0, "kind": "Adam"})
    'eta=1, kind=Adam'
    """
    shown = {name: f"{value:g}" if isinstance(value, float) else value for name, value in values.items()}
    return ", ".join(f"{name}={value}" for name, value in shown.items())


def check_frame(frame: Frame, where: str, first: Frame) -> None:
    """Raise unless a frame has the marks, kinds and lengths of the first one."""
    if not isinstance(frame, Mapping) or not any(isinstance(mark, Mark) for mark in frame.values()):
        raise ValueError(
            f"expected the function to return marks by name, such as {{'loss': Curve(x, y)}}, got "
            f"{type(frame).__name__} at {where}"
        )
    if list(frame) != list(first):
        raise ValueError(
            f"expected the same names in every frame, {list(first)}, got {list(frame)} at {where}: "
            "return all of them, in one order, for every value"
        )
    for name, mark in frame.items():
        if type(mark) is not type(first[name]) or not isinstance(mark, Mark | str):
            raise ValueError(
                f"expected {name!r} to be a {type(first[name]).__name__} in every frame, got "
                f"{type(mark).__name__} at {where}: return Curve, Points, Bars, HeatMap or a note (str)"
            )
        if isinstance(mark, Mark):
            lengths = [len(a) for a in mark.arrays]
            expected = [len(a) for a in first[name].arrays]
            if lengths != expected:
                raise ValueError(
                    f"expected {name!r} to have {expected} numbers in every frame, got {lengths} at {where}: "
                    "evaluate it on one grid, or pad it by repeating the last point"
                )


def pack(stack: Array, *, log: bool = False) -> dict[str, Any]:
    """Store numbers as 16-bit integers over their range, in base64: 2 bytes and 1.5e-5 of the range each.

    Parameters
    ----------
    stack : array
    log : bool
        Store the decimal logarithms, for a logarithmic axis.

    Examples
    --------
    >>> pack(np.array([0.0, 1.0]))["o"], pack(np.array([2.0, 2.0]))["s"]
    (0.0, 0.0)
    """
    stack = np.log10(stack) if log else stack
    low, high = float(stack.min()), float(stack.max())
    scale = (high - low) / 65535
    steps = np.zeros(stack.shape) if scale == 0 else np.round((stack - low) / scale)
    integers = (steps - 32768).astype("<i2")
    return {"o": low, "s": scale, "log": log, "b": base64.b64encode(integers.tobytes()).decode()}
