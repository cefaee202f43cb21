"""Zero mean and unit standard deviation, learned from the training split alone."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from enlib import _tools

MODES = ("none", "feature", "channel", "global", "sample")


@dataclass(frozen=True, eq=False)
class Standardization:
    r"""The map :math:`x \mapsto (x - \mu) / s`.

    Parameters
    ----------
    mode : {"feature", "channel", "global", "sample"}
        Over what mean and standard deviation are taken: each coordinate over the samples; each channel (the
        second dimension) over samples and positions; everything at once; or each sample over itself.
    mean, scale : Tensor or None
        Broadcast against the inputs; None for ``"sample"``, where each sample brings its own.

    Notes
    -----
    A constant coordinate, such as the corner pixels of MNIST, has standard deviation 0; its scale is taken as 1.

    Examples
    --------
    >>> rule = Standardization.fit(torch.tensor([[1.0, 5.0], [3.0, 5.0]]), "feature")
    >>> rule(torch.tensor([[2.0, 6.0]]))
    tensor([[0., 1.]])
    """

    mode: str
    mean: Tensor | None
    scale: Tensor | None

    @classmethod
    def fit(cls, inputs: Tensor, mode: str) -> Standardization:
        """Learn mean and scale from inputs of shape (n, ...).

        Raises
        ------
        ValueError
            If the mode is unknown, or ``"channel"`` is asked for inputs without channels.
        """
        _tools.known("standardize", mode, MODES[1:])
        if mode == "sample":
            return cls(mode, None, None)
        if mode == "channel" and inputs.ndim < 3:
            raise ValueError(
                f"expected inputs of shape (n, channels, ...) for standardize='channel', got "
                f"{tuple(inputs.shape)}: use 'feature' or 'global'"
            )
        over = {
            "feature": [0],
            "channel": [0, *range(2, inputs.ndim)],
            "global": list(range(inputs.ndim)),
        }[mode]
        return cls(mode, *_mean_and_scale(inputs, over))

    def __call__(self, inputs: Tensor) -> Tensor:
        """Return the standardized inputs, in the same shape."""
        mean, scale = self.mean, self.scale
        if mean is None or scale is None:
            mean, scale = _mean_and_scale(inputs, list(range(1, inputs.ndim)))
        return (inputs - mean) / scale


def _mean_and_scale(inputs: Tensor, over: list[int]) -> tuple[Tensor, Tensor]:
    scale = inputs.std(dim=over, correction=0, keepdim=True)
    # A constant computed in floating point may miss zero by rounding: compare with the size of the numbers.
    flat = scale <= 10 * torch.finfo(inputs.dtype).eps * inputs.abs().amax(dim=over, keepdim=True)
    return inputs.mean(dim=over, keepdim=True), torch.where(flat, torch.ones_like(scale), scale)
