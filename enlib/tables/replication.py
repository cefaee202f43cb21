"""The report's three tables, made again with seeds, intervals and tests."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from enlib import _check, report, statistics
from enlib.selection import Array, Pairs, Row, choose, generalization, quality, speed
from enlib.sweep.work import unpack
from enlib.tables.layout import Table

TIME_MARGIN = 1.1
"""Times within this factor of each other count as equivalent."""

ERROR_MARGIN = 0.2
"""Error rates within this many percentage points of each other count as equivalent."""


def quality_table(rows: Sequence[Row], *, by: str = "own") -> Table:
    """Return Table 1: loss and errors on the training split at the end.

    For each seed and arm, the trial with the fewest training errors, then the smallest loss; see
    `enlib.selection.choose`. The loss is the sum over the split, as in most cells of the report.

    Parameters
    ----------
    rows : sequence of dict
        All runs; see `enlib.results.read_rows`.
    by : {"own", "others"}
        See `enlib.selection.choose`.
    """
    return _error_table(
        "quality", "Table 1. Training errors and loss after training", rows, report.QUALITY, quality, "train", by
    )


def generalization_table(rows: Sequence[Row], *, by: str = "own") -> Table:
    """Return Table 3: loss and errors on the test split, of the trial chosen on the validation split.

    As in the report, among the trials that reached zero training errors. Seeds of which none did in either arm are
    left out, and counted.

    Parameters
    ----------
    rows, by
        As in `quality_table`.
    """
    return _error_table(
        "generalization", "Table 3. Test errors and loss", rows, report.GENERALIZATION, generalization, "test", by
    )


def speed_table(rows: Sequence[Row], *, by: str = "own") -> Table:
    """Return Table 2: epochs to zero training errors.

    For each seed and arm, the fastest trial. A seed whose trials all stopped short of zero errors is censored, not
    dropped.

    Parameters
    ----------
    rows, by
        As in `quality_table`.
    """
    lines = []
    for problem in _present(rows, report.SPEED):
        pairs = choose(rows, problem, speed, by=by)
        without, with_neuron = pairs.values("epochs_to_zero")
        cap = float(pairs.without[0]["epochs"])
        ratio = statistics.paired_ratio(without, with_neuron)
        same = statistics.equivalence(without, with_neuron, margin=TIME_MARGIN, scale="ratio")
        lines.append(
            {
                **_heading(pairs),
                "report_without": report.SPEED.get(problem, (math.nan,) * 2)[0],
                "report_with": report.SPEED.get(problem, (math.nan,) * 2)[1],
                **_summary("without", without),
                **_summary("with", with_neuron),
                "cap": cap,
                "ratio": ratio.estimate,
                "ratio_low": ratio.low,
                "ratio_high": ratio.high,
                "p": statistics.signed_rank(without, with_neuron, scale="ratio").p,
                "p_log_rank": statistics.log_rank(without, with_neuron, cap).p,
                "p_equivalence": same.p,
                "equivalent": same.verdict,
            }
        )
    _adjust(lines)
    return Table("speed", "Table 2. Epochs to zero training errors", [_show_speed(l) for l in lines], lines, SPEED_NOTES)
