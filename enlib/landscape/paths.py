"""Paths between two sets of parameters: straight, curved, and how high the loss climbs on them."""

from __future__ import annotations

import torch
from torch import Tensor

from enlib import _tools
from enlib.landscape.parameters import Loss, Parameters, along, check_alike, mix


def line(a: Parameters, b: Parameters, t: Tensor) -> dict[str, Tensor]:
    r"""Return points on the straight line from a to b.

    .. math:: \gamma(t) = (1 - t)\, \theta_a + t\, \theta_b

    Parameters
    ----------
    a, b : mapping of str to Tensor
        The ends, with the same names and shapes.
    t : Tensor, shape (...)
        Where on the line; 0 is exactly a, 1 is exactly b.

    Returns
    -------
    dict of str to Tensor
        By name, tensors with the axes of t in front of their own.

    Raises
    ------
    ValueError
        If a and b differ in names or shapes.

    Examples
    --------
    >>> line({"w": torch.zeros(2)}, {"w": torch.ones(2)}, torch.tensor([0.0, 0.5, 1.0]))["w"][:, 0]
    tensor([0.0000, 0.5000, 1.0000])
    """
    return mix([a, b], torch.stack([1 - t, t], -1))


def bezier(a: Parameters, bend: Parameters, b: Parameters, t: Tensor) -> dict[str, Tensor]:
    r"""Return points on the quadratic Bezier curve from a to b.

    .. math:: \gamma(t) = (1 - t)^2\, \theta_a + 2 t (1 - t)\, \theta_c + t^2\, \theta_b

    It leaves a towards the bend c and arrives at b from it; with c halfway between a and b it is the straight line.

    Parameters
    ----------
    a, bend, b : mapping of str to Tensor
        The ends and the bend, with the same names and shapes.
    t : Tensor, shape (...)
        Where on the curve; 0 is exactly a, 1 is exactly b.

    Returns
    -------
    dict of str to Tensor
        By name, tensors with the axes of t in front of their own.

    Raises
    ------
    ValueError
        If the three differ in names or shapes.

    Examples
    --------
    >>> point = [{"w": torch.tensor([v])} for v in (0.0, 1.0, 0.0)]
    >>> bezier(*point, torch.tensor([0.0, 0.5, 1.0]))["w"][:, 0]
    tensor([0.0000, 0.5000, 0.0000])
    """
    return mix([a, bend, b], torch.stack([(1 - t) ** 2, 2 * t * (1 - t), t**2], -1))


def find_bend(
    loss: Loss, a: Parameters, b: Parameters, *, steps: int = 300, lr: float = 0.05, points: int = 15
) -> dict[str, Tensor]:
    r"""Find a bend with which the Bezier curve from a to b has a low mean loss.

    .. math:: \min_c \frac{1}{n} \sum_{j=1}^{n} L\big(\gamma_c(t_j)\big), \qquad t_j = \frac{j - 1/2}{n}

    by Adam, from the middle of the straight line. The ends stay where they are.

    Parameters
    ----------
    loss : callable
        See `along`.
    a, b : mapping of str to Tensor
        The ends, with the same names and shapes.
    steps : int
        Updates of the bend.
    lr : float
        Adam's learning rate.
    points : int
        The number n of points on the curve.

    Returns
    -------
    dict of str to Tensor
        The bend; see `bezier`.

    Raises
    ------
    ValueError
        If a and b differ in names or shapes, or a number is not positive.

    Notes
    -----
    T. Garipov, P. Izmailov, D. Podoprikhin, D. Vetrov, A. G. Wilson, *Loss Surfaces, Mode Connectivity, and Fast
    Ensembling of DNNs*, arXiv:1802.10026, who draw new t for every update; fixed ones make the result repeatable.

    Examples
    --------
    A ring has its minima on the unit circle, and a hill in the middle.

    >>> ring = lambda p: ((p["w"] ** 2).sum() - 1) ** 2
    >>> a, b = {"w": torch.tensor([1.0, 0.1])}, {"w": torch.tensor([-1.0, 0.1])}
    >>> t = torch.linspace(0, 1, 21)
    >>> straight = barrier(t, along(ring, line(a, b, t)))
    >>> curved = barrier(t, along(ring, bezier(a, find_bend(ring, a, b), b, t)))
    >>> print(f"{straight:.2f}, {curved:.2f}")
    0.98, 0.03
    """
    check_alike(a, b)
    _tools.count("steps", steps)
    _tools.positive("lr", lr)
    first = next(iter(a.values()))
    t = (torch.arange(_tools.count("points", points), dtype=first.dtype, device=first.device) + 0.5) / points
    bend = {name: tensor.detach().clone().requires_grad_() for name, tensor in mix([a, b], [0.5, 0.5]).items()}
    optimizer = torch.optim.Adam(bend.values(), lr=lr)
    for _ in range(steps):
        optimizer.zero_grad()
        along(loss, bezier(a, bend, b, t)).mean().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return {name: tensor.detach() for name, tensor in bend.items()}


def barrier(t: Tensor, losses: Tensor) -> float:
    r"""Return how far the loss on a path rises above the straight line between the losses at its ends.

    .. math:: \max_t \big[ L(\gamma(t)) - (1 - t)\, L(\gamma(0)) - t\, L(\gamma(1)) \big]

    Never negative, because the ends count; zero on any straight path of a convex loss.

    Parameters
    ----------
    t : Tensor, shape (n,)
        From 0 to 1, ascending, both included.
    losses : Tensor, shape (n,)
        The loss at each t.

    Raises
    ------
    ValueError
        If the shapes differ, or t does not ascend from 0 to 1.

    Examples
    --------
    >>> barrier(torch.tensor([0.0, 0.5, 1.0]), torch.tensor([1.0, 4.0, 3.0]))
    2.0
    """
    if t.dim() != 1 or t.shape != losses.shape or len(t) < 2:
        raise ValueError(
            f"expected t and losses of one shape (n,), got {tuple(t.shape)} and {tuple(losses.shape)}: "
            "pass one loss for each t"
        )
    if not (t[0] == 0 and t[-1] == 1 and bool((t.diff() > 0).all())):
        raise ValueError(
            f"expected t to ascend from 0 to 1, got {t[0]:g} to {t[-1]:g}: the ends are what the barrier is "
            "measured from; torch.linspace(0, 1, n) will do"
        )
    return float((losses - (1 - t) * losses[0] - t * losses[-1]).max().clamp(min=0))
