"""Extreme eigenvalues of a Hessian by Lanczos' method, with a bound on their error."""

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
    """The largest eigenvalues found, largest first.

    Parameters
    ----------
    values : array, shape (k,)
        The eigenvalues.
    residuals : array, shape (k,)
        Lengths of :math:`Hq - \\theta q` for each value θ and its unit vector q: an eigenvalue lies within this
        distance of θ, always.
    errors : array, shape (k,)
        What the error should be: residual² / gap to the other values found, which is much smaller.
    vectors : Tensor, shape (k, size)
        The unit vectors, flat; see `Hessian.unflat`.
    converged : bool
        Whether all errors are within the tolerance.
    gradients : int
        Cost in gradients of the whole loss, by the count of `Hessian.gradients`.
    """

    values: Array
    residuals: Array
    errors: Array
    vectors: Tensor
    converged: bool
    gradients: int


@dataclass(frozen=True, eq=False)
class Sharpness:
    """The largest eigenvalue of a Hessian; the fields are those of `Eigenvalues`, for one value."""

    value: float
    residual: float
    error: float
    vector: Tensor
    converged: bool
    gradients: int


def sharpness(
    loss: Parts,
    params: Params,
    *,
    tol: float = 1e-3,
    seed: int = 0,
    max_products: int = 60,
) -> Sharpness:
    r"""Measure the largest eigenvalue :math:`\lambda_{\max}(H)` of the Hessian of a loss.

    Gradient descent with step size :math:`\eta` is stable on the loss's local parabola exactly if
    :math:`\eta < 2 / \lambda_{\max}`.

    Lanczos' method finds the best value within the span of :math:`v, Hv, H^2 v, \dots` It begins with the gradient,
    which points mostly into sharp directions, plus a random vector, so that no direction is left out. It stops when
    residual² / gap is within the tolerance; within a tenth of it after two products only.

    Parameters
    ----------
    loss, params
        As for `Hessian`.
    tol : float
        Relative error asked for, positive.
    seed : int
        Seed of the random vector.
    max_products : int
        Where to give up, with a warning and ``converged = False``.

    Returns
    -------
    Sharpness

    Raises
    ------
    TypeError, ValueError
        As `Hessian`; or if a number is out of range.

    Notes
    -----
    The residual bounds the distance to *an* eigenvalue. That this is the largest one is certain only up to the random
    vector: if it has no part in the sharpest direction, that direction stays unseen.

    Examples
    --------
    >>> curvatures = torch.tensor([1.0, 2.0, 50.0])
    >>> found = sharpness(lambda p: (curvatures * p["w"] ** 2).sum() / 2, {"w": torch.ones(3)})
    >>> round(found.value, 1), found.gradients
    (50.0, 5)
    """
    found = _top(loss, params, 1, tol=tol, floor=1e-3, seed=seed, max_products=max_products)
    return Sharpness(
        float(found.values[0]),
        float(found.residuals[0]),
        float(found.errors[0]),
        found.vectors[0],
        found.converged,
        found.gradients,
    )


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
    r"""Measure the k largest eigenvalues of the Hessian of a loss.

    As `sharpness`, for more than one. Each value is near an eigenvalue, as its residual guarantees; but where several
    are equal, or crowd together, one may be passed over. A smaller tolerance makes that less likely.

    Parameters
    ----------
    loss, params
        As for `Hessian`.
    k : int
        How many, from 1 to the number of parameters.
    tol, seed, max_products
        As for `sharpness`.
    relative_to : {"each", "largest"}
        What the tolerance is relative to. Each eigenvalue may need many products where the k-th lies at the edge of a
        crowd far below the first; a value below a thousandth of the largest counts as that.

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


def tridiagonal(hessian: Hessian, basis: list[Tensor], seed: int) -> Iterator[tuple[Array, Array]]:
    r"""Yield Lanczos' tridiagonal matrix after each product, its diagonal and its off-diagonal.

    .. math:: H Q_m = Q_m T_m + \beta_m q_{m+1} e_m^\top

    The off-diagonal ends with :math:`\beta_m`. The basis Q begins with one vector and grows in place. When the Krylov
    space is exhausted, :math:`\beta_m = 0` and it goes on with a random direction orthogonal to it, until it spans
    the whole space.
    """
    random = generator(seed, "lanczos")
    basis[0] = basis[0] / basis[0].norm()
    diagonal: list[float] = []
    off: list[float] = []
    scale = 0.0
    while True:
        w = hessian @ basis[-1]
        if not torch.isfinite(w).all():
            raise ValueError(
                "expected finite Hessian-vector products, got NaN or inf: the loss has no second derivative here; "
                "look for square roots and norms at zero, and for overflow"
            )
        diagonal.append(float(w @ basis[-1]))
        # The last two directions hold nearly all that must go; the rest is rounding, which would grow.
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
    _tools.positive("tol", tol)
    _tools.count("seed", seed, least=0)
    _tools.count("k", k)
    _tools.count("max_products", max_products, least=k)
    size = sum(p.numel() for p in params.values())
    if params and k > size:
        raise ValueError(f"expected k <= {size}, the number of parameters, got {k}: there are no more eigenvalues")
    hessian = Hessian(loss, params)
    basis = [_first(hessian, seed)]
    for diagonal, off in tridiagonal(hessian, basis, seed):
        m = len(diagonal)
        values, weights = np.linalg.eigh(np.diag(diagonal) + np.diag(off[:-1], 1) + np.diag(off[:-1], -1))
        values, weights = values[::-1], weights[:, ::-1]
        residuals = off[-1] * np.abs(weights[-1])
        errors = _errors(values, residuals)
        largest = np.abs(values).max()
        # So few products could stop at a direction that the start happens to favor: be stricter there.
        strict = 0.1 if m == k + 1 else 1.0
        enough = errors[:k] <= strict * tol * np.maximum(np.abs(values[:k]), floor * largest)
        done = m == size or (m > k and bool(enough.all()))
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
    """Add a random unit vector to that of the gradient."""
    gradient = hessian.gradient
    random = torch.randn(hessian.size, generator=generator(seed, "lanczos start"), dtype=gradient.dtype)
    length = float(gradient.norm())
    first = random / float(random.norm())
    return first.to(gradient.device) + (gradient / length if length > 0 else 0.0)


def _errors(values: Array, residuals: Array) -> Array:
    """Estimate each error as residual² / gap, or the residual where that is smaller; without a neighbor, that."""
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
