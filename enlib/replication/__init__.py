"""Experiments as data, their runs, and the journal that keeps each run the moment it ends.

A `Recipe` says all that a run does, and its hash identifies the run. The journal's table and its manifest are what is
committed, what notebooks read, and what a sweep on another machine resumes from. Nothing else writes ``results/``.
"""

from enlib.replication.experiments import (
    STUDIES,
    TABLES,
    WITH,
    WITHOUT,
    Experiment,
    Unit,
    conditions,
    cost,
    experiments,
    study_recipe,
    units,
)
from enlib.replication.journal import Journal, JournalError, differences, read_manifest, read_rows, read_traces
from enlib.replication.machine import describe
from enlib.replication.pool import in_workers
from enlib.replication.recipe import PROTOCOL, Recipe, identify
from enlib.replication.runs import LOSSES, Made, Row, Trained, compute, make, train

__all__ = [
    "LOSSES",
    "PROTOCOL",
    "STUDIES",
    "TABLES",
    "WITH",
    "WITHOUT",
    "Experiment",
    "Journal",
    "JournalError",
    "Made",
    "Recipe",
    "Row",
    "Trained",
    "Unit",
    "compute",
    "conditions",
    "cost",
    "describe",
    "differences",
    "experiments",
    "identify",
    "in_workers",
    "make",
    "read_manifest",
    "read_rows",
    "read_traces",
    "study_recipe",
    "train",
    "units",
]
