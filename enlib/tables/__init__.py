"""The tables of the report and ours, side by side."""

from enlib.tables.layout import Table
from enlib.tables.replication import generalization_table, problems, quality_table, speed_table
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
    "TABLES",
    "Table",
    "finding",
    "generalization_table",
    "label",
    "noise_table",
    "problems",
    "quality_table",
    "speed_table",
    "stability_table",
]
