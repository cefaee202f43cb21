"""What a data set is: three splits of inputs and labels, checked once, where they enter."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from enlib.datasets.standardize import Standardization


@dataclass(frozen=True, eq=False)
class Split:
    """Inputs and labels of one split.

    Parameters
    ----------
    inputs : Tensor, shape (n, ...)
        Floating point, finite.
    targets : Tensor, shape (n,)
        Labels in {-1, +1}.

    Raises
    ------
    ValueError
        If there are no samples, the numbers of inputs and labels differ, an input is not finite, or a label is
        neither -1 nor +1.

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
            raise ValueError(
                f"expected tensors, got {type(self.inputs).__name__} and {type(self.targets).__name__}: "
                "convert with torch.as_tensor"
            )
        if self.targets.ndim != 1 or self.inputs.ndim < 2 or len(self.inputs) != len(self.targets):
            raise ValueError(
                "expected inputs of shape (n, ...) and targets of shape (n,), got "
                f"{tuple(self.inputs.shape)} and {tuple(self.targets.shape)}: one label per sample"
            )
        if len(self.targets) == 0:
            raise ValueError("expected at least one sample, got 0: ask for more, or check the selection")
        if not self.inputs.is_floating_point():
            raise ValueError(f"expected floating-point inputs, got {self.inputs.dtype}: convert with .float()")
        bad = int((~torch.isfinite(self.inputs)).sum())
        if bad:
            raise ValueError(
                f"expected finite inputs, got {bad} NaN or infinite values: clean the data or drop those samples"
            )
        if not bool(((self.targets == 1) | (self.targets == -1)).all()):
            found = sorted(set(self.targets.tolist()))
            names = ", ".join(f"{v:g}" for v in found[:5]) + (", ..." if len(found) > 5 else "")
            advice = "map them with 2*y - 1" if found == [0, 1] else "map your two classes to -1 and +1"
            raise ValueError(f"expected labels in {{-1, +1}}, got {{{names}}}: {advice}")

    def __len__(self) -> int:
        return len(self.targets)

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Split:
        """Return the split on another device or in another floating-point type."""
        return Split(self.inputs.to(device=device, dtype=dtype), self.targets.to(device=device, dtype=dtype))


@dataclass(frozen=True, eq=False)
class Dataset:
    """A binary classification problem.

    Parameters
    ----------
    name : str
    train, validation, test : Split
        The test split is for one look at the end.
    standardization : Standardization or None
        What was done to the inputs; fitted on the training split alone.
    """

    name: str
    train: Split
    validation: Split
    test: Split
    standardization: Standardization | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        shapes = {tuple(split.inputs.shape[1:]) for split in self.splits.values()}
        if len(shapes) > 1:
            raise ValueError(f"expected samples of one shape in all splits, got {shapes}: check the splits")
        if len(self.train.targets.unique()) < 2:  # type: ignore[no-untyped-call]
            raise ValueError("expected both labels in the training split, got one: there is nothing to tell apart")

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
        """Numbers in one sample."""
        return math.prod(self.input_shape)

    def standardized(self, mode: str) -> Dataset:
        """Return the data set with every split standardized by what the training split says.

        Parameters
        ----------
        mode : {"none", "feature", "channel", "global", "sample"}
            See `enlib.datasets.standardize.Standardization`.
        """
        if mode == "none":
            return self
        rule = Standardization.fit(self.train.inputs, mode)
        splits = (Split(rule(split.inputs), split.targets) for split in self.splits.values())
        return Dataset(self.name, *splits, standardization=rule)

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Dataset:
        """Return the data set on another device or in another floating-point type."""
        splits = (split.to(device, dtype) for split in self.splits.values())
        return Dataset(self.name, *splits, standardization=self.standardization)
