"""The report's three tables, recomputed with seeds, intervals and tests, and the verdict on each of their rows."""

from __future__ import annotations

import base64
import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from enlib import _tools, statistics
from enlib.statistics import PairedEstimate, PooledRatio
from enlib.tables import layout, published
from enlib.tables.layout import Table
from enlib.tables.selection import (
    BOTH,
    PLACEBO,
    Array,
    Pairs,
    Row,
    Score,
    arm_of,
    at_shared_setting,
    choose_any,
    complete_trials,
    generalization,
    label,
    problems,
    quality,
    ranks,
    speed,
    tuned,
)
from enlib.tables.verdicts import error_margin, finding, time_margin

_CHOICE = {"own": "the best of a grid for each seed", "others": "the setting tuned on the other seeds"}
_KEYS = ("without", "with")

Line = dict[str, Any]


@dataclass(frozen=True)
class _Kind:
    """What makes one of the tables: its printed numbers, its score, the column compared, and which pairs count."""

    printed: Mapping[str, Any]
    score: Score
    column: str
    learned: bool = False

    def usable(self, pairs: Pairs) -> Pairs:
        """Return the pairs that count: all, or those in which both runs had zero training errors."""
        if not self.learned:
            return pairs
        both = zip(pairs.without, pairs.with_neuron, strict=True)
        return pairs.subset(i for i, pair in enumerate(both) if not any(generalization(row)[0] for row in pair))


_KINDS = {
    "1": _Kind(published.QUALITY, quality, "train_errors"),
    "2": _Kind(published.SPEED, speed, "epochs_to_zero"),
    "3": _Kind(published.GENERALIZATION, generalization, "test_errors", learned=True),
}


def quality_table(rows: Sequence[Row], *, by: str = "own", arms: tuple[str, str] = BOTH) -> Table:
    """Return Table 1: loss and errors on the training split, after the last epoch.

    For each seed and arm, it shows the trial with the fewest training errors, then the smallest loss. The loss is the
    sum over the split, as in most cells of the report.

    Parameters
    ----------
    rows : sequence of dict
        All runs; see `enlib.replication.read_rows`.
    by : {"own", "others"}
        How the trial is chosen; see `choose`.
    arms : (str, str)
        The arms that are compared; see `choose`. With `PLACEBO`, the table is a placebo.

    Raises
    ------
    ValueError
        If ``by`` or an arm is unknown, or a row is not a run of the replication.
    """
    lines, notes = _lines(rows, "1", by, arms)
    return _error_table("quality", _title("Table 1. Training loss and errors", by, arms), lines, arms, notes)


def speed_table(rows: Sequence[Row], *, by: str = "own", arms: tuple[str, str] = BOTH) -> Table:
    """Return Table 2: epochs to zero training errors.

    For each seed and arm, it shows the fastest trial, even if it diverges later. A seed without a trial
    that reaches zero errors is censored, not dropped.

    Parameters
    ----------
    rows, by, arms
        As in `quality_table`.

    Raises
    ------
    ValueError
        As `quality_table`.
    """
    lines, notes = _lines(rows, "2", by, arms)
    shown = [
        {
            "problem": label(line["problem"]),
            "report": "" if math.isnan(line["report_without"])
            else layout.arms(f"{line['report_without']:g}", f"{line['report_with']:g}"),
            "seeds": f"{line['seeds']}",
            arms[0]: _time(line, "without"),
            arms[1]: _time(line, "with"),
            "ratio [95 %]": layout.interval(line["ratio"], line["ratio_low"], line["ratio_high"], ".2f"),
            "p": layout.p_value(line["p_holm"]),
            _EQUIVALENCE: _equivalence(line, f"{100 * (line['margin'] - 1):.3g} %"),
            "verdict": line["verdict"],
        }
        for line in lines
    ]  # fmt: skip
    explained = (
        "Report: iterations, the best of its grid. Ours: epochs to the first without errors, whatever comes later; "
        "median over the seeds [range]; * where a seed did not get there.",
        f"Ratio: {arms[1]} / {arms[0]}, Hodges-Lehmann estimate over pairs of one seed, with the interval of its "
        f"test; ∞ where too many pairs have only the run {arms[0]!r} arrive. Better is faster.",
        "p: exact signed-rank test on the pairs. Equivalence: two one-sided t tests that the mean log-ratio is "
        "within the margin: 10 %, and at least one epoch. Both adjusted by Holm over the rows of this table, but not "
        "the intervals.",
    )
    title = _title("Table 2. Epochs to zero training errors", by, arms)
    return Table("speed", title, shown, lines, (*explained, *notes))


