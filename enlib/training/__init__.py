"""Train networks, one at a time or many at once, and say honestly how it went."""

from enlib.training.evaluation import Evaluation, Loss, evaluate
from enlib.training.history import History
from enlib.training.loop import fit
from enlib.training.optimizers import OPTIMIZERS, SCHEDULES, make_optimizer, make_schedule
from enlib.training.run import Callback, Run
from enlib.training.spikes import SpikeWatch, adam_limit, adam_step_sizes, first_crossing, first_spike
from enlib.training.stacked import fit_stacked

__all__ = [
    "OPTIMIZERS",
    "SCHEDULES",
    "Callback",
    "Evaluation",
    "History",
    "Loss",
    "Run",
    "SpikeWatch",
    "adam_limit",
    "adam_step_sizes",
    "evaluate",
    "first_crossing",
    "first_spike",
    "fit",
    "fit_stacked",
    "make_optimizer",
    "make_schedule",
]
