"""Download the real images from mirrors that may be slow, broken or hostile, and verify them before they are used.

A file is received, unpacked and verified in memory, then written atomically. An interrupted download therefore leaves
only whole, verified files in the data directory. If a mirror fails in any way, the next one is tried. Time, size and
memory are bounded.
"""

from __future__ import annotations

import gzip
import io
import os
import queue
import socket
import ssl
import tarfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tqdm import tqdm

from enlib import _tools
from enlib.datasets.images import (
    CIFAR10_BYTES,
    CIFAR10_TEST,
    CIFAR10_TRAIN,
    DataError,
    cifar10_classes,
    mnist_payload,
    present,
    read_cifar10,
    read_mnist,
)

OFFLINE = "digits-1v7 (scikit-learn's bundled digits) needs no download"
_CHUNK = 1 << 16  # bytes
_STALL = 30.0  # seconds that a mirror may take for its answer, and then for each chunk
_TOTAL = 7200.0  # seconds that a mirror may take for one file
_REDIRECTS = 10
_SET_DIRECTORY = "set ENLIB_DATA to a folder that can be written"
_BATCHES = (*(f"data_batch_{i}.bin" for i in range(1, 6)), CIFAR10_TEST)


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
        usable = "\0" not in str(where)
        if usable:
            where.stat()  # and not exists, which since Python 3.14 hides every error
            usable = os.access(where / ".", os.R_OK | os.X_OK)
    except (FileNotFoundError, NotADirectoryError):
        usable = True
    except (OSError, RuntimeError):  # a folder that cannot be searched, a name that is too long, an unknown ~user
        usable = False
    if not usable:
        raise DataError(
            f"expected a readable data directory, got {named}: "
            "pass data_dir, or set ENLIB_DATA to a directory you can read"
        )
    return where


def is_present(name: str, data_dir: str | os.PathLike[str] | None = None) -> bool:
    """Return whether all files of a source are in the data directory. They are verified when they are read.

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
    name: str, data_dir: str | os.PathLike[str] | None = None, *, mirrors: str | Sequence[str] | None = None
) -> None:
    """Download the missing files of a source, trying the mirrors in order.

    Parameters
    ----------
    name, data_dir
        As in `is_present`. The folder is made if it does not exist.
    mirrors : str or sequence of str, optional
        Addresses to try instead of the source's own; the file name is appended to each.

    Raises
    ------
    DataError
        If no mirror delivered the published files, with the cause for each; or if they cannot be written. No
        temporary file is left, and existing files are unchanged.
    """
    source, folder = _source_and_folder(name, data_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{_tools.explained(error, 'write', folder)}; or {_SET_DIRECTORY}") from error
    for file in _missing(source, folder):
        tried = [mirrors] if isinstance(mirrors, str) else mirrors or source.mirrors
        contents = _first_good(source, folder / file, [f"{str(mirror).rstrip('/')}/{file}" for mirror in tried])
        try:
            for path, content in contents.items():
                _tools.write_atomically(path, content)
        except OSError as error:
            raise DataError(f"{error}; or {_SET_DIRECTORY}") from error


def _source_and_folder(name: str, data_dir: str | os.PathLike[str] | None) -> tuple[_Source, Path]:
    source = SOURCES[_tools.known("image source", name, SOURCES)]
    return source, data_directory(data_dir) / source.folder


def _missing(source: _Source, folder: Path) -> list[str]:
    """Return the files to download: those that are present neither packed nor unpacked."""
    if source is _CIFAR10:
        return [] if present(folder / CIFAR10_TEST) and any(folder.glob(CIFAR10_TRAIN)) else list(source.files)
    return [name for name in source.files if not (present(folder / name) or present((folder / name).with_suffix("")))]


def _first_good(source: _Source, path: Path, urls: Sequence[str]) -> dict[Path, bytes]:
    """Return the verified contents of the files to write, from the first mirror that has the published ones."""
    failures = []
    for url in urls:
        try:
            return _unpacked(source, path, _download(url, source.files[path.name]))
        except _Failure as error:
            cause = str(error)
        except DataError:
            cause = "its contents do not have the published SHA-256"
        except Exception as error:
            cause = f"damaged ({type(error).__name__}: {error})"
        failures.append(f"  {_printable(url)}: {_printable(cause)}")
    raise DataError(
        f"expected to download {path.name} of {source.title}, got it from none of:\n"
        + "\n".join(failures)
        + f"\nTry again later; or get the file elsewhere and put it into {path.parent}; or work offline: {OFFLINE}"
    )


def _unpacked(source: _Source, path: Path, body: bytes) -> dict[Path, bytes]:
    """Return the verified contents of the files to write, in the order of writing; ``body`` is the file ``path``."""
    if source is _MNIST:
        mnist_payload(path, body)
        return {path: body}
    most = CIFAR10_BYTES + CIFAR10_BYTES // 10 + 1_000_000
    with gzip.open(io.BytesIO(body)) as unzipped:
        unpacked = unzipped.read(most + 1)
    if len(unpacked) > most:  # a small archive can hold terabytes
        raise _Failure("it unpacks to more than the published archive")
    batches = {}
    # As a stream, in which no header can lead back to an earlier one.
    with tarfile.open(fileobj=io.BytesIO(unpacked), mode="r|") as archive:
        for member in archive:
            # The name in the archive selects one of six names and never a folder.
            name = member.name.split("/")[-1]
            if name in _BATCHES and member.isreg() and not member.issparse():
                contents = archive.extractfile(member)
                assert contents is not None  # it is a regular file
                batches[path.with_name(name)] = contents.read()
    cifar10_classes(batches)
    # The test batch comes last: while it is missing, the data set counts as missing.
    return dict(sorted(batches.items()))


class _Failure(Exception):
    """A mirror's file was not received; the message says why."""