def generalization_table(rows: Sequence[Row], *, by: str = "own", arms: tuple[str, str] = BOTH) -> Table:
    """Return Table 3: loss and errors on the test split, of the trial chosen on the validation split.

    As in the report, trials that reached zero training errors are preferred. A seed whose chosen trial did not, in
    either arm, is left out; the table says how many remain.

    Parameters
    ----------
    rows, by, arms
        As in `quality_table`.

    Raises
    ------
    ValueError
        As `quality_table`.
    """
    lines, notes = _lines(rows, "3", by, arms)
    title = _title("Table 3. Test loss and errors", by, arms)
    return _error_table("generalization", title, lines, arms, [*_test_points(lines), *notes])


def pooled(rows: Sequence[Row], number: str, *, by: str = "own", arms: tuple[str, str] = BOTH) -> PooledRatio | None:
    """Return one ratio of the two arms over all rows of a table, with an interval whose unit is the seed.

    Each row of the table counts the same. Its seeds have the log-ratios of their times in Table 2, where a run that
    did not get there counts as its cap, the least that its time can be; and of their numbers of errors in Tables 1
    and 3, plus one half each, because zero has no ratio. See `enlib.statistics.pooled_ratio` for the interval.

    With ``arms=PLACEBO`` it is the placebo: its true ratio is 1, and its interval should contain it.

    Parameters
    ----------
    rows, by, arms
        As in `quality_table`.
    number : {"1", "2", "3"}
        The table.

    Returns
    -------
    PooledRatio or None
        None if no row of the table has a usable seed.

    Raises
    ------
    ValueError
        If the number is unknown, or as `quality_table`.
    """
    kind = _KINDS[_tools.known("number", number, _KINDS)]
    return _pooled(_chosen(tuned(rows, arms), kind, by, arms)[0], kind)


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


def _title(what: str, by: str, arms: tuple[str, str]) -> str:
    compared = "" if arms == BOTH else f": {arms[1]} against {arms[0]}"
    return f"{what}, {_CHOICE[by]}{compared}"


def _lines(rows: Sequence[Row], number: str, by: str, arms: tuple[str, str]) -> tuple[list[Line], list[str]]:
    """Return the numbers of each row of a table, and notes on what is missing and on all rows together."""
    kind = _KINDS[number]
    compared = tuned(rows, arms)
    chosen, missing = _chosen(compared, kind, by, arms)
    line_of: Callable[[Pairs, _Kind], Line] = _speed_line if number == "2" else _error_line
    lines = []
    for pairs, there in chosen:
        line = line_of(pairs, kind) | _at_edges(pairs) | {"seeds_there": there}
        shared = at_shared_setting(compared, pairs.problem, kind.score, arms) if line["at_edge"] else None
        inside = kind.usable(shared) if shared else None
        tests = _tests(inside, kind) if inside else _NO_TESTS
        line |= {f"{name}_shared": tests[name] for name in ("p", "p_equivalence", "direction")}
        if by == "others":
            line["p_retuned"] = _retuned_p(compared, pairs.problem, kind, arms)
        lines.append(line)
    for name in ("p", "p_equivalence", "p_loss", "p_retuned"):
        adjusted = statistics.holm([line.get(name, math.nan) for line in lines])
        for line, p in zip(lines, adjusted, strict=True):
            if name in line:
                line[f"{name}_holm"] = float(p)
    for line in lines:
        line["verdict"] = finding(line)
    at_edges = [f"{label(line['problem'])} ({cell})" for line in lines if (cell := _edges(line, arms))]
    notes = [_EDGE.format("; ".join(at_edges) or "none")]
    retuned = [(line["problem"], p) for line in lines if not math.isnan(p := line.get("p_retuned_holm", math.nan))]
    if retuned:
        told = "; ".join(f"{label(problem)} {layout.p_value(p)}" for problem, p in retuned)
        notes.append(f"{_RETUNED} {told}.")
    coarse = [label(line["problem"]) for line in lines if line["rate"] <= line["margin"] and not line["floor"]]
    if coarse:
        notes.append(
            "The margin is no smaller than the error rate itself, so that only a gross difference is excluded: "
            f"{'; '.join(coarse)}."
        )
    placebo = _chosen(tuned(rows, PLACEBO), kind, by, PLACEBO)[0] if arms == BOTH else []
    with_placebo = {pairs.problem for pairs, _ in placebo}
    same = [each for each in chosen if each[0].problem in with_placebo]
    if len(same) == len(chosen) or all(_at_floor(pairs, kind) for pairs, _ in same):
        same = []
    name = f"{arms[1]} / {arms[0]}"
    pools = {name: chosen, f"{name}, the placebo's rows": same}
    for name, together in (pools | {"placebo / without": placebo}).items():
        if found := _pooled(together, kind):
            interval = layout.interval(found.estimate, found.low, found.high, ".3f")
            floor = sum(_at_floor(pairs, kind) for pairs, _ in together)
            notes.append(
                f"All rows together, {'times' if number == '2' else 'errors'} {name}: x{interval}, "
                f"p = {layout.p_value(found.p) or '?'}; {found.rows} rows, {found.seeds} seeds, the seed as unit."
                + (f" {floor} of these rows, at the floor, can only give 1." if floor else "")
            )
    return lines, [*notes, *missing]


