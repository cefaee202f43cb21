"""Experiments as data, their runs, and the journal that keeps each run the moment it ends.

A `Recipe` says all that a run does, and its hash identifies the run. The journal's table and its manifest are what is
committed, what notebooks read, and what a sweep on another machine resumes from. Nothing else writes ``results/``.
"""

from enlib.replication.experiments import PROFILES, TABLES, Experiment, Grid, experiments
from enlib.replication.journal import Journal
from enlib.replication.local import run_local
from enlib.replication.machine import describe
from enlib.replication.manifest import JournalError, read_manifest, read_rows
from enlib.replication.recipe import PROTOCOL, Recipe, identify
from enlib.replication.remaining import Remaining
from enlib.replication.studies import CONDITIONS, STUDIES, WITH, WITHOUT, Condition, Trial, run_study, run_trial
from enlib.replication.tidy import Row
from enlib.replication.work import compute, cost, pack, units, unpack

__all__ = [
    "CONDITIONS",
    "PROFILES",
    "PROTOCOL",
    "STUDIES",
    "TABLES",
    "WITH",
    "WITHOUT",
    "Condition",
    "Experiment",
    "Grid",
    "Journal",
    "JournalError",
    "Recipe",
    "Remaining",
    "Row",
    "Trial",
    "compute",
    "cost",
    "describe",
    "experiments",
    "identify",
    "pack",
    "read_manifest",
    "read_rows",
    "run_local",
    "run_study",
    "run_trial",
    "units",
    "unpack",
]
