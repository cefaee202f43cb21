"""Download the real images from mirrors that may be slow, broken or hostile, and verify them before they are used.

Every file is written to a temporary folder beside its destination, verified, and renamed: whatever is interrupted,
the data directory holds whole verified files or none. Whatever a mirror does, the next one is tried, and time, size
and memory are bounded.
"""

from __future__ import annotations

import gzip
import os
import queue
import shutil
import socket
import ssl
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from tqdm import tqdm

from enlib import _tools
from enlib.datasets.images import (
    CIFAR10_BYTES,
    CIFAR10_TEST,
    CIFAR10_TRAIN,
    DataError,
    mnist_payload,
    present,
    read_cifar10,
    read_mnist,
)

OFFLINE = "digits-1v7 (scikit-learn's bundled digits) needs no download"
_CHUNK = 1 << 16  # bytes
_STALL = 30.0  # seconds: a mirror that takes longer for an answer, or for the next chunk, is left
_TOTAL = 7200.0  # seconds that one file may take from one mirror
_ATTEMPTS = 5  # on one mirror, while each brings something
_REDIRECTS = 10


@dataclass(frozen=True)
class _Source:
    """A published collection of images: its files with their sizes in bytes, and the addresses they come from."""

    name: str
    title: str
    folder: str
    files: dict[str, int]
    mirrors: tuple[str, ...]
    license: str
    citation: str

    @property
    def size(self) -> str:
        return f"{sum(self.files.values()) / 1e6:.0f} MB"


_MNIST = _Source(
    name="mnist",
    title="MNIST handwritten digits",
    folder="mnist",
    files={
        "train-images-idx3-ubyte.gz": 9_912_422,
        "train-labels-idx1-ubyte.gz": 28_881,
        "t10k-images-idx3-ubyte.gz": 1_648_877,
        "t10k-labels-idx1-ubyte.gz": 4_542,
    },
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    license="CC BY-SA 3.0",
    citation="Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, Gradient-Based Learning Applied to Document "
    "Recognition, Proceedings of the IEEE 86(11), 1998",
)
_CIFAR10 = _Source(
    name="cifar10",
    title="CIFAR-10 photographs",
    folder="cifar-10-batches-bin",
    files={"cifar-10-binary.tar.gz": 170_052_171},
    mirrors=(
        "https://www.cs.toronto.edu/~kriz/",
        "https://mindspore-website.obs.cn-north-4.myhuaweicloud.com/notebook/datasets/",
    ),
    license="none stated by the authors; free for research, cite the report",
    citation="A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, "
    "technical report, University of Toronto, 2009",
)
SOURCES = {source.name: source for source in (_MNIST, _CIFAR10)}


def data_directory(data_dir: str | os.PathLike[str] | None = None) -> Path:
    """Return where the images are: the argument, else ``$ENLIB_DATA``, else the user's cache directory.

    Parameters
    ----------
    data_dir : path, optional
        A folder; it need not exist.

    Raises
    ------
    DataError
        If that path exists but is not a folder you can read.
    TypeError
        If ``data_dir`` is not a path.
    """
    if not isinstance(data_dir, (str, os.PathLike, type(None))):
        raise TypeError(f"expected data_dir to be a path, got {_tools.shown(data_dir)}: pass a str or a pathlib.Path")
    named = data_dir or os.environ.get("ENLIB_DATA")
    if not named:
        import pooch

        named = pooch.os_cache("enlib")
    try:
        where = Path(named).expanduser()
        usable = "\0" not in str(where) and (not where.exists() or os.access(where / ".", os.R_OK | os.X_OK))
    except (OSError, RuntimeError):  # a folder that cannot be searched, an unknown ~user
        usable = False
    if not usable:
        raise DataError(
            f"expected a readable data directory, got {named}: "
            "pass data_dir, or set ENLIB_DATA to a directory you can read"
        )
    return where


def is_present(name: str, data_dir: str | os.PathLike[str] | None = None) -> bool:
    """Return whether all files of a source are in the data directory; reading them verifies them.

    Parameters
    ----------
    name : str
        A key of `SOURCES`.
    data_dir : path, optional
        As in `data_directory`.
    """
    return not _missing(*_source_and_folder(name, data_dir))


def verify(name: str, data_dir: str | os.PathLike[str] | None = None) -> None:
    """Read all files of a source and compare their digests with the published ones.

    Parameters
    ----------
    name, data_dir
        As in `is_present`.

    Raises
    ------
    DataError
        If a file is missing, unreadable, or not the published one.
    """
    source, folder = _source_and_folder(name, data_dir)
    (read_mnist if source is _MNIST else read_cifar10)(folder)


