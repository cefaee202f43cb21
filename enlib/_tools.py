"""What every room leans on: argument checks, seeds, devices, and when to show a progress bar."""

from __future__ import annotations

import difflib
import hashlib
import math
import operator
import os
import sys
from collections.abc import Iterable
from typing import SupportsFloat

import torch


def known(kind: str, got: str, names: Iterable[str]) -> str:
    """Return ``got`` if it is one of ``names``; otherwise raise, suggesting the nearest.

    >>> known("optimizer", "adm", ["adam", "sgd"])
    Traceback (most recent call last):
    ValueError: expected optimizer to be one of adam, sgd; got 'adm': did you mean 'adam'?
    """
    names = list(names)
    if got in names:
        return got
    near = difflib.get_close_matches(str(got).lower(), names, n=1, cutoff=0.4)
    advice = f"did you mean {near[0]!r}?" if near else "choose one of these"
    raise ValueError(f"expected {kind} to be one of {', '.join(names)}; got {got!r}: {advice}")


def positive(name: str, value: SupportsFloat, *, advice: str = "pass a positive, finite number") -> float:
    """Return ``value`` as a float if it is finite and greater than zero."""
    number = float(value)
    if not (math.isfinite(number) and number > 0):
        raise ValueError(f"expected {name} > 0, got {value}: {advice}")
    return number


def non_negative(name: str, value: SupportsFloat, *, advice: str = "pass zero or a positive, finite number") -> float:
    """Return ``value`` as a float if it is finite and not negative."""
    number = float(value)
    if not (math.isfinite(number) and number >= 0):
        raise ValueError(f"expected {name} >= 0, got {value}: {advice}")
    return number


def count(name: str, value: int, *, least: int = 1) -> int:
    """Return ``value`` as an int if it is a whole number of at least ``least``; NumPy's integers are welcome."""
    number = operator.index(value) if hasattr(value, "__index__") and not isinstance(value, bool) else None
    if number is None or number < least:
        raise ValueError(
            f"expected {name} to be an integer >= {least}, got {value!r}: pass a whole number of at least {least}"
        )
    return number


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
    count("seed", seed, least=0)
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


def resolve_device(device: str | torch.device = "auto", dtype: torch.dtype = torch.float32) -> torch.device:
    """Return the device that ``device`` names; ``"auto"`` takes CUDA, then MPS, then the CPU.

    Parameters
    ----------
    device : str or torch.device
        ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``.
    dtype : torch.dtype
        MPS has no float64; ``"auto"`` passes it over for such models.

    Raises
    ------
    ValueError
        If the device is unknown, or not available on this machine.

    Examples
    --------
    >>> resolve_device("cpu")
    device(type='cpu')
    """
    mps = torch.backends.mps.is_available() and dtype != torch.float64
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "mps" if mps else "cpu")
    known("device", str(device).split(":")[0], ["auto", "cpu", "cuda", "mps"])
    try:
        named = torch.device(device)
    except RuntimeError:
        raise ValueError(f"expected a device such as 'cpu' or 'cuda:1', got {str(device)!r}: pass 'auto'") from None
    available = {"cpu": 1, "cuda": torch.cuda.device_count(), "mps": int(mps)}[named.type]
    if (named.index or 0) >= available:
        raise ValueError(f"expected an available device, got {str(device)!r}: pass 'auto' or 'cpu'")
    return named


def hide_progress(progress: bool | None) -> bool:
    """Return True unless bars are asked for; ``None`` asks on a terminal and not in continuous integration."""
    if progress is None:
        return bool(os.environ.get("CI")) or not sys.stderr.isatty()
    return not progress
