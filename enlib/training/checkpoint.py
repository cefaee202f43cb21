"""Save a run between two epochs, and go on as if nothing had happened."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor


def save(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint under a temporary name and rename it: there is a whole one or the one before it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}-", suffix=".part", delete=False) as part:
        try:
            torch.save(state, part)
            part.flush()
            os.fsync(part.fileno())
        except BaseException:
            part.close()
            Path(part.name).unlink()
            raise
    Path(part.name).chmod(0o644)  # temporary files are the owner's alone; a checkpoint is a file like others
    Path(part.name).replace(path)


def load(path: Path, fingerprint: dict[str, str]) -> dict[str, Any]:
    """Read a checkpoint of the run that ``fingerprint`` describes, without unpickling code.

    Raises
    ------
    ValueError
        If the file is no checkpoint, or one of a different run; it is left as it is.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        saved = state["fingerprint"]
        if not isinstance(saved, dict):
            raise TypeError("no fingerprint")
    except Exception as error:  # whatever torch makes of a file that is something else
        raise ValueError(
            f"expected a checkpoint in {path}, got a file that cannot be read as one ({type(error).__name__}): "
            "move it away to start again, or name another file"
        ) from error
    different = [key for key in fingerprint if saved.get(key) != fingerprint[key]]
    if different:
        was = ", ".join(f"{key}={saved.get(key)}" for key in different)
        now = ", ".join(f"{key}={fingerprint[key]}" for key in different)
        raise ValueError(
            f"expected {path} to be a checkpoint of this run, got one of a run with {was} instead of {now}: "
            "use the same settings, or name another file"
        )
    loaded: dict[str, Any] = state
    return loaded


def digest(tensors: Iterable[Tensor]) -> str:
    """Return a short digest of the numbers in some tensors, to tell data sets and initial weights apart."""
    sha = hashlib.sha256()
    for tensor in tensors:
        sha.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return sha.hexdigest()[:16]
