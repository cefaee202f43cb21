"""What paired runs say: ratios and differences with intervals, tests, equivalence, and times that were not reached.

Every function takes arrays with one entry per seed. NaN stands for a run that was *censored*: it did not get there
within its cap. No pair is dropped without being counted; `log_ratios` and `differences` hold the rule.
"""

from enlib.statistics.counts import Share, mcnemar, wilson
from enlib.statistics.equivalence import Equivalence, difference_equivalence, ratio_equivalence
from enlib.statistics.estimates import PairedEstimate, paired_difference, paired_ratio
from enlib.statistics.pairs import differences, log_ratios
from enlib.statistics.randomization import HypothesisTest, holm, sign_flip, signed_rank, signed_rank_distribution
from enlib.statistics.survival import KaplanMeier, kaplan_meier, log_rank
from enlib.statistics.tries import best_of, chance_of_lower, expected_best, typical_best

__all__ = [
    "Equivalence",
    "HypothesisTest",
    "KaplanMeier",
    "PairedEstimate",
    "Share",
    "best_of",
    "chance_of_lower",
    "difference_equivalence",
    "differences",
    "expected_best",
    "holm",
    "kaplan_meier",
    "log_rank",
    "log_ratios",
    "mcnemar",
    "paired_difference",
    "paired_ratio",
    "ratio_equivalence",
    "sign_flip",
    "signed_rank",
    "signed_rank_distribution",
    "typical_best",
    "wilson",
]
