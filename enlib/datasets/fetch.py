"""Download the real images, verify them, and only then put them where they are used.

Every file is written to a temporary name beside its place, its payload is checked, and it is renamed: a reader
of the data directory sees a whole verified file or none, whatever was interrupted.
"""

from __future__ import annotations

import os
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pooch
import requests

from enlib._tools import hide_progress
from enlib.datasets import cifar10, mnist
from enlib.datasets.sources import CIFAR10, MNIST, DataError, Source

_TIMEOUT = 30  # seconds without a byte before the next mirror is tried
OFFLINE = "digits-1v7 (scikit-learn's bundled digits) needs no download"


def data_directory(data_dir: str | os.PathLike[str] | None = None) -> Path:
    """Return where the images lie: the argument, else ``$ENLIB_DATA``, else the user's cache directory.

    Raises
    ------
    DataError
        If that place exists but is not a directory one can read.
    """
    where = Path(data_dir or os.environ.get("ENLIB_DATA") or pooch.os_cache("enlib")).expanduser()
    if where.exists() and not (where.is_dir() and os.access(where, os.R_OK | os.X_OK)):
        raise DataError(
            f"expected a readable data directory, got {where}: "
            "pass data_dir, or set ENLIB_DATA to a directory you can read"
        )
    return where


def is_present(source: Source, data_dir: Path) -> bool:
    """Tell whether all files of a source are there; whether they are right is seen when they are read."""
    return bool(_READERS[source.name].is_present(data_dir / source.folder))


def verify(source: Source, data_dir: Path) -> None:
    """Read all files of a source that is present and compare their digests.

    Raises
    ------
    DataError
        If a file is missing or is not the published one.
    """
    _READERS[source.name].read(data_dir / source.folder)


def fetch(
    source: Source, data_dir: Path, *, mirrors: Sequence[str] | None = None, progress: bool | None = None
) -> None:
    """Download what is missing of a source, trying the mirrors in order.

    Parameters
    ----------
    source : Source
    data_dir : Path
        Made if need be.
    mirrors : sequence of str, optional
        Addresses to try instead of the source's own.
    progress : bool, optional
        Show a progress bar; by default on a terminal and not in continuous integration.

    Raises
    ------
    DataError
        If no mirror delivered the published data. Nothing is left behind, and nothing that was there is touched.
    """
    folder = data_dir / source.folder
    reader = _READERS[source.name]
    if reader.is_present(folder):
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"expected a data directory that can be written, got {data_dir} ({error.strerror}): "
            "pass data_dir, or set ENLIB_DATA to one that can"
        ) from error
    for name in source.files:
        if not reader.is_needed(folder, name):
            continue
        tried = []
        for mirror in mirrors or source.mirrors:
            url = mirror.rstrip("/") + "/" + name
            try:
                with _temporary_folder(folder) as temporary:
                    _download(url, temporary / name, progress)
                    for verified in _UNPACK[source.name](temporary / name):
                        verified.replace(folder / verified.name)
                break
            except (requests.RequestException, OSError, DataError) as error:
                tried.append(f"  {url}: {_reason(error)}")
        else:
            raise DataError(
                f"expected to download {name} of {source.title}, got it from none of:\n"
                + "\n".join(tried)
                + f"\nTry again later; or get the file from elsewhere and put it into {folder}; or work offline: "
                + OFFLINE
            )


def _download(url: str, path: Path, progress: bool | None) -> None:
    if not hide_progress(progress):
        print(url, file=sys.stderr)
    download = pooch.HTTPDownloader(progressbar=not hide_progress(progress), chunk_size=1 << 16, timeout=_TIMEOUT)
    download(url, str(path), None)


def _unpack_mnist(path: Path) -> Iterator[Path]:
    mnist.payload(path)
    yield path


def _unpack_cifar10(path: Path) -> Iterator[Path]:
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                name = Path(member.name).name
                if member.isfile() and cifar10.is_batch(name):
                    contents = archive.extractfile(member)
                    assert contents is not None  # it is a file
                    (path.parent / name).write_bytes(contents.read())
    except (tarfile.TarError, EOFError) as error:
        raise DataError(f"damaged archive ({error})") from error
    cifar10.read(path.parent)
    # The test batch last: while it is missing, the data set counts as not there.
    yield from sorted(path.parent.glob("*.bin"), key=lambda batch: (batch.name == cifar10.TEST, batch.name))


_READERS: dict[str, Any] = {MNIST.name: mnist, CIFAR10.name: cifar10}
_UNPACK: dict[str, Callable[[Path], Iterator[Path]]] = {
    MNIST.name: _unpack_mnist,
    CIFAR10.name: _unpack_cifar10,
}


@contextmanager
def _temporary_folder(beside: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=beside, prefix=".fetch-", suffix=".part") as name:
        yield Path(name)


def _reason(error: Exception) -> str:
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"the server answered {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    if isinstance(error, requests.Timeout):
        return f"no answer within {_TIMEOUT} s"
    return " ".join(str(error).split())
