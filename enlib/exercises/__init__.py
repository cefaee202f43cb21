"""Checks of readers' answers: each says what is wrong, not only that something is.

An unanswered stub (``None`` or ``...``) passes with "not answered yet", so that *Run all* goes through.
"""

from enlib.exercises.answers import NOT_YET, RIGHT
from enlib.exercises.edge_of_stability import (
    check_catapult_step,
    check_flattest_catapult,
    check_momentum_edge,
    check_settling_sharpness,
)
from enlib.exercises.exponential_neuron import check_added_parameters, check_rescue, check_slope_in_b
from enlib.exercises.learning_rates import check_best_factor, check_largest_step, check_momentum_limit
from enlib.exercises.sigmoid_bounds import check_depth, check_interval_width, check_smallest_weight

__all__ = [
    "NOT_YET",
    "RIGHT",
    "check_added_parameters",
    "check_best_factor",
    "check_catapult_step",
    "check_depth",
    "check_flattest_catapult",
    "check_interval_width",
    "check_largest_step",
    "check_momentum_edge",
    "check_momentum_limit",
    "check_rescue",
    "check_settling_sharpness",
    "check_slope_in_b",
    "check_smallest_weight",
]