def fetch(
    name: str,
    data_dir: str | os.PathLike[str] | None = None,
    *,
    mirrors: Sequence[str] | None = None,
    progress: bool | None = None,
    stall: float = _STALL,
    total: float = _TOTAL,
) -> None:
    """Download the missing files of a source, trying the mirrors in order.

    Parameters
    ----------
    name, data_dir
        As in `is_present`. The folder is made if it does not exist.
    mirrors : sequence of str, optional
        Addresses to try instead of the source's own; the file name is appended to each.
    progress : bool, optional
        Show a progress bar; by default on a terminal and not in continuous integration.
    stall : float
        Seconds that a mirror may take for its answer, and then for each further 64 KiB, before the next is tried.
    total : float
        Seconds that a mirror may take for one file.

    Raises
    ------
    DataError
        If no mirror delivered the published files, with the cause for each; or if they cannot be written. No
        temporary file is left, and no file that was there is changed.
    """
    source, folder = _source_and_folder(name, data_dir)
    stall, total = _tools.positive("stall", stall), _tools.positive("total", total)
    for file in _missing(source, folder):
        failures = []
        for mirror in [mirrors] if isinstance(mirrors, str) else mirrors or source.mirrors:
            url = f"{str(mirror).rstrip('/')}/{file}"
            try:
                folder.mkdir(parents=True, exist_ok=True)
                _tools.sweep(folder, ".fetch-", ".part")
                with tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-", suffix=".part") as temporary:
                    path = Path(temporary) / file
                    _download(url, path, source.files[file], progress, stall, total)
                    for verified in _unpack(source, path):
                        verified.replace(folder / verified.name)
                break
            except MemoryError:
                raise
            except Exception as error:
                if isinstance(error, OSError) and error.errno:  # of this machine: what a mirror does is a DataError
                    raise DataError(
                        f"{_tools.explained(error, 'write', folder)}; or set ENLIB_DATA to one that can be written"
                    ) from error
                failures.append(f"  {_printable(url)}: {_printable(_cause(error))}")
        else:
            raise DataError(
                f"expected to download {file} of {source.title}, got it from none of:\n"
                + "\n".join(failures)
                + f"\nTry again later; or put the file from elsewhere into {folder}; or work offline: {OFFLINE}"
            )


def _source_and_folder(name: str, data_dir: str | os.PathLike[str] | None) -> tuple[_Source, Path]:
    source = SOURCES[_tools.known("image source", name, SOURCES)]
    return source, data_directory(data_dir) / source.folder


def _missing(source: _Source, folder: Path) -> list[str]:
    """Return the files to download: those whose contents are there neither packed nor unpacked."""
    if source is _CIFAR10:
        return [] if present(folder / CIFAR10_TEST) and any(folder.glob(CIFAR10_TRAIN)) else list(source.files)
    return [name for name in source.files if not (present(folder / name) or present((folder / name).with_suffix("")))]


def _unpack(source: _Source, path: Path) -> Iterator[Path]:
    """Yield the verified files to be kept of a downloaded one, in the order in which they are to be renamed."""
    if source is _MNIST:
        mnist_payload(path)
        yield path
        return
    with gzip.open(path) as unzipped:
        bounded: Any = _AtMost(unzipped)
        archive = tarfile.open(fileobj=bounded, mode="r|")  # noqa: SIM115
        for member in archive:
            # The name inside the archive chooses one of six names, and never a folder.
            names = [name for name in _BATCHES if member.name.split("/")[-1] == name]
            if names and member.isreg() and not member.issparse():
                contents = archive.extractfile(member)
                assert contents is not None  # it is a regular file
                with (path.parent / names[0]).open("wb") as batch:
                    shutil.copyfileobj(contents, batch)
    read_cifar10(path.parent)
    # The test batch comes last: while it is missing, the data set counts as missing.
    yield from (path.parent / name for name in _BATCHES if present(path.parent / name))


_BATCHES = (*(f"data_batch_{i}.bin" for i in range(1, 6)), CIFAR10_TEST)


class _AtMost:
    """A stream that refuses to unpack more than all of CIFAR-10: a small archive can hold terabytes."""

    def __init__(self, stream: gzip.GzipFile) -> None:
        self.stream = stream
        self.left = CIFAR10_BYTES + CIFAR10_BYTES // 10 + 1_000_000

    def read(self, size: int) -> bytes:
        data = self.stream.read(size)
        self.left -= len(data)
        if self.left < 0:
            raise _Failure("it unpacks to more than the published archive")
        return data


def _download(url: str, path: Path, size: int, progress: bool | None, stall: float, total: float) -> None:
    """Write the body of ``url`` to ``path``; a connection that breaks is resumed where the server offers that."""
    hidden = _tools.hide_progress(progress)
    if not hidden:
        print(url, file=sys.stderr)
    deadline = time.monotonic() + total
    with path.open("wb") as file, tqdm(total=size, unit="B", unit_scale=True, disable=hidden) as bar:
        for attempt in range(1, _ATTEMPTS + 1):
            before = file.tell()
            try:
                for received in _receive(url, before, size, stall, deadline):
                    if isinstance(received, int):
                        file.seek(received)
                        file.truncate()
                    else:
                        file.write(received)
                        os.utime(path.parent)  # not a leftover, however long it takes
                    bar.update(file.tell() - bar.n)
                return
            except _Broken:
                if file.tell() <= before or attempt == _ATTEMPTS:
                    raise


