"""Checks of readers' answers: each says what is wrong, not only that something is.

An unanswered stub (``None`` or ``...``) passes with "not answered yet", so that *Run all* goes through.
"""

from enlib.exercises.answers import NOT_YET, RIGHT
from enlib.exercises.critical_points import check_copies, check_index, check_permute, check_spread
from enlib.exercises.edge_of_stability import (
    check_catapult_step,
    check_flattest_catapult,
    check_momentum_edge,
    check_settling_sharpness,
)
from enlib.exercises.exponential_neuron import check_added_parameters, check_rescue, check_slope_in_b
from enlib.exercises.exponential_proof import check_most_zeros, check_pooled_output, check_separating_direction
from enlib.exercises.generalization import (
    check_most_errors,
    check_optimism,
    check_seeds_for_equivalence,
    check_tail_share,
)
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
from enlib.exercises.replication_quality import check_best_of, check_fewest_pairs, check_more_tries
from enlib.exercises.replication_speed import (
    check_censored_median,
    check_missing_the_best,
    check_pairs_for_holm,
    check_updates,
)
from enlib.exercises.replication_stability import (
    check_cosine_tenth,
    check_discordant_seeds,
    check_fatal_length,
    check_mcnemar,
)
from enlib.exercises.sigmoid_bounds import check_depth, check_interval_width, check_smallest_weight
from enlib.exercises.spikes import check_adam_limit, check_first_spike, check_no_spikes

__all__ = [
    "NOT_YET",
    "RIGHT",
    "check_adam_limit",
    "check_added_parameters",
    "check_best_factor",
    "check_best_of",
    "check_catapult_step",
    "check_censored_median",
    "check_chord_without_symmetry",
    "check_copies",
    "check_cosine_tenth",
    "check_depth",
    "check_diagonal_limit",
    "check_discordant_seeds",
    "check_escape_limit",
    "check_far_input",
    "check_fatal_length",
    "check_fewest_pairs",
    "check_first_spike",
    "check_flattest_catapult",
    "check_index",
    "check_inflection",
    "check_interval_width",
    "check_invariant",
    "check_largest_step",
    "check_longer_escape",
    "check_mcnemar",
    "check_missing_the_best",
    "check_momentum_edge",
    "check_momentum_limit",
    "check_more_tries",
    "check_most_errors",
    "check_most_zeros",
    "check_newton_landing",
    "check_no_minimum",
    "check_no_spikes",
    "check_one_minimum",
    "check_optimism",
    "check_pairs_for_holm",
    "check_permute",
    "check_pooled_output",
    "check_product_by_differences",
    "check_rescue",
    "check_seeds_for_equivalence",
    "check_separating_direction",
    "check_settling_sharpness",
    "check_slope_in_b",
    "check_smallest_weight",
    "check_spread",
    "check_tail_share",
    "check_updates",
]
