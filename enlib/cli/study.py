"""``python -m enlib study``: the runs behind the pages on spikes and their cures."""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import platform
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from enlib import _tools
from enlib._tools import hide_progress
from enlib.replication import STUDIES, run_study
from enlib.training import adam_limit, first_crossing

TRACE_EVERY = 10


def add_parser(commands: Any) -> None:
    """Add the command to a parser's subcommands."""
    parser = commands.add_parser(
        "study",
        help="measure why training with the neuron spikes, and what helps",
        description="Run a study and write its tables, OUT/NAME.csv and, where curvature is measured, "
        "OUT/NAME_traces.csv, and what they were made with. Stopped and started again, it does only what is missing.",
    )
    parser.add_argument("name", choices=sorted(STUDIES))
    parser.add_argument("--out", type=Path, default=Path("results"), help="folder of the tables (default: results)")
    parser.add_argument("--seeds", type=int, default=None, help="only the seeds below this number")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes (default: all cores)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the study and write its tables."""
    if options.seeds is not None:
        _tools.count("--seeds", options.seeds)
    trials = [t for t in STUDIES[options.name] if options.seeds is None or t.seed < options.seeds]
    _keep_larger(options.out / f"{options.name}.csv", len(trials))
    journal = options.out / f"{options.name}.jsonl"
    rows = []
    with tqdm(total=len(trials), unit="run", disable=hide_progress(None)) as bar:
        for row in run_study(trials, journal, workers=options.workers):
            rows.append(row)
            bar.update()
    place = {(t.condition, t.lr, t.seed): i for i, t in enumerate(trials)}
    rows.sort(key=lambda row: place[row["condition"], row["lr"], row["seed"]])
    for row in rows:
        seen = [[point[name] for point in row["trace"]] for name in ("update", "sharpness")]
        row["first_crossing"] = first_crossing(*seen, limit=adam_limit())
        at: dict[str, float] = next((p for p in row["trace"] if p["update"] == row["first_crossing"]), {})
        row |= {f"{name}_at_crossing": at.get(name, math.nan) for name in ("share", "exponent")}
    names = [name for name in rows[0] if name not in ("trace", "watch")]
    _write(options.out / f"{options.name}.csv", names, rows)
    traces = [
        {"condition": row["condition"], "lr": row["lr"], "seed": row["seed"], **point}
        for row in rows
        for point in _thinned(row["trace"])
    ]
    if traces:
        _write(options.out / f"{options.name}_traces.csv", list(traces[0]), traces)
    manifest = {
        "command": f"python -m enlib study {options.name}",
        "runs": len(rows),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "machine": platform.machine(),
        "threads a run": 1,
        "dtype": "float32",
    }
    (options.out / f"{options.name}_manifest.json").write_text(
        json.dumps(manifest, indent=2) + "\n", encoding="utf-8"
    )
    print(f"{len(rows)} runs in {options.out / options.name}.csv")
    return 0


def _thinned(trace: list[dict[str, float]]) -> list[dict[str, float]]:
    """Keep every tenth look; of sharpness and loss, the largest since the one before."""
    kept = []
    for start in range(0, len(trace), TRACE_EVERY):
        group = trace[start : start + TRACE_EVERY]
        largest = {
            name: max((p[name] for p in group if math.isfinite(p[name])), default=math.nan)
            for name in ("sharpness", "batch_loss")
        }
        kept.append({**group[-1], **largest})
    return kept


def _keep_larger(table: Path, runs: int) -> None:
    """Refuse to write a table of fewer runs over one of more."""
    if not table.exists():
        return
    with table.open(encoding="utf-8") as file:
        there = sum(1 for _ in csv.DictReader(file))
    if there > runs:
        raise ValueError(
            f"expected room for a table of {runs} runs in {table}, got one of {there}: pass another --out"
        )


def _write(path: Path, names: list[str], rows: list[dict[str, Any]]) -> None:
    """Write a table under a temporary name first, so that there is never half of one."""
    temporary = path.with_suffix(".tmp")
    with temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        for row in rows:
            writer.writerow([f"{v:.6g}" if isinstance(v := row[name], float) else v for name in names])
    temporary.replace(path)
