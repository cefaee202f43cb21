"""Three problems made of images: scikit-learn's digits, MNIST and CIFAR-10, two classes of each.

The files are compared with the digests of the published images before anything in them is used. For each pool of
images, the readers return the two classes as arrays of shape (n, channels, height, width) in canonical order.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from enlib import _tools

Bytes = npt.NDArray[np.uint8]

# Size in bytes and SHA-256 of each decompressed file: the gzip wrappers differ between mirrors. A test also compares
# the files with the published MD5 digests.
MNIST_FILES = {
    "train-images-idx3-ubyte": (47_040_016, "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
    "train-labels-idx1-ubyte": (60_008, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
    "t10k-images-idx3-ubyte": (7_840_016, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
    "t10k-labels-idx1-ubyte": (10_008, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
}

# For each class, the SHA-256 of the concatenated SHA-256 digests of its images in canonical order. It does not depend
# on how the images are spread over files. Airplanes (0) and automobiles (1) are used whole.
CIFAR10_CLASSES = {
    ("train", 0): "604a764b05fcad2bf32fef8dc190696e74a29864c6da3adb1d630ba28e8efc8b",
    ("train", 1): "6bf8f928e4a47e3c633e3e1d22ac181a0e9286c7f48cc7331f5a849a5f3810aa",
    ("test", 0): "4e8f24194688057829da8ec0a9b7cf85a33962bdb6f97653df0e7a0858371aae",
    ("test", 1): "37ab72aca0e642035ab89bb378bb3f40802455690312f8bf5501efcbc6c26aef",
    ("train", 2): "656038a5d8837f3294af0f86ada015e441caa7d869ffbd504cd2e8877cd51cef",
    ("train", 3): "632d77b7240bc3a86d2cc707e625a4df7cfe250fab17583e930dd109139453ba",
    ("train", 4): "84455e2a027d109641f2a29d1249fa09501fa868e76d01a3feda360f193b7272",
    ("train", 5): "6b433378053e56e90fce4e8d2821e90be51cdc30ca36792502d6423b039d4aed",
    ("train", 6): "6bffc5e6f2fdc706646d8a213f189d723f0058273c4cd0ef2250f14e6bb360e2",
    ("train", 7): "a54e485b0e55e9b91569bf0c861d0d9bc9fc85d879a8b7dd75d8f3b63a1fc2bb",
    ("train", 8): "3359ab7753f4ab7bbd51b1cd9ae37ebc858fd97900dc01aef1fc32975f408cc9",
    ("train", 9): "28868d9bc5e94e92ca2fb69a3e61631ace0aea897349c334c158eddb6d98264b",
    ("test", 2): "dc884f30580cb792bf1941d89cfa70c1b127b8e62e53217d4921db9449e55f8b",
    ("test", 3): "f1f9a2716e95278aa447afc041a2a777f43fc4437d722254a61c95cff9602905",
    ("test", 4): "e8b53ec6d2235570a3e6d3939af0c57a73b962e9d5ba1ef50e0d2f372cd1f70e",
    ("test", 5): "fb965d63d5ce400e86ef1f6d83a7a3e2318a68d12733dfa52290c14adcc2c0c5",
    ("test", 6): "ee7804608695d9591a0a34cd62d5c3a466a4cbc281fbf0d135520bebd0cf5789",
    ("test", 7): "0e406482532046a8dbbacae6595ea0c986440d7ffb778e6d43af5fcd1f8af2b8",
    ("test", 8): "0571055f5b8430f5fe66aedac65d33a6ad94fc864a29404871ced24219d772ad",
    ("test", 9): "fbee2084afe61fc31881bf756bf950caf65cfb67bf1325be2ce8dbd94c1bc5bf",
}
# Of the classes 2 to 9, the first images in canonical order: an archive that holds these serves as well as all.
CIFAR10_FIRST = {"train": 1000, "test": 200}
CIFAR10_TEST = "test_batch.bin"
CIFAR10_TRAIN = "data_batch_*.bin"
CIFAR10_BYTES = 60_000 * 3073  # all batches; a record is one label, then red, green and blue planes of 32 x 32

# The number of images in each split of each pool, and the value of white.
_SPLITS = {
    "digits-1v7": ({"all": [217, 72, 72]}, 16),
    "mnist-1v7": ({"train": [13000], "test": [1081, 1082]}, 255),
    "cifar10-0v1": ({"train": [2000, 2000], "test": [2000]}, 255),
}


class DataError(RuntimeError):
    """The data are missing, or are not the published ones. The message says what to do."""


def image_splits(name: str, folder: Path) -> list[tuple[Tensor, Tensor]]:
    """Return inputs and labels for training, validation and test, in float64 with values in [0, 1].

    Every split is chosen in canonical order, in proportion to the classes.

    Parameters
    ----------
    name : str
        ``"digits-1v7"``, ``"mnist-1v7"`` or ``"cifar10-0v1"``.
    folder : Path
        Where the files are; the bundled digits have none.

    Raises
    ------
    DataError
        If a file is missing, unreadable, or not the published one.

    Examples
    --------
    >>> [tuple(inputs.shape) for inputs, _ in image_splits("digits-1v7", Path())]
    [(217, 1, 8, 8), (72, 1, 8, 8), (72, 1, 8, 8)]
    """
    pools = {"digits-1v7": _read_digits, "mnist-1v7": read_mnist, "cifar10-0v1": read_cifar10}[name](folder)
    sizes, white = _SPLITS[name]
    return [
        (torch.from_numpy(images / white), torch.from_numpy(targets))
        for pool, classes in pools.items()
        for images, classes_dealt in _deal(classes, sizes[pool])
        for targets in [2.0 * classes_dealt - 1]
    ]


def ten_digits(source: str, folder: Path, sizes: tuple[int, int]) -> list[tuple[Tensor, Tensor]]:
    """Return images and digits for training, validation and test; see `enlib.datasets.load_digits`."""
    if source == "mnist":
        pools = read_mnist(folder, range(10))
        dealt = [*_deal(pools["train"], [*sizes]), *_deal(pools["test"], [sum(map(len, pools["test"]))])]
    else:
        classes = _read_digits(folder, range(10))["all"]
        dealt = _deal(classes, [*sizes, sum(map(len, classes)) - sum(sizes)])
    return [(torch.from_numpy(images), torch.from_numpy(digits)) for images, digits in dealt]


def read_mnist(folder: Path, digits: Sequence[int] = (1, 7)) -> dict[str, list[Bytes]]:
    """Return some digits of MNIST, by default the ones and the sevens, for ``"train"`` and ``"test"``.

    Raises
    ------
    DataError
        If one of the four files is missing, unreadable, or not the published one.
    """
    pools = {}
    for pool, stem in (("train", "train"), ("test", "t10k")):
        images = _mnist_array(folder, f"{stem}-images-idx3-ubyte", header=16).reshape(-1, 1, 28, 28)
        labels = _mnist_array(folder, f"{stem}-labels-idx1-ubyte", header=8)
        pools[pool] = [_canonical(images[labels == digit]) for digit in digits]
    return pools


def mnist_payload(path: Path, contents: bytes) -> bytes:
    """Return the verified, decompressed contents of one of MNIST's files.

    Parameters
    ----------
    path : Path
        Its name says which file it is.
    contents : bytes
        The contents of the file, gzipped or not.

    Raises
    ------
    DataError
        If the contents are not the published ones.
    """
    size, expected = MNIST_FILES[path.name.removesuffix(".gz")]
    if contents[:2] == b"\x1f\x8b":
        # A small file can unpack to gigabytes; one byte too many is enough to refuse it.
        try:
            contents = zlib.decompressobj(wbits=31).decompress(contents, size + 1)
        except zlib.error:
            contents = b""
    got = hashlib.sha256(contents).hexdigest()
    if got != expected:
        raise DataError(
            f"expected {path} to hold the published data with SHA-256 {expected}, got {len(contents)} bytes with "
            f"SHA-256 {got}: the file is damaged or cut short and was not used; move it away, then run "
            "python -m enlib data fetch mnist"
        )
    return contents


def read_cifar10(folder: Path, labels: Sequence[int] = (0, 1)) -> dict[str, list[Bytes]]:
    """Return some classes of CIFAR-10, by default airplanes and automobiles, for ``"train"`` and ``"test"``.

    Raises
    ------
    DataError
        If a batch is missing, unreadable or cut short, or a class is not the published one.
    """
    paths = [*sorted(folder.glob(CIFAR10_TRAIN)), folder / CIFAR10_TEST]
    return cifar10_classes({path: _contents(path, most=CIFAR10_BYTES) for path in paths}, labels)


def cifar10_classes(batches: Mapping[Path, bytes], labels: Sequence[int] = (0, 1)) -> dict[str, list[Bytes]]:
    """Return verified classes in CIFAR-10's batches, for ``"train"`` and ``"test"``.

    The batches may hold the images in any order and number. The classes 0 and 1 are verified as a whole; of each
    other class, the first 1,000 training and 200 test images in canonical order are verified and returned.

    Parameters
    ----------
    batches : mapping of Path to bytes
        The contents of each batch. Those of the test batch belong to the test, all others to the training.
    labels : sequence of int
        The classes, in the order in which they are returned.

    Raises
    ------
    DataError
        If a batch is cut short, or a class is not the published one.
    """
    pools = {}
    for pool in ("train", "test"):
        paths = [path for path in batches if (path.name == CIFAR10_TEST) == (pool == "test")]
        records = [np.empty((0, 3073), np.uint8), *(_cifar10_records(path, batches[path]) for path in paths)]
        # Selected batch by batch, so that the other classes are not copied.
        pools[pool] = [
            _canonical(np.concatenate([r[r[:, 0] == label, 1:] for r in records]).reshape(-1, 3, 32, 32))[
                : CIFAR10_FIRST[pool] if label > 1 else None
            ]
            for label in labels
        ]
        for label, images in zip(labels, pools[pool], strict=True):
            expected = CIFAR10_CLASSES[pool, label]
            got = hashlib.sha256(b"".join(_digests(images))).hexdigest()
            if got != expected:
                names = ", ".join(map(str, paths)) or "no file"
                raise DataError(
                    f"expected the {pool} images of class {label} in {names} to have SHA-256 {expected} in canonical "
                    f"order, got {len(images)} images with {got}: a file is missing or damaged and none was used; "
                    "move the folder away, then run python -m enlib data fetch cifar10"
                )
    return pools


def _canonical(images: Bytes) -> Bytes:
    """Return images of shape (n, ...) in canonical order: by the SHA-256 digest of their pixels.

    The first k images in this order do not depend on the file, mirror or shuffle that they came from, and the order
    is unrelated to what they show.

    Examples
    --------
    >>> images = np.array([[[7]], [[3]], [[5]]], dtype=np.uint8)
    >>> bool((_canonical(images) == _canonical(images[::-1])).all())
    True
    """
    keys = _digests(images)
    ordered: Bytes = images[np.array(sorted(range(len(keys)), key=keys.__getitem__), dtype=np.intp)]
    return ordered


def _digests(images: Bytes) -> list[bytes]:
    """Return the SHA-256 digest of the pixels of each image, for images of shape (n, ...)."""
    return [hashlib.sha256(image.tobytes()).digest() for image in images]


def present(path: Path) -> bool:
    """Return whether ``path`` exists; a folder that cannot be searched is no error."""
    return os.access(path, os.F_OK)


def _read_digits(folder: Path, digits: Sequence[int] = (1, 7)) -> dict[str, list[Bytes]]:
    from sklearn.datasets import load_digits

    bundled = load_digits()
    images = bundled.images.astype(np.uint8)[:, None]
    return {"all": [_canonical(images[bundled.target == digit]) for digit in digits]}


def _mnist_array(folder: Path, name: str, header: int) -> Any:
    gzipped, unpacked = folder / f"{name}.gz", folder / name
    path = unpacked if present(unpacked) and not present(gzipped) else gzipped
    size, _ = MNIST_FILES[name]
    contents = _contents(path, most=size + size // 10 + 1000)
    return np.frombuffer(mnist_payload(path, contents), dtype=np.uint8, offset=header)


def _cifar10_records(path: Path, contents: bytes) -> Bytes:
    if len(contents) == 0 or len(contents) % 3073:
        got = hashlib.sha256(contents).hexdigest()
        raise DataError(
            f"expected {path} to hold whole records of 3073 bytes, got {len(contents)} bytes with SHA-256 {got}: the "
            "file is damaged or cut short and was not used; move the folder away, then run python -m enlib data "
            "fetch cifar10"
        )
    return np.frombuffer(contents, dtype=np.uint8).reshape(-1, 3073)


def _contents(path: Path, most: int) -> bytes:
    """Return the contents of a file that holds at most ``most`` bytes."""
    try:
        with path.open("rb") as file:
            contents = file.read(most + 1)
    except OSError as error:
        raise DataError(str(_tools.explained(error, "read", path))) from error
    if len(contents) > most:
        raise DataError(f"expected {path} to hold at most {most} bytes, got more: move it away and fetch it again")
    return contents


def _deal(classes: list[Bytes], sizes: list[int]) -> list[tuple[Bytes, npt.NDArray[np.int64]]]:
    """Return splits of the given sizes, in canonical order and in proportion to the classes, and their numbers."""
    splits, used = [], [0] * len(classes)
    for total in np.cumsum(sizes):
        # Shares of the running total and not of each split, so that rounding never uses up a class too early.
        upto = _allocate(int(total), [len(images) for images in classes])
        parts = [images[a:b] for images, a, b in zip(classes, used, upto, strict=True)]
        splits.append((np.concatenate(parts), np.repeat(np.arange(len(classes)), [len(part) for part in parts])))
        used = upto
    return splits


def _allocate(total: int, sizes: list[int]) -> list[int]:
    """Return how many of ``total`` samples each class contributes, in proportion to the sizes, by largest remainder.

    Examples
    --------
    >>> _allocate(13000, [6742, 6265])
    [6738, 6262]
    """
    shares = [total * size / sum(sizes) for size in sizes]
    counts = [int(share) for share in shares]
    by_remainder = sorted(range(len(sizes)), key=lambda i: counts[i] - shares[i])
    for i in by_remainder[: total - sum(counts)]:
        counts[i] += 1
    return counts
