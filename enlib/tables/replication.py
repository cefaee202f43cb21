"""The report's three tables, made again with seeds, intervals and tests."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from enlib import statistics
from enlib.replication import unpack
from enlib.tables import published
from enlib.tables.counting import tuned
from enlib.tables.layout import Table
from enlib.tables.selection import Array, Pairs, Row, choose, generalization, quality, speed
from enlib.tables.words import label

TIME_MARGIN = 1.1
"""Times within this factor of each other count as equivalent."""

ERROR_MARGIN = 0.2
"""Error rates within this many percentage points of each other count as equivalent."""

_HOLM = "p: exact signed-rank test on the pairs, adjusted by Holm over the rows of this table."


def quality_table(rows: Sequence[Row], *, by: str = "own") -> Table:
    """Return Table 1: loss and errors on the training split, after the last epoch.

    For each seed and arm, the trial with the fewest training errors, then the smallest loss. The loss is the sum over
    the split, as in most cells of the report.

    Parameters
    ----------
    rows : sequence of dict
        All runs; see `enlib.replication.read_rows`.
    by : {"own", "others"}
        See `enlib.tables.selection.choose`.
    """
    rows = tuned(rows)
    lines = [
        _error_line(choose(rows, problem, quality, by=by), published.QUALITY.get(problem), "train")
        for problem in problems(rows, published.QUALITY)
    ]
    return _error_table("quality", f"Table 1. Training loss and errors, {_choice(by)}", lines)


def generalization_table(rows: Sequence[Row], *, by: str = "own") -> Table:
    """Return Table 3: loss and errors on the test split, of the trial chosen on the validation split.

    As in the report, among the trials that reached zero training errors. A seed whose chosen trial did not, in either
    arm, is left out; how many remain, of how many, is in the table.

    Parameters
    ----------
    rows, by
        As in `quality_table`.
    """
    rows, lines = tuned(rows), []
    for problem in problems(rows, published.GENERALIZATION):
        pairs = choose(rows, problem, generalization, by=by)
        reached = [
            i for i in range(len(pairs)) if all(_reached(arm[i]) for arm in (pairs.without, pairs.with_neuron))
        ]
        if reached:
            kept = pairs.subset(reached)
            line = _error_line(kept, published.GENERALIZATION.get(problem), "test")
            lines.append(line | _discordant(kept) | {"seeds_there": len(pairs)})
    return _error_table("generalization", f"Table 3. Test loss and errors, {_choice(by)}", lines)


def speed_table(rows: Sequence[Row], *, by: str = "own") -> Table:
    """Return Table 2: epochs to zero training errors.

    For each seed and arm the fastest trial, even if it diverged later. A seed of which no trial got there is
    censored, not dropped.

    Parameters
    ----------
    rows, by
        As in `quality_table`.
    """
    rows = tuned(rows)
    lines = [_speed_line(choose(rows, problem, speed, by=by)) for problem in problems(rows, published.SPEED)]
    _adjust(lines)
    shown = [
        {
            "problem": label(line["problem"]),
            "report": _arms(line["report_without"], line["report_with"], "{:g}"),
            "seeds": f"{line['seeds']}",
            "without": _time(line, "without"),
            "with": _time(line, "with"),
            "ratio [95 %]": _interval(line["ratio"], line["ratio_low"], line["ratio_high"], "{:.2f}"),
            "p": _p(line["p_holm"]),
            f"within {100 * (TIME_MARGIN - 1):.0f} %": line["equivalent"],
        }
        for line in lines
    ]
    notes = (
        "Report: iterations, the best of its grid. Ours: epochs to the first without errors, whatever comes later; "
        "median over the seeds [range]; * where a seed did not get there.",
        "Ratio: with / without, Hodges-Lehmann estimate over pairs of one seed, and the interval of its test; "
        "∞ where too many pairs have only the run without the neuron arrive.",
        _HOLM,
        f"Within {100 * (TIME_MARGIN - 1):.0f} %: two one-sided t tests on the mean log-ratio, each row for itself.",
    )
    return Table("speed", f"Table 2. Epochs to zero training errors, {_choice(by)}", shown, lines, notes)


def problems(rows: Iterable[Row], printed: Mapping[str, Any]) -> list[str]:
    """Return the problems of a table: those that the report has there, or, where none is, all that there are."""
    there = list(
        dict.fromkeys(row["problem"] for row in rows if row["measure"] != "noise" and row["optimizer"] == "adam")
    )
    return [p for p in printed if p in there] or there


def _choice(by: str) -> str:
    return {"own": "the best of a grid for each seed", "others": "the setting tuned on the other seeds"}[by]


def _reached(row: Row) -> bool:
    return row["status"] != "diverged" and not math.isnan(row["epochs_to_zero"])


def _heading(pairs: Pairs) -> dict[str, Any]:
    return {"problem": pairs.problem, "seeds": len(pairs), "trials": pairs.trials}


def _summary(arm: str, values: Array) -> dict[str, float]:
    """Return median, smallest and largest of an arm; what was not reached counts as infinite."""
    finite = np.nan_to_num(values, nan=np.inf)
    return {
        arm: float(np.sort(finite)[[(len(finite) - 1) // 2, len(finite) // 2]].mean()),
        f"{arm}_low": float(finite.min()),
        f"{arm}_high": float(finite.max()),
        f"{arm}_reached": int(np.isfinite(finite).sum()),
    }


def _speed_line(pairs: Pairs) -> dict[str, Any]:
    without, with_neuron = pairs.values("epochs_to_zero")
    cap = float(pairs.without[0]["epochs"])
    printed = published.SPEED.get(pairs.problem, (math.nan, math.nan))
    ratio = statistics.paired_ratio(without, with_neuron, cap=cap)
    test = statistics.signed_rank(statistics.log_ratios(without, with_neuron))
    same = statistics.ratio_equivalence(without, with_neuron, margin=TIME_MARGIN)
    return {
        **_heading(pairs),
        "cap": cap,
        "report_without": printed[0],
        "report_with": printed[1],
        **_summary("without", without),
        **_summary("with", with_neuron),
        "ratio": ratio.estimate,
        "ratio_low": ratio.low,
        "ratio_high": ratio.high,
        "p": test.p,
        "direction": test.direction,
        "p_log_rank": statistics.log_rank(without, with_neuron, cap).p,
        "p_equivalence": same.p,
        "equivalent": same.verdict,
    }


def _error_line(pairs: Pairs, printed: published.Printed | None, split: str) -> dict[str, Any]:
    size = float(pairs.without[0][f"{split}_size"])
    without, with_neuron = pairs.values(f"{split}_errors")
    # A diverged trial may be the best that there is; its loss, if any, is then above any number.
    losses = [np.where(np.isnan(arm), np.inf, arm * size) for arm in pairs.values(f"{split}_loss")]
    without_loss, with_loss = (np.where(np.isfinite(arm), arm, np.nan) for arm in losses)
    test = statistics.signed_rank(statistics.differences(without, with_neuron))
    points = [100 * arm / size for arm in (without, with_neuron)]
    difference = statistics.paired_difference(*points)
    same = statistics.difference_equivalence(*points, margin=ERROR_MARGIN)
    loss, errors = (printed.loss, printed.errors) if printed else ((math.nan,) * 2, (math.nan,) * 2)
    return {
        **_heading(pairs),
        "size": size,
        "report_loss_without": loss[0],
        "report_loss_with": loss[1],
        "report_without": errors[0],
        "report_with": errors[1],
        "loss_without": float(np.median(losses[0])),
        "loss_with": float(np.median(losses[1])),
        "p_loss": statistics.signed_rank(statistics.differences(without_loss, with_loss)).p,
        **_summary("without", without),
        **_summary("with", with_neuron),
        "clean_without": int((without == 0).sum()),
        "clean_with": int((with_neuron == 0).sum()),
        "difference": difference.estimate,
        "difference_low": difference.low,
        "difference_high": difference.high,
        "p": test.p,
        "direction": test.direction,
        "p_equivalence": same.p,
        "equivalent": same.verdict,
    }


def _discordant(pairs: Pairs) -> dict[str, Any]:
    """Return how many test samples are wrong in one arm alone, over all seeds."""
    counts = []
    for without, with_neuron in zip(pairs.without, pairs.with_neuron, strict=True):
        size = int(without["test_size"])
        wrong = [unpack(row["test_wrong"], size) for row in (without, with_neuron)]
        counts.append((int((wrong[0] & ~wrong[1]).sum()), int((wrong[1] & ~wrong[0]).sum())))
    only_without, only_with = zip(*counts, strict=True)
    return {"only_without": sum(only_without), "only_with": sum(only_with)}


def _error_table(name: str, title: str, lines: list[dict[str, Any]]) -> Table:
    _adjust(lines)
    shown = [
        {
            "problem": label(line["problem"]),
            "report": _arms(
                _cell(line["report_loss_without"], line["report_without"]),
                _cell(line["report_loss_with"], line["report_with"]),
                "{}",
            ),
            "seeds": f"{line['seeds']}" + (f" of {line['seeds_there']}" if "seeds_there" in line else ""),
            **{arm: _range(line, arm) for arm in ("without", "with")},
            "difference in % [95 %]": _interval(
                line["difference"], line["difference_low"], line["difference_high"], "{:+.2f}"
            ),
            "p": _p(line["p_holm"]),
            f"within {ERROR_MARGIN:g} %": line["equivalent"],
        }
        for line in lines
    ]
    notes = (
        "A cell: summed loss\\errors; of one run in the report, here medians over the seeds, with the errors' range.",
        "Difference: with - without, of the error rates in percentage points; Hodges-Lehmann estimate over pairs.",
        _HOLM,
        f"Within {ERROR_MARGIN:g} %: two one-sided t tests on the mean, each row for itself; the interval shown is "
        "another one, and may stick out.",
    )
    return Table(name, title, shown, lines, notes)


def _adjust(lines: list[dict[str, Any]]) -> None:
    for line, p in zip(lines, statistics.holm([line["p"] for line in lines]) if lines else [], strict=True):
        line["p_holm"] = float(p)


def _cell(loss: float, errors: float) -> str:
    return "" if math.isnan(errors) else f"{_loss(loss)}\\{errors:g}"


def _range(line: Mapping[str, Any], arm: str) -> str:
    return f"{_cell(line[f'loss_{arm}'], line[arm])} [{line[f'{arm}_low']:g}, {line[f'{arm}_high']:g}]"


def _loss(value: float) -> str:
    return f"{value:.1f}" if value >= 1 else f"{value:.3f}"


def _arms(without: Any, with_neuron: Any, form: str) -> str:
    if without in ("", None) or (isinstance(without, float) and math.isnan(without)):
        return ""
    return f"{form.format(without)} / {form.format(with_neuron)}"


def _time(line: Mapping[str, Any], arm: str) -> str:
    def epochs(value: float) -> str:
        return f"{value:g}" if math.isfinite(value) else f"> {line['cap']:g}"

    star = "" if line[f"{arm}_reached"] == line["seeds"] else "*"
    return f"{epochs(line[arm])}{star} [{epochs(line[f'{arm}_low'])}, {epochs(line[f'{arm}_high'])}]"


def _interval(value: float, low: float, high: float, form: str) -> str:
    def number(x: float) -> str:
        return form.format(x) if math.isfinite(x) else "?" if math.isnan(x) else "∞" if x > 0 else "-∞"

    return f"{number(value)} [{number(low)}, {number(high)}]"


def _p(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.3f}" if value >= 0.001 else f"{value:.0e}"
