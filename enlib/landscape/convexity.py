"""Is a function convex? Chords that look for a counterexample, and the Hessian's eigenvalues at a point."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from enlib import _tools

Function = Callable[[Tensor], Any]
Bound = float | Sequence[float]


@dataclass(frozen=True, eq=False)
class Chord:
    """A straight line between two points of a function's graph, and the function half way.

    Parameters
    ----------
    start, end : Tensor, shape (d,)
        Where the chord begins and ends.
    at_start, at_end, at_middle : float
        The function there, and at ``(start + end) / 2``.

    Examples
    --------
    >>> line = chord(lambda w: w @ w, [-1.0, 0.0], [1.0, 2.0])
    >>> line.at_middle, line.gap, line.ridge
    (1.0, -2.0, -4.0)
    """

    start: Tensor
    end: Tensor
    at_start: float
    at_end: float
    at_middle: float

    @property
    def gap(self) -> float:
        """Height of the function above the chord half way; a convex function has none above zero."""
        return self.at_middle - (self.at_start + self.at_end) / 2

    @property
    def ridge(self) -> float:
        """Height of the function half way above the higher end; a quasiconvex function has none above zero."""
        return self.at_middle - max(self.at_start, self.at_end)

    @property
    def breaks_convexity(self) -> bool:
        """Whether the gap is above zero, and above what rounding can do."""
        return self.gap > self._rounding

    @property
    def breaks_quasiconvexity(self) -> bool:
        """Whether the ridge is above zero, and above what rounding can do."""
        return self.ridge > self._rounding

    @property
    def _rounding(self) -> float:
        return 1e-10 * max(1.0, abs(self.at_start), abs(self.at_end), abs(self.at_middle))


def chord(f: Function, start: Tensor | Sequence[float], end: Tensor | Sequence[float]) -> Chord:
    r"""Draw one chord and compare it with the function half way.

    A function is convex if no chord runs below it,

    .. math:: f\!\left(\tfrac{u + v}{2}\right) \le \frac{f(u) + f(v)}{2},

    and quasiconvex if it is never above both ends of a chord, :math:`f(\tfrac{u+v}{2}) \le \max(f(u), f(v))`. For
    continuous functions half way is enough.

    Parameters
    ----------
    f : callable
        Maps a float64 tensor of shape (d,) to a number.
    start, end : array_like, shape (d,)
        The points u and v.

    Raises
    ------
    ValueError
        If the two points differ in shape, or f is not finite at one of the three points.

    Examples
    --------
    >>> chord(lambda w: (w[0] * w[1] - 1) ** 2 / 2, [1.0, 1.0], [-1.0, -1.0]).gap
    0.5
    """
    u, v = (torch.as_tensor(point, dtype=torch.float64) for point in (start, end))
    if u.shape != v.shape or u.ndim != 1:
        raise ValueError(
            f"expected two points of one shape (d,), got {tuple(u.shape)} and {tuple(v.shape)}: "
            "pass equally many coordinates for both, flattened"
        )
    return Chord(u, v, _value(f, u), _value(f, v), _value(f, (u + v) / 2))


def worst_chord(
    f: Function,
    dimension: int,
    *,
    low: Bound = -3.0,
    high: Bound = 3.0,
    chords: int = 1000,
    seed: int,
    by: Literal["gap", "ridge"] = "gap",
) -> Chord:
    """Draw random chords in a box and return the one that speaks loudest against convexity.

    One chord that breaks convexity disproves it. Any number of chords that do not break it prove nothing.

    Parameters
    ----------
    f : callable
        Maps a float64 tensor of shape (d,) to a number.
    dimension : int
        Number d of its arguments.
    low, high : float or sequence of d floats
        Corners of the box.
    chords : int
        How many to draw. Each begins anywhere in the box and goes a random part of the way to any other point of it,
        so that there are short ones too.
    seed : int
        Of the random chords.
    by : {"gap", "ridge"}
        Look for the largest `Chord.gap` (convexity) or the largest `Chord.ridge` (quasiconvexity).

    Raises
    ------
    ValueError
        If the box is empty, ``by`` is unknown, or f is not finite somewhere in the box.

    Examples
    --------
    >>> worst_chord(lambda w: w.abs().sum(), 2, seed=0).breaks_convexity
    False
    >>> bell = lambda w: w[0] ** 2 / (1 + w[0] ** 2)  # one minimum, and yet:
    >>> worst_chord(bell, 1, seed=0).breaks_convexity, worst_chord(bell, 1, seed=0, by="ridge").breaks_quasiconvexity
    (True, False)
    """
    _tools.count("dimension", dimension)
    _tools.count("chords", chords)
    _tools.known("by", by, ("gap", "ridge"))
    corners = [torch.as_tensor(c, dtype=torch.float64).expand(dimension) for c in (low, high)]
    if not bool((corners[0] < corners[1]).all()):
        raise ValueError(
            f"expected low < high in every coordinate, got {low} and {high}: pass the lower corner first"
        )
    generator = torch.Generator().manual_seed(seed)

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator, dtype=torch.float64)

    start, other = (corners[0] + (corners[1] - corners[0]) * uniform(chords, dimension) for _ in range(2))
    end = start + uniform(chords, 1) * (other - start)
    drawn = (chord(f, u, v) for u, v in zip(start, end, strict=True))
    return max(drawn, key=lambda line: line.gap if by == "gap" else line.ridge)


def hessian_eigenvalues(f: Function, w: Tensor | Sequence[float]) -> Tensor:
    """Return the eigenvalues of the Hessian of a function at a point, ascending.

    A twice differentiable function is convex if and only if the first of them is nowhere negative. One negative
    eigenvalue anywhere disproves convexity.

    Parameters
    ----------
    f : callable
        Maps a float64 tensor of shape (d,) to a tensor without dimensions, through PyTorch's functions.
    w : array_like, shape (d,)
        The point. The whole Hessian is computed: d^2 numbers.

    Returns
    -------
    Tensor, shape (d,)

    Raises
    ------
    ValueError
        If w is not a vector.

    Examples
    --------
    >>> hessian_eigenvalues(lambda w: (w[0] * w[1] - 1) ** 2 / 2, [0.0, 0.0])
    tensor([-1.,  1.], dtype=torch.float64)
    """
    w = torch.as_tensor(w, dtype=torch.float64)
    if w.ndim != 1:
        raise ValueError(f"expected a point of shape (d,), got {tuple(w.shape)}: flatten the parameters")
    hessian: Any = torch.autograd.functional.hessian(f, w)  # type: ignore[no-untyped-call]
    eigenvalues: Tensor = torch.linalg.eigvalsh((hessian + hessian.T) / 2)
    return eigenvalues


def _value(f: Function, w: Tensor) -> float:
    value = float(f(w))
    if not math.isfinite(value):
        raise ValueError(f"expected a finite value at w = {w.tolist()}, got {value}: choose a smaller box")
    return value
