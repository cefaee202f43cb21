"""Save a run between two epochs, and resume it as if it had never been interrupted.

A checkpoint is a line that names the format, a line with the SHA-256 digest of the rest, and the state as
`torch.save` writes it. PyTorch does not check what it reads, so without the digest a single flipped bit would change
the results.
"""

from __future__ import annotations

import hashlib
import io
import os
import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from enlib._tools import write_atomically


class Checkpoint:
    """A file in which one run is saved.

    Parameters
    ----------
    path : path
        The file. Its folder is created if necessary.
    fingerprint : dict of str
        Describes the run before its first update.
    """

    def __init__(self, path: str | os.PathLike[str], fingerprint: dict[str, str]) -> None:
        self.path, self.fingerprint = Path(path), fingerprint

    def save(self, state: dict[str, Any]) -> None:
        """Replace the file by one with this state, so that at any moment a complete checkpoint exists."""
        buffer = io.BytesIO()
        torch.save({"fingerprint": self.fingerprint, "state": state}, buffer)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(self.path, _sealed(buffer.getvalue()))

    def load(self, *, resume: bool) -> dict[str, Any] | None:
        """Return the saved state, read without unpickling code; None if there is no file.

        Raises
        ------
        FileExistsError
            If the file exists and ``resume`` is not set.
        ValueError
            If the file is not a checkpoint, is damaged, or belongs to a different run. The file is not changed.
        """
        if not self.path.exists():
            return None
        if not resume:
            raise FileExistsError(
                f"expected no file at {self.path}, got one: pass resume=True to resume from it, or name another file"
            )
        try:
            found = self.path.read_bytes()
            contents = found.split(b"\n", 2)[-1]
            if found != _sealed(contents):
                raise ValueError("damaged, or not a checkpoint of this version")
            stored = torch.load(io.BytesIO(contents), map_location="cpu", weights_only=True)
        except Exception as error:  # PyTorch raises many kinds for files of other kinds
            reason = f"{type(error).__name__}: {textwrap.shorten(str(error), 120)}"
            raise ValueError(
                f"expected a checkpoint in {self.path}, got a file that cannot be read as one ({reason}): "
                "move it away to start again, or name another file"
            ) from error
        saved, state = stored["fingerprint"], stored["state"]
        different = [key for key, value in self.fingerprint.items() if saved.get(key) != value]
        if different:
            was = ", ".join(f"{key}={saved.get(key)}" for key in different)
            now = ", ".join(f"{key}={self.fingerprint[key]}" for key in different)
            raise ValueError(
                f"expected {self.path} to be a checkpoint of this run, got one of a run with {was} instead of {now}: "
                "use the same settings, or name another file"
            )
        return dict(state)


def digest(tensors: Iterable[Tensor]) -> str:
    """Return a short digest of the numbers in some tensors, to tell data sets and initial weights apart."""
    sha = hashlib.sha256()
    for tensor in tensors:
        sha.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return sha.hexdigest()[:16]


def _sealed(contents: bytes) -> bytes:
    """Return the contents after the name of the format and their own digest."""
    return b"\n".join([b"enlib checkpoint 2", hashlib.sha256(contents).hexdigest().encode(), contents])
