"""A small network's loss as a function of all its weights in one flat vector, for many runs at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from enlib import _tools
from enlib._tools import generator


class TanhLoss:
    r"""Mean squared error of a fully connected tanh network on fixed samples.

    .. math:: L(w) = \frac{1}{n} \sum_{i=1}^n \lVert f(x_i; w) - y_i \rVert^2

    The vector w holds the layers one after another, each with its weight matrix, row by row, and then its biases. The
    last layer is linear.

    Parameters
    ----------
    inputs : Tensor, shape (n, d)
    targets : Tensor, shape (n, k)
        Of the inputs' type.
    widths : sequence of int
        Units from the inputs to the outputs; the first is d and the last k.

    Attributes
    ----------
    size : int
        Number of weights and biases.

    Raises
    ------
    ValueError
        If the widths do not fit the data, or the numbers of samples differ.

    Examples
    --------
    >>> x = torch.linspace(-1, 1, 20, dtype=torch.float64)[:, None]
    >>> loss = TanhLoss(x, torch.sin(x), widths=(1, 16, 16, 1))
    >>> loss.size, loss(torch.zeros(3, loss.size, dtype=x.dtype)).shape
    (321, torch.Size([3]))
    """

    def __init__(self, inputs: Tensor, targets: Tensor, *, widths: Sequence[int]) -> None:
        for width in widths:
            _tools.count("each width", width)
        if inputs.ndim != 2 or targets.ndim != 2 or len(inputs) != len(targets):
            raise ValueError(
                f"expected inputs (n, d) and targets (n, k), got {tuple(inputs.shape)} and {tuple(targets.shape)}: "
                "add a dimension with [:, None]"
            )
        ends = (inputs.shape[1], targets.shape[1])
        if len(widths) < 2 or (widths[0], widths[-1]) != ends:
            raise ValueError(f"expected widths from {ends[0]} to {ends[1]}, got {tuple(widths)}: begin and end so")
        self._inputs, self._targets = inputs, targets
        self._layers = list(pairwise(widths))
        self.size = sum(fan_in * fan_out + fan_out for fan_in, fan_out in self._layers)

    def __call__(self, weights: Tensor) -> Tensor:
        """Return the loss of each run: weights of shape (..., size) give losses of shape (...)."""
        if weights.shape[-1:] != (self.size,):
            raise ValueError(
                f"expected weights of shape (..., {self.size}), got {tuple(weights.shape)}: take them from start()"
            )
        rows = weights.reshape(-1, self.size)
        h = self._inputs.expand(len(rows), *self._inputs.shape)
        at = 0
        for layer, (fan_in, fan_out) in enumerate(self._layers):
            matrix = rows[:, at : at + fan_in * fan_out].view(-1, fan_out, fan_in)
            at += fan_in * fan_out
            h = torch.baddbmm(rows[:, None, at : at + fan_out], h, matrix.mT)
            at += fan_out
            if layer < len(self._layers) - 1:
                h = torch.tanh(h)
        return (h - self._targets).square().sum(2).mean(1).reshape(weights.shape[:-1])

    def start(self, seed: int) -> Tensor:
        r"""Draw a vector of weights: normal with variance 1 / (inputs of the layer), biases zero.

        Parameters
        ----------
        seed : int

        Returns
        -------
        Tensor, shape (size,)
        """
        random = generator(seed, "tanh network")
        parts = []
        for fan_in, fan_out in self._layers:
            normal = torch.randn(fan_in * fan_out, generator=random, dtype=self._inputs.dtype)
            parts += [normal / math.sqrt(fan_in), torch.zeros(fan_out, dtype=self._inputs.dtype)]
        return torch.cat(parts).to(self._inputs.device)
