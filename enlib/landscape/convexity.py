"""Tests of convexity: chords, which may find a counterexample, and the eigenvalues of the Hessian at a point."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy.typing as npt
import torch
from torch import Tensor

from enlib import _tools
from enlib.curvature import Hessian

Function = Callable[[Tensor], Any]
Bound = float | Sequence[float]


@dataclass(frozen=True, eq=False)
class Chord:
    """A straight line between two points of a function's graph, and the function halfway between them.

    Parameters
    ----------
    start, end : Tensor of shape (d,)
        The two points.
    at_start, at_end, at_middle : float
        The function at these points and at ``(start + end) / 2``.

    Examples
    --------
    >>> drawn = chord(lambda w: w @ w, [-1.0, 0.0], [1.0, 2.0])
    >>> drawn.at_middle, drawn.gap, drawn.ridge
    (1.0, -2.0, -4.0)
    """

    start: Tensor
    end: Tensor
    at_start: float
    at_end: float
    at_middle: float

    @property
    def gap(self) -> float:
        """Return the height of the function above the chord halfway; it is never above zero for a convex function."""
        return self.at_middle - (self.at_start + self.at_end) / 2

    @property
    def ridge(self) -> float:
        """Return the height of the function halfway above the higher end; never above zero for a quasiconvex one."""
        return self.at_middle - max(self.at_start, self.at_end)

    @property
    def breaks_convexity(self) -> bool:
        """Return whether the gap is above zero, and above what rounding can do."""
        return self.gap > self._rounding

    @property
    def breaks_quasiconvexity(self) -> bool:
        """Return whether the ridge is above zero, and above what rounding can do."""
        return self.ridge > self._rounding

    @property
    def _rounding(self) -> float:
        return 1e-10 * max(1.0, abs(self.at_start), abs(self.at_end), abs(self.at_middle))


def chord(f: Function, start: npt.ArrayLike, end: npt.ArrayLike) -> Chord:
    r"""Return one chord of a function, with the function at its ends and halfway.

    A function is convex if no chord runs below it,

    .. math:: f\!\left(\tfrac{u + v}{2}\right) \le \frac{f(u) + f(v)}{2},

    and quasiconvex if it is never above both ends of a chord, :math:`f(\tfrac{u+v}{2}) \le \max(f(u), f(v))`. For
    continuous functions, it suffices to compare halfway.

    Parameters
    ----------
    f : callable
        Maps a float64 tensor of shape (d,) to a number.
    start, end : array_like of shape (d,)
        The points u and v.

    Raises
    ------
    TypeError
        If f is not callable or does not return a number, or a point is not made of numbers.
    ValueError
        If the two points differ in shape, f is not finite at one of the three points, or f ignores its argument.

    Examples
    --------
    >>> chord(lambda w: (w[0] * w[1] - 1) ** 2 / 2, [1.0, 1.0], [-1.0, -1.0]).gap
    0.5
    """
    _check_callable(f)
    points = (_tools.array(name, point, finite=True) for name, point in (("start", start), ("end", end)))
    u, v = (torch.tensor(point) for point in points)
    if u.shape != v.shape or u.ndim != 1:
        raise ValueError(
            f"expected two points of one shape (d,), got {tuple(u.shape)} and {tuple(v.shape)}: "
            "pass the same number of coordinates for both, flattened"
        )
    with _tools.unchanged_buffers():
        drawn = _chord(f, u, v)
        if drawn.at_start == drawn.at_end == drawn.at_middle and _connected(f, u) is False:
            raise ValueError(_IGNORES)
    return drawn


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
    """Return the chord that is the strongest evidence against convexity, among many random ones in a box.

    One chord that breaks convexity disproves it. Chords that do not break it prove nothing, however many.

    Parameters
    ----------
    f : callable
        Maps a float64 tensor of shape (d,) to a number.
    dimension : int
        Number d of its arguments.
    low, high : float, or sequence of d floats
        Corners of the box.
    chords : int
        Number of chords. Each starts at a random point of the box and covers a random part of the way to another, so
        that some are short.
    seed : int
        Seed of the random chords.
    by : {"gap", "ridge"}
        Return the chord with the largest `Chord.gap` (convexity) or `Chord.ridge` (quasiconvexity).

    Raises
    ------
    TypeError
        If f is not callable or does not return a number, or another argument has the wrong type.
    ValueError
        If the box is empty, ``by`` is unknown, f is not finite somewhere in the box, or f ignores its argument: it
        has one value everywhere, and torch finds no dependence.

    Examples
    --------
    >>> worst_chord(lambda w: w.abs().sum(), 2, seed=0).breaks_convexity
    False
    >>> bell = lambda w: w[0] ** 2 / (1 + w[0] ** 2)  # one minimum, and yet:
    >>> worst_chord(bell, 1, seed=0).breaks_convexity, worst_chord(bell, 1, seed=0, by="ridge").breaks_quasiconvexity
    (True, False)
    """
    _check_callable(f)
    dimension, chords = _tools.count("dimension", dimension), _tools.count("chords", chords)
    seed = _tools.count("seed", seed, least=0)
    _tools.known("by", by, ("gap", "ridge"))
    bounds = [_tools.array(name, bound, finite=True) for name, bound in (("low", low), ("high", high))]
    if any(bound.shape not in ((), (dimension,)) for bound in bounds) or not (bounds[0] < bounds[1]).all():
        raise ValueError(
            f"expected low < high in each of {dimension} coordinates, got {low} and {high}: swap the corners"
        )
    corners = [torch.tensor(bound).expand(dimension) for bound in bounds]
    generator = torch.Generator().manual_seed(seed)

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator, dtype=torch.float64)

    start, other = (corners[0] + (corners[1] - corners[0]) * uniform(chords, dimension) for _ in range(2))
    end = start + uniform(chords, 1) * (other - start)
    with _tools.unchanged_buffers():
        drawn = [_chord(f, u, v) for u, v in zip(start, end, strict=True)]
        values = {value for each in drawn for value in (each.at_start, each.at_end, each.at_middle)}
        if len(values) == 1 and not _connected(f, start[0]):
            raise ValueError(_IGNORES)
    return max(drawn, key=lambda each: each.gap if by == "gap" else each.ridge)


def hessian_eigenvalues(f: Function, w: npt.ArrayLike) -> Tensor:
    """Return the eigenvalues of the Hessian of a function at a point, ascending.

    A twice differentiable function is convex if and only if the first of them is nowhere negative. One negative
    eigenvalue anywhere disproves convexity.

    Parameters
    ----------
    f : callable
        Maps a float64 tensor of shape (d,) to a tensor without dimensions, through PyTorch's functions.
    w : array_like of shape (d,)
        The point. The whole Hessian is computed: d² numbers.

    Returns
    -------
    Tensor of shape (d,)

    Raises
    ------
    TypeError, ValueError
        If w is not a vector of finite numbers; or as `enlib.curvature.Hessian`.

    Examples
    --------
    >>> hessian_eigenvalues(lambda w: (w[0] * w[1] - 1) ** 2 / 2, [0.0, 0.0])
    tensor([-1.,  1.], dtype=torch.float64)
    """
    point = torch.tensor(_tools.array("w", w, finite=True))
    if point.ndim != 1:
        raise ValueError(f"expected a point of shape (d,), got {tuple(point.shape)}: flatten the parameters")
    _check_callable(f)
    eigenvalues: Tensor = torch.linalg.eigvalsh(Hessian(lambda p: f(p["w"]), {"w": point}).dense())
    return eigenvalues


_IGNORES = (
    "expected a function that depends on its argument w, got one that ignores it: compute the value from w, for a "
    "network by torch.func.functional_call with the parameters cut out of w"
)


def _chord(f: Function, u: Tensor, v: Tensor) -> Chord:
    return Chord(u, v, _value(f, u), _value(f, v), _value(f, (u + v) / 2))


def _value(f: Function, w: Tensor) -> float:
    got = f(w)
    try:
        value = float(got.detach() if isinstance(got, Tensor) and got.requires_grad else got)
    except (TypeError, ValueError, RuntimeError):
        raise TypeError(
            f"expected the function to return one number, got {type(got).__name__}: return its sum or its mean"
        ) from None
    if not math.isfinite(value):
        raise ValueError(f"expected a finite value at w = {w.tolist()}, got {value}: choose a smaller box")
    return value


def _connected(f: Function, w: Tensor) -> bool | None:
    """Return whether torch can differentiate f by its argument; None if f is not for torch to differentiate."""
    w = w.clone().requires_grad_()
    try:
        value = f(w)
    except RuntimeError:  # for NumPy functions, which take no tensor with a gradient
        return None
    if not isinstance(value, Tensor) or not value.requires_grad:
        return None
    return torch.autograd.grad(value, w, allow_unused=True)[0] is not None


def _check_callable(f: Function) -> None:
    if not callable(f):
        raise TypeError(f"expected a function of w, got {type(f).__name__}: pass lambda w: ...")
