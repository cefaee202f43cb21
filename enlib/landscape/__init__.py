"""The shape of a loss between and around parameters: slices, paths, symmetries, and critical points known exactly.

Everything here takes a callable and parameters by name, ``{"0.weight": ..., "0.bias": ...}``, as `state_dict` names
them; nothing knows a data set or a model class.
"""

from enlib.landscape.activations import (
    depth_bound,
    gain,
    gain_interval,
    gain_interval_width,
    sigmoid_slope,
    widest_gain_interval,
)
from enlib.landscape.convexity import Chord, chord, hessian_eigenvalues, worst_chord
from enlib.landscape.linear_nets import critical_point, factorization_loss, index
from enlib.landscape.matching import hidden_widths, match_hidden, permute_hidden
from enlib.landscape.parameters import along, mix
from enlib.landscape.paths import barrier, bezier, find_bend, line
from enlib.landscape.slices import plane, random_direction

__all__ = [
    "Chord",
    "along",
    "barrier",
    "bezier",
    "chord",
    "critical_point",
    "depth_bound",
    "factorization_loss",
    "find_bend",
    "gain",
    "gain_interval",
    "gain_interval_width",
    "hessian_eigenvalues",
    "hidden_widths",
    "index",
    "line",
    "match_hidden",
    "mix",
    "permute_hidden",
    "plane",
    "random_direction",
    "sigmoid_slope",
    "widest_gain_interval",
    "worst_chord",
]
