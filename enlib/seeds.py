"""One seed for a run, one independent stream for each purpose in it."""

from __future__ import annotations

import hashlib

import torch

from enlib import _check


def stream(seed: int, purpose: str) -> int:
    """Derive the seed of one purpose ("batch order", "base network", ...) from the seed of the run.

    The first 63 bits of SHA-256 of ``"<seed>/<purpose>"``. Without this, the same integer would start the
    initialisation and the shuffling on the same random bits, and the two would be correlated.

    Parameters
    ----------
    seed : int
        The run's seed, at least 0.
    purpose : str
        What the numbers are for.

    Raises
    ------
    ValueError
        If ``seed`` is not an integer of at least 0.

    Examples
    --------
    >>> stream(0, "batch order") == stream(0, "base network")
    False
    """
    _check.count("seed", seed, least=0)
    digest = hashlib.sha256(f"{seed}/{purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def generator(seed: int, purpose: str) -> torch.Generator:
    """Return a CPU random generator for one purpose of the run ``seed``; see `stream`.

    Examples
    --------
    >>> torch.equal(torch.rand(3, generator=generator(0, "a")), torch.rand(3, generator=generator(0, "a")))
    True
    """
    return torch.Generator().manual_seed(stream(seed, purpose))
