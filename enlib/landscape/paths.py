"""Lines, curves and planes through parameters given by name, and the loss on them.

A point is a dictionary of tensors, ``{"0.weight": ..., "0.bias": ...}``, as `state_dict` names them. Nothing here
depends on a data set or a model class.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from enlib import _tools
from enlib._tools import generator

Parameters = Mapping[str, Tensor]
Loss = Callable[[dict[str, Tensor]], Tensor]


def linear_combination(points: Sequence[Parameters], weights: Tensor | Sequence[float]) -> dict[str, Tensor]:
    r"""Return weighted sums of parameters, one for each row of weights.

    .. math:: \theta_j = \sum_k w_{jk}\, \theta^{(k)}

    Straight lines, curves and slices are all of this form; they differ in their weights.

    Parameters
    ----------
    points : sequence of mappings of str to Tensor
        The k points :math:`\theta^{(k)}`, with the same names and shapes.
    weights : Tensor of shape (..., k), or sequence of float
        The weights :math:`w`.

    Returns
    -------
    dict of str to Tensor
        By name, tensors with the axes of the weights in front of their own.

    Raises
    ------
    TypeError, ValueError
        If there are no points, a point is not a dictionary of tensors of floats, two points differ in names or
        shapes, or there is not one finite weight for each point.

    Examples
    --------
    >>> a, b = {"w": torch.tensor([0.0, 2.0])}, {"w": torch.tensor([4.0, 2.0])}
    >>> linear_combination([a, b], [0.25, 0.75])["w"]
    tensor([3., 2.])
    """
    if not isinstance(points, Sequence):
        raise TypeError(f"expected a list of points, got {type(points).__name__}: pass one dictionary for each")
    _check_alike(*points)
    first = next(iter(points[0].values()))
    if not isinstance(weights, Tensor):
        weights = torch.as_tensor(_tools.array("weights", weights))
    weights = weights.to(dtype=first.dtype, device=first.device)
    if weights.dim() == 0 or weights.shape[-1] != len(points):
        raise ValueError(
            f"expected weights of shape (..., {len(points)}), one for each point, got {tuple(weights.shape)}: "
            "put the points along the last axis"
        )
    _tools.floats("weights", weights)
    return {
        name: torch.tensordot(weights, torch.stack([point[name] for point in points]), dims=1) for name in points[0]
    }


def straight_line(a: Parameters, b: Parameters, t: Tensor) -> dict[str, Tensor]:
    r"""Return points on the straight line from a to b.

    .. math:: \gamma(t) = (1 - t)\, \theta_a + t\, \theta_b

    Parameters
    ----------
    a, b : mapping of str to Tensor
        The ends, with the same names and shapes.
    t : Tensor of shape (...)
        Where on the line; 0 is exactly a, 1 is exactly b.

    Returns
    -------
    dict of str to Tensor
        By name, tensors with the axes of t in front of their own.

    Raises
    ------
    TypeError, ValueError
        As `linear_combination`.

    Examples
    --------
    >>> straight_line({"w": torch.zeros(2)}, {"w": torch.ones(2)}, torch.tensor([0.0, 0.5, 1.0]))["w"][:, 0]
    tensor([0.0000, 0.5000, 1.0000])
    """
    t = _tools.floats("t", t)
    return linear_combination([a, b], torch.stack([1 - t, t], -1))


def bezier_curve(a: Parameters, bend: Parameters, b: Parameters, t: Tensor) -> dict[str, Tensor]:
    r"""Return points on the quadratic Bezier curve from a to b.

    .. math:: \gamma(t) = (1 - t)^2\, \theta_a + 2 t (1 - t)\, \theta_c + t^2\, \theta_b

    It leaves a in the direction of the bend c and reaches b from the direction of c. With c halfway between a and b
    it is the straight line.

    Parameters
    ----------
    a, bend, b : mapping of str to Tensor
        The ends and the bend, with the same names and shapes.
    t : Tensor of shape (...)
        Where on the curve; 0 is exactly a, 1 is exactly b.

    Returns
    -------
    dict of str to Tensor
        By name, tensors with the axes of t in front of their own.

    Raises
    ------
    TypeError, ValueError
        As `linear_combination`.

    Examples
    --------
    >>> point = [{"w": torch.tensor([v])} for v in (0.0, 1.0, 0.0)]
    >>> bezier_curve(*point, torch.tensor([0.0, 0.5, 1.0]))["w"][:, 0]
    tensor([0.0000, 0.5000, 0.0000])
    """
    t = _tools.floats("t", t)
    return linear_combination([a, bend, b], torch.stack([(1 - t) ** 2, 2 * t * (1 - t), t**2], -1))


def losses_at(loss: Loss, points: Parameters) -> Tensor:
    """Return the loss at each of many points.

    Parameters
    ----------
    loss : callable
        Maps a dictionary of tensors to the loss, a tensor of shape (). It must compute the loss from that dictionary,
        as ``torch.func.functional_call(model, params, (inputs,))`` does. It is called once, through
        ``torch.func.vmap``, so it can use neither ``.item()`` nor branches on values.
    points : mapping of str to Tensor
        Parameters with one more axis in front, of the same length n for all, as `linear_combination` returns them.

    Returns
    -------
    Tensor of shape (n,)

    Raises
    ------
    TypeError
        If the loss is not callable or does not return a tensor, or ``points`` is not a dictionary of tensors.
    ValueError
        If there is no axis in front, or its lengths differ; or if the loss is not one number, ignores the parameters
        it is given, or cannot be evaluated by ``vmap``.

    Examples
    --------
    >>> losses_at(lambda p: (p["w"] ** 2).sum(), {"w": torch.tensor([[3.0, 4.0], [0.0, 1.0]])})
    tensor([25.,  1.])
    """
    _check_alike(points)
    lengths = {name: tensor.shape[0] if tensor.dim() else None for name, tensor in points.items()}
    if len(set(lengths.values())) > 1 or not all(lengths.values()):
        raise ValueError(
            f"expected parameters with one more axis in front, all of one length, got lengths {lengths}: "
            "make them with linear_combination, straight_line or bezier_curve"
        )
    losses = _evaluate(loss, dict(points))
    # vmap expands a result that ignores its input. A view of an expanded input looks the same, so try two copies.
    if losses.stride(0) == 0 or len(losses) == 1:
        two = {name: tensor[:1].repeat(2, *(1,) * (tensor.dim() - 1)) for name, tensor in points.items()}
        if _evaluate(loss, two).stride(0) == 0:
            raise ValueError(
                "expected a loss that depends on the parameters it is given, got one that ignores them: compute it "
                "from them, as in lambda p: mse_loss(torch.func.functional_call(model, p, (x,)), y)"
            )
    return losses


def find_bend(
    loss: Loss, a: Parameters, b: Parameters, *, steps: int = 300, lr: float = 0.05, points: int = 15
) -> dict[str, Tensor]:
    r"""Return a bend with which the Bezier curve from a to b has a low mean loss.

    .. math:: \min_c \frac{1}{n} \sum_{j=1}^{n} L\big(\gamma_c(t_j)\big), \qquad t_j = \frac{j - 1/2}{n}

    Adam minimizes this, starting from the middle of the straight line. The ends are fixed.

    Parameters
    ----------
    loss : callable
        As for `losses_at`.
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
        The bend; see `bezier_curve`.

    Raises
    ------
    TypeError, ValueError
        As `losses_at`; or if a and b differ in names or shapes, or a number is not positive.

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
    >>> straight = barrier(t, losses_at(ring, straight_line(a, b, t)))
    >>> curved = barrier(t, losses_at(ring, bezier_curve(a, find_bend(ring, a, b), b, t)))
    >>> print(f"{straight:.2f}, {curved:.2f}")
    0.98, 0.03
    """
    steps, points, lr = _tools.count("steps", steps), _tools.count("points", points), _tools.positive("lr", lr)
    middle = linear_combination([a, b], [0.5, 0.5])
    first = next(iter(middle.values()))
    t = (torch.arange(points, dtype=first.dtype, device=first.device) + 0.5) / points
    bend = {name: tensor.detach().clone().requires_grad_() for name, tensor in middle.items()}
    optimizer = torch.optim.Adam(bend.values(), lr=lr)
    for _ in range(steps):
        optimizer.zero_grad()
        losses_at(loss, bezier_curve(a, bend, b, t)).mean().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return {name: tensor.detach() for name, tensor in bend.items()}


def barrier(t: Tensor, losses: Tensor) -> float:
    r"""Return how far the loss on a path rises above linear interpolation between its ends.

    .. math:: \max_t \big[ L(\gamma(t)) - (1 - t)\, L(\gamma(0)) - t\, L(\gamma(1)) \big]

    It is never negative, because the ends are included, and it is zero on any straight path of a convex loss.

    Parameters
    ----------
    t : Tensor of shape (n,)
        From 0 to 1, ascending, both included.
    losses : Tensor of shape (n,)
        The loss at each t.

    Raises
    ------
    TypeError, ValueError
        If an argument is not a tensor of finite floats, the shapes differ, or t does not ascend from 0 to 1.

    Examples
    --------
    >>> barrier(torch.tensor([0.0, 0.5, 1.0]), torch.tensor([1.0, 4.0, 3.0]))
    2.0
    """
    t, losses = _tools.floats("t", t), _tools.floats("losses", losses)
    if t.dim() != 1 or t.shape != losses.shape or len(t) < 2:
        raise ValueError(
            f"expected t and losses of one shape (n,), got {tuple(t.shape)} and {tuple(losses.shape)}: "
            "pass one loss for each t"
        )
    if not (t[0] == 0 and t[-1] == 1 and bool((t.diff() > 0).all())):
        raise ValueError(
            f"expected t to ascend from 0 to 1, got {t[0]:g} to {t[-1]:g}: the barrier is measured from the ends; "
            "pass torch.linspace(0, 1, n)"
        )
    return float((losses - (1 - t) * losses[0] - t * losses[-1]).max().clamp(min=0).detach())


def random_direction(params: Parameters, *, seed: int) -> dict[str, Tensor]:
    r"""Return a random direction of length 1 in the space of the parameters.

    Its entries are drawn from a standard normal distribution before scaling, so all directions are equally likely.

    Parameters
    ----------
    params : mapping of str to Tensor
        The parameters whose names, shapes and types the direction takes.
    seed : int
        Seed of the direction.

    Returns
    -------
    dict of str to Tensor
        With the names and shapes of ``params``.

    Raises
    ------
    TypeError, ValueError
        If ``params`` is not a dictionary of tensors of floats, or empty.

    Examples
    --------
    >>> direction = random_direction({"w": torch.tensor([[3.0, 4.0]])}, seed=0)
    >>> print(f"{direction['w'].norm():.3f}")
    1.000
    """
    _check_alike(params)
    rng = generator(seed, "direction")
    drawn = {
        name: torch.randn(tensor.shape, generator=rng, dtype=torch.float64).to(tensor)
        for name, tensor in params.items()
    }
    length = torch.cat([tensor.ravel() for tensor in drawn.values()]).norm()
    return {name: tensor / length for name, tensor in drawn.items()}


def plane(a: Parameters, b: Parameters, c: Parameters) -> tuple[dict[str, Tensor], dict[str, Tensor], Tensor]:
    r"""Return two perpendicular directions of length 1 that span the plane through three points, and coordinates.

    .. math:: u \propto b - a, \qquad v \propto (c - a) - \big((c - a) \cdot u\big)\, u

    The point (x, y) of the plane is ``linear_combination([a, u, v], [1, x, y])``.

    Parameters
    ----------
    a, b, c : mapping of str to Tensor
        Three points with the same names and shapes, not on one line.

    Returns
    -------
    u, v : dict of str to Tensor
        The directions.
    coordinates : Tensor of shape (3, 2)
        The coordinates of a, which is the origin, of b, which is on the x-axis, and of c.

    Raises
    ------
    TypeError, ValueError
        As `linear_combination`; or if a number is not finite, or the points lie on one line.

    Examples
    --------
    >>> u, v, at = plane({"w": torch.zeros(2)}, {"w": torch.tensor([2.0, 0.0])}, {"w": torch.tensor([1.0, 1.0])})
    >>> at
    tensor([[0., 0.], [2., 0.], [1., 1.]])
    """
    to_b, to_c = linear_combination([a, b], [-1, 1]), linear_combination([a, c], [-1, 1])
    width = _dot(to_b, to_b).sqrt()
    far = _dot(to_c, to_c).sqrt()
    _tools.floats("distances between the points", torch.stack([width, far]))
    if width > 0:
        u = {name: tensor / width for name, tensor in to_b.items()}
        x = _dot(to_c, u)
        rest = {name: tensor - x * u[name] for name, tensor in to_c.items()}
        height = _dot(rest, rest).sqrt()
        if height > 1e-6 * far:
            v = {name: tensor / height for name, tensor in rest.items()}
            zero = torch.zeros_like(x)
            return u, v, torch.stack([torch.stack(p) for p in ((zero, zero), (width, zero), (x, height))])
    raise ValueError("expected three points that are not on one line, got three on a line: move the third one off it")


def _check_alike(*points: Parameters) -> None:
    """Raise unless all points are dictionaries of tensors of floats with the same names and shapes."""
    if not points:
        raise ValueError("expected parameters by name, got none: pass at least one point")
    for point in points:
        for name, tensor in _tools.named_tensors(point).items():
            if not tensor.is_floating_point():
                raise TypeError(f"expected {name!r} to be a tensor of floats, got {tensor.dtype}: convert it")
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


def _evaluate(loss: Loss, points: dict[str, Tensor]) -> Tensor:
    if not callable(loss):
        raise TypeError(
            f"expected the loss to be a function of the parameters, got {type(loss).__name__}: pass lambda p: ..."
        )

    def checked(point: dict[str, Tensor]) -> Tensor:
        value = loss(point)
        if not isinstance(value, Tensor):
            raise TypeError(
                f"expected the loss to return a tensor, got {type(value).__name__}: compute it with torch"
            )
        if value.dim():
            raise ValueError(
                f"expected the loss to be one number, got a tensor of shape {tuple(value.shape)}: return its sum or "
                "its mean"
            )
        return value

    try:
        with _tools.unchanged_buffers():
            losses: Tensor = torch.func.vmap(checked)(points)
    except RuntimeError as error:
        if "vmap" not in str(error) and "running_mean" not in str(error):
            raise
        raise ValueError(
            f"expected a loss that torch.func.vmap can evaluate, got {str(error).splitlines()[0]!r}: switch dropout "
            "and BatchNorm to evaluation with model.eval(), and use neither .item() nor branches on values"
        ) from error
    return losses


def _dot(a: Parameters, b: Parameters) -> Tensor:
    products: Tensor = torch.stack([(a[name] * b[name]).sum() for name in a]).sum()
    return products
