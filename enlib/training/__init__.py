"""Train networks, one at a time or many at once, and report honestly how it went."""

from enlib.training.digits import (
    DIGIT_OPTIMIZERS,
    DigitTraining,
    digit_errors,
    digit_optimizer,
    train_digits,
)
from enlib.training.evaluation import Evaluation, evaluate
from enlib.training.history import History
from enlib.training.loop import Callback, Run, fit
from enlib.training.optimizers import OPTIMIZERS, SCHEDULES, make_optimizer, make_schedule
from enlib.training.spikes import (
    CUT,
    LearningRateCut,
    SignWatch,
    SpikeWatch,
    adam_limit,
    first_crossing,
    first_spike,
    scaled_sharpness,
    stability_limit,
)
from enlib.training.stacked import fit_stacked
from enlib.training.transfer import (
    BATCH,
    UPDATES,
    drifted,
    features,
    head_sharpness,
    learn_classes,
    net_sharpness,
    refitted,
    tune,
    with_new_head,
)

__all__ = [
    "BATCH",
    "CUT",
    "DIGIT_OPTIMIZERS",
    "OPTIMIZERS",
    "SCHEDULES",
    "UPDATES",
    "Callback",
    "DigitTraining",
    "Evaluation",
    "History",
    "LearningRateCut",
    "Run",
    "SignWatch",
    "SpikeWatch",
    "adam_limit",
    "digit_errors",
    "digit_optimizer",
    "drifted",
    "evaluate",
    "features",
    "first_crossing",
    "first_spike",
    "fit",
    "fit_stacked",
    "head_sharpness",
    "learn_classes",
    "make_optimizer",
    "make_schedule",
    "net_sharpness",
    "refitted",
    "scaled_sharpness",
    "stability_limit",
    "train_digits",
    "tune",
    "with_new_head",
]
