"""Save a run between two epochs, and go on as if nothing had happened."""

from __future__ import annotations

import hashlib
import os
import pickle
import tempfile
from pathlib import Path
from typing import Any

import torch

from enlib.datasets import Dataset


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
    Path(part.name).replace(path)


def load(path: Path, fingerprint: dict[str, str]) -> dict[str, Any]:
    """Read a checkpoint of the run that ``fingerprint`` describes, without unpickling code.

    Raises
    ------
    ValueError
        If the file is no checkpoint, or one of a different run; it is left as it is.
    """
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        saved: dict[str, str] = state["fingerprint"]
    except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, TypeError, ValueError) as error:
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
    return state


def digest(data: Dataset) -> str:
    """Return a short digest of the training and validation samples, to tell data sets apart."""
    sha = hashlib.sha256()
    for split in (data.train, data.validation):
        for tensor in (split.inputs, split.targets):
            sha.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return sha.hexdigest()[:16]
