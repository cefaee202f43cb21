"""Checks of readers' answers: each says what is wrong, not only that something is.

An unanswered stub (``None`` or ``...``) passes with "not answered yet", so that *Run all* goes through.
"""

from enlib.exercises.answers import NOT_YET, RIGHT
from enlib.exercises.exponential_neuron import check_added_parameters, check_rescue, check_slope_in_b
from enlib.exercises.hessian_steps import check_diagonal_limit, check_newton_landing, check_product_by_differences
from enlib.exercises.learning_rates import check_best_factor, check_largest_step, check_momentum_limit
from enlib.exercises.minima_at_infinity import (
    check_escape_limit,
    check_far_input,
    check_invariant,
    check_longer_escape,
)
from enlib.exercises.nonconvexity import (
    check_chord_without_symmetry,
    check_inflection,
    check_no_minimum,
    check_one_minimum,
)
from enlib.exercises.sigmoid_bounds import check_depth, check_interval_width, check_smallest_weight

__all__ = [
    "NOT_YET",
    "RIGHT",
    "check_added_parameters",
    "check_best_factor",
    "check_chord_without_symmetry",
    "check_depth",
    "check_diagonal_limit",
    "check_escape_limit",
    "check_far_input",
    "check_inflection",
    "check_interval_width",
    "check_invariant",
    "check_largest_step",
    "check_longer_escape",
    "check_momentum_limit",
    "check_newton_landing",
    "check_no_minimum",
    "check_one_minimum",
    "check_product_by_differences",
    "check_rescue",
    "check_slope_in_b",
    "check_smallest_weight",
]
