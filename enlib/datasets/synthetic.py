"""Two problems made of random numbers: concentric spheres, and two Gaussians."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch

from enlib import _tools
from enlib._tools import stream
from enlib.datasets.data import Dataset, Split

_Array = npt.NDArray[np.float64]


def spheres(
    *,
    seed: int,
    radii: tuple[float, float] = (1.0, 1.5),
    dimension: int = 100,
    train: int = 2000,
    validation: int = 2000,
    test: int = 2000,
) -> Dataset:
    r"""Two concentric spheres: which one does a point lie on?

    .. math:: x = R_y\, z / \lVert z \rVert, \qquad z \sim N(0, I_d)

    Parameters
    ----------
    seed : int
        The three splits are drawn from independent streams: a larger training split leaves the others as they are.
    radii : (float, float)
        Radius of the class -1 and of the class +1. The report's hardest pair is (1.0, 1.01).
    dimension : int
        Number d of coordinates.
    train, validation, test : int
        Samples in each split, half of them in each class.

    Raises
    ------
    ValueError
        If a radius is not positive, the radii are equal, or a size is not a positive integer.

    Examples
    --------
    >>> data = spheres(seed=0, train=4)
    >>> data.train.inputs.norm(dim=1).float().tolist(), data.train.targets.tolist()
    ([1.0, 1.0, 1.5, 1.5], [-1.0, -1.0, 1.0, 1.0])
    """
    if len(radii) != 2:
        raise ValueError(f"expected two radii, got {radii}: pass (inner, outer)")
    for radius in radii:
        _tools.positive("radius", radius)
    if radii[0] == radii[1]:
        raise ValueError(f"expected two different radii, got {radii}: on one sphere there is nothing to tell apart")

    def sample(rng: np.random.Generator, targets: _Array) -> _Array:
        z = rng.standard_normal((len(targets), dimension))
        z /= np.linalg.norm(z, axis=1, keepdims=True)
        return z * np.where(targets < 0, *radii)[:, None]

    return _dataset("spheres", sample, seed, dimension, (train, validation, test))


def gaussians(
    *,
    seed: int,
    shift: float = 0.5,
    dimension: int = 100,
    train: int = 5000,
    validation: int = 2000,
    test: int = 2000,
) -> Dataset:
    r"""Two Gaussians of unit variance, one at the origin (-1) and one with every coordinate shifted (+1).

    .. math:: x \sim N(\mu_y, I_d), \qquad \mu_{-1} = 0, \quad \mu_{+1} = (s, \dots, s)

    The means are :math:`s \sqrt d` apart, so that no classifier errs less often than
    :math:`\Phi(-s \sqrt d / 2)`; see `bayes_error`. The report gives only "E = 0.1"; we read it as the shift of
    every coordinate.

    Parameters
    ----------
    seed : int
        As in `spheres`.
    shift : float
        The shift s, positive.
    dimension, train, validation, test : int
        As in `spheres`.

    Raises
    ------
    ValueError
        If the shift is not positive, or a size is not a positive integer.

    Examples
    --------
    >>> gaussians(seed=0, shift=0.1, train=10).input_shape
    (100,)
    """
    _tools.positive("shift", shift)

    def sample(rng: np.random.Generator, targets: _Array) -> _Array:
        return rng.standard_normal((len(targets), dimension)) + shift * (targets > 0)[:, None]

    return _dataset("gaussians", sample, seed, dimension, (train, validation, test))


def bayes_error(shift: float, dimension: int = 100) -> float:
    r"""Return the error rate that no classifier of `gaussians` can beat, :math:`\Phi(-s \sqrt d / 2)`.

    Examples
    --------
    >>> round(bayes_error(0.1), 4)
    0.3085
    """
    return 0.5 * math.erfc(shift * math.sqrt(dimension) / 2 / math.sqrt(2))


def _dataset(
    name: str,
    sample: Callable[[np.random.Generator, _Array], _Array],
    seed: int,
    dimension: int,
    sizes: tuple[int, int, int],
) -> Dataset:
    _tools.count("dimension", dimension)
    splits = []
    for split, size in zip(("train", "validation", "test"), sizes, strict=True):
        _tools.count(f"number of {split} samples", size)
        rng = np.random.default_rng(stream(seed, f"{name} {split}"))
        targets = np.where(np.arange(size) < size // 2, -1.0, 1.0)
        splits.append(Split(torch.from_numpy(sample(rng, targets)), torch.from_numpy(targets)))
    return Dataset(name, *splits)
