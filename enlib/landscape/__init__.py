"""The shape of a loss between and around parameters: slices, paths, symmetries, convexity and critical points."""

from enlib.landscape.convexity import Chord, chord, hessian_eigenvalues, worst_chord
from enlib.landscape.linear_nets import critical_point, saddle_index
from enlib.landscape.matching import match_hidden, permute_hidden
from enlib.landscape.paths import (
    barrier,
    bezier_curve,
    find_bend,
    linear_combination,
    losses_at,
    plane,
    random_direction,
    straight_line,
)

__all__ = [
    "Chord",
    "barrier",
    "bezier_curve",
    "chord",
    "critical_point",
    "find_bend",
    "hessian_eigenvalues",
    "linear_combination",
    "losses_at",
    "match_hidden",
    "permute_hidden",
    "plane",
    "random_direction",
    "saddle_index",
    "straight_line",
    "worst_chord",
]