def _download(url: str, size: int) -> bytes:
    """Return the body of ``url``, where ``size`` bytes are expected.

    A thread receives it, because no timeout of a socket bounds a server that sends one byte a second, whether in the
    header or in the body. An abandoned thread ends with its connection or with the process.
    """
    most = size + size // 10 + _CHUNK
    deadline = time.monotonic() + _TOTAL
    received: queue.SimpleQueue[bytes | _Failure] = queue.SimpleQueue()
    abandoned = threading.Event()
    threading.Thread(target=_receive, args=(url, received, abandoned), daemon=True).start()
    body = io.BytesIO()
    hidden = _tools.hide_progress(None)
    try:
        with tqdm(desc=url.split("/")[-1], total=size, unit="B", unit_scale=True, disable=hidden) as bar:
            while True:
                seconds = min(_STALL, deadline - time.monotonic())
                try:
                    chunk = received.get(timeout=max(seconds, 0))
                except queue.Empty:
                    slow = f"slower than {_CHUNK >> 10} KiB in {_STALL:g} s"
                    raise _Failure(slow if seconds == _STALL else f"not finished in {_TOTAL:g} s") from None
                if isinstance(chunk, _Failure):
                    raise chunk
                if not chunk:
                    return body.getvalue()
                body.write(chunk)
                bar.update(len(chunk))
                if body.tell() > most:
                    raise _Failure(f"more than {most} bytes, where {size} are published")
    finally:
        abandoned.set()


def _receive(url: str, received: queue.SimpleQueue[bytes | _Failure], abandoned: threading.Event) -> None:
    """Put the chunks of the body of ``url`` into a queue, then an empty one; after a failure, put the failure."""
    try:
        import requests

        def close_redirect(response: requests.Response, **options: Any) -> None:
            if response.is_redirect:  # its body, which requests would read into memory, can be endless
                response.close()

        with requests.Session() as session:
            session.max_redirects = _REDIRECTS
            hooks, headers = {"response": close_redirect}, {"Accept-Encoding": "identity"}
            # The timeout ends an abandoned thread; whoever waits for the chunks gives up earlier.
            with session.get(url, headers=headers, stream=True, timeout=2 * _STALL, hooks=hooks) as response:
                response.raise_for_status()
                # Whole chunks, however small the server's are: the time limit applies to each of these.
                for chunk in iter(lambda: response.raw.read(_CHUNK, decode_content=False), b""):
                    if abandoned.is_set():
                        return
                    received.put(chunk)
                received.put(b"")
    except BaseException as error:
        received.put(_Failure(_network_cause(error)))


def _printable(text: str) -> str:
    """Return a foreign text as one line without control characters, cut if it is long."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[:500]


def _network_cause(error: BaseException) -> str:
    """Return why a download failed and, where one helps, the environment variable to set."""
    chain = list(_chain(error))
    request, response = getattr(error, "request", None), getattr(error, "response", None)
    untrusted = [cause for cause in chain if isinstance(cause, ssl.SSLCertVerificationError)]
    if untrusted:
        return (
            f"its certificate is not trusted ({untrusted[0].verify_message}): if your network uses certificates of "
            "its own, set REQUESTS_CA_BUNDLE to the file that holds them"
        )
    if getattr(response, "status_code", 0) == 407 or any("failed: 407" in str(cause) for cause in chain):
        return "the proxy requires a password: set HTTP_PROXY and HTTPS_PROXY to http://USER:PASSWORD@HOST:PORT"
    if any(type(cause).__name__ == "ProxyError" for cause in chain):
        return "no connection to the proxy: correct HTTP_PROXY and HTTPS_PROXY, or unset them"
    if request is not None and any(isinstance(cause, socket.gaierror) for cause in chain):
        host = urlsplit(request.url).hostname
        return f"the name {host} was not found: check the connection; if your network has a proxy, set HTTPS_PROXY"
    if response is not None and response.is_redirect:
        return f"more than {_REDIRECTS} redirects"
    if response is not None:
        return f"the server answered {response.status_code} {response.reason}"
    return f"no connection, or a broken one ({type(chain[-1]).__name__}: {chain[-1]})"


def _chain(error: object) -> Iterator[BaseException]:
    """Yield an error and those behind it: in its arguments, and its cause or context."""
    if isinstance(error, BaseException):
        yield error
        for behind in (*error.args, error.__cause__ or error.__context__):
            yield from _chain(behind)
