"""Read CIFAR-10's binary batches, and refuse images that are not the published ones."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import numpy as np
import numpy.typing as npt

from enlib.datasets.canonical import canonical_order, digests
from enlib.datasets.sources import CIFAR10_SHA256, DataError

Bytes = npt.NDArray[np.uint8]
TEST = "test_batch.bin"
_RECORD = 1 + 3072  # one label, then red, green and blue planes of 32 x 32


def is_batch(name: str) -> bool:
    """Tell whether a file name is that of a batch."""
    return name == TEST or re.fullmatch(r"data_batch_\d+\.bin", name) is not None


def is_present(folder: Path) -> bool:
    """Tell whether there are training batches and a test batch."""
    return (folder / TEST).exists() and any(folder.glob("data_batch_*.bin"))


def is_needed(folder: Path, name: str) -> bool:
    """Tell whether the archive has to be fetched."""
    return not is_present(folder)


def read(folder: Path) -> dict[str, tuple[Bytes, Bytes]]:
    """Return the images of classes 0 (airplane) and 1 (automobile), and their classes.

    Returns
    -------
    dict
        For ``"train"`` and ``"test"``: images of shape (n, 3, 32, 32) and classes of shape (n,), in canonical
        order within each class. Files may hold the images in any order and number; each class is verified as
        a whole.

    Raises
    ------
    DataError
        If a batch is missing, unreadable or cut short, or a class is not the published one.
    """
    batches = {"train": sorted(folder.glob("data_batch_*.bin")), "test": [folder / TEST]}
    splits = {}
    for split, paths in batches.items():
        records = np.concatenate([_records(path) for path in paths] or [np.empty((0, _RECORD), np.uint8)])
        labels, pixels = records[:, 0], records[:, 1:]
        classes = []
        for label in (0, 1):
            images = pixels[labels == label]
            images = images[canonical_order(images)]
            _verify(images, CIFAR10_SHA256[split, label], split, label, paths, folder)
            classes.append(images.reshape(-1, 3, 32, 32))
        splits[split] = (
            np.concatenate(classes),
            np.repeat(np.arange(2, dtype=np.uint8), [len(images) for images in classes]),
        )
    return splits


def _records(path: Path) -> Bytes:
    try:
        contents = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    except OSError as error:
        raise DataError(f"expected to read {path}, got {error.strerror}: check its permissions") from error
    if len(contents) == 0 or len(contents) % _RECORD:
        got = hashlib.sha256(contents.tobytes()).hexdigest()
        raise DataError(
            f"expected {path} to hold whole records of {_RECORD} bytes, got {len(contents)} bytes with SHA-256 "
            f"{got}: the file is damaged or cut short and was not used; {_ADVICE}"
        )
    return contents.reshape(-1, _RECORD)


def _verify(images: Bytes, expected: str, split: str, label: int, paths: list[Path], folder: Path) -> None:
    got = hashlib.sha256(b"".join(sorted(digests(images)))).hexdigest()
    if got != expected:
        names = ", ".join(path.name for path in paths) or "no file"
        raise DataError(
            f"expected the {split} images of class {label} in {folder} ({names}) to have SHA-256 {expected} in "
            f"canonical order, got {len(images)} images with {got}: a file is missing or damaged and none was "
            f"used; {_ADVICE}"
        )


_ADVICE = "move the folder away, then run python -m enlib data fetch cifar10"