_EDGE = (
    "Edge: seeds whose choice lies at the lowest or highest learning rate of its grid, with none inside as good: {}. "
    "Then a verdict stands only if both arms get it at the best setting that they share inside."
)
_EQUIVALENCE = "p of equivalence [margin]"
_EXCHANGES = 2000
_RETUNED = (
    "The setting of a seed is chosen on the others, which ties the seeds together: p is too small, below 0.05 for up "
    "to one in four simulated rows without a difference. p if the arms of whole seeds are exchanged at random "
    f"{_EXCHANGES} times, and tuned anew each time, adjusted by Holm:"
)
_NO_TESTS = {"p": math.nan, "p_equivalence": math.nan, "direction": 0}


def _chosen(
    rows: Sequence[Row], kind: _Kind, by: str, arms: tuple[str, str]
) -> tuple[list[tuple[Pairs, int]], list[str]]:
    """Return the usable pairs of each problem, with its number of seeds, and notes on what is left out."""
    _tools.known("by", by, _CHOICE)
    for name in arms:
        _tools.known("arm", name, (*BOTH, "placebo"))
    # Only some problems have a placebo; nothing is missing from the others.
    placebo = {row["problem"] for row in rows if arm_of(row) == "placebo"}
    names = [name for name in problems(rows, kind.printed) if "placebo" not in arms or name in placebo]
    found = [choose_any(rows, name, kind.score, by=by, arms=arms) for name in names]
    usable = [kind.usable(pairs) for pairs in found]
    incomplete = [f"{label(pairs.problem)} ({pairs.incomplete})" for pairs in found if pairs.incomplete]
    empty = [label(pairs.problem) for pairs in found if not pairs]
    unlearned = [label(pairs.problem) for pairs, kept in zip(found, usable, strict=True) if pairs and not kept]
    notes = {
        "Seeds left out because trials are missing": incomplete,
        "Left out, as no seed has all its trials in both arms": empty,
        "Left out, as no seed has zero training errors in both arms": unlearned,
    }
    unlike = [
        f"{label(pairs.problem)} {len(pairs) - len(kept)} ("
        + ", ".join(
            f"{sum(kind.score(row)[0] for row in runs):g} {arm}"
            for arm, runs in zip(arms, (pairs.without, pairs.with_neuron), strict=True)
        )
        + ")"
        for pairs, kept in zip(found, usable, strict=True)
        if 0 < len(kept) < len(pairs)
    ]
    notes["Seeds that do not count, as a chosen trial has training errors in every epoch"] = unlike
    there = {pairs.problem: len(pairs) for pairs in found}
    kept = [(pairs, there[pairs.problem]) for pairs in usable if pairs]
    return kept, [f"{note}: {'; '.join(names)}." for note, names in notes.items() if names]


