"""Argument checks, atomic writes, seeds, devices and progress bars, shared by all rooms."""

from __future__ import annotations

import contextlib
import difflib
import errno
import hashlib
import math
import numbers
import os
import re
import reprlib
import secrets
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, SupportsFloat, SupportsIndex

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_SCIENTIFIC = re.compile(r"(^|[^\w.])(\d+)(?:\.(\d+))?e([+-]?\d+)(?!\w|\.\d)", re.ASCII)
_MINUS = re.compile(r"(^|[\s(\[=,;|])-(?=\d)")
_SYMBOLS = dict(zip(["alpha", "beta", "eta", "lambda", "mu", "rho", "sigma", "inf", "x"], "αβηλμρσ∞×", strict=True))
# A single letter only as a factor: x1.05.
_NAMES = re.compile(rf"\b(?:(?:{'|'.join(list(_SYMBOLS)[:-1])})\b|x(?=\d+\.\d))", re.ASCII)


def for_readers(text: str) -> str:
    """Return a text as people write it: powers of ten for what programs write with an e, minus signs, symbols.

    Numbers from 0.001 to 9999 become plain ones. ``assets/explore.js`` has the twin of this function.

    >>> for_readers("eta = 1e-08, -3.16e-12 or 2.50e-02; at most 1e+03 of 0e+00")
    'η = 10⁻⁸, −3.16·10⁻¹² or 0.0250; at most 1000 of 0'
    >>> for_readers("x1.05 [0.97, inf]")
    '×1.05 [0.97, ∞]'
    """
    signed = _MINUS.sub(r"\1−", _SCIENTIFIC.sub(_power_of_ten, text))
    return _NAMES.sub(lambda name: _SYMBOLS[name[0]], signed)


def _power_of_ten(found: re.Match[str]) -> str:
    before, whole, decimals, exponent = found[1], found[2], found[3] or "", int(found[4])
    number = f"{whole}.{decimals}" if decimals else whole
    if abs(exponent) <= 3:
        return f"{before}{float(f'{number}e{exponent}'):.{max(0, len(decimals) - exponent)}f}"
    power = "10" + str(exponent).translate(SUPERSCRIPTS)
    return f"{before}{power}" if number == "1" else f"{before}{number}·{power}"


def known(kind: str, got: str, names: Iterable[str]) -> str:
    """Return ``got`` if it is one of ``names``; otherwise raise, suggesting the nearest name.

    Raises
    ------
    ValueError
        If ``got`` is a different string.
    TypeError
        If ``got`` is not a string.

    Examples
    --------
    >>> known("optimizer", "adm", ["adam", "sgd"])
    Traceback (most recent call last):
    ValueError: expected optimizer to be one of adam, sgd; got 'adm': did you mean 'adam'?
    """
    names = list(names)
    if isinstance(got, str) and got in names:
        return str(got)
    near = difflib.get_close_matches(str(got).lower(), names, n=1, cutoff=0.4) if isinstance(got, str) else []
    advice = f"did you mean {near[0]!r}?" if near else "choose one of these"
    wrong = ValueError if isinstance(got, str) else TypeError
    raise wrong(f"expected {kind} to be one of {', '.join(names)}; got {shown(got)}: {advice}")


def positive(name: str, value: SupportsFloat, *, advice: str = "pass a positive, finite number") -> float:
    """Return ``value`` as a plain float if it is finite and greater than zero.

    Parameters
    ----------
    name : str
        What the message calls the value.
    value : number
        A Python real number, or a NumPy or torch scalar on any device.
    advice : str
        What the message tells the caller to do.

    Raises
    ------
    ValueError
        If the number is zero, negative, infinite or NaN.
    TypeError
        If it is not a real number: a string, a bool, None, a complex number, an array of several.

    Examples
    --------
    >>> positive("lr", torch.tensor(0.5))
    0.5
    >>> positive("lr", "0.1")
    Traceback (most recent call last):
    TypeError: expected lr > 0, got '0.1': pass a positive, finite number
    """
    return _finite(f"{name} > 0", value, lambda number: number > 0, advice)


