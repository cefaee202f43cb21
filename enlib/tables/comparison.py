"""The report's three tables, recomputed with seeds, intervals and tests, and the verdict on each of their rows."""

from __future__ import annotations

import base64
import math
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from enlib import _tools, statistics
from enlib.statistics import Equivalence, HypothesisTest, PairedEstimate
from enlib.tables import layout, published
from enlib.tables.layout import Table
from enlib.tables.selection import (
    ARMS,
    Array,
    Pairs,
    Row,
    Score,
    choose_any,
    generalization,
    label,
    problems,
    quality,
    speed,
    tuned,
)

TIME_MARGIN = 1.1
"""Times within this factor of each other count as equivalent."""

ERROR_MARGIN = 0.2
"""Error rates within this many percentage points of each other count as equivalent."""

_LEVEL = 0.05
_HOLM = "p: exact signed-rank test on the pairs, adjusted by Holm over the rows of this table."
_CHOICE = {"own": "the best of a grid for each seed", "others": "the setting tuned on the other seeds"}

Line = dict[str, Any]


def quality_table(rows: Sequence[Row], *, by: str = "own") -> Table:
    """Return Table 1: loss and errors on the training split, after the last epoch.

    For each seed and arm, it shows the trial with the fewest training errors, then the smallest loss. The loss is the
    sum over the split, as in most cells of the report.

    Parameters
    ----------
    rows : sequence of dict
        All runs; see `enlib.replication.read_rows`.
    by : {"own", "others"}
        How the trial is chosen; see `choose`.

    Raises
    ------
    ValueError
        If ``by`` is unknown, or a row is not a run of the replication.
    """
    chosen, notes = _chosen(rows, published.QUALITY, quality, by)
    lines = [_error_line(pairs, "train") for pairs in chosen]
    return _error_table("quality", f"Table 1. Training loss and errors, {_CHOICE[by]}", lines, notes)


def speed_table(rows: Sequence[Row], *, by: str = "own") -> Table:
    """Return Table 2: epochs to zero training errors.

    For each seed and arm, it shows the fastest trial, even if it diverges later. A seed without a trial
    that reaches zero errors is censored, not dropped.

    Parameters
    ----------
    rows, by
        As in `quality_table`.

    Raises
    ------
    ValueError
        As `quality_table`.
    """
    chosen, notes = _chosen(rows, published.SPEED, speed, by)
    lines = _adjusted([_speed_line(pairs) for pairs in chosen])
    margin = f"{100 * (TIME_MARGIN - 1):.0f} %"
    shown = [
        {
            "problem": label(line["problem"]),
            "report": "" if math.isnan(line["report_without"])
            else layout.arms(f"{line['report_without']:g}", f"{line['report_with']:g}"),
            "seeds": f"{line['seeds']}",
            "without": _time(line, "without"),
            "with": _time(line, "with"),
            "ratio [95 %]": layout.interval(line["ratio"], line["ratio_low"], line["ratio_high"], ".2f"),
            "p": layout.p_value(line["p_holm"]),
            f"within {margin}": line["equivalent"],
        }
        for line in lines
    ]  # fmt: skip
    explained = (
        "Report: iterations, the best of its grid. Ours: epochs to the first without errors, whatever comes later; "
        "median over the seeds [range]; * where a seed did not get there.",
        "Ratio: with / without, Hodges-Lehmann estimate over pairs of one seed, and the interval of its test; "
        "∞ where too many pairs have only the run without the neuron arrive.",
        _HOLM,
        f"Within {margin}: two one-sided t tests on the mean log-ratio, each row for itself.",
    )
    return Table(
        "speed", f"Table 2. Epochs to zero training errors, {_CHOICE[by]}", shown, lines, (*explained, *notes)
    )


def generalization_table(rows: Sequence[Row], *, by: str = "own") -> Table:
    """Return Table 3: loss and errors on the test split, of the trial chosen on the validation split.

    As in the report, trials that reached zero training errors are preferred. A seed whose chosen trial did not, in
    either arm, is left out; the table says how many remain.

    Parameters
    ----------
    rows, by
        As in `quality_table`.

    Raises
    ------
    ValueError
        As `quality_table`.
    """
    chosen, notes = _chosen(rows, published.GENERALIZATION, generalization, by)
    lines, unusable = [], []
    for pairs in chosen:
        usable = pairs.subset(
            i
            for i, both in enumerate(zip(pairs.without, pairs.with_neuron, strict=True))
            if not any(generalization(row)[0] for row in both)
        )
        if len(usable):
            lines.append(_error_line(usable, "test") | _wrong_in_one_arm(usable) | {"seeds_there": len(pairs)})
        else:
            unusable.append(label(pairs.problem))
    if unusable:
        notes.append(f"Left out, as no seed has zero training errors in both arms: {'; '.join(unusable)}.")
    return _error_table("generalization", f"Table 3. Test loss and errors, {_CHOICE[by]}", lines, notes)


