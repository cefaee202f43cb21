"""Statistics of paired runs: ratios and differences with intervals, exact tests, equivalence, and censored times.

Arrays have one entry per seed. NaN stands for a run that is *censored*: it did not reach its goal within its cap, or
has no value. No pair is dropped without being counted; `log_ratios` and `differences` define the rule.
"""

from enlib.statistics.effects import differences, log_ratios
from enlib.statistics.equivalence import Equivalence, difference_equivalence, ratio_equivalence
from enlib.statistics.estimates import (
    PairedEstimate,
    PooledRatio,
    Share,
    kaplan_meier,
    paired_difference,
    paired_ratio,
    paired_shares,
    pooled_ratio,
    wilson,
)
from enlib.statistics.significance import (
    HypothesisTest,
    holm,
    log_rank,
    mcnemar,
    signed_rank,
    stratified_exact,
)
from enlib.statistics.tries import chance_of_lower, expected_best, typical_best

__all__ = [
    "Equivalence",
    "HypothesisTest",
    "PairedEstimate",
    "PooledRatio",
    "Share",
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
    "paired_shares",
    "pooled_ratio",
    "ratio_equivalence",
    "signed_rank",
    "stratified_exact",
    "typical_best",
    "wilson",
]