def non_negative(name: str, value: SupportsFloat, *, advice: str = "pass zero or a positive, finite number") -> float:
    """Return ``value`` as a plain float if it is finite and not negative; see `positive`.

    Examples
    --------
    >>> non_negative("lam", 0)
    0.0
    """
    return _finite(f"{name} >= 0", value, lambda number: number >= 0, advice)


def number(name: str, value: SupportsFloat) -> float:
    """Return ``value`` as a plain float if it is finite, of any sign; see `positive`.

    Examples
    --------
    >>> number("momentum", np.float32(-0.5))
    -0.5
    """
    real = _real(value)
    if real is None:
        raise TypeError(f"expected {name} to be a number, got {shown(value)}: pass a single number")
    return _finite(f"finite {name}", value, lambda number: True, "find out where it arises")


def count(name: str, value: SupportsIndex, *, least: int = 1) -> int:
    """Return ``value`` as a plain int if it is a whole number of at least ``least`` and below 2**63.

    Parameters
    ----------
    name : str
        What the message calls the value.
    value : int
        A Python integer, or a NumPy or torch integer scalar on any device.
    least : int
        The smallest value that is accepted.

    Raises
    ------
    ValueError
        If the number is not whole, too small or too large. A float such as 3.0 does not count as whole.
    TypeError
        If it is not a real number: "3", True, None.

    Examples
    --------
    >>> count("epochs", torch.tensor(3))
    3
    >>> count("epochs", 3.0)
    Traceback (most recent call last):
    ValueError: expected epochs to be an integer >= 1, got 3.0: pass a whole number of at least 1
    """
    plain = _plain(value)
    # A bool is an Integral too.
    whole = None if isinstance(plain, bool) or not isinstance(plain, numbers.Integral) else int(plain)
    if whole is None or whole < least:
        wrong = TypeError if _real(plain) is None else ValueError
        advice = f"pass a whole number of at least {least}"
        raise wrong(f"expected {name} to be an integer >= {least}, got {shown(value)}: {advice}")
    if whole >= 2**63:
        raise ValueError(f"expected {name} to be an integer below 2**63, got {shown(value)}: pass a smaller one")
    return whole


def shown(value: object) -> str:
    """Return ``value`` as an error message shows it: shortened, and a NumPy or torch scalar as a plain number.

    Examples
    --------
    >>> shown(torch.tensor(-1)), shown("abc"), shown(torch.zeros(2, 3))
    ('-1', "'abc'", 'a Tensor of shape (2, 3)')
    """
    value = _plain(value)
    if isinstance(value, (torch.Tensor, np.ndarray)):
        return f"a {type(value).__name__} of shape {tuple(value.shape)}"
    return str(value) if isinstance(value, np.generic) else reprlib.repr(value)


def _plain(value: object) -> object:
    """Return the Python object that a NumPy or torch scalar holds, and any other value unchanged."""
    if isinstance(value, (torch.Tensor, np.ndarray, np.generic)) and value.ndim == 0:
        return value.item()
    return value


def _real(value: object) -> float | None:
    """Return a real number as a float, or None if ``value`` is anything else, a bool included."""
    number = _plain(value)
    if isinstance(number, bool) or not isinstance(number, numbers.Real):
        return None
    try:
        return float(number)
    except OverflowError:  # an integer beyond the largest float
        return math.inf


