"""What the layers share: checks of arrays and pairs, and windows of an image, read and written back."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from enlib import _tools

Array = npt.NDArray[Any]
Pair = int | tuple[int, int]


def floats(**arrays: Array) -> None:
    """Raise unless all are NumPy arrays of float32, or all of float64.

    Raises
    ------
    TypeError
        If one is anything else, or two differ in their type.

    Examples
    --------
    >>> floats(x=np.zeros(2), w=np.zeros(2, dtype=int))
    Traceback (most recent call last):
    TypeError: expected w to be a NumPy array of float32 or float64, got int64: pass np.asarray(w, dtype=float)
    """
    for name, array in arrays.items():
        kind = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
        if kind not in (np.float32, np.float64):
            raise TypeError(
                f"expected {name} to be a NumPy array of float32 or float64, got {kind}: "
                f"pass np.asarray({name}, dtype=float)"
            )
    kinds = [str(array.dtype) for array in arrays.values()]
    if len(set(kinds)) > 1:
        raise TypeError(
            f"expected {', '.join(arrays)} of one type, got {', '.join(kinds)}: convert them with .astype(float)"
        )


def shaped(name: str, array: Array, axes: tuple[int | str, ...], advice: str) -> None:
    """Raise unless an array has the given axes: a number is its length, a word is an axis of any length.

    Raises
    ------
    ValueError
        If the number of axes differs, or the length of one.

    Examples
    --------
    >>> shaped("w", np.zeros((4, 2)), ("out", 3), "it needs a column for each input")
    Traceback (most recent call last):
    ValueError: expected w of shape (out, 3), got (4, 2): it needs a column for each input
    """
    free = [isinstance(axis, str) for axis in axes]
    if array.ndim != len(axes) or any(
        not any_length and length != axis for length, axis, any_length in zip(array.shape, axes, free, strict=True)
    ):
        wanted = ", ".join(map(str, axes)) + ("," if len(axes) == 1 else "")
        raise ValueError(f"expected {name} of shape ({wanted}), got {array.shape}: {advice}")


def pair(name: str, value: Pair, *, least: int = 1) -> tuple[int, int]:
    """Return a whole number, or a pair of them, as a pair.

    Raises
    ------
    ValueError, TypeError
        If it is neither, or a number is smaller than ``least``.

    Examples
    --------
    >>> pair("stride", 2), pair("padding", (0, 1), least=0)
    ((2, 2), (0, 1))
    """
    values = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(values) != 2:
        raise ValueError(f"expected {name} to be a number or a pair, got {_tools.shown(value)}: pass (rows, columns)")
    return _tools.count(name, values[0], least=least), _tools.count(name, values[1], least=least)


def windows(x: Array, size: tuple[int, int], stride: tuple[int, int]) -> Array:
    """Return a view of all windows of an image, of shape (n, c, rows, columns, *size).

    Parameters
    ----------
    x : array of shape (n, c, h, w)
    size, stride : (int, int)
        Height and width of a window, and the steps from one to the next. What no window reaches is left out.

    Raises
    ------
    ValueError
        If a window is larger than the image.

    Examples
    --------
    >>> windows(np.arange(4.0).reshape(1, 1, 1, 4), (1, 2), (1, 1)).tolist()
    [[[[[[0.0, 1.0]], [[1.0, 2.0]], [[2.0, 3.0]]]]]]
    """
    if size[0] > x.shape[2] or size[1] > x.shape[3]:
        raise ValueError(
            f"expected a window no larger than the image, got {size} in {x.shape[2:]}: "
            "choose a smaller window, or more padding"
        )
    axes: Any = (2, 3)  # older type stubs of NumPy know one axis only
    seen: Array = sliding_window_view(x, size, axis=axes)
    return seen[:, :, :: stride[0], :: stride[1]]


def add_windows(parts: Array, shape: tuple[int, ...], stride: tuple[int, int]) -> Array:
    """Return an image of zeros to which each window has been added at the place where `windows` reads it.

    Where windows overlap, a pixel gets the sum of all its parts. As a matrix this is the transpose of `windows`.

    Parameters
    ----------
    parts : array of shape (n, c, rows, columns, kh, kw)
    shape : tuple of int
        Shape (n, c, h, w) of the image.
    stride : (int, int)

    Examples
    --------
    >>> add_windows(np.ones((1, 1, 1, 3, 1, 2)), (1, 1, 1, 5), (1, 1)).tolist()
    [[[[1.0, 2.0, 2.0, 1.0, 0.0]]]]
    """
    image = np.zeros(shape, parts.dtype)
    rows, columns, kh, kw = parts.shape[2:]
    for i in range(kh):
        for j in range(kw):
            down, right = slice(i, i + rows * stride[0], stride[0]), slice(j, j + columns * stride[1], stride[1])
            image[:, :, down, right] += parts[..., i, j]
    return image
