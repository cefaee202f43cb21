"""Three problems made of images: bundled digits, MNIST, and CIFAR-10, two classes of each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from enlib.datasets import cifar10, fetch, mnist
from enlib.datasets.canonical import allocate, canonical_order
from enlib.datasets.data import Dataset, Split
from enlib.datasets.sources import CIFAR10, MNIST, DataError, Source

Bytes = npt.NDArray[np.uint8]


def digits_1v7() -> Dataset:
    """Ones (-1) against sevens (+1) among scikit-learn's bundled 8x8 digits; the default when offline.

    361 images of shape (1, 8, 8) with values in [0, 1], split in canonical order into 217 for training,
    72 for validation and 72 for the test.

    Examples
    --------
    >>> data = digits_1v7()
    >>> [len(split) for split in data.splits.values()]
    [217, 72, 72]
    """
    from sklearn.datasets import load_digits

    bundled = load_digits()
    images = bundled.images.astype(np.uint8)[:, None]
    classes = [_canonical(images[bundled.target == digit]) for digit in (1, 7)]
    return _dataset("digits-1v7", *_split(classes, [217, 72, 72]), white=16)


def mnist_1v7(data_dir: Path, *, download: bool) -> Dataset:
    """Ones (-1) against sevens (+1) of MNIST.

    Images of shape (1, 28, 28) with values in [0, 1]. 13,000 of the 13,007 official training images train;
    the 2,163 official test images are split into 1,081 for validation and 1,082 for the test. Every choice is
    made in canonical order, in proportion to the classes.

    Parameters
    ----------
    data_dir : Path
    download : bool
        Fetch the files if they are not there.

    Raises
    ------
    DataError
        If the files are missing and cannot be had, or are not the published ones.
    """
    official = mnist.read(_folder(MNIST, data_dir, download))
    ones_and_sevens = {
        split: [_canonical(images[digits == digit][:, None]) for digit in (1, 7)]
        for split, (images, digits) in official.items()
    }
    train = _split(ones_and_sevens["train"], [13000])
    held_out = _split(ones_and_sevens["test"], [1081, 1082])
    return _dataset("mnist-1v7", *train, *held_out, white=255)


def cifar10_0v1(data_dir: Path, *, download: bool) -> Dataset:
    """Airplanes (-1) against automobiles (+1) of CIFAR-10.

    Images of shape (3, 32, 32) with values in [0, 1]: 2,000 for training and another 2,000 for validation, the
    first and second thousand of each class of the official training images in canonical order, and the 2,000
    official test images.

    Parameters
    ----------
    data_dir, download
        As in `mnist_1v7`.

    Raises
    ------
    DataError
        As in `mnist_1v7`.
    """
    official = cifar10.read(_folder(CIFAR10, data_dir, download))
    classes = {split: [images[labels == label] for label in (0, 1)] for split, (images, labels) in official.items()}
    train = _split(classes["train"], [2000, 2000])
    return _dataset("cifar10-0v1", *train, *_split(classes["test"], [2000]), white=255)


def _folder(source: Source, data_dir: Path, download: bool) -> Path:
    if not fetch.is_present(source, data_dir):
        if not download:
            raise DataError(
                f"expected the files of {source.title} in {data_dir / source.folder}, got none or not all: run "
                f"python -m enlib data fetch {source.name}, or set ENLIB_DATA to where they are, or work "
                f"offline: {fetch.OFFLINE}"
            )
        fetch.fetch(source, data_dir)
    return data_dir / source.folder


def _canonical(images: Bytes) -> Bytes:
    ordered: Bytes = images[canonical_order(images)]
    return ordered


def _split(classes: list[Bytes], sizes: list[int]) -> list[tuple[Bytes, npt.NDArray[np.float64]]]:
    """Deal classes that are in canonical order to splits of the given sizes, in proportion to the classes."""
    splits, used = [], [0] * len(classes)
    for total, size in zip(np.cumsum(sizes), sizes, strict=True):
        # Shares of the running total, not of each split: rounding can then never use up a class too early.
        upto = allocate(int(total), [len(images) for images in classes])
        parts = [images[a:b] for images, a, b in zip(classes, used, upto, strict=True)]
        splits.append((np.concatenate(parts), np.repeat([-1.0, 1.0], [len(part) for part in parts])))
        assert len(splits[-1][0]) == size
        used = upto
    return splits


def _dataset(name: str, *splits: tuple[Bytes, npt.NDArray[np.float64]], white: int) -> Dataset:
    train, validation, test = (
        Split(torch.from_numpy(images / white), torch.from_numpy(targets)) for images, targets in splits
    )
    return Dataset(name, train, validation, test)
