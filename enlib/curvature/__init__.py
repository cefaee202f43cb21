"""The curvature of any loss at the cost of a few gradients: Hessian-vector products and eigenvalues."""

from enlib.curvature.hessian import Hessian
from enlib.curvature.lanczos import (
    Eigenvalues,
    Sharpness,
    SpectralDensity,
    sharpness,
    spectral_density,
    top_eigenvalues,
)

__all__ = [
    "Eigenvalues",
    "Hessian",
    "Sharpness",
    "SpectralDensity",
    "sharpness",
    "spectral_density",
    "top_eigenvalues",
]
