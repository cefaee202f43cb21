"""The tables of the report and ours, side by side."""

from enlib.tables import published
from enlib.tables.counting import (
    EVENTS,
    Change,
    by_seed,
    change,
    discordant,
    happened,
    moment,
    percent,
    share,
    tuned,
    twins,
)
from enlib.tables.explosions import (
    cure_table,
    explosion_table,
    moment_table,
    standardization_table,
    trained_noise_table,
)
from enlib.tables.layout import Table
from enlib.tables.replication import generalization_table, problems, quality_table, speed_table
from enlib.tables.selection import choose, generalization, quality, speed
from enlib.tables.stability import noise_table, stability_table
from enlib.tables.words import finding, label

TABLES = {
    "1": quality_table,
    "2": speed_table,
    "3": generalization_table,
    "stability": stability_table,
    "noise": noise_table,
}

__all__ = [
    "EVENTS",
    "TABLES",
    "Change",
    "Table",
    "by_seed",
    "change",
    "choose",
    "cure_table",
    "discordant",
    "explosion_table",
    "finding",
    "generalization",
    "generalization_table",
    "happened",
    "label",
    "moment",
    "moment_table",
    "noise_table",
    "percent",
    "problems",
    "published",
    "quality",
    "quality_table",
    "share",
    "speed",
    "speed_table",
    "stability_table",
    "standardization_table",
    "trained_noise_table",
    "tuned",
    "twins",
]
