"""Many small networks trained at once, as one batch of matrices: `enlib.fit`, an order of magnitude faster."""

from enlib.training.stacked.network import StackedMLP
from enlib.training.stacked.training import fit_stacked

__all__ = ["StackedMLP", "fit_stacked"]