class _Failure(Exception):
    """What a mirror did, in words."""


class _Broken(_Failure):
    """A connection failed or ended early."""


def _receive(url: str, offset: int, size: int, stall: float, deadline: float) -> Iterator[int | bytes]:
    """Yield the position at which the body starts, 0 or ``offset``, and then its chunks.

    A thread receives them, since no timeout of a socket bounds a server that sends one byte a second, be it in the
    header or the body. A thread that is left behind ends with its connection or with the process.
    """
    received: queue.SimpleQueue[int | bytes | BaseException | None] = queue.SimpleQueue()
    left = threading.Event()

    def receive() -> None:
        try:
            for item in _body(url, offset, size, stall):
                if left.is_set():
                    return
                received.put(item)
            received.put(None)
        except BaseException as error:
            received.put(error)

    threading.Thread(target=receive, daemon=True).start()
    try:
        while True:
            seconds = min(stall, deadline - time.monotonic())
            try:
                item = received.get(timeout=max(seconds, 0))
            except queue.Empty:
                late = f"slower than {_CHUNK >> 10} KiB in {stall:g} s" if seconds == stall else "not done in time"
                raise _Failure(late) from None
            if item is None:
                return
            if isinstance(item, (MemoryError, _Failure)):
                raise item
            if isinstance(item, BaseException):
                raise _Broken(_network_cause(item, url)) from item
            yield item
    finally:
        left.set()


def _body(url: str, offset: int, size: int, stall: float) -> Iterator[int | bytes]:
    import requests

    most = size + size // 10 + _CHUNK
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={offset}-"} if offset else {})
    with requests.Session() as session:
        for _ in range(_REDIRECTS):
            # By hand, since requests reads the whole body of a redirect into memory.
            response = session.get(url, headers=headers, stream=True, timeout=stall, allow_redirects=False)
            if not response.is_redirect:
                break
            url = urljoin(url, response.headers["location"])
            response.close()
        else:
            raise _Failure(f"more than {_REDIRECTS} redirects")
        with response:
            response.raise_for_status()
            resumed = response.headers.get("content-range", "").startswith(f"bytes {offset}-")
            position = offset if response.status_code == 206 and resumed else 0
            yield position
            # Whole chunks, however small the server's are: the time limit is for each of these.
            while chunk := response.raw.read(_CHUNK, decode_content=False):
                position += len(chunk)
                if position > most:
                    raise _Failure(f"more than {most} bytes, where {size} are published")
                yield chunk


def _cause(error: Exception) -> str:
    """Return why a mirror's file was not taken."""
    if isinstance(error, _Failure):
        return str(error)
    if isinstance(error, DataError):
        return "its contents do not have the published SHA-256"
    return f"damaged ({type(error).__name__}: {error})"


def _printable(text: str) -> str:
    """Return a text from elsewhere as one line without control characters, cut where it is long."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[:500]


def _network_cause(error: BaseException, url: str) -> str:
    """Return why a download failed, with the variable to set where there is one."""
    chain = list(_chain(error))
    response = getattr(error, "response", None)
    untrusted = [cause for cause in chain if isinstance(cause, ssl.SSLCertVerificationError)]
    if untrusted:
        return (
            f"its certificate is not trusted ({untrusted[0].verify_message}): if your network uses certificates of "
            "its own, set REQUESTS_CA_BUNDLE to the file that holds them"
        )
    if getattr(response, "status_code", 0) == 407 or any("failed: 407" in str(cause) for cause in chain):
        return "the proxy wants a password: set HTTP_PROXY and HTTPS_PROXY to http://USER:PASSWORD@HOST:PORT"
    if any(type(cause).__name__ == "ProxyError" for cause in chain):
        return "no connection to the proxy: correct HTTP_PROXY and HTTPS_PROXY, or unset them"
    if any(isinstance(cause, socket.gaierror) for cause in chain):
        host = urlsplit(url).hostname
        return f"the name {host} was not found: check the connection; if your network has a proxy, set HTTPS_PROXY"
    if response is not None:
        return f"the server answered {response.status_code} {response.reason}"
    return f"no connection, or a broken one ({type(chain[-1]).__name__}: {chain[-1]})"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and those behind it: its cause, its context, and what urllib3 keeps in ``reason`` and args."""
    seen: list[Any] = []
    waiting: list[Any] = [error]
    while waiting and len(seen) < 20:
        current = waiting.pop(0)
        if isinstance(current, BaseException) and current not in seen:
            seen.append(current)
            yield current
            waiting += [getattr(current, "reason", None), *current.args, current.__cause__, current.__context__]