def finding(line: Mapping[str, Any]) -> str:
    """Return the verdict of a row of Tables 1 to 3 on the neuron, in one word, from tests at the level of 5 %.

    Parameters
    ----------
    line : dict
        From ``numbers`` of a table.

    Returns
    -------
    str
        ``"equivalent"`` if the difference is shown to be within the margin; otherwise ``"better"`` or ``"worse"`` if
        the paired test, adjusted by Holm, shows one; otherwise ``"undecided"``: neither a difference nor its absence
        is shown.
    """
    if line["p_equivalence"] <= _LEVEL:
        return "equivalent"
    if not line["p_holm"] <= _LEVEL:
        return "undecided"
    return "worse" if line["direction"] > 0 else "better"


def unpack(text: str, size: int) -> npt.NDArray[np.bool_]:
    """Return which samples of a split are wrong, from the cell ``test_wrong`` of a run.

    Parameters
    ----------
    text : str
        Bits, packed by `enlib.replication.pack`.
    size : int
        Number of samples of the split.

    Returns
    -------
    array of bool, shape (size,)

    Raises
    ------
    ValueError
        If the text is not such a cell, or belongs to a split of another size.

    Examples
    --------
    >>> unpack("c-mV4005x?p#", 3)
    array([ True, False,  True])
    """
    try:
        packed = zlib.decompress(base64.b85decode(text))
    except (TypeError, ValueError, zlib.error):
        raise ValueError(f"expected packed samples, got {text!r}: restore the results (git checkout)") from None
    if len(packed) != math.ceil(size / 8):
        raise ValueError(f"expected {size} samples, got {len(packed)} bytes: pass the size of the run's own split")
    return np.unpackbits(np.frombuffer(packed, dtype=np.uint8), count=size).astype(bool)


def _chosen(rows: Sequence[Row], printed: Mapping[str, Any], score: Score, by: str) -> tuple[list[Pairs], list[str]]:
    """Return the pairs of each problem of a table, and notes on what is missing."""
    _tools.known("by", by, _CHOICE)
    rows = tuned(rows)
    found = [choose_any(rows, problem, score, by=by) for problem in problems(rows, printed)]
    incomplete = [f"{label(pairs.problem)} ({pairs.incomplete})" for pairs in found if pairs.incomplete]
    notes = [f"Seeds left out because trials are missing: {'; '.join(incomplete)}."] if incomplete else []
    return [pairs for pairs in found if len(pairs)], notes


def _adjusted(lines: list[Line]) -> list[Line]:
    adjusted = statistics.holm([line["p"] for line in lines])
    return [line | {"p_holm": float(p)} for line, p in zip(lines, adjusted, strict=True)]


def _error_line(pairs: Pairs, split: str) -> Line:
    printed = (published.QUALITY if split == "train" else published.GENERALIZATION).get(pairs.problem)
    size = float(pairs.without[0][f"{split}_size"])
    errors = pairs.values(f"{split}_errors")
    # A diverged trial may be the best of its seed; without a loss, it counts as worse than any number.
    losses = [np.where(np.isnan(arm), np.inf, arm * size) for arm in pairs.values(f"{split}_loss")]
    finite = [np.where(np.isfinite(arm), arm, np.nan) for arm in losses]
    points = [100 * arm / size for arm in errors]
    unknown = (math.nan, math.nan)
    return {
        **_heading(pairs),
        "size": size,
        **_both("report_loss", printed.loss if printed else unknown),
        **_both("report", printed.errors if printed else unknown),
        **_both("loss", [float(np.median(arm)) for arm in losses]),
        "p_loss": statistics.signed_rank(statistics.differences(*finite)).p,
        **_summaries(errors),
        **_both("clean", [int((arm == 0).sum()) for arm in errors]),
        **_effect("difference", statistics.paired_difference(*points)),
        **_tested(statistics.signed_rank(statistics.differences(*errors))),
        **_equivalence(statistics.difference_equivalence(*points, margin=ERROR_MARGIN)),
    }


