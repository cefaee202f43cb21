"""The effect of noise on some of a trained network's weights on its loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from enlib import _tools
from enlib._tools import generator


@torch.no_grad()
def loss_under_noise(
    loss: Callable[[], Tensor], weights: Sequence[Tensor], *, relative: float = 0.1, draws: int = 50, seed: int = 0
) -> npt.NDArray[np.float64]:
    r"""Return the factors by which random noise on some weights multiplies the loss.

    The noise is normal, with a standard deviation that is a fraction of the weights' mean absolute value:

    .. math:: \sigma = r \cdot \operatorname{mean} |w|

    Parameters
    ----------
    loss : callable
        Returns the loss, of shape (), of the current weights. It must be positive without noise.
    weights : sequence of Tensor
        Changed in place for each draw, and restored.
    relative : float
        The fraction r, positive; the report uses 0.1.
    draws : int
        Number of noise samples.
    seed : int
        Seed of the noise.

    Returns
    -------
    array of shape (draws,)
        Loss with noise / loss without; inf or NaN where the loss overflows.

    Raises
    ------
    ValueError
        If there are no weights, a number is out of range, or the loss without noise is not positive and finite.
    TypeError
        If an argument has the wrong type.

    Examples
    --------
    >>> w = torch.tensor([3.0, 4.0])
    >>> factors = loss_under_noise(lambda: w.square().sum(), [w])
    >>> bool(0.8 < np.median(factors) < 1.2), w.tolist()
    (True, [3.0, 4.0])
    """
    relative, draws = _tools.positive("relative", relative), _tools.count("draws", draws)
    if not isinstance(weights, Sequence):
        raise TypeError(f"expected a list of weights, got {type(weights).__name__}: pass [w] for a single tensor")
    if not weights:
        raise ValueError("expected weights, got an empty list: pass the parameters to perturb")
    quiet = _tools.positive("loss without noise", float(loss()), advice="train to a positive, finite loss first")
    before = [w.clone() for w in weights]
    sigma = relative * float(torch.cat([w.reshape(-1) for w in weights]).abs().mean())
    random = generator(seed, "weight noise")
    factors = []
    try:
        for _ in range(draws):
            for w, clean in zip(weights, before, strict=True):
                w.copy_(clean + sigma * torch.randn(w.shape, generator=random, dtype=w.dtype).to(w.device))
            factors.append(float(loss()) / quiet)
    finally:
        for w, clean in zip(weights, before, strict=True):
            w.copy_(clean)
    return np.array(factors)
