"""The curvature of any loss at the cost of a few gradients: Hessian-vector products, eigenvalues, and steps."""

from enlib.curvature.hessian import Hessian
from enlib.curvature.lanczos import (
    Eigenvalues,
    Sharpness,
    SpectralDensity,
    sharpness,
    spectral_density,
    top_eigenvalues,
)
from enlib.curvature.steps import diagonal_step, newton_step, saddle_free_step

__all__ = [
    "Eigenvalues",
    "Hessian",
    "Sharpness",
    "SpectralDensity",
    "diagonal_step",
    "newton_step",
    "saddle_free_step",
    "sharpness",
    "spectral_density",
    "top_eigenvalues",
]
