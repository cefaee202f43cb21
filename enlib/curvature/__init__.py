"""Curvature of any loss at the price of a few gradients: products, eigenvalues, spectra, and steps that use them."""

from enlib.curvature.density import SpectralDensity, spectral_density
from enlib.curvature.hessian import Hessian, hvp
from enlib.curvature.lanczos import Eigenvalues, Sharpness, sharpness, top_eigenvalues
from enlib.curvature.steps import diagonal_step, newton_step, saddle_free_step

__all__ = [
    "Eigenvalues",
    "Hessian",
    "Sharpness",
    "SpectralDensity",
    "diagonal_step",
    "hvp",
    "newton_step",
    "saddle_free_step",
    "sharpness",
    "spectral_density",
    "top_eigenvalues",
]
