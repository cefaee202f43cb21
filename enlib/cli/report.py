"""``python -m enlib report``: print the tables of the replication, or write them to files."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from enlib import _tools
from enlib.replication import read_rows
from enlib.tables import COMPARISONS, TABLES

# From a method of `Table` to the ending of the file that it writes.
FORMATS = {"text": "txt", "markdown": "md", "csv": "csv"}


def add_parser(commands: Any) -> None:
    """Add ``report`` to the commands."""
    parser = commands.add_parser(
        "report",
        help="print the tables of the replication, ours beside the report's",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        description="Make the tables from the runs of a sweep, with intervals, tests and tests of equivalence.",
    )
    option = parser.add_argument
    option("--results", type=Path, default=Path("results"), help="folder of replication.csv")
    option("--table", default="all", help=", ".join([*TABLES, "all"]))
    option(
        "--by",
        default="own",
        help="own: the best trial of each seed; others: the setting that other seeds choose (tables 1 to 3)",
    )
    option("--format", default="text", help=", ".join(FORMATS))
    option("--out", type=Path, help="write the tables here, one file each, in all formats, rather than print them")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the tables, or write them to files; return the exit status."""
    _tools.known("table", options.table, [*TABLES, "all"])
    _tools.known("--by", options.by, ("own", "others"))
    _tools.known("--format", options.format, FORMATS)
    rows = read_rows(folder=options.results)
    tables = [
        make(rows, by=options.by) if name in COMPARISONS else make(rows)
        for name, make in TABLES.items()
        if options.table in (name, "all")
    ]
    if options.out is None:
        print("\n\n".join(getattr(table, options.format)() for table in tables))
        return 0
    options.out.mkdir(parents=True, exist_ok=True)
    for table in tables:
        for shape, ending in FORMATS.items():
            (options.out / f"{table.name}.{ending}").write_text(getattr(table, shape)() + "\n", encoding="utf-8")
    print(f"{', '.join(table.name for table in tables)} in {options.out}")
    return 0
