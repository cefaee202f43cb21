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

The images are split in canonical order and in proportion to the classes. The digits are all the ones and sevens of
their collection. Of MNIST's 13,007 official training images, 13,000 are used for training; validation and test share
the 2,163 official test images. Of CIFAR-10, training and validation use the first and the second thousand official
training images of each class, and the test uses the official test images.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from enlib import _tools
from enlib.datasets.augmentation import AUGMENTATIONS, augmented
from enlib.datasets.data import MODES, Dataset, Split, floating, standardized
from enlib.datasets.download import OFFLINE, SOURCES, data_directory, fetch, is_present, verify
from enlib.datasets.images import DataError, image_splits, read_cifar10, ten_digits
from enlib.datasets.synthetic import gaussians, spheres

__all__ = [
    "AUGMENTATIONS",
    "NAMES",
    "SOURCES",
    "DataError",
    "Dataset",
    "Split",
    "augmented",
    "cifar10_images",
    "data_directory",
    "fetch",
    "is_present",
    "load",
    "load_digits",
    "verify",
]

_SYNTHETIC: dict[str, Callable[..., Any]] = {"spheres": spheres, "gaussians": gaussians}
_IMAGES = {"mnist-1v7": "mnist", "cifar10-0v1": "cifar10"}
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
    """Return a data set by name, standardized by its training split.

    Parameters
    ----------
    name : str
        One of `NAMES`.
    seed : int
        Draws the samples of ``spheres`` and ``gaussians``. The images are the same for every seed: their subsets are
        chosen in canonical order.
    data_dir : path, optional
        Where the images are; by default ``$ENLIB_DATA``, or else the user's cache directory.
    download : bool
        Whether missing images may be downloaded.
    standardize : {"default", "none", "feature", "channel", "global", "sample"}
        What shares one mean and one standard deviation, those of the training split: each coordinate, each channel,
        all numbers, or each sample by itself. The default is ``"global"`` for spheres, ``"none"`` for gaussians,
        ``"channel"`` for the digits and MNIST, and ``"feature"`` for CIFAR-10. ``"sample"`` is refused for spheres,
        whose labels it would erase.
    dtype : torch.dtype
        Type of inputs and labels; it does not change the samples.
    **options
        For spheres and Gaussians: ``train``, ``validation``, ``test``, ``dimension``; ``radii`` or ``shift``.

    Returns
    -------
    Dataset
        The three splits.

    Raises
    ------
    ValueError, TypeError
        If a name, option or value is not valid.
    DataError
        If images are missing and cannot be downloaded, or are not the published ones.

    Examples
    --------
    >>> data = load("spheres", seed=0, radii=(1.0, 1.01), train=1000)
    >>> data.train.inputs.shape
    torch.Size([1000, 100])
    """
    name = _tools.known("data set", name, NAMES)
    seed = _tools.count("seed", seed, least=0)
    mode = _tools.known("standardize", standardize, ("default", *MODES))
    dtype = floating(dtype)
    if name == "spheres" and mode == "sample":
        raise ValueError(
            "expected standardize='global', 'feature' or 'none' for spheres, got 'sample': it divides each point "
            "by its own length, and the length is the label"
        )
    if name in _SYNTHETIC:
        make = _SYNTHETIC[name]
        accepted = [option for option in inspect.signature(make).parameters if option != "seed"]
        for option in options:
            _tools.known(f"option of {name}", option, accepted)
        splits = make(seed=seed, **options)
    elif options:
        raise ValueError(f"expected no options for {name}, got {', '.join(options)}: leave them out")
    else:
        splits = image_splits(name, _folder(_IMAGES[name], data_dir, download) if name in _IMAGES else Path())
    mode = _STANDARDIZE.get(name, "channel") if mode == "default" else mode
    inputs = standardized([inputs for inputs, _ in splits], mode)
    return Dataset(name, *(Split(x.to(dtype), y.to(dtype)) for x, (_, y) in zip(inputs, splits, strict=True)))


def load_digits(
    source: str,
    *,
    train: int,
    validation: int,
    data_dir: str | os.PathLike[str] | None = None,
    download: bool = True,
) -> list[tuple[Tensor, Tensor]]:
    """Return images and labels of all ten digits for training, validation and test, standardized by the first.

    Training and validation are the first of their pool in canonical order, in proportion to the classes. The test
    are MNIST's official 10,000 test images, or what is left of the bundled digits.

    Parameters
    ----------
    source : {"mnist", "digits"}
        MNIST, 28 x 28, or scikit-learn's 1,797 bundled digits, 8 x 8.
    train, validation : int
        Number of images.
    data_dir, download
        As in `load`.

    Returns
    -------
    list of (Tensor of shape (n, 1, side, side), Tensor of shape (n,))
        float32, and int64 from 0 to 9.

    Examples
    --------
    >>> [tuple(x.shape) for x, _ in load_digits("digits", train=1000, validation=297)]
    [(1000, 1, 8, 8), (297, 1, 8, 8), (500, 1, 8, 8)]
    """
    _tools.known("source", source, ("mnist", "digits"))
    folder = _folder(source, data_dir, download) if source == "mnist" else Path()
    splits = ten_digits(source, folder, (_tools.count("train", train), _tools.count("validation", validation)))
    inputs = standardized([images.double() for images, _ in splits], "channel")
    return [(x.float(), y) for x, (_, y) in zip(inputs, splits, strict=True)]


def cifar10_images(
    *, data_dir: str | os.PathLike[str] | None = None, download: bool = True
) -> dict[str, list[Tensor]]:
    """Return the images of CIFAR-10's ten classes, for ``"train"`` and ``"test"``, in canonical order.

    Airplanes (class 0) and automobiles (class 1) are all there, 5,000 for training and 1,000 to test each; of each
    other class, the first 1,000 and the first 200.

    Parameters
    ----------
    data_dir, download
        See `load`.

    Returns
    -------
    dict of str to list of Tensor of shape (n, 3, 32, 32)
        One tensor of bytes for each class.

    Raises
    ------
    DataError
        If the images are missing and cannot be downloaded, or are not the published ones.
    """
    pools = read_cifar10(_folder("cifar10", data_dir, download), range(10))
    return {pool: [torch.from_numpy(images) for images in classes] for pool, classes in pools.items()}


def _folder(source: str, data_dir: str | os.PathLike[str] | None, download: bool) -> Path:
    """Return the folder with the files of a source, downloading missing ones."""
    folder = data_directory(data_dir) / SOURCES[source].folder
    if not is_present(source, data_dir):
        if not download:
            raise DataError(
                f"expected the files of {SOURCES[source].title} in {folder}, got none or too few: run python -m "
                f"enlib data fetch {source}, or set ENLIB_DATA to another directory, or work offline: {OFFLINE}"
            )
        fetch(source, data_dir)
    return folder