def _pooled(chosen: Sequence[tuple[Pairs, int]], kind: _Kind) -> PooledRatio | None:
    """Return one ratio over the rows of a table; None if there are none."""
    if not chosen:
        return None
    seeds = sorted({seed for pairs, _ in chosen for seed in pairs.seeds})
    effects = np.full((len(chosen), len(seeds)), np.nan)
    for line, (pairs, _) in zip(effects, chosen, strict=True):
        arms = pairs.values(kind.column)
        if kind.column == "epochs_to_zero":
            filled = [np.where(np.isnan(arm), pairs.values("epochs")[0], arm) for arm in arms]
        else:
            filled = [arm + 0.5 for arm in arms]
        line[[seeds.index(seed) for seed in pairs.seeds]] = np.log(filled[1] / filled[0])
    return statistics.pooled_ratio(effects)


def _tests(pairs: Pairs, kind: _Kind) -> Line:
    """Return both tests of a row, unadjusted, its margin, and whether errors are at their floor."""
    arms = pairs.values(kind.column)
    if kind.column == "epochs_to_zero":
        margin, rate = time_margin(arms[0]), math.inf
        test = statistics.signed_rank(statistics.log_ratios(*arms))
        same = statistics.ratio_equivalence(*arms, margin=margin)
    else:
        rates = [100 * arm / _size(pairs, kind) for arm in arms]
        margin, rate = error_margin(rates[0]), float(rates[0].mean())
        test = statistics.signed_rank(statistics.differences(*arms))
        same = statistics.difference_equivalence(*rates, margin=margin)
    return {
        "p": test.p,
        "direction": test.direction,
        "margin": margin,
        "p_equivalence": same.p,
        "rate": rate,
        "floor": _at_floor(pairs, kind),
    }


def _at_floor(pairs: Pairs, kind: _Kind) -> bool:
    """Return whether no run of the row has an error, in either arm."""
    return kind.column != "epochs_to_zero" and not any(arm.any() for arm in pairs.values(kind.column))


def _retuned_p(rows: Sequence[Row], problem: str, kind: _Kind, arms: tuple[str, str]) -> float:
    """Return the p-value of the settings tuned on other seeds, from exchanges of the arms, each tuned anew.

    If the arms do not differ, all runs of one may change places with those of the other, in any seed. The statistic
    is that of the signed-rank test; a seed that is left out, or in which neither arm arrives, counts as no
    difference. NaN where the arms have other learning rates or schedules, so that they cannot change places.
    """
    seeds, trials, _ = complete_trials(rows, problem, arms)
    if len(seeds) < 2 or len({tuple((row["lr"], row["schedule"]) for row in arm[0]) for arm in trials}) > 1:
        return math.nan
    scores = [[[kind.score(row) for row in mine] for mine in arm] for arm in trials]
    order = np.array([[ranks(mine) for mine in arm] for arm in scores])
    values = np.array([[[row[kind.column] for row in mine] for mine in arm] for arm in trials], dtype=float)
    values[np.isnan(values)] = np.inf
    if kind.learned:
        values[np.array([[[score[0] for score in mine] for mine in arm] for arm in scores], dtype=bool)] = np.nan
    sides = np.random.default_rng(0).integers(0, 2, (_EXCHANGES + 1, len(seeds)))
    sides[0] = 0  # the arms as they are
    chosen = []
    for side in (sides, 1 - sides):
        mine = order[side, np.arange(len(seeds))]
        best = (mine.sum(axis=1, keepdims=True) - mine).argmin(axis=2)
        chosen.append(values[side, np.arange(len(seeds)), best])
    with np.errstate(divide="ignore", invalid="ignore"):
        effects = np.log(chosen[1] / chosen[0]) if kind.column == "epochs_to_zero" else chosen[1] - chosen[0]
    effects = np.nan_to_num(effects.round(12), nan=0.0, posinf=np.inf, neginf=-np.inf)
    lean = np.abs((np.sign(effects) * rankdata(np.abs(effects), axis=1)).sum(axis=1))
    return float(np.mean(lean >= lean[0]))


def _size(pairs: Pairs, kind: _Kind) -> float:
    return float(pairs.without[0][kind.column.replace("errors", "size")])


