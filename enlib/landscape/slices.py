"""Slices of a loss: along a random direction, and through the plane of three points."""

from __future__ import annotations

import torch
from torch import Tensor

from enlib._tools import generator
from enlib.landscape.parameters import Parameters, check_alike, mix


def random_direction(params: Parameters, *, seed: int, filter_normalized: bool = False) -> dict[str, Tensor]:
    r"""Return a random direction in the space of the parameters.

    Every number is standard normal, and the whole then has length 1, so that all directions are equally likely. Or
    each unit's incoming weights get the length that they have in ``params``,

    .. math:: d_u \to \frac{\lVert \theta_u \rVert}{\lVert d_u \rVert} d_u,

    so that slices of networks whose weights have different scales can be compared.

    Parameters
    ----------
    params : mapping of str to Tensor
        Where the direction starts from.
    seed : int
        Seed of the direction.
    filter_normalized : bool
        Give each unit the length of its weights instead; a bias or other vector counts as one unit.

    Returns
    -------
    dict of str to Tensor
        With the names and shapes of ``params``.

    Raises
    ------
    ValueError
        If there are no parameters.

    Notes
    -----
    H. Li, Z. Xu, G. Taylor, C. Studer, T. Goldstein, *Visualizing the Loss Landscape of Neural Nets*,
    arXiv:1712.09913.

    Examples
    --------
    >>> direction = random_direction({"w": torch.tensor([[3.0, 4.0]])}, seed=0, filter_normalized=True)
    >>> print(f"{direction['w'].norm():.3f}")
    5.000
    """
    check_alike(params)
    rng = generator(seed, "direction")
    drawn = {
        name: torch.randn(tensor.shape, generator=rng, dtype=torch.float64).to(tensor)
        for name, tensor in params.items()
    }
    if not filter_normalized:
        length = torch.cat([tensor.ravel() for tensor in drawn.values()]).norm()
        return {name: tensor / length for name, tensor in drawn.items()}
    return {name: tensor * (_unit_norms(params[name]) / _unit_norms(tensor)) for name, tensor in drawn.items()}


def plane(a: Parameters, b: Parameters, c: Parameters) -> tuple[dict[str, Tensor], dict[str, Tensor], Tensor]:
    r"""Return two perpendicular directions of length 1 that span the plane through three points, and where these lie.

    .. math:: u \propto b - a, \qquad v \propto (c - a) - \big((c - a) \cdot u\big)\, u

    The point (x, y) of the plane is ``mix([a, u, v], [1, x, y])``.

    Parameters
    ----------
    a, b, c : mapping of str to Tensor
        Three points with the same names and shapes, not on one line.

    Returns
    -------
    u, v : dict of str to Tensor
    coordinates : Tensor, shape (3, 2)
        Those of a, which is the origin, of b, which is on the x-axis, and of c.

    Raises
    ------
    ValueError
        If the points differ in names or shapes, or lie on one line.

    Examples
    --------
    >>> u, v, at = plane({"w": torch.zeros(2)}, {"w": torch.tensor([2.0, 0.0])}, {"w": torch.tensor([1.0, 1.0])})
    >>> at
    tensor([[0., 0.], [2., 0.], [1., 1.]])
    """
    check_alike(a, b, c)
    to_b, to_c = mix([a, b], [-1, 1]), mix([a, c], [-1, 1])
    width = _dot(to_b, to_b).sqrt()
    far = _dot(to_c, to_c).sqrt()
    if width > 0:
        u = {name: tensor / width for name, tensor in to_b.items()}
        x = _dot(to_c, u)
        rest = {name: tensor - x * u[name] for name, tensor in to_c.items()}
        height = _dot(rest, rest).sqrt()
        if height > 1e-6 * far:
            v = {name: tensor / height for name, tensor in rest.items()}
            zero = torch.zeros_like(x)
            return u, v, torch.stack([torch.stack(p) for p in ((zero, zero), (width, zero), (x, height))])
    raise ValueError("expected three points that are not on one line, got such: move the third one off the line")


def _dot(a: Parameters, b: Parameters) -> Tensor:
    products: Tensor = torch.stack([(a[name] * b[name]).sum() for name in a]).sum()
    return products


def _unit_norms(tensor: Tensor) -> Tensor:
    dims = tuple(range(1, tensor.dim())) if tensor.dim() > 1 else None
    norms: Tensor = torch.linalg.vector_norm(tensor, dim=dims, keepdim=True)
    return norms