def _finite(expected: str, value: object, accepts: Callable[[float], bool], advice: str) -> float:
    """Return ``value`` as a plain float if it is finite and accepted."""
    real = _real(value)
    if real is not None and math.isfinite(real) and accepts(real):
        return real
    wrong = TypeError if real is None else ValueError
    raise wrong(f"expected {expected}, got {shown(value)}: {advice}")


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Write ``data`` to ``path`` so that a reader sees either the old file or the whole new one, even if interrupted.

    The bytes are written to a file with a random name beside ``path``, forced to the disk, and renamed. The umask
    decides who may read the file. Temporary files left by killed processes are removed once they are an hour old.

    Parameters
    ----------
    path : path
        Where to write. The folder must exist; a link at ``path`` is replaced, not followed.
    data : bytes
        The contents.

    Raises
    ------
    OSError
        If the file cannot be written; the message names the path and says what to do. An existing file is unchanged.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_atomically(Path(folder) / "table.csv", b"a,b")
    ...     [entry.name for entry in Path(folder).iterdir()]
    ['table.csv']
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    try:
        _remove_leftovers(path)
        with os.fdopen(os.open(temporary, flags, 0o666), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise explained(error, "write", path) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()  # it exists only if something failed


def _remove_leftovers(path: Path) -> None:
    """Remove temporary files of ``path`` that nobody has modified for an hour; what cannot be removed stays."""
    for entry in path.parent.iterdir() if os.access(path.parent, os.R_OK) else ():
        if entry.name.startswith(f".{path.name}.") and entry.name.endswith(".part"):
            with contextlib.suppress(OSError):
                if time.time() - entry.lstat().st_mtime > _LEFTOVER_SECONDS:
                    entry.unlink()


def explained(error: OSError, action: str, path: Path) -> OSError:
    """Return an error of the same class and number whose message names the path and says what to do.

    Examples
    --------
    >>> explained(PermissionError(13, "Permission denied"), "read", Path("data"))
    PermissionError('expected to read data, got "Permission denied": check its permissions and those of its folder')
    """
    advice = _ADVICE.get(error.errno or 0, "choose another path")
    told = type(error)(f'expected to {action} {path}, got "{error.strerror or error}": {advice}')
    told.errno = error.errno
    return told


_LEFTOVER_SECONDS = 3600
_PERMISSIONS = "check its permissions and those of its folder"
_ADVICE = {
    errno.ENOSPC: "the disk is full; free some space, or choose a folder on another disk",
    errno.EDQUOT: "your share of the disk is full; free some space, or choose a folder on another disk",
    errno.EACCES: _PERMISSIONS,
    errno.EPERM: _PERMISSIONS,
    errno.EROFS: "choose a folder that can be written",
    errno.EISDIR: "a folder has this name; choose another name",
    errno.ENOENT: "check the path, and make its folder first",
    errno.ENOTDIR: "a part of the path is a file; choose another folder",
    errno.ENAMETOOLONG: "choose a shorter name",
}


def stream(seed: int, purpose: str) -> int:
    """Return the seed of one purpose ("batch order", "base network", ...), derived from the seed of the run.

    It is the first 63 bits of the SHA-256 of ``"<seed>/<purpose>"``. If the run's seed were used for every purpose,
    initialization and shuffling would start from the same random bits and be correlated.

    Parameters
    ----------
    seed : int
        The run's seed, at least 0.
    purpose : str
        What the random numbers are for.

    Raises
    ------
    ValueError, TypeError
        If ``seed`` is not an integer of at least 0.

    Examples
    --------
    >>> stream(0, "batch order") == stream(0, "base network")
    False
    """
    seed = count("seed", seed, least=0)
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


def array(name: str, value: npt.ArrayLike, *, finite: bool = False) -> npt.NDArray[np.float64]:
    """Return ``value`` as an array of floats if it holds real numbers, and with ``finite`` only finite ones.

    Parameters
    ----------
    name : str
        What the message calls the value.
    value : array_like
        Python, NumPy or torch numbers of any shape.
    finite : bool
        Refuse NaN and infinity.

    Raises
    ------
    TypeError
        If ``value`` holds anything else: strings, None, bools.
    ValueError
        If its rows differ in length, or a number is not finite.

    Examples
    --------
    >>> array("eta", [1, 2])
    array([1., 2.])
    >>> array("eta", None)
    Traceback (most recent call last):
    TypeError: expected eta to be numbers, got None: pass a number or an array of numbers
    """
    got = value.detach().cpu() if isinstance(value, Tensor) else value
    if isinstance(got, Tensor) and got.is_floating_point():
        got = got.double()  # NumPy has no bfloat16
    wrong: type[Exception] = TypeError
    try:
        values = np.asarray(got)
        if values.dtype.kind == "O":
            values = np.array([float(each) for each in values.flat]).reshape(values.shape)
    except (TypeError, ValueError, RuntimeError) as error:  # torch raises the last for a list of its parameters
        values = np.array(None)
        wrong = ValueError if isinstance(error, ValueError) else TypeError
    if values.dtype.kind not in "iuf":
        raise wrong(f"expected {name} to be numbers, got {shown(got)}: pass a number or an array of numbers")
    if finite:
        _refuse_infinite(name, int(np.isfinite(values).sum()), values.size)
    return values.astype(np.float64, copy=False)


def floats(name: str, tensor: Tensor) -> Tensor:
    """Return ``tensor`` if it is a tensor of finite floating-point numbers.

    Examples
    --------
    >>> floats("gradient", [1.0, 2.0])
    Traceback (most recent call last):
    TypeError: expected gradient to be a tensor of floats, got list: pass a tensor in float64
    """
    if not isinstance(tensor, Tensor) or not tensor.is_floating_point():
        got = tensor.dtype if isinstance(tensor, Tensor) else type(tensor).__name__
        raise TypeError(f"expected {name} to be a tensor of floats, got {got}: pass a tensor in float64")
    _refuse_infinite(name, int(torch.isfinite(tensor).sum()), tensor.numel())
    return tensor


def _refuse_infinite(name: str, finite: int, of: int) -> None:
    if finite < of:
        raise ValueError(
            f"expected finite {name}, got {of - finite} NaN or infinite numbers: find out where they arise"
        )


def named_tensors(params: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Return ``params`` if it is a dictionary of tensors by name, and not empty.

    Examples
    --------
    >>> named_tensors({"w": 1.0})
    Traceback (most recent call last):
    TypeError: expected 'w' to be a tensor, got float: pass dict(model.named_parameters()), or a dictionary like it
    """
    advice = "pass dict(model.named_parameters()), or a dictionary like it"
    if not hasattr(params, "items"):
        raise TypeError(f"expected parameters by name, got {type(params).__name__}: {advice}")
    for name, tensor in params.items():
        if not isinstance(tensor, Tensor):
            raise TypeError(f"expected {name!r} to be a tensor, got {type(tensor).__name__}: {advice}")
    if not len(params):
        raise ValueError(f"expected parameters by name, got none: {advice}")
    return params


@contextlib.contextmanager
def unchanged_buffers() -> Iterator[None]:
    """Let modules called inside work on copies of their buffers, so that measuring a model does not change it.

    In training mode, BatchNorm updates its running statistics in place at each call, and other modules keep similar
    state. Each call starts from the true buffers, and its changes are dropped.

    Examples
    --------
    >>> model = nn.BatchNorm1d(2)
    >>> with unchanged_buffers():
    ...     output = model(torch.ones(5, 2))
    >>> model.running_mean
    tensor([0., 0.])
    """
    lent: list[tuple[nn.Module, dict[str, Tensor]]] = []
    here = threading.get_ident()

    def lend(module: nn.Module, inputs: Any) -> None:
        buffers = dict(module.named_buffers(recurse=False))
        if buffers and threading.get_ident() == here:
            lent.append((module, buffers))
            for name, buffer in buffers.items():
                setattr(module, name, buffer.clone())

    def give_back(module: nn.Module, inputs: Any, output: Any) -> None:
        if lent and lent[-1][0] is module and threading.get_ident() == here:
            for name, buffer in lent.pop()[1].items():
                setattr(module, name, buffer)

    before = nn.modules.module.register_module_forward_pre_hook(lend)
    after = nn.modules.module.register_module_forward_hook(give_back, always_call=True)
    try:
        yield
    finally:
        before.remove()
        after.remove()


def resolve_device(device: str | torch.device = "auto", dtype: torch.dtype = torch.float32) -> torch.device:
    """Return the device that ``device`` names; ``"auto"`` chooses CUDA, then MPS, then the CPU.

    Parameters
    ----------
    device : str or torch.device
        ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:1"`` or ``"mps"``.
    dtype : torch.dtype
        Type of the model's parameters. MPS has no float64, so ``"auto"`` skips it for such models.

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
    """Return whether progress bars are hidden.

    Parameters
    ----------
    progress : bool or None
        Whether to show bars; None shows them on a terminal, except in continuous integration. Without a standard
        error stream they are always hidden.
    """
    if sys.stderr is None or getattr(sys.stderr, "closed", False):
        return True
    if progress is None:
        return bool(os.environ.get("CI")) or not sys.stderr.isatty()
    return not progress
