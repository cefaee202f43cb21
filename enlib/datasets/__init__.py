"""Five binary classification problems, by name, the same for everyone.

======================  ==============================================  =======================
name                    problem                                         train / validation / test
======================  ==============================================  =======================
``spheres``             two concentric 100-d spheres                    as asked
``gaussians``           two 100-d Gaussians                             as asked
``digits-1v7``          8x8 digits 1 and 7, bundled with scikit-learn   217 / 72 / 72
``mnist-1v7``           MNIST digits 1 and 7                            13000 / 1081 / 1082
``cifar10-0v1``         CIFAR-10 airplanes and automobiles              2000 / 2000 / 2000
======================  ==============================================  =======================
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from typing import Any

import torch

from enlib import _tools
from enlib.datasets.data import Dataset, Split
from enlib.datasets.fetch import data_directory
from enlib.datasets.images import cifar10_0v1, digits_1v7, mnist_1v7
from enlib.datasets.sources import DataError
from enlib.datasets.standardize import MODES, Standardization
from enlib.datasets.synthetic import bayes_error, gaussians, spheres

__all__ = [
    "NAMES",
    "DataError",
    "Dataset",
    "Split",
    "Standardization",
    "bayes_error",
    "cifar10_0v1",
    "digits_1v7",
    "gaussians",
    "load",
    "mnist_1v7",
    "spheres",
]

_SYNTHETIC: dict[str, Callable[..., Dataset]] = {"spheres": spheres, "gaussians": gaussians}
_IMAGES: dict[str, Callable[..., Dataset]] = {"mnist-1v7": mnist_1v7, "cifar10-0v1": cifar10_0v1}
NAMES = (*_SYNTHETIC, "digits-1v7", *_IMAGES)

# One scale for all coordinates keeps the spheres round; the Gaussians come with unit variance; the fully connected
# network learns the photographs faster when every pixel has the same spread.
_STANDARDIZE = {"spheres": "global", "gaussians": "none", "cifar10-0v1": "feature"}


def load(
    name: str,
    *,
    seed: int,
    data_dir: str | os.PathLike[str] | None = None,
    download: bool = True,
    standardize: str = "default",
    dtype: torch.dtype = torch.float32,
    **options: Any,
) -> Dataset:
    """Load a data set by name, standardized by its training split.

    Parameters
    ----------
    name : str
        One of `NAMES`.
    seed : int
        Draws the samples of ``spheres`` and ``gaussians``. The images are the same for every seed: their
        subsets are chosen in canonical order.
    data_dir : path, optional
        Where the images lie; by default ``$ENLIB_DATA``, else the user's cache directory.
    download : bool
        Whether images that are not there may be downloaded.
    standardize : {"default", "none", "feature", "channel", "global", "sample"}
        See `Standardization`. The default is ``"global"`` for spheres, ``"none"`` for gaussians, ``"channel"`` for
        the digits and MNIST, and ``"feature"`` for CIFAR-10. ``"sample"`` is refused for spheres, whose labels it
        would erase.
    dtype : torch.dtype
        Of inputs and labels; the samples are the same in each.
    **options
        Passed to `spheres` or `gaussians`: sizes, radii, shift.

    Returns
    -------
    Dataset

    Raises
    ------
    ValueError
        If a name, option or value is not valid.
    DataError
        If images are missing and cannot be had, or are not the published ones.

    Examples
    --------
    >>> data = load("spheres", seed=0, radii=(1.0, 1.01), train=1000)
    >>> data.train.inputs.shape
    torch.Size([1000, 100])
    """
    _tools.known("data set", name, NAMES)
    _tools.count("seed", seed, least=0)
    _tools.known("standardize", standardize, ("default", *MODES))
    if not dtype.is_floating_point:
        raise ValueError(f"expected a floating-point dtype, got {dtype}: use torch.float32 or torch.float64")
    if name == "spheres" and standardize == "sample":
        raise ValueError(
            "expected standardize='global', 'feature' or 'none' for spheres, got 'sample': it divides each point "
            "by its own length, and the length is the label"
        )
    maker = _SYNTHETIC.get(name)
    accepted = [] if maker is None else [p for p in inspect.signature(maker).parameters if p != "seed"]
    for option in options:
        if not accepted:
            raise ValueError(f"expected no options for {name}, got {option!r}: its splits are fixed, leave it out")
        _tools.known(f"option of {name}", option, accepted)
    if maker is not None:
        data = maker(seed=seed, **options)
    elif name == "digits-1v7":
        data = digits_1v7()
    else:
        data = _IMAGES[name](data_directory(data_dir), download=download)
    mode = _STANDARDIZE.get(name, "channel") if standardize == "default" else standardize
    return data.standardized(mode).to(dtype=dtype)
