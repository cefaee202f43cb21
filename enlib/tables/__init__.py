"""The report's tables beside ours: its printed numbers, the choice of trials, counts, and the verdict of each row."""

from collections.abc import Callable

from enlib.tables import published
from enlib.tables.comparison import generalization_table, pooled, quality_table, speed_table, unpack
from enlib.tables.counting import EVENTS, change, discordant, happened, moment, share, sides, twins
from enlib.tables.layout import Table, percent
from enlib.tables.selection import PLACEBO, choose, generalization, label, problems, quality, speed, tuned
from enlib.tables.stability import (
    INPUTS,
    condition_table,
    crossing_table,
    explosion_table,
    moment_table,
    noise_table,
    stability_table,
    standardization_table,
    trained_noise_table,
)
from enlib.tables.verdicts import WORDS

COMPARISONS = {"1": quality_table, "2": speed_table, "3": generalization_table}
"""The tables of the report, by number; the option ``by`` says how their trials are chosen."""

TABLES: dict[str, Callable[..., Table]] = {**COMPARISONS, "stability": stability_table, "noise": noise_table}
"""All tables that `python -m enlib report` prints."""

__all__ = [
    "COMPARISONS",
    "EVENTS",
    "INPUTS",
    "PLACEBO",
    "TABLES",
    "WORDS",
    "Table",
    "change",
    "choose",
    "condition_table",
    "crossing_table",
    "discordant",
    "explosion_table",
    "generalization",
    "generalization_table",
    "happened",
    "label",
    "moment",
    "moment_table",
    "noise_table",
    "percent",
    "pooled",
    "problems",
    "published",
    "quality",
    "quality_table",
    "share",
    "sides",
    "speed",
    "speed_table",
    "stability_table",
    "standardization_table",
    "trained_noise_table",
    "tuned",
    "twins",
    "unpack",
]