def _error_line(pairs: Pairs, kind: _Kind) -> Line:
    split = kind.column.removesuffix("_errors")
    printed = kind.printed.get(pairs.problem) if pairs.arms == BOTH else None
    size = _size(pairs, kind)
    errors = pairs.values(kind.column)
    # A diverged trial may be the best of its seed; without a loss, it counts as worse than any number.
    losses = [np.where(np.isnan(arm), np.inf, arm * size) for arm in pairs.values(f"{split}_loss")]
    loss_test = statistics.signed_rank(_log_ratios_of_losses(*losses))
    unknown = (math.nan, math.nan)
    line = {
        **_heading(pairs),
        "size": size,
        **_both("report_loss", printed.loss if printed else unknown),
        **_both("report", printed.errors if printed else unknown),
        **_both("loss", [float(np.median(arm)) for arm in losses]),
        "p_loss": loss_test.p,
        "direction_loss": loss_test.direction,
        **_summaries(errors),
        **_both("clean", [int((arm == 0).sum()) for arm in errors]),
        **_effect("difference", statistics.paired_difference(*(100 * arm / size for arm in errors))),
        **_tests(pairs, kind),
    }
    if kind.learned:
        line |= _wrong_in_one_arm(pairs)
    norms = pairs.values("gradient_norm")
    return line | _both("gradient_norm", [float(np.median(arm)) for arm in norms])


def _speed_line(pairs: Pairs, kind: _Kind) -> Line:
    times = pairs.values("epochs_to_zero")
    cap = float(pairs.without[0]["epochs"])
    printed = kind.printed if pairs.arms == BOTH else {}
    return {
        **_heading(pairs),
        "cap": cap,
        **_both("report", printed.get(pairs.problem, (math.nan, math.nan))),
        **_summaries(times),
        **_effect("ratio", statistics.paired_ratio(*times, cap=cap)),
        **_tests(pairs, kind),
        "p_log_rank": statistics.log_rank(*times, cap).p,
    }


def _log_ratios_of_losses(without: Array, with_neuron: Array) -> Array:
    """Return the log-ratio of the losses of each seed; 0 where both are zero, NaN where both are infinite."""
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.log(np.maximum(with_neuron, without) / np.minimum(with_neuron, without))
        effects = np.copysign(size, with_neuron - without)
    return np.where((with_neuron == 0) & (without == 0), 0.0, effects)


def _heading(pairs: Pairs) -> Line:
    return {"problem": pairs.problem, "seeds": len(pairs), "trials": pairs.trials}


def _at_edges(pairs: Pairs) -> Line:
    """Return in how many seeds each arm's choice lies at each edge of its grid, and whether any does."""
    line: Line = {}
    for arm, edges in zip(_KEYS, pairs.edges, strict=True):
        line |= {f"edge_low_{arm}": edges.count(-1), f"edge_high_{arm}": edges.count(1)}
    return line | {"at_edge": any(line.values())}


def _equivalence(line: Line, margin: str) -> str:
    """Return the cell of the equivalence test: its p-value, if it was made, and its margin."""
    return f"{layout.p_value(line['p_equivalence_holm'])} [{margin}]".lstrip()


def _test_points(lines: Sequence[Line]) -> list[str]:
    """Return a note on the sizes of the test splits: the usual one, and the problems with another."""
    if not lines:
        return []
    sizes = [line["size"] for line in lines]
    usual = max(sizes, key=sizes.count)
    others = [f"{line['size']:g} of {label(line['problem'])}" for line in lines if line["size"] != usual]
    return [
        "The report does not say how many held-out points it has, so that only its counts are known. "
        f"Ours are {'; '.join([f'{usual:g}', *others])}."
    ]


def _edges(line: Line, arms: tuple[str, str]) -> str:
    """Return in how many seeds the choice lies at each edge; empty if in none."""
    cells = []
    for name, arm in zip(arms, _KEYS, strict=True):
        counts = {side: line[f"edge_{side}_{arm}"] for side in ("low", "high")}
        if any(counts.values()):
            cells.append(f"{name}: " + ", ".join(f"{side} {count}" for side, count in counts.items()))
    return "; ".join(cells)


