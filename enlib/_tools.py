"""What every room leans on: argument checks, seeds, devices, and when to show a progress bar."""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import math
import operator
import os
import reprlib
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, SupportsFloat

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn


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


def array(name: str, value: npt.ArrayLike, *, finite: bool = False) -> npt.NDArray[np.float64]:
    """Return ``value`` as an array of floats if it holds real numbers, and with ``finite`` only finite ones.

    Parameters
    ----------
    name : str
        What the message calls the value.
    value : array_like
        Numbers of any shape: of Python, NumPy or torch.
    finite : bool
        Refuse NaN and infinity.

    Raises
    ------
    TypeError
        If ``value`` holds anything else: text, None, bools.
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
    wrong: type[Exception] | None
    try:
        numbers = np.asarray(got)
        if numbers.dtype.kind == "O":
            numbers = np.array([float(each) for each in numbers.flat]).reshape(numbers.shape)
        wrong = None if numbers.dtype.kind in "iuf" else TypeError
    except (TypeError, ValueError) as error:
        wrong = type(error)
    if wrong is not None:
        raise wrong(f"expected {name} to be numbers, got {reprlib.repr(got)}: pass a number or an array of numbers")
    bad = int((~np.isfinite(numbers)).sum()) if finite else 0
    if bad:
        raise ValueError(f"expected finite {name}, got {bad} NaN or infinite numbers: find out where they arise")
    return numbers.astype(np.float64, copy=False)


def number(name: str, value: npt.ArrayLike) -> float:
    """Return ``value`` as a plain float if it is one finite number, of any sign; see `array`.

    Examples
    --------
    >>> number("momentum", np.float32(-0.5))
    -0.5
    """
    got = array(name, value, finite=True)
    if got.ndim:
        raise TypeError(f"expected {name} to be one number, got an array of shape {got.shape}: pass a number")
    return float(got)


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
    finite = torch.isfinite(tensor)
    if not finite.all():
        bad = int((~finite).sum())
        raise ValueError(f"expected finite {name}, got {bad} NaN or infinite numbers: find out where they arise")
    return tensor


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
    """Let the modules that are called inside work on copies of their buffers, so that measuring changes no model.

    In training mode BatchNorm updates its running statistics in place at each call, and other modules have state of
    the same kind. Each call starts from the true buffers, and its changes are dropped.

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
