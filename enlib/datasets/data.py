"""Data sets: three splits of inputs and labels, checked where they are made, and their standardization."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from enlib import _tools
from enlib.losses import check_labels

MODES = ("none", "feature", "channel", "global", "sample")
_DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


@dataclass(frozen=True, eq=False)
class Split:
    """Inputs and labels of one split.

    Parameters
    ----------
    inputs : Tensor of shape (n, ...)
        The samples: finite floating-point numbers.
    targets : Tensor of shape (n,)
        The labels, each -1 or +1.

    Raises
    ------
    ValueError
        If there are no samples, the numbers of inputs and labels differ, an input is NaN or infinite, or a label is
        neither -1 nor +1.
    TypeError
        If one of the two is not a tensor, or the inputs are integers.

    Examples
    --------
    >>> Split(torch.zeros(2, 3), torch.tensor([0.0, 1.0]))
    Traceback (most recent call last):
    ValueError: expected labels in {-1, +1}, got {0, 1}: map them with 2*y - 1
    """

    inputs: Tensor
    targets: Tensor

    def __post_init__(self) -> None:
        if not (isinstance(self.inputs, Tensor) and isinstance(self.targets, Tensor)):
            raise TypeError(
                f"expected tensors, got {type(self.inputs).__name__} and {type(self.targets).__name__}: "
                "convert them with torch.as_tensor"
            )
        if self.targets.ndim != 1 or self.inputs.ndim < 2 or len(self.inputs) != len(self.targets):
            raise ValueError(
                "expected inputs of shape (n, ...) and targets of shape (n,), got "
                f"{tuple(self.inputs.shape)} and {tuple(self.targets.shape)}: pass one label per sample"
            )
        if self.inputs.numel() == 0:
            raise ValueError(f"expected at least one sample, got shape {tuple(self.inputs.shape)}: ask for more")
        _tools.floats("inputs", self.inputs)
        check_labels(self.targets)

    def __len__(self) -> int:
        return len(self.targets)

    def __repr__(self) -> str:
        return f"Split({len(self)} samples of shape {tuple(self.inputs.shape[1:])}, {self.inputs.dtype})"

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Split:
        """Return the split on another device or in another floating-point type; see `Dataset.to`."""
        if device is not None:
            device = _tools.resolve_device(device, dtype or self.inputs.dtype)
        dtype = None if dtype is None else floating(dtype)
        inputs, targets = (tensor.to(device=device, dtype=dtype) for tensor in (self.inputs, self.targets))
        # An unchanged split has been checked already.
        return self if inputs is self.inputs and targets is self.targets else Split(inputs, targets)


@dataclass(frozen=True, eq=False)
class Dataset:
    """A binary classification problem.

    Parameters
    ----------
    name : str
        What messages and tables call the problem.
    train, validation, test : Split
        The test split is evaluated once, at the end.

    Raises
    ------
    ValueError
        If the shapes of the samples differ between the splits, or the training split has one label only.
    TypeError
        If one of the three is not a `Split`.

    Examples
    --------
    >>> split = Split(torch.zeros(2, 1, 8, 8), torch.tensor([-1.0, 1.0]))
    >>> data = Dataset("mine", split, split, split)
    >>> data.input_shape, data.in_features
    ((1, 8, 8), 64)
    """

    name: str
    train: Split
    validation: Split
    test: Split

    def __post_init__(self) -> None:
        for name, split in self.splits.items():
            if not isinstance(split, Split):
                raise TypeError(
                    f"expected {name} to be a Split, got {_tools.shown(split)}: pass Split(inputs, targets)"
                )
        shapes = {tuple(split.inputs.shape[1:]) for split in self.splits.values()}
        if len(shapes) > 1:
            raise ValueError(f"expected samples of one shape in all splits, got {shapes}: check the splits")
        if bool((self.train.targets == self.train.targets[0]).all()):
            raise ValueError("expected both labels in the training split, got one: add samples of the other class")

    def __repr__(self) -> str:
        sizes = ", ".join(f"{name}={len(split)}" for name, split in self.splits.items())
        return f"Dataset({self.name!r}, {sizes}, samples of shape {self.input_shape}, {self.train.inputs.dtype})"

    @property
    def splits(self) -> dict[str, Split]:
        """The three splits by name."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one sample."""
        return tuple(self.train.inputs.shape[1:])

    @property
    def in_features(self) -> int:
        """How many numbers one sample has."""
        return math.prod(self.input_shape)

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Dataset:
        """Return the data set on another device or in another floating-point type.

        Parameters
        ----------
        device : str or torch.device, optional
            Where the tensors go: ``"cpu"``, ``"cuda"``, ``"auto"``, ...
        dtype : torch.dtype, optional
            Type of inputs and labels.

        Raises
        ------
        ValueError
            If the device is not available, the type is not a floating-point type, or it cannot hold the inputs.
        """
        return Dataset(self.name, *(split.to(device, dtype) for split in self.splits.values()))


def floating(dtype: torch.dtype) -> torch.dtype:
    """Return ``dtype`` if it is a floating-point type that networks are trained in; otherwise raise."""
    if dtype in _DTYPES:
        return dtype
    wrong = ValueError if isinstance(dtype, torch.dtype) else TypeError
    raise wrong(f"expected a floating-point dtype, got {dtype}: use torch.float32 or torch.float64")


def standardized(inputs: Sequence[Tensor], mode: str) -> list[Tensor]:
    r"""Return the inputs :math:`(x - \mu) / s` of all splits.

    Parameters
    ----------
    inputs : sequence of Tensor of shape (n, ...)
        The inputs of each split; mean and standard deviation are those of the first, the training split.
    mode : {"none", "feature", "channel", "global", "sample"}
        What shares one mean and one standard deviation: each coordinate; each channel (the second dimension); all
        numbers; or each sample of any split. ``"none"`` returns the inputs unchanged.

    Raises
    ------
    ValueError
        If the mode is ``"channel"`` and the inputs have no channels.

    Notes
    -----
    A constant coordinate, such as the corner pixels of MNIST, has standard deviation 0; its scale is taken as 1.

    Examples
    --------
    >>> standardized([torch.tensor([[1.0, 5.0], [3.0, 5.0]]), torch.tensor([[2.0, 6.0]])], "feature")[1]
    tensor([[0., 1.]])
    """
    train = inputs[0]
    if mode == "none":
        return list(inputs)
    if mode == "channel" and train.ndim < 3:
        raise ValueError(
            f"expected inputs of shape (n, channels, ...) for standardize='channel', got "
            f"{tuple(train.shape)}: use 'feature' or 'global'"
        )
    over = {
        "feature": [0],
        "channel": [0, *range(2, train.ndim)],
        "global": [*range(train.ndim)],
        "sample": [*range(1, train.ndim)],
    }[mode]
    scales = [_mean_and_scale(split, over) for split in (inputs if mode == "sample" else [train])]
    return [(split - mean) / scale for split, (mean, scale) in zip(inputs, itertools.cycle(scales), strict=False)]


def _mean_and_scale(inputs: Tensor, over: list[int]) -> tuple[Tensor, Tensor]:
    scale = inputs.std(dim=over, correction=0, keepdim=True)
    # A constant computed in floating point may miss zero by rounding: compare with the size of the numbers.
    flat = scale <= 10 * torch.finfo(inputs.dtype).eps * inputs.abs().amax(dim=over, keepdim=True)
    return inputs.mean(dim=over, keepdim=True), torch.where(flat, torch.ones_like(scale), scale)