def _both(name: str, values: Sequence[float]) -> Line:
    return {f"{name}_{arm}": value for arm, value in zip(_KEYS, values, strict=True)}


def _summaries(values: Sequence[Array]) -> Line:
    """Return median, smallest and largest of each arm; what was not reached counts as infinite."""
    line: Line = {}
    for arm, column in zip(_KEYS, values, strict=True):
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


def _wrong_in_one_arm(pairs: Pairs) -> Line:
    """Return how many test samples are wrong in one arm alone, over all seeds."""
    only = {"only_without": 0, "only_with": 0}
    for both in zip(pairs.without, pairs.with_neuron, strict=True):
        without, with_neuron = (unpack(row["test_wrong"], int(row["test_size"])) for row in both)
        only["only_without"] += int((without & ~with_neuron).sum())
        only["only_with"] += int((with_neuron & ~without).sum())
    return only


def _error_table(name: str, title: str, lines: list[Line], arms: tuple[str, str], notes: Sequence[str]) -> Table:
    held_out = name == "generalization"
    norms = not held_out and any(not math.isnan(line[f"gradient_norm_{arm}"]) for line in lines for arm in _KEYS)
    report = ("report_loss_without", "report_without"), ("report_loss_with", "report_with")
    shown = [
        {
            "problem": label(line["problem"]),
            "report": layout.arms(*(layout.loss_and_errors(line[loss], line[errors]) for loss, errors in report)),
            "seeds": f"{line['seeds']}" + (f" of {line['seeds_there']}" if held_out else ""),
            arms[0]: _error_cell(line, "without", held_out),
            arms[1]: _error_cell(line, "with", held_out),
            **({"gradient norm": _norms(line)} if norms else {}),
            "p of loss": _loss_test(line),
            "difference in % [95 %]": layout.interval(
                line["difference"], line["difference_low"], line["difference_high"], "+.2f"
            ),
            "p": layout.p_value(line["p_holm"]),
            _EQUIVALENCE: _equivalence(line, f"{line['margin']:.2g} %"),
            "verdict": line["verdict"],
        }
        for line in lines
    ]
    explained = [
        "A cell: summed loss\\errors; of one run in the report, here medians over the seeds, with the errors' range"
        + (" and the median's rate." if held_out else "."),
        f"Difference: {arms[1]} − {arms[0]}, of the error rates in percentage points; Hodges-Lehmann estimate over "
        "pairs.",
        "p: exact signed-rank tests on the pairs, of the differences of errors, and of the log-ratios of losses (up: "
        f"higher in the arm {arms[1]!r}). Equivalence: two one-sided t tests that the mean difference of the rates "
        f"is within the margin: a tenth of the mean rate {arms[0]!r}, and at least 0.1 points. All adjusted by Holm "
        "over the rows of this table, but not the intervals; verdicts are about errors.",
    ]
    if norms:
        explained.append("Gradient norm: median, of the full gradient of the mean training loss at the end.")
    return Table(name, title, shown, lines, (*explained, *notes))


def _error_cell(line: Line, arm: str, rate: bool) -> str:
    cell = layout.loss_and_errors(line[f"loss_{arm}"], line[arm])
    share = f" = {100 * line[arm] / line['size']:.2g} %" if rate else ""
    return f"{cell}{share} [{line[f'{arm}_low']:g}, {line[f'{arm}_high']:g}]"


def _loss_test(line: Line) -> str:
    """Return the p-value of the loss, and which way it points."""
    side = {1: " up", -1: " down", 0: ""}[line["direction_loss"]]
    return layout.p_value(line["p_loss_holm"]) + side


def _norms(line: Line) -> str:
    return " / ".join("?" if math.isnan(v := line[f"gradient_norm_{arm}"]) else f"{v:.1e}" for arm in _KEYS)


def _time(line: Line, arm: str) -> str:
    def epochs(value: float) -> str:
        return f"{value:g}" if math.isfinite(value) else f"> {line['cap']:g}"

    star = "" if line[f"{arm}_reached"] == line["seeds"] else "*"
    return f"{epochs(line[arm])}{star} [{epochs(line[f'{arm}_low'])}, {epochs(line[f'{arm}_high'])}]"
