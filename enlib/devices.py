"""Where a run computes."""

from __future__ import annotations

import torch

from enlib import _check


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
    _check.known("device", str(device).split(":")[0], ["auto", "cpu", "cuda", "mps"])
    try:
        named = torch.device(device)
    except RuntimeError:
        raise ValueError(f"expected a device such as 'cpu' or 'cuda:1', got {str(device)!r}: pass 'auto'") from None
    count = {"cpu": 1, "cuda": torch.cuda.device_count(), "mps": int(mps)}[named.type]
    if (named.index or 0) >= count:
        raise ValueError(f"expected an available device, got {str(device)!r}: pass 'auto' or 'cpu'")
    return named
