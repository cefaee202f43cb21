"""Parameters by name as points of a vector space: weighted sums of them, and a loss at many of them at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

Parameters = Mapping[str, Tensor]
Loss = Callable[[dict[str, Tensor]], Tensor]


def mix(points: Sequence[Parameters], weights: Tensor | Sequence[float]) -> dict[str, Tensor]:
    r"""Return weighted sums of parameters, one for each row of weights.

    .. math:: \theta_j = \sum_k w_{jk}\, \theta^{(k)}

    Straight lines, curves and slices are all of this form; they differ in their weights.

    Parameters
    ----------
    points : sequence of mappings of str to Tensor
        The k points :math:`\theta^{(k)}`, with the same names and shapes.
    weights : Tensor or sequence of float, shape (..., k)
        The weights :math:`w`.

    Returns
    -------
    dict of str to Tensor
        By name, tensors with the axes of the weights in front of their own.

    Raises
    ------
    ValueError
        If there are no points, two differ in names or shapes, or there is not one weight for each point.

    Examples
    --------
    >>> a, b = {"w": torch.tensor([0.0, 2.0])}, {"w": torch.tensor([4.0, 2.0])}
    >>> mix([a, b], [0.25, 0.75])["w"]
    tensor([3., 2.])
    """
    check_alike(*points)
    first = next(iter(points[0].values()))
    weights = torch.as_tensor(weights, dtype=first.dtype, device=first.device)
    if weights.dim() == 0 or weights.shape[-1] != len(points):
        raise ValueError(
            f"expected weights of shape (..., {len(points)}), one for each point, got {tuple(weights.shape)}: "
            "put the points along the last axis"
        )
    return {
        name: torch.tensordot(weights, torch.stack([point[name] for point in points]), dims=1) for name in points[0]
    }


def along(loss: Loss, points: Parameters) -> Tensor:
    """Return the loss at many points at once.

    Parameters
    ----------
    loss : callable
        Maps a dict of tensors to a scalar; PyTorch's ``vmap`` has to be able to go through it, so without ``.item()``
        and without branches on values.
    points : mapping of str to Tensor
        Parameters with one more axis in front, as `mix` returns them; all of the same length n.

    Returns
    -------
    Tensor, shape (n,)

    Raises
    ------
    ValueError
        If there is no axis in front, or its lengths differ.

    Examples
    --------
    >>> along(lambda p: (p["w"] ** 2).sum(), {"w": torch.tensor([[3.0, 4.0], [0.0, 1.0]])})
    tensor([25.,  1.])
    """
    lengths = {name: tensor.shape[0] if tensor.dim() else None for name, tensor in points.items()}
    if not lengths or len(set(lengths.values())) > 1 or None in lengths.values():
        raise ValueError(
            f"expected parameters with one more axis in front, all of one length, got lengths {lengths}: "
            "make them with mix, line or bezier"
        )
    losses: Tensor = torch.func.vmap(loss)(dict(points))
    return losses


def check_alike(*points: Parameters) -> None:
    """Raise unless all points have the same names and shapes."""
    if not points or not points[0]:
        raise ValueError("expected parameters by name, got none: pass dict(model.named_parameters()), or such a dict")
    first = points[0]
    for other in points[1:]:
        if set(first) != set(other):
            missing = ", ".join(sorted(set(first) ^ set(other)))
            raise ValueError(
                f"expected the same names in all points, got a difference in {missing}: use one architecture"
            )
        for name, tensor in first.items():
            if tensor.shape != other[name].shape:
                raise ValueError(
                    f"expected one shape for {name!r} in all points, got {tuple(tensor.shape)} and "
                    f"{tuple(other[name].shape)}: use one architecture"
                )