def _speed_line(pairs: Pairs) -> Line:
    times = pairs.values("epochs_to_zero")
    cap = float(pairs.without[0]["epochs"])
    return {
        **_heading(pairs),
        "cap": cap,
        **_both("report", published.SPEED.get(pairs.problem, (math.nan, math.nan))),
        **_summaries(times),
        **_effect("ratio", statistics.paired_ratio(*times, cap=cap)),
        **_tested(statistics.signed_rank(statistics.log_ratios(*times))),
        "p_log_rank": statistics.log_rank(*times, cap).p,
        **_equivalence(statistics.ratio_equivalence(*times, margin=TIME_MARGIN)),
    }


def _heading(pairs: Pairs) -> Line:
    return {"problem": pairs.problem, "seeds": len(pairs), "trials": pairs.trials}


def _both(name: str, values: Sequence[float]) -> Line:
    return {f"{name}_{arm}": value for arm, value in zip(ARMS.values(), values, strict=True)}


def _summaries(values: Sequence[Array]) -> Line:
    """Return median, smallest and largest of each arm; what was not reached counts as infinite."""
    line: Line = {}
    for arm, column in zip(ARMS.values(), values, strict=True):
        filled = np.nan_to_num(column, nan=np.inf)
        line |= {
            arm: float(np.median(filled)),
            f"{arm}_low": float(filled.min()),
            f"{arm}_high": float(filled.max()),
            f"{arm}_reached": int(np.isfinite(filled).sum()),
        }
    return line


def _effect(name: str, found: PairedEstimate) -> Line:
    return {name: found.estimate, f"{name}_low": found.low, f"{name}_high": found.high}


def _tested(test: HypothesisTest) -> Line:
    return {"p": test.p, "direction": test.direction}


def _equivalence(test: Equivalence) -> Line:
    return {"p_equivalence": test.p, "equivalent": test.verdict}


def _wrong_in_one_arm(pairs: Pairs) -> Line:
    """Return how many test samples are wrong in one arm alone, over all seeds."""
    only = {"only_without": 0, "only_with": 0}
    for both in zip(pairs.without, pairs.with_neuron, strict=True):
        without, with_neuron = (unpack(row["test_wrong"], int(row["test_size"])) for row in both)
        only["only_without"] += int((without & ~with_neuron).sum())
        only["only_with"] += int((with_neuron & ~without).sum())
    return only


def _error_table(name: str, title: str, lines: list[Line], notes: Sequence[str]) -> Table:
    lines = _adjusted(lines)
    report = ("report_loss_without", "report_without"), ("report_loss_with", "report_with")
    shown = [
        {
            "problem": label(line["problem"]),
            "report": layout.arms(*(layout.loss_and_errors(line[loss], line[errors]) for loss, errors in report)),
            "seeds": f"{line['seeds']}" + (f" of {line['seeds_there']}" if "seeds_there" in line else ""),
            "without": _error_cell(line, "without"),
            "with": _error_cell(line, "with"),
            "difference in % [95 %]": layout.interval(
                line["difference"], line["difference_low"], line["difference_high"], "+.2f"
            ),
            "p": layout.p_value(line["p_holm"]),
            f"within {ERROR_MARGIN:g} %": line["equivalent"],
        }
        for line in lines
    ]
    explained = (
        "A cell: summed loss\\errors; of one run in the report, here medians over the seeds, with the errors' range.",
        "Difference: with - without, of the error rates in percentage points; Hodges-Lehmann estimate over pairs.",
        _HOLM,
        f"Within {ERROR_MARGIN:g} %: two one-sided t tests on the mean, each row for itself; the interval shown is "
        "another one, and may stick out.",
    )
    return Table(name, title, shown, lines, (*explained, *notes))


def _error_cell(line: Line, arm: str) -> str:
    cell = layout.loss_and_errors(line[f"loss_{arm}"], line[arm])
    return f"{cell} [{line[f'{arm}_low']:g}, {line[f'{arm}_high']:g}]"


def _time(line: Line, arm: str) -> str:
    def epochs(value: float) -> str:
        return f"{value:g}" if math.isfinite(value) else f"> {line['cap']:g}"

    star = "" if line[f"{arm}_reached"] == line["seeds"] else "*"
    return f"{epochs(line[arm])}{star} [{epochs(line[f'{arm}_low'])}, {epochs(line[f'{arm}_high'])}]"
