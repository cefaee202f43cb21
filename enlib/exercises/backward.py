"""Checks of backward passes: a setting that exposes wrong ones, and a backward pass that a reader writes."""

import math

from enlib.exercises.answers import show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_NAMES = ("image", "kernel", "stride", "padding")
_MUTANTS = (  # in the order in which they are told, which a dictionary in a web page would not keep
    ("square kernels only", "the kernel has as many rows as columns, or its extra columns only ever see padding"),
    ("square images only", "it takes as many columns as there are rows, if there are so many"),
    ("one padding for both", "both sides are padded alike, or nothing but zeros is moved"),
    ("crop from the end", "x[2:-2] is right; which padding breaks it?"),
    ("stride forgotten", "no window is a stride above 1 away"),
    ("size from the output", "the windows reach the end of the image; choose a stride that leaves some of it over"),
)


def survivors(image: "Any", kernel: "Any", stride: "Any", padding: "Any") -> "dict[str, str]":
    """Return which wrong backward passes of a convolution look right in a setting, each with a hint.

    Parameters
    ----------
    image, kernel, stride, padding : pairs of int
        Rows and columns.

    Examples
    --------
    >>> list(survivors((5, 9), (2, 3), (2, 3), (0, 0)))
    ['one padding for both']
    """
    right = _backward(image, kernel, stride, padding, "")
    return {name: hint for name, hint in _MUTANTS if _backward(image, kernel, stride, padding, name) == right}


def _backward(image: "Any", kernel: "Any", stride: "Any", padding: "Any", mistake: str) -> "Any":
    """Return dx and dw of a convolution with one channel, with arbitrary numbers; None if the mistake raises."""
    (h, w), (kh, kw), (s, t), (up, left) = image, kernel, stride, padding
    tall, wide = h + 2 * up, w + 2 * left
    rows, columns = (tall - kh) // s + 1, (wide - kw) // t + 1
    padded = [
        [_some(a, b, 1) * (up <= a < up + h and left <= b < left + w) for b in range(wide)] for a in range(tall)
    ]
    if mistake == "size from the output":
        tall, wide = s * (rows - 1) + kh, t * (columns - 1) + kw
    if mistake == "stride forgotten":
        s = t = 1
    if mistake == "square kernels only" and kh > kw:
        return None
    dx, dw = [[0.0] * wide for _ in range(tall)], [[0.0] * kw for _ in range(kh)]
    for i in range(kh):
        for j in range(kh if mistake == "square kernels only" else kw):
            for p in range(rows):
                for q in range(columns):
                    dx[s * p + i][t * q + j] += _some(p, q, 2) * _some(i, j, 3)
                    dw[i][j] += _some(p, q, 2) * padded[s * p + i][t * q + j]
    if mistake == "crop from the end":
        return [row[left:-left] for row in dx[up:-up]], dw
    first = up if mistake == "one padding for both" else left
    last = first + (h if mistake == "square images only" else w)
    return [row[first:last] for row in dx[up : up + h]], dw


def _some(i: int, j: int, kind: int) -> float:
    return math.sin(12.9 * i + 78.2 * j + kind)


def exposing_setting(setting: "Any") -> str:
    """Return what is wrong with a setting that should expose all six wrong backward passes of a convolution.

    Examples
    --------
    >>> exposing_setting([[5, 5], [3, 3], [1, 1], [1, 1]])
    'the mutant "square kernels only" survives: the kernel has as many rows as columns, or ...'
    """
    for name, values in zip(_NAMES, setting, strict=True):
        least = 0 if name == "padding" else 1
        if not all(value == int(value) and least <= value <= 12 for value in values):
            return f"expected whole numbers from {least} to 12 as {name}, got {show(values)}"
    pairs = [[int(value) for value in values] for values in setting]
    for k in (0, 1):
        if pairs[1][k] > pairs[0][k] + 2 * pairs[3][k]:
            return f"the kernel does not fit into the padded image: {show(setting[1])} in {show(setting[0])}"
    alive = survivors(*pairs)
    return next((f'the mutant "{name}" survives: {hint}' for name, hint in _MUTANTS if name in alive), "")


def mean_pool_backward(
    *, add: bool = True, by: str = "size", strided: bool = True
) -> "Callable[[Any, int, int, int], list[float]]":
    """Return the backward pass of mean pooling in one dimension, right or with one mistake.

    Examples
    --------
    >>> mean_pool_backward()([1.0, 2.0], 3, 2, 1)
    [0.5, 1.5, 1.0]
    """

    def backward(dy: "Any", n: int, size: int, stride: int) -> "list[float]":
        dx = [0.0] * n
        for p, d in enumerate(dy):
            part = float(d) / {"size": size, "stride": stride, "nothing": 1}[by]
            for i in range(size):
                at = (stride if strided else 1) * p + i
                dx[at] = part + (dx[at] if add else 0.0)
        return dx

    return backward
