"""Two problems made of random numbers: concentric spheres, and two Gaussians.

Both makers return the raw inputs and labels of the three splits in float64; `enlib.datasets.load` standardizes them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from enlib import _tools

_Array = npt.NDArray[np.float64]


def spheres(
    *,
    seed: int,
    radii: tuple[float, float] = (1.0, 1.5),
    dimension: int = 100,
    train: int = 2000,
    validation: int = 2000,
    test: int = 2000,
) -> list[tuple[Tensor, Tensor]]:
    r"""Return samples of two concentric spheres, whose labels say which sphere a sample lies on.

    .. math:: x = R_y\, z / \lVert z \rVert, \qquad z \sim N(0, I_d)

    Parameters
    ----------
    seed : int
        Draws the samples. Each split has its own random stream, so a larger one leaves the others unchanged.
    radii : (float, float)
        Radius of the class -1 and of the class +1. The report's hardest pair is (1.0, 1.01).
    dimension : int
        Number d of coordinates.
    train, validation, test : int
        Number of samples in each split, half of them in each class.

    Returns
    -------
    list of (Tensor of shape (n, d), Tensor of shape (n,))
        Inputs and labels for training, validation and test.

    Raises
    ------
    ValueError, TypeError
        If a radius is not positive, the radii are equal, or a size is not a positive integer.

    Examples
    --------
    >>> (inputs, targets), *_ = spheres(seed=0, train=4)
    >>> inputs.norm(dim=1).float().tolist(), targets.tolist()
    ([1.0, 1.0, 1.5, 1.5], [-1.0, -1.0, 1.0, 1.0])
    """
    try:
        inner, outer = radii
    except (TypeError, ValueError) as error:
        raise type(error)(f"expected two radii, got {_tools.shown(radii)}: pass (inner, outer)") from None
    lengths = _tools.positive("radius", inner), _tools.positive("radius", outer)
    if lengths[0] == lengths[1]:
        raise ValueError(f"expected two different radii, got {lengths}: on one sphere, the classes are the same")

    def sample(rng: np.random.Generator, targets: _Array, d: int) -> _Array:
        z = rng.standard_normal((len(targets), d))
        z /= np.linalg.norm(z, axis=1, keepdims=True)
        scaled: _Array = z * np.where(targets < 0, *lengths)[:, None]
        return scaled

    return _splits("spheres", sample, seed, dimension, train=train, validation=validation, test=test)


def gaussians(
    *,
    seed: int,
    shift: float = 0.5,
    dimension: int = 100,
    train: int = 5000,
    validation: int = 2000,
    test: int = 2000,
) -> list[tuple[Tensor, Tensor]]:
    r"""Return samples of two Gaussians of unit variance: one at the origin (-1), one shifted (+1).

    .. math:: x \sim N(\mu_y, I_d), \qquad \mu_{-1} = 0, \quad \mu_{+1} = (s, \dots, s)

    The means are :math:`s \sqrt d` apart, so no classifier has an error rate below :math:`\Phi(-s \sqrt d / 2)`. The
    report gives only "E = 0.1", taken here as the shift of every coordinate.

    Parameters
    ----------
    seed : int
        As in `spheres`.
    shift : float
        The shift s, positive.
    dimension, train, validation, test : int
        As in `spheres`.

    Returns
    -------
    list of (Tensor of shape (n, d), Tensor of shape (n,))
        As in `spheres`.

    Raises
    ------
    ValueError, TypeError
        If the shift is not positive, or a size is not a positive integer.

    Examples
    --------
    >>> (inputs, _), *_ = gaussians(seed=0, shift=0.1, train=10)
    >>> inputs.shape
    torch.Size([10, 100])
    """
    s = _tools.positive("shift", shift)

    def sample(rng: np.random.Generator, targets: _Array, d: int) -> _Array:
        return rng.standard_normal((len(targets), d)) + s * (targets > 0)[:, None]

    return _splits("gaussians", sample, seed, dimension, train=train, validation=validation, test=test)


def _splits(
    name: str,
    sample: Callable[[np.random.Generator, _Array, int], _Array],
    seed: int,
    dimension: int,
    **sizes: int,
) -> list[tuple[Tensor, Tensor]]:
    d = _tools.count("dimension", dimension)
    splits = []
    for split, size in sizes.items():
        n = _tools.count(f"number of {split} samples", size)
        targets = np.where(np.arange(n) < n // 2, -1.0, 1.0)
        inputs = sample(np.random.default_rng(_tools.stream(seed, f"{name} {split}")), targets, d)
        splits.append((torch.from_numpy(inputs), torch.from_numpy(targets)))
    return splits
