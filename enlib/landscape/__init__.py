"""The shape of a loss between and around parameters: slices, paths, symmetries, and critical points known exactly.

Everything here takes a callable and parameters by name, ``{"0.weight": ..., "0.bias": ...}``, as `state_dict` names
them; nothing knows a data set or a model class.
"""

from enlib.landscape.linear_nets import critical_point, factorization_loss, hessian_eigenvalues, index
from enlib.landscape.matching import hidden_widths, match_hidden, permute_hidden
from enlib.landscape.parameters import along, mix
from enlib.landscape.paths import barrier, bezier, find_bend, line
from enlib.landscape.slices import plane, random_direction

__all__ = [
    "along",
    "barrier",
    "bezier",
    "critical_point",
    "factorization_loss",
    "find_bend",
    "hessian_eigenvalues",
    "hidden_widths",
    "index",
    "line",
    "match_hidden",
    "mix",
    "permute_hidden",
    "plane",
    "random_direction",
]
