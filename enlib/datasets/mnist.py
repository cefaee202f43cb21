"""Read MNIST's four files, and refuse any that is not the published one."""

from __future__ import annotations

import contextlib
import hashlib
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from enlib.datasets.sources import MNIST_SHA256, DataError

Bytes = npt.NDArray[np.uint8]


def is_present(folder: Path) -> bool:
    """Tell whether all four files are there, gzipped or not."""
    return not any(is_needed(folder, name + ".gz") for name in MNIST_SHA256)


def is_needed(folder: Path, name: str) -> bool:
    """Tell whether a file (named with its .gz) is missing both as it is and unpacked."""
    return not ((folder / name).exists() or (folder / name).with_suffix("").exists())


def read(folder: Path) -> dict[str, tuple[Bytes, Bytes]]:
    """Return images of shape (n, 28, 28) and digits of shape (n,) for ``"train"`` and ``"test"``.

    Raises
    ------
    DataError
        If a file is missing, unreadable or not the published one.
    """
    splits = {}
    for split, stem in (("train", "train"), ("test", "t10k")):
        images = _array(folder, f"{stem}-images-idx3-ubyte", header=16)
        digits = _array(folder, f"{stem}-labels-idx1-ubyte", header=8)
        splits[split] = (images.reshape(-1, 28, 28), digits)
    return splits


def payload(path: Path) -> bytes:
    """Return the decompressed contents of one file, verified.

    Raises
    ------
    DataError
        If the file cannot be read, or its contents are not the published ones.
    """
    expected = MNIST_SHA256[path.name.removesuffix(".gz")]
    try:
        contents = _decompressed(path.read_bytes())
    except OSError as error:
        raise DataError(f"expected to read {path}, got {error.strerror}: check its permissions") from error
    got = hashlib.sha256(contents).hexdigest()
    if got != expected:
        raise DataError(
            f"expected {path} to hold the published data with SHA-256 {expected}, got {len(contents)} bytes with "
            f"SHA-256 {got}: the file is damaged or cut short and was not used; move it away, then run "
            "python -m enlib data fetch mnist"
        )
    return contents


def _array(folder: Path, name: str, header: int) -> Any:
    path = folder / (name + ".gz")
    path = path if path.exists() else folder / name
    return np.frombuffer(payload(path), dtype=np.uint8, offset=header)


def _decompressed(contents: bytes) -> bytes:
    """Undo gzip where there is gzip, as far as that goes: the digest tells a damaged stream."""
    if contents[:2] != b"\x1f\x8b":
        return contents
    stream = zlib.decompressobj(wbits=31)
    parts: list[bytes] = []
    with contextlib.suppress(zlib.error):
        parts.extend(stream.decompress(contents[i : i + 65536]) for i in range(0, len(contents), 65536))
    return b"".join(parts)
