"""An order of images that does not depend on where they came from."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt


def digests(images: npt.NDArray[np.uint8]) -> list[bytes]:
    """Return the SHA-256 digest of the pixel bytes of each image; images of shape (n, ...)."""
    return [hashlib.sha256(image.tobytes()).digest() for image in images]


def canonical_order(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.intp]:
    """Return the indices that put images of shape (n, ...) into canonical order: ascending digest.

    A subset chosen as the first k in this order is the same whatever file, mirror or shuffle the images came
    through, and the order says nothing about what they show.

    Examples
    --------
    >>> images = np.array([[[7]], [[3]], [[5]]], dtype=np.uint8)
    >>> order = canonical_order(images)
    >>> bool((images[order] == images[::-1][canonical_order(images[::-1])]).all())
    True
    """
    keys = digests(images)
    return np.array(sorted(range(len(keys)), key=keys.__getitem__), dtype=np.intp)


def allocate(total: int, sizes: list[int]) -> list[int]:
    """Share ``total`` among classes in proportion to their sizes, by largest remainder.

    Examples
    --------
    >>> allocate(13000, [6742, 6265])
    [6738, 6262]
    """
    shares = [total * size / sum(sizes) for size in sizes]
    counts = [int(share) for share in shares]
    by_remainder = sorted(range(len(sizes)), key=lambda i: counts[i] - shares[i])
    for i in by_remainder[: total - sum(counts)]:
        counts[i] += 1
    return counts
