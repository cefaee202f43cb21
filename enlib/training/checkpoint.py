"""Save a run between two epochs, and resume it as if it had never been interrupted.

A checkpoint is a line that names the format, a line with the SHA-256 digest of the rest, and the state as
`torch.save` writes it. PyTorch does not check what it reads: without the digest, a single flipped bit would give
other numbers.
"""

from __future__ import annotations

import hashlib
import io
import os
import textwrap
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from enlib._tools import write_atomically

_FORMAT = b"enlib checkpoint 2"


class Checkpoint:
    """A file in which one run is saved.

    Parameters
    ----------
    path : path
        The file; its folder is made if there is none.
    fingerprint : dict of str
        Describes the run before its first update.
    """

    def __init__(self, path: str | os.PathLike[str], fingerprint: dict[str, str]) -> None:
        self.path, self.fingerprint = Path(path), fingerprint

    def exists(self, resume: bool) -> bool:
        """Return whether there is a file to resume from; raise `FileExistsError` if it is not to be resumed."""
        if self.path.exists() and not resume:
            raise FileExistsError(
                f"expected no file at {self.path}, got one: pass resume=True to resume from it, or name another file"
            )
        return self.path.exists()

    def save(self, state: dict[str, Any]) -> None:
        """Write the state of the run, so that at any moment the file is complete: this one, or the one before it."""
        buffer = io.BytesIO()
        torch.save({"fingerprint": self.fingerprint, "state": state}, buffer)
        contents = buffer.getvalue()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(self.path, b"\n".join([_FORMAT, _sha256(contents), contents]))

    def load(self, restore: Callable[[dict[str, Any]], None]) -> None:
        """Read the saved state, without unpickling code, and pass it to ``restore``.

        Raises
        ------
        ValueError
            If the file is not a checkpoint, is damaged, belongs to a different run, or ``restore`` fails. The file is
            left as it is.
        """
        try:
            form, digest, contents = self.path.read_bytes().split(b"\n", 2)
            if form != _FORMAT:
                raise ValueError("not a checkpoint of this version")
            if digest != _sha256(contents):
                raise ValueError("damaged: its contents do not match their digest")
            stored = torch.load(io.BytesIO(contents), map_location="cpu", weights_only=True)
            saved = stored["fingerprint"]
            different = [key for key, value in self.fingerprint.items() if saved.get(key) != value]
            if not different:
                restore(stored["state"])
                return
        except Exception as error:  # whatever Python and PyTorch raise for a file that is something else
            reason = f"{type(error).__name__}: {textwrap.shorten(str(error), 120)}"
            raise ValueError(
                f"expected a checkpoint in {self.path}, got a file that cannot be read as one ({reason}): "
                "move it away to start again, or name another file"
            ) from error
        was = ", ".join(f"{key}={saved.get(key)}" for key in different)
        now = ", ".join(f"{key}={self.fingerprint[key]}" for key in different)
        raise ValueError(
            f"expected {self.path} to be a checkpoint of this run, got one of a run with {was} instead of {now}: "
            "use the same settings, or name another file"
        )


def _digest(tensors: Iterable[Tensor]) -> str:
    """Return a short digest of the numbers in some tensors, to tell data sets and initial weights apart."""
    sha = hashlib.sha256()
    for tensor in tensors:
        sha.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return sha.hexdigest()[:16]


def _sha256(contents: bytes) -> bytes:
    return hashlib.sha256(contents).hexdigest().encode()
