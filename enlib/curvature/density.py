"""The density of a Hessian's eigenvalues by stochastic Lanczos quadrature."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from enlib import _tools
from enlib._tools import generator
from enlib.curvature.hessian import Hessian, Params, Parts
from enlib.curvature.lanczos import tridiagonal

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SpectralDensity:
    r"""Weighted points that stand for the spectrum of a Hessian.

    Parameters
    ----------
    nodes : array, shape (m,)
        Eigenvalue estimates, ascending.
    weights : array, shape (m,)
        The fraction of all eigenvalues that each stands for; they add up to 1.
    gradients : int
        Cost in gradients of the whole loss, by the count of `Hessian.gradients`.
    """

    nodes: Array
    weights: Array
    gradients: int

    def cdf(self, at: npt.ArrayLike) -> Array:
        """Return the fraction of eigenvalues up to each number in ``at``.

        Half of a node's weight counts at the node itself, as the quadrature rule has it.
        """
        at = np.asarray(at, dtype=np.float64)
        below = np.concatenate([[0.0], np.cumsum(self.weights)])
        left = below[np.searchsorted(self.nodes, at, side="left")]
        right = below[np.searchsorted(self.nodes, at, side="right")]
        middle: Array = (left + right) / 2
        return middle

    def density(self, at: npt.ArrayLike, width: float) -> Array:
        r"""Return the density, smoothed by a Gaussian of standard deviation ``width``.

        .. math:: \rho(t) = \sum_j \frac{w_j}{\sigma \sqrt{2 \pi}} e^{-(t - \theta_j)^2 / 2 \sigma^2}
        """
        _tools.positive("width", width)
        z = (np.asarray(at, dtype=np.float64)[..., None] - self.nodes) / width
        density: Array = np.exp(-(z**2) / 2) @ self.weights / (width * np.sqrt(2 * np.pi))
        return density


def spectral_density(
    loss: Parts, params: Params, *, steps: int = 40, probes: int = 5, seed: int = 0
) -> SpectralDensity:
    r"""Estimate how the eigenvalues of the Hessian of a loss are spread.

    From a random vector v, Lanczos' method gives nodes :math:`\theta_j` (its eigenvalues) and weights (the squared
    first entries of its eigenvectors) with :math:`\sum_j w_j f(\theta_j) = v^\top f(H) v / v^\top v`, exactly for
    polynomials f up to degree 2m - 1. The mean over several v tends to the mean of f over all eigenvalues (Ubaru,
    Chen and Saad 2017).

    Parameters
    ----------
    loss, params
        As for `Hessian`.
    steps : int
        Products for each random vector, the detail; at most the number of parameters are used.
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
    _tools.count("steps", steps)
    _tools.count("probes", probes)
    hessian = Hessian(loss, params)
    nodes, weights = [], []
    for probe in range(probes):
        random = torch.randn(
            hessian.size, generator=generator(seed, f"density probe {probe}"), dtype=hessian.gradient.dtype
        )
        for diagonal, off in tridiagonal(hessian, [random.to(hessian.gradient.device)], seed):
            # An exhausted Krylov space is the exact answer for this vector.
            if len(diagonal) == steps or off[-1] == 0:
                break
        values, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(off[:-1], 1) + np.diag(off[:-1], -1))
        nodes.append(values)
        weights.append(vectors[0] ** 2 / probes)
    order = np.argsort(np.concatenate(nodes), kind="stable")
    return SpectralDensity(np.concatenate(nodes)[order], np.concatenate(weights)[order], hessian.gradients)
