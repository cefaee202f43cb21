"""Lanczos' method: the largest eigenvalues of a Hessian, with error bounds, and the density of all of them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from enlib import _tools
from enlib._tools import generator
from enlib.curvature.hessian import Hessian, Params, Parts

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Eigenvalues:
    r"""The largest eigenvalues of a Hessian, largest first.

    Parameters
    ----------
    values : array of shape (k,)
        The eigenvalues.
    residuals : array of shape (k,)
        Lengths of :math:`Hq - \theta q` for each value :math:`\theta` and its unit vector q. An eigenvalue is always
        within this distance of :math:`\theta`.
    errors : array of shape (k,)
        Estimated errors, residual² / gap to the nearest other value; usually much smaller than the residuals.
    vectors : Tensor of shape (k, size)
        The unit vectors, flat, with the parameters in the order of the dictionary.
    converged : bool
        Whether all errors are within the tolerance.
    gradients : int
        Cost in gradients of the whole loss, counted as `Hessian.gradients` counts.
    """

    values: Array
    residuals: Array
    errors: Array
    vectors: Tensor
    converged: bool
    gradients: int


@dataclass(frozen=True, eq=False)
class Sharpness:
    """The largest eigenvalue of a Hessian; its fields are those of `Eigenvalues`, for one value."""

    value: float
    residual: float
    error: float
    vector: Tensor
    converged: bool
    gradients: int


@dataclass(frozen=True, eq=False)
class SpectralDensity:
    r"""The spectrum of a Hessian, approximated by weighted points.

    Parameters
    ----------
    nodes : array of shape (m,)
        Eigenvalue estimates, ascending.
    weights : array of shape (m,)
        The fraction of all eigenvalues that each node stands for; they add up to 1.
    gradients : int
        Cost in gradients of the whole loss, counted as `Hessian.gradients` counts.
    """

    nodes: Array
    weights: Array
    gradients: int

    def cdf(self, at: npt.ArrayLike) -> Array:
        """Return the fraction of eigenvalues up to each number in ``at``; NaN where that is NaN.

        At a node itself, half of its weight counts, as in the quadrature rule.
        """
        at = _tools.array("at", at)
        below = np.concatenate([[0.0], np.cumsum(self.weights)])
        left = below[np.searchsorted(self.nodes, at, side="left")]
        right = below[np.searchsorted(self.nodes, at, side="right")]
        return np.where(np.isnan(at), np.nan, (left + right) / 2)


def sharpness(
    loss: Parts,
    params: Params,
    *,
    tol: float = 1e-3,
    seed: int = 0,
    max_products: int = 60,
) -> Sharpness:
    r"""Return the sharpness of a loss, the largest eigenvalue :math:`\lambda_{\max}(H)` of its Hessian.

    Gradient descent with step size :math:`\eta` is stable on the loss's local parabola exactly if
    :math:`\eta < 2 / \lambda_{\max}`.

    Lanczos' method finds the best value within the span of :math:`v, Hv, H^2 v, \dots` It starts from the gradient,
    which points mostly into sharp directions, plus a random vector, so that no direction is left out. It stops when
    residual² / gap is within the tolerance; after only two products, within a tenth of it.

    Parameters
    ----------
    loss, params
        As for `Hessian`.
    tol : float
        Requested relative error, positive.
    seed : int
        Seed of the random vector.
    max_products : int
        Number of Hessian-vector products after which to give up, with a warning and ``converged = False``.

    Returns
    -------
    Sharpness

    Raises
    ------
    TypeError, ValueError
        As `Hessian`; or if a number is out of range.

    Notes
    -----
    The residual bounds the distance to *an* eigenvalue. It is almost certainly the largest one: only a sharpest
    direction that is nearly orthogonal to the random vector could be missed.

    Examples
    --------
    >>> curvatures = torch.tensor([1.0, 2.0, 50.0])
    >>> found = sharpness(lambda p: (curvatures * p["w"] ** 2).sum() / 2, {"w": torch.ones(3)})
    >>> round(found.value, 1), found.gradients
    (50.0, 5)
    """
    top = _top(loss, params, 1, tol=tol, floor=1e-3, seed=seed, max_products=max_products)
    value, residual, error = (float(numbers[0]) for numbers in (top.values, top.residuals, top.errors))
    return Sharpness(value, residual, error, top.vectors[0], top.converged, top.gradients)


def top_eigenvalues(
    loss: Parts,
    params: Params,
    k: int,
    *,
    tol: float = 1e-3,
    relative_to: Literal["each", "largest"] = "each",
    seed: int = 0,
    max_products: int = 200,
) -> Eigenvalues:
    r"""Return the k largest eigenvalues of the Hessian of a loss.

    The method is that of `sharpness`. Each value is near an eigenvalue, as its residual guarantees. Where several are
    equal or close together, one may be missed; a smaller tolerance makes that less likely.

    Parameters
    ----------
    loss, params
        As for `Hessian`.
    k : int
        Number of eigenvalues, from 1 to the number of parameters.
    tol, seed, max_products
        As for `sharpness`.
    relative_to : {"each", "largest"}
        What the tolerance is relative to. Relative to each eigenvalue, many products may be needed where the k-th
        lies at the edge of a cluster far below the first. Values below a thousandth of the largest are treated as a
        thousandth of it.

    Returns
    -------
    Eigenvalues

    Raises
    ------
    TypeError, ValueError
        As `sharpness`; or if k is larger than the number of parameters.

    Examples
    --------
    >>> curvatures = torch.tensor([1.0, 2.0, 50.0, 10.0])
    >>> found = top_eigenvalues(lambda p: (curvatures * p["w"] ** 2).sum() / 2, {"w": torch.ones(4)}, k=2)
    >>> found.values.round(3).tolist()
    [50.0, 10.0]
    """
    _tools.known("relative_to", relative_to, ("each", "largest"))
    floor = 1e-3 if relative_to == "each" else 1.0
    return _top(loss, params, k, tol=tol, floor=floor, seed=seed, max_products=max_products)


def spectral_density(
    loss: Parts, params: Params, *, steps: int = 40, probes: int = 5, seed: int = 0
) -> SpectralDensity:
    r"""Return an estimate of the density of the eigenvalues of a Hessian.

    From a random vector v, Lanczos' method gives nodes :math:`\theta_j` (its eigenvalues) and weights (the squared
    first entries of its eigenvectors) with :math:`\sum_j w_j f(\theta_j) = v^\top f(H) v / v^\top v`, exactly for
    polynomials f up to degree 2m - 1. The mean over several v tends to the mean of f over all eigenvalues (Ubaru,
    Chen and Saad 2017).

    Parameters
    ----------
    loss, params
        As for `Hessian`.
    steps : int
        Number m of products for each random vector: the resolution. At most the number of parameters are used.
    probes : int
        Number of random vectors; the noise falls with its square root.
    seed : int
        Seed of the random vectors.

    Returns
    -------
    SpectralDensity

    Raises
    ------
    TypeError, ValueError
        As `Hessian`; or if a number is out of range.

    Examples
    --------
    >>> curvatures = torch.tensor([1.0, 1.0, 1.0, 9.0])
    >>> spectrum = spectral_density(lambda p: (curvatures * p["w"] ** 2).sum() / 2, {"w": torch.zeros(4)}, probes=400)
    >>> spectrum.cdf([0.0, 5.0, 10.0]).round(1).tolist()
    [0.0, 0.8, 1.0]
    """
    steps, probes = _tools.count("steps", steps), _tools.count("probes", probes)
    seed = _tools.count("seed", seed, least=0)
    hessian = Hessian(loss, params)
    nodes, weights = [], []
    for probe in range(probes):
        start = _random(hessian, seed, f"density probe {probe}").to(hessian.gradient.device)
        for diagonal, off in _tridiagonal(hessian, [start], seed):
            # An exhausted Krylov space is the exact answer for this vector.
            if len(diagonal) == steps or off[-1] == 0:
                break
        values, vectors = _eigh(diagonal, off)
        nodes.append(values)
        weights.append(vectors[0] ** 2 / probes)
    order = np.argsort(np.concatenate(nodes), kind="stable")
    return SpectralDensity(np.concatenate(nodes)[order], np.concatenate(weights)[order], hessian.gradients)


def _tridiagonal(hessian: Hessian, basis: list[Tensor], seed: int) -> Iterator[tuple[Array, Array]]:
    r"""Yield Lanczos' tridiagonal matrix after each product, as its diagonal and its off-diagonal.

    .. math:: H Q_m = Q_m T_m + \beta_m q_{m+1} e_m^\top

    The off-diagonal ends with :math:`\beta_m`. The basis Q begins with one vector and grows in place. When the Krylov
    space is exhausted, :math:`\beta_m = 0`, and a random direction orthogonal to it extends the basis, until it spans
    the whole space.
    """
    basis[0] = basis[0] / basis[0].norm()
    random = generator(seed, "lanczos")
    diagonal: list[float] = []
    off: list[float] = []
    scale = 0.0
    while True:
        w = hessian @ basis[-1]
        if not torch.isfinite(w).all():
            raise ValueError(
                "expected finite Hessian-vector products, got NaN or inf: the loss has no second derivative here; "
                "check for square roots and norms at zero, and for overflow"
            )
        diagonal.append(float(w @ basis[-1]))
        # Nearly all that must be removed lies along the last two directions. The rest is rounding, which would grow.
        w.sub_(basis[-1], alpha=diagonal[-1])
        if len(basis) > 1:
            w.sub_(basis[-2], alpha=off[-1])
        _orthogonalize(w, basis)
        beta = float(w.norm())
        scale = max(scale, abs(diagonal[-1]), beta)
        if beta <= 10 * len(basis) * torch.finfo(w.dtype).eps * scale:
            beta = 0.0
        off.append(beta)
        yield np.array(diagonal), np.array(off)
        if len(basis) == hessian.size:
            return
        if beta == 0.0:
            w = torch.randn(hessian.size, generator=random, dtype=w.dtype).to(w.device)
            _orthogonalize(w, basis)
            _orthogonalize(w, basis)
            beta = float(w.norm())
        basis.append(w.div_(beta))


def _top(
    loss: Parts,
    params: Params,
    k: int,
    *,
    tol: float,
    floor: float,
    seed: int,
    max_products: int,
) -> Eigenvalues:
    tol, seed, k = _tools.positive("tol", tol), _tools.count("seed", seed, least=0), _tools.count("k", k)
    max_products = _tools.count("max_products", max_products, least=k)
    hessian = Hessian(loss, params)
    if k > hessian.size:
        raise ValueError(
            f"expected k <= {hessian.size}, the number of parameters, got {k}: there are no more eigenvalues"
        )
    basis = [_first(hessian, seed)]
    for diagonal, off in _tridiagonal(hessian, basis, seed):
        m = len(diagonal)
        values, weights = _eigh(diagonal, off)
        values, weights = values[::-1], weights[:, ::-1]
        residuals = off[-1] * np.abs(weights[-1])
        errors = _errors(values, residuals)
        largest = np.abs(values).max()
        # After so few products it could stop at a direction that the start happens to favor, so be stricter here.
        strict = 0.1 if m == k + 1 else 1.0
        enough = errors[:k] <= strict * tol * np.maximum(np.abs(values[:k]), floor * largest)
        done = m == hessian.size or (m > k and bool(enough.all()))
        if done or m >= max_products:
            break
    if not done:
        warnings.warn(
            f"no convergence to {tol:g} within {m} Hessian-vector products: the error is about "
            f"{errors[:k].max():.2g}; raise max_products, or accept it",
            stacklevel=3,
        )
    chosen = torch.as_tensor(weights[:, : min(k, m)].T.copy()).to(hessian.gradient)
    vectors = sum(chosen[:, i : i + 1] * q for i, q in enumerate(basis[:m]))
    assert isinstance(vectors, Tensor)
    return Eigenvalues(values[:k], residuals[:k], errors[:k], vectors, done, hessian.gradients)


def _first(hessian: Hessian, seed: int) -> Tensor:
    """Return the unit vector of the gradient plus a random one."""
    random, length = _random(hessian, seed, "lanczos start"), float(hessian.gradient.norm())
    first = (random / float(random.norm())).to(hessian.gradient.device)
    return first + (hessian.gradient / length if length > 0 else 0.0)


def _random(hessian: Hessian, seed: int, purpose: str) -> Tensor:
    return torch.randn(hessian.size, generator=generator(seed, purpose), dtype=hessian.gradient.dtype)


def _eigh(diagonal: Array, off: Array) -> tuple[Array, Array]:
    values, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(off[:-1], 1) + np.diag(off[:-1], -1))
    return values, vectors


def _errors(values: Array, residuals: Array) -> Array:
    """Return the estimates residual² / gap, or the residual where that is smaller or there is no other value."""
    if len(values) == 1:
        return residuals
    gaps = np.abs(np.diff(values))
    nearest = np.minimum(np.append(gaps, np.inf), np.insert(gaps, 0, np.inf))
    with np.errstate(divide="ignore", invalid="ignore"):
        refined = np.where(residuals > 0, residuals**2 / nearest, 0.0)
    errors: Array = np.minimum(residuals, refined)
    return errors


def _orthogonalize(vector: Tensor, basis: list[Tensor]) -> None:
    for q in basis:
        vector.sub_(q, alpha=float(q @ vector))
