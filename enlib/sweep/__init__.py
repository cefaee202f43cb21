"""The sweep: experiments as data, their runs in groups, and who computes them."""

from enlib.sweep.experiments import PROFILES, TABLES, Experiment, Grid, experiments
from enlib.sweep.local import run_local
from enlib.sweep.recipe import PROTOCOL, Recipe, identify
from enlib.sweep.remaining import Remaining
from enlib.sweep.work import compute, cost, units

__all__ = [
    "PROFILES",
    "PROTOCOL",
    "TABLES",
    "Experiment",
    "Grid",
    "Recipe",
    "Remaining",
    "compute",
    "cost",
    "experiments",
    "identify",
    "run_local",
    "units",
]
