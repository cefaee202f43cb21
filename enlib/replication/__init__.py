"""Experiments as data, their runs, and the journal that keeps each run the moment it ends.

A `Recipe` says all that a run does, and its hash identifies the run. The journal's table and its manifest are what is
committed, what notebooks read, and what a sweep on another machine resumes from. Nothing else writes them.
"""

from enlib.replication.cluster import run_ray
from enlib.replication.digits import DIGIT_RATES, HOMEWORK_RATES, TUNED_RATES, DigitRun
from enlib.replication.experiments import (
    CHECKS,
    PROFILES,
    SWEEPS,
    Experiment,
    Unit,
    cost,
    experiments,
    file_of,
    units,
)
from enlib.replication.journal import (
    Finished,
    Journal,
    JournalError,
    committed,
    read_manifest,
    read_rows,
    read_traces,
)
from enlib.replication.labs import LABS
from enlib.replication.pool import in_workers
from enlib.replication.recipe import Description, Recipe, identify
from enlib.replication.runs import Made, Trained, compute, make, train
from enlib.replication.studies import STUDIES, WITH, WITHOUT, study, study_recipe, with_conditions
from enlib.replication.surface import SURFACE, write_surface
from enlib.replication.tidy import Row

__all__ = [
    "CHECKS",
    "DIGIT_RATES",
    "HOMEWORK_RATES",
    "LABS",
    "PROFILES",
    "STUDIES",
    "SURFACE",
    "SWEEPS",
    "TUNED_RATES",
    "WITH",
    "WITHOUT",
    "Description",
    "DigitRun",
    "Experiment",
    "Finished",
    "Journal",
    "JournalError",
    "Made",
    "Recipe",
    "Row",
    "Trained",
    "Unit",
    "committed",
    "compute",
    "cost",
    "experiments",
    "file_of",
    "identify",
    "in_workers",
    "make",
    "read_manifest",
    "read_rows",
    "read_traces",
    "run_ray",
    "study",
    "study_recipe",
    "train",
    "units",
    "with_conditions",
    "write_surface",
]
