"""The edge of stability: descent with its sharpness, and its central flow."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import normalize

from enlib import _tools
from enlib._tools import generator

Array = npt.NDArray[np.float64]
Losses = Callable[[Tensor], Tensor]
TOO_LARGE = 1e6


class TanhLoss:
    r"""Mean squared error of a fully connected tanh network on fixed samples, as a function of one weight vector.

    .. math:: L(w) = \frac{1}{n} \sum_{i=1}^n \lVert f(x_i; w) - y_i \rVert^2

    The vector w holds the layers one after another, each with its weight matrix, row by row, and then its biases. The
    last layer is linear. A call takes weights of shape (..., size) and returns losses of shape (...), so that many
    runs are evaluated at once.

    Parameters
    ----------
    inputs : Tensor of shape (n, d)
        The samples.
    targets : Tensor of shape (n, k)
        The values to fit, of the inputs' type.
    widths : sequence of int
        Units from the inputs to the outputs; the first is d and the last k.

    Attributes
    ----------
    size : int
        Number of weights and biases.

    Raises
    ------
    TypeError, ValueError
        If the data are not finite tensors of floats, the widths do not fit them, or the numbers of samples differ.

    Examples
    --------
    >>> x = torch.linspace(-1, 1, 20, dtype=torch.float64)[:, None]
    >>> loss = TanhLoss(x, torch.sin(x), widths=(1, 16, 16, 1))
    >>> loss.size, loss(torch.zeros(3, loss.size, dtype=x.dtype)).shape
    (321, torch.Size([3]))
    """

    def __init__(self, inputs: Tensor, targets: Tensor, *, widths: Sequence[int]) -> None:
        _tools.floats("inputs", inputs)
        _tools.floats("targets", targets)
        if not isinstance(widths, Sequence):
            raise TypeError(f"expected widths to be a sequence of integers, got {widths!r}: pass (1, 16, 1), say")
        for width in widths:
            _tools.count("each width", width)
        if inputs.ndim != 2 or targets.ndim != 2 or len(inputs) != len(targets):
            raise ValueError(
                f"expected inputs (n, d) and targets (n, k), got {tuple(inputs.shape)} and {tuple(targets.shape)}: "
                "add a dimension with [:, None]"
            )
        ends = (inputs.shape[1], targets.shape[1])
        if len(widths) < 2 or (widths[0], widths[-1]) != ends:
            raise ValueError(
                f"expected widths from {ends[0]} to {ends[1]}, got {tuple(widths)}: the data fix the first and last"
            )
        self._inputs, self._targets = inputs, targets
        self._layers = list(pairwise(widths))
        self._sizes = [size for fan_in, fan_out in self._layers for size in (fan_in * fan_out, fan_out)]
        self.size = sum(self._sizes)

    def __call__(self, weights: Tensor) -> Tensor:
        """Return the losses, of shape (...), for weights of shape (..., size)."""
        if not isinstance(weights, Tensor) or weights.shape[-1:] != (self.size,):
            got = tuple(weights.shape) if isinstance(weights, Tensor) else type(weights).__name__
            raise ValueError(f"expected weights of shape (..., {self.size}), got {got}: take them from start()")
        rows = weights.reshape(-1, self.size)
        h = self._inputs.expand(len(rows), *self._inputs.shape)
        # In one split: each slice would have a gradient of the length of all weights.
        parts = iter(torch.split(rows, self._sizes, dim=1))
        for layer, (fan_in, fan_out) in enumerate(self._layers):
            matrix, bias = next(parts).view(-1, fan_out, fan_in), next(parts)
            h = torch.baddbmm(bias[:, None], h, matrix.mT)
            if layer < len(self._layers) - 1:
                h = torch.tanh(h)
        return (h - self._targets).square().sum(2).mean(1).reshape(weights.shape[:-1])

    def start(self, seed: int) -> Tensor:
        r"""Return a random weight vector: normal with variance 1 / (inputs of the layer), with biases zero.

        Parameters
        ----------
        seed : int
            Seed of the random numbers.

        Returns
        -------
        Tensor of shape (size,)
        """
        random = generator(seed, "tanh network")
        parts = []
        for fan_in, fan_out in self._layers:
            normal = torch.randn(fan_in * fan_out, generator=random, dtype=self._inputs.dtype)
            parts += [normal / math.sqrt(fan_in), torch.zeros(fan_out, dtype=self._inputs.dtype)]
        return torch.cat(parts).to(self._inputs.device)


@dataclass(frozen=True, eq=False)
class SharpnessTrack:
    """Runs of gradient descent, side by side, with their sharpness.

    Parameters
    ----------
    eta : array of shape (runs,)
        Step size of each run.
    loss : array of shape (steps + 1, runs)
        Loss before each step and after the last; NaN from where a run has diverged.
    at : array of int, shape (m,)
        The steps at which the sharpness and the weights were recorded.
    sharpness : array of shape (m, runs)
        The largest eigenvalue of the Hessian, to a part in a thousand; NaN where a run has diverged.
    weights : Tensor of shape (m, runs, size)
        The weights.
    """

    eta: Array
    loss: Array
    at: npt.NDArray[np.int64]
    sharpness: Array
    weights: Tensor

    @property
    def diverged(self) -> npt.NDArray[np.bool_]:
        """Return whether each run diverged."""
        lost: npt.NDArray[np.bool_] = np.isnan(self.loss[-1])
        return lost


def track_sharpness(
    loss: Losses,
    start: Tensor,
    *,
    eta: float | npt.ArrayLike,
    steps: int,
    every: int,
    momentum: float = 0.0,
) -> SharpnessTrack:
    r"""Return runs of full-batch gradient descent with momentum, and their sharpness every few steps.

    .. math:: v_{k+1} = \mu v_k - \eta \nabla L(w_k), \qquad w_{k+1} = w_k + v_{k+1}

    On a parabola this is stable exactly if :math:`\lambda_{\max} < 2 (1 + \mu) / \eta`.

    Parameters
    ----------
    loss : callable
        Maps weights of shape (runs, size) to losses of shape (runs,); no run may depend on another.
    start : Tensor of shape (runs, size)
        Where each run begins.
    eta : float or array_like of shape (runs,)
        Step size, positive: the same for all runs, or one for each.
    steps : int
        Number of steps.
    every : int
        Steps from one measurement to the next. Choose an odd number: at the edge a run alternates between two sides,
        and an even number would show only one of them.
    momentum : float
        The factor :math:`\mu`, at least 0 and below 1.

    Returns
    -------
    SharpnessTrack
        A run has diverged when its loss is above a million or NaN.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or shape, a number is out of range, or the loss ignores the weights.

    Examples
    --------
    >>> curvatures = torch.tensor([1.0, 4.0], dtype=torch.float64)
    >>> start = torch.ones(1, 2, dtype=torch.float64)
    >>> run = track_sharpness(lambda w: w**2 @ curvatures / 2, start, eta=0.4, steps=9, every=3)
    >>> run.at.tolist(), run.sharpness[:, 0].round(3).tolist(), run.loss[:2, 0].round(3).tolist()
    ([0, 3, 6, 9], [4.0, 4.0, 4.0, 4.0], [2.5, 0.9])
    """
    _check_runs(start)
    sizes = _tools.array("eta", eta)
    if sizes.shape not in ((), (1,), (len(start),)):
        raise ValueError(f"expected one eta or {len(start)}, one for each run, got {sizes.shape}: pass that many")
    sizes = np.broadcast_to(sizes, len(start)).copy()
    for size in sizes:
        _tools.positive("eta", size)
    steps, every = _tools.count("steps", steps), _tools.count("every", every)
    momentum = _tools.number("momentum", momentum)
    if not 0 <= momentum < 1:
        raise ValueError(f"expected 0 <= momentum < 1, got {momentum}: 0.9 is common")
    step_size = torch.as_tensor(sizes).to(start)[:, None]
    w, v = start.detach().clone(), torch.zeros_like(start)
    losses, at, sharp, kept = [], [], [], []
    for k in range(steps + 1):
        value, slope = _gradient(loss, w.detach().requires_grad_(), keep=False)
        value = value.clone()
        lost = ~(value < TOO_LARGE)
        if lost.any():
            value[lost], w[lost] = torch.nan, torch.nan
        losses.append(value)
        if k % every == 0:
            at.append(k)
            sharp.append(_sharpest(loss, w, tol=1e-3)[0].cpu().numpy())
            kept.append(w.clone())
        v = momentum * v - step_size * slope
        w = w + v
    return SharpnessTrack(sizes, torch.stack(losses).cpu().numpy(), np.array(at), np.array(sharp), torch.stack(kept))


@dataclass(frozen=True, eq=False)
class CentralFlow:
    """A central flow, at the times of the gradient descent steps that it averages.

    Parameters
    ----------
    weights : Tensor of shape (steps + 1, runs, size)
        The path.
    direction : Tensor of shape (steps + 1, runs, size)
        The sharpest direction at each point of the path: unit eigenvectors.
    sharpness : array of shape (steps + 1, runs)
        The largest eigenvalue.
    variance : array of shape (steps + 1, runs)
        The mean square of the swing along this direction; 0 before the edge.
    loss : array of shape (steps + 1, runs)
        Loss on the path itself.
    """

    weights: Tensor
    direction: Tensor
    sharpness: Array
    variance: Array
    loss: Array

    @property
    def mean_loss(self) -> Array:
        r"""Return the predicted mean loss of gradient descent, :math:`L + \tfrac12 \lambda \sigma^2`."""
        return self.loss + self.sharpness * self.variance / 2


def central_flow(loss: Losses, start: Tensor, *, eta: float, steps: int) -> CentralFlow:
    r"""Return the central flow of gradient descent, for one unstable direction.

    Gradient descent at the edge is at :math:`w + x u`, with u the sharpest direction and x changing sign at each
    step. To second order in x its mean gradient is that of the loss plus half of :math:`x^2` times that of the
    sharpness, so the middle w moves along (Cohen et al. 2025)

    .. math:: \frac{dw}{dt} = -\nabla L(w) - \tfrac12 \sigma^2 \nabla \lambda_{\max}(w)

    where :math:`\sigma^2` is what keeps the sharpness at or below :math:`2/\eta`:

    .. math:: \sigma^2 = \max\left(0, -2 \frac{\nabla L \cdot \nabla \lambda_{\max}}{|\nabla \lambda_{\max}|^2}\right)
        \qquad \text{at } \lambda_{\max} = 2/\eta, \qquad 0 \text{ below.}

    Parameters
    ----------
    loss, start
        As for `track_sharpness`.
    eta : float
        Step size of gradient descent, which is the time of one of its steps. The flow takes two Euler steps in it:
        with a single one the flow itself would swing.
    steps : int
        Number of steps of gradient descent to follow.

    Returns
    -------
    CentralFlow

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or shape, a number is out of range, or the loss ignores the weights.

    Notes
    -----
    With u the unit eigenvector, :math:`\nabla \lambda_{\max} = \nabla (u^\top H(w) u)` with u held fixed: a third
    derivative. One power iteration per Euler step keeps u up to date. Once a second eigenvalue reaches the edge, this
    flow no longer describes gradient descent, and nothing warns of it. Where no swing lowers the sharpness, as on a
    parabola above the edge, the variance is infinite and the path NaN.

    Examples
    --------
    Progressive sharpening at speed a = 0.1, stopped at 2/0.5 by a swing of variance 2a:

    >>> def toy(w):  # (10 + y) x² / 2 - y / 10, from y = -7
    ...     return (10 + w[:, 1]) * w[:, 0] ** 2 / 2 - w[:, 1] / 10
    >>> flow = central_flow(toy, torch.tensor([[0.0, -7.0]], dtype=torch.float64), eta=0.5, steps=40)
    >>> flow.sharpness[[0, 10, 20, 40], 0].round(6).tolist(), flow.variance[[0, 10, 40], 0].round(6).tolist()
    ([3.0, 3.5, 4.0, 4.0], [0.0, 0.0, 0.2])
    """
    eta, steps = _tools.positive("eta", eta), _tools.count("steps", steps)
    _check_runs(start)
    _gradient(loss, start.detach().clone().requires_grad_(), keep=False)
    dt = eta / 2
    w = start.detach().clone()
    _, u = _sharpest(loss, w, tol=1e-10)  # errors of the first direction grow along the path
    path: list[tuple[Tensor, ...]] = []
    for k in range(2 * steps + 1):
        w = w.detach().requires_grad_()
        value, slope = _gradient(loss, w, keep=True)
        curved = _derivative((slope * u).sum(), w, keep=True)
        lam = (u * curved).sum(1)
        sharpening = _derivative(lam.sum(), w, keep=False)
        slope, lam = slope.detach(), lam.detach()
        # How far the sharpness would exceed the edge after this Euler step, without a swing.
        excess = lam - 2 / eta - dt * (slope * sharpening).sum(1)
        variance = 2 * excess / (dt * sharpening.square().sum(1))
        variance = variance.nan_to_num(0.0, posinf=math.inf).clamp(min=0.0)
        if k % 2 == 0:
            path.append((w.detach(), u, lam, variance, value))
        w = w.detach() - dt * (slope + variance[:, None] / 2 * sharpening)
        u = normalize(curved.detach(), dim=1)
    weights, direction, lams, variances, losses = (torch.stack(part) for part in zip(*path, strict=True))
    return CentralFlow(weights, direction, lams.cpu().numpy(), variances.cpu().numpy(), losses.cpu().numpy())


def _gradient(loss: Losses, w: Tensor, *, keep: bool) -> tuple[Tensor, Tensor]:
    """Return the losses of all runs, and the gradient of each; with its graph if ``keep``."""
    if not callable(loss):
        raise TypeError(f"expected the loss to be a function, got {type(loss).__name__}: pass lambda w: ...")
    value = loss(w)
    if not isinstance(value, Tensor) or value.shape != w.shape[:1]:
        got = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
        raise ValueError(f"expected losses of shape ({len(w)},), got {got}: return one loss for each run")
    # Every run has weights of its own, so the gradient of the sum holds the gradient of each.
    slope = None
    if value.requires_grad:
        (slope,) = torch.autograd.grad(value.sum(), w, create_graph=keep, allow_unused=True)
    if slope is None:
        raise ValueError(
            "expected losses that depend on the weights they are given, got some that ignore them: compute them "
            "from these weights, without .item() and .detach()"
        )
    return value.detach(), slope


def _derivative(value: Tensor, w: Tensor, *, keep: bool) -> Tensor:
    """Return the derivative of a number, with its graph if ``keep``; zero for a constant."""
    if not value.requires_grad:
        return torch.zeros_like(w)
    (derivative,) = torch.autograd.grad(value, w, create_graph=keep, materialize_grads=True)
    return derivative


def _sharpest(loss: Losses, w: Tensor, *, tol: float) -> tuple[Tensor, Tensor]:
    """Return the largest eigenvalue and its unit vector for each run's Hessian; NaN where the weights are not finite.

    This is `enlib.curvature.sharpness` for all runs at once: one product serves them all, and all continue until the
    last has converged. Few vectors are enough, so the Hessian in their span is diagonalized as a full matrix.
    """
    values, vectors = w.new_full((len(w),), math.nan), torch.full_like(w, math.nan)
    finite = w.isfinite().all(1)
    if not finite.any():
        return values, vectors
    at = w[finite].detach().requires_grad_()
    _, slope = _gradient(loss, at, keep=True)
    random = generator(0, "lanczos start")
    noise = torch.randn(at.shape, generator=random, dtype=at.dtype).to(at.device)
    basis = normalize(normalize(slope.detach(), dim=1) + normalize(noise, dim=1), dim=1)[:, None]
    images = basis[:, :0]
    while True:
        image = torch.zeros_like(at)
        if slope.requires_grad:
            (image,) = torch.autograd.grad(slope, at, basis[:, -1], retain_graph=True, materialize_grads=True)
        images = torch.cat([images, image[:, None]], 1)
        if not images.isfinite().all():
            raise ValueError(
                "expected finite Hessian-vector products, got NaN or inf: the loss has no second derivative here; "
                "check for square roots and norms at zero, and for overflow"
            )
        ritz, weights = torch.linalg.eigh(basis @ images.mT)
        top, chosen = ritz[:, -1], weights[:, None, :, -1]
        vector = (chosen @ basis)[:, 0]
        size, m = at.shape[1], basis.shape[1]
        if m > 1:
            residual = ((chosen @ images)[:, 0] - top[:, None] * vector).norm(dim=1)
            error = torch.minimum(residual, (residual**2 / (top - ritz[:, -2])).nan_to_num(0.0, posinf=math.inf))
            allowed = tol * torch.maximum(top.abs(), 1e-3 * ritz.abs().amax(1))
            # After so few products it could stop at a direction that the start happens to favor, so be stricter here.
            if (error <= (0.1 if m == 2 else 1) * allowed).all():
                break
        if m == size:
            break
        # A little of another direction takes over in a run whose span is exhausted.
        length = images[:, -1].norm(dim=1, keepdim=True)
        direction = images[:, -1] + 1e-10 * length * torch.randn(size, generator=random, dtype=w.dtype).to(w.device)
        for _ in range(3):
            direction = normalize(direction - (basis @ direction[..., None] * basis).sum(1), dim=1)
        basis = torch.cat([basis, direction[:, None]], 1)
    values[finite], vectors[finite] = top, vector
    return values, vectors


def _check_runs(start: Tensor) -> None:
    _tools.floats("start", start)
    if start.ndim != 2:
        raise ValueError(f"expected a start of shape (runs, size), got {tuple(start.shape)}: one row for each run")
