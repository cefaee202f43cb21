"""The report's claims on stability, a table each: how often and when training explodes, and what noise does to it."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np

from enlib import _tools
from enlib.statistics import holm, mcnemar, paired_shares, signed_rank, stratified_exact, wilson
from enlib.tables.counting import EVENTS, change, happened, moment, share, sides, surplus, twins
from enlib.tables.layout import Table, interval, p_value, percent
from enlib.tables.selection import ARMS, Row, checked, label, problems, tuned

STANDARDIZED = {"none": "as they are", "global": "together", "feature": "one by one"}
"""Names of the ways to standardize: not at all, all coordinates by one scale, or each by its own."""

INPUTS = {
    f"{data}, {name}": (data, standardize)
    for data in ("spheres", "gaussians")
    for standardize, name in STANDARDIZED.items()
}
"""Inputs of the stability experiments: from a name to data set and standardization."""

_PLACES = {"neuron": "exponential neuron", "unit": "one sigmoid unit", "layer": "layer of 50"}
_PAST = {"spikes": "spiked", "diverges": "diverged"}

PLAIN = "with the neuron"
_AT = 0.03
# The comparisons that the protocol adjusts together: what, at which learning rate, against what.
FAMILIES = {
    "causes": (
        *(
            (name, _AT, PLAIN)
            for name in (
                "lambda 0", "lambda 100", "a tenth for the neuron", "a tenth for all others",
                "neuron cut at the crossing", "others cut at the crossing", "full batch", "float64", "squared hinge",
                "logistic loss", "half as wide", "twice as wide", "n = 500", "n = 8000",
            )
        ),
        ("neuron cut at the crossing", _AT, "others cut at the crossing"),
        ("amplitude cut at the crossing", _AT, "exponent cut at the crossing"),
    ),
    "remedies": tuple(
        (name, _AT, PLAIN)
        for name in (
            "gradient clipped to norm 1", "cosine schedule", "exponent cut off at 3", "neuron off at the start",
            "inputs as they are",
        )
    ),
}  # fmt: skip


def stability_table(rows: Sequence[Row]) -> Table:
    """Return the shares of runs that spike and that diverge, by data, standardization, schedule and learning rate.

    Every run of the stability experiments counts; no trial is chosen.

    Parameters
    ----------
    rows : sequence of dict
        All runs; see `enlib.replication.read_rows`. Those that measured noise are the stability experiments.

    Raises
    ------
    ValueError
        If a row is not a run of the replication.
    """
    runs = _experiments(rows)
    cells: dict[tuple[Any, ...], dict[bool, list[Row]]] = {}
    for row in runs:
        key = row["data"], row["standardize"], row["schedule"], row["lr"]
        cells.setdefault(key, {arm: [] for arm in ARMS})[row["exponential"]].append(row)
    shown, numbers = [], []
    for (data, standardize, schedule, lr), arms in sorted(cells.items()):
        if not all(arms.values()):
            continue
        shares = {(_PAST[event], name): share(arms[arm], event) for arm, name in ARMS.items() for event in EVENTS}
        size = len(arms[True])
        shown.append(
            {
                "problem": data,
                "inputs": STANDARDIZED.get(standardize, standardize),
                "schedule": schedule,
                "learning rate": f"{lr:g}",
                "runs": f"{size}",
            }
            | {f"{event}, {arm}": percent(shares[event, arm]) for event in _PAST.values() for arm in ARMS.values()}
        )
        line = {"data": data, "standardize": standardize, "schedule": schedule, "lr": lr, "runs": size}
        for (event, arm), part in shares.items():
            name = f"{event}_{arm}"
            line |= {name: part.share, f"{name}_low": part.low, f"{name}_high": part.high}
        numbers.append(line)
    settings = {
        "n": {row["train"] for row in runs},
        "epochs": {row["epochs"] for row in runs},
        "lambda": {row["lam"] for row in runs if row["exponential"]},
    }
    told = ", ".join(f"{name} = {' or '.join(f'{v:g}' for v in sorted(vs))}" for name, vs in settings.items())
    notes = (
        f"Share of runs in % [95 % interval by Wilson]; {told}.",
        "Spiked: a batch loss above 100 times the smallest before it (which counts as at least 0.01), or diverged.",
        "Diverged: not finite, or above a million.",
    )
    return Table("stability", "Stability. Runs that spike and runs that diverge", shown, numbers, notes)


def noise_table(rows: Sequence[Row]) -> Table:
    """Return the factor by which noise on some weights multiplies the training loss, where training did not diverge.

    A run without the neuron counts if one with it, of the same problem, setting and seed, did not diverge.

    Parameters
    ----------
    rows : sequence of dict
        As in `stability_table`.

    Raises
    ------
    ValueError
        As `stability_table`.
    """
    runs = _experiments(rows)
    survived = {_experiment(row) for row in runs if row["exponential"] and row["status"] != "diverged"}
    runs = [row for row in runs if _experiment(row) in survived]
    shown, numbers = [], []
    for data, standardize in sorted({(row["data"], row["standardize"]) for row in runs}):
        chosen = [row for row in runs if (row["data"], row["standardize"]) == (data, standardize)]
        for place, arm in (("neuron", True), ("unit", True), ("unit", False), ("layer", True), ("layer", False)):
            factors = np.array([row[f"noise_{place}"] for row in chosen if row["exponential"] == arm], dtype=float)
            factors = factors[~np.isnan(factors)]
            if not len(factors):
                continue
            low, middle, high = (float(q) for q in np.quantile(factors, [0.25, 0.5, 0.75], method="nearest"))
            shown.append(
                {
                    "problem": f"{data}, {STANDARDIZED.get(standardize, standardize)}",
                    "noise on": _PLACES[place],
                    "network": ARMS[arm],
                    "runs": f"{len(factors)}",
                    "loss times [quartiles]": f"{middle:.3g} [{low:.3g}, {high:.3g}]",
                }
            )
            numbers.append(
                {
                    "data": data, "standardize": standardize, "where": _PLACES[place], "exponential": arm,
                    "runs": len(factors), "median": middle, "quarter": low, "three_quarters": high,
                }
            )  # fmt: skip
    notes = (
        "Noise: normal, a tenth of the mean absolute weight; median factor of 50 draws for each run.",
        "Settings and seeds in which the run with the neuron did not diverge.",
    )
    return Table("noise", "Noise on the weights. What it multiplies the training loss by", shown, numbers, notes)


def explosion_table(rows: Sequence[Row]) -> Table:
    """Return how many runs behind Tables 1 to 3 spike and diverge, at the learning rates that both arms have.

    Parameters
    ----------
    rows : sequence of dict
        All runs; see `enlib.replication.read_rows`.

    Raises
    ------
    ValueError
        As `stability_table`.
    """
    chosen = tuned(rows)
    shown, tests = [], []
    for problem in problems(chosen, ()):
        pairs = twins([row for row in chosen if row["problem"] == problem], "exponential", False, True)
        if not pairs:
            continue
        seeds = surplus(pairs, "diverges")
        tests.append(signed_rank(seeds).p)
        shown.append(
            {"problem": label(problem), "seeds": f"{len(seeds)}"}
            | {
                f"{event}, {arm}": percent(share(side, event))
                for event in EVENTS
                for arm, side in zip(ARMS.values(), sides(pairs), strict=True)
            }
        )
    notes = (
        "Share of runs in % [95 % interval by Wilson, which takes runs for independent].",
        "p: signed-rank test of the divergences of each seed, with minus without, adjusted by Holm.",
    )
    title = "Runs of Tables 1 to 3 that spike and that diverge"
    return Table("explosions", title, _with_p_values(shown, tests), notes=notes)


def moment_table(rows: Sequence[Row]) -> Table:
    """Return how many runs with the neuron explode, and in which part of training they spike, by learning rate.

    Parameters
    ----------
    rows : sequence of dict
        As in `explosion_table`.

    Raises
    ------
    ValueError
        As `stability_table`.
    """
    neuron = [row for row in tuned(rows) if row["exponential"]]
    shown = []
    for lr in sorted({row["lr"] for row in neuron}):
        chosen = [row for row in neuron if row["lr"] == lr]
        at = np.array([moment(row, "spikes") for row in chosen])
        shown.append(
            {
                "learning rate": f"{lr:g}",
                "runs": f"{len(chosen)}",
                "spike in %": percent(share(chosen, "spikes")),
                "diverge in %": percent(share(chosen, "diverges")),
                "first tenth": f"{np.sum(at < 0.1)}",
                "first half, rest": f"{np.sum((at >= 0.1) & (at < 0.5))}",
                "second half": f"{np.sum(at >= 0.5)}",
            }
        )
    title = "With the neuron: how many runs explode, and in which part of training they first spike"
    return Table("moments", title, shown)


def trained_noise_table(rows: Sequence[Row]) -> Table:
    """Return how noise changes the loss of the networks with the neuron that ended without a training error.

    Parameters
    ----------
    rows : sequence of dict
        As in `stability_table`.

    Raises
    ------
    ValueError
        As `stability_table`.
    """
    noised = [row for row in _experiments(rows) if not math.isnan(row["noise_neuron"])]
    shown = []
    for name, inputs in INPUTS.items():
        mine = [row for row in noised if (row["data"], row["standardize"]) == inputs]
        clean = [row for row in mine if row["train_errors"] == 0]
        shown.append(
            {"inputs": name, "without an error": f"{len(clean)} of {len(mine)}"}
            | {
                title.removeprefix("exponential "): _median([row[f"noise_{place}"] for row in clean], ".3g")
                for place, title in _PLACES.items()
            }
            | {"loss, neuron noisy": _median([row["train_loss"] * row["noise_neuron"] for row in clean], ".1g")}
        )
    title = "Networks without a training error: median factor of the noise, and loss with it"
    return Table("trained_noise", title, shown)


def standardization_table(rows: Sequence[Row]) -> Table:
    """Return how standardizing the inputs changes training with the neuron, in pairs of the stability experiments.

    Parameters
    ----------
    rows : sequence of dict
        As in `stability_table`.

    Raises
    ------
    ValueError
        As `stability_table`.
    """
    neuron = [row for row in _experiments(rows) if row["exponential"]]
    shown = []
    for data, standardize in itertools.product(("spheres", "gaussians"), ("global", "feature")):
        pairs = twins([row for row in neuron if row["data"] == data], "standardize", "none", standardize)
        for event in EVENTS if pairs else ():
            found = change(pairs, event)
            clean = [sum(row["train_errors"] == 0 for row in side) for side in zip(*pairs, strict=True)]
            shown.append(
                {
                    "inputs": f"{data}, {STANDARDIZED[standardize]}", "event": event,
                    "before in %": percent(found.before), "after in %": percent(found.after),
                    "only before / after": f"{found.prevented} / {found.new}", "p": f"{found.p:.2g}",
                    "end without an error": f"{clean[0]}, then {clean[1]} of {len(pairs)}",
                }
            )  # fmt: skip
    notes = ("All learning rates and both schedules; p: signed-rank test on the seeds, unadjusted.",)
    title = "Standardizing the inputs, with the neuron, in pairs"
    return Table("standardization", title, shown, notes=notes)


def crossing_table(rows: Sequence[Row]) -> Table:
    """Return how many runs with the neuron crossed the optimizer's limit before any spike, and how many then spiked.

    A run that spikes at or before its first crossing counts as one that did not cross. The last row is the exact test
    over the learning rates, each of which is a stratum with seeds of its own.

    Parameters
    ----------
    rows : sequence of dict
        Runs of the study of causes, from `enlib.replication.with_conditions`.

    Raises
    ------
    ValueError
        If none of them is a watched run of the plain condition.
    """
    plain = [row for row in rows if row["condition"] == PLAIN]
    if not plain:
        raise ValueError(f"expected runs of the condition {PLAIN!r}, got none: pass the rows of the study of causes")
    shown, tables = [], []
    for lr in sorted({row["at"] for row in plain}):
        runs = [row for row in plain if row["at"] == lr]
        counts = Counter((_crossed_first(row), happened(row, "spikes")) for row in runs)
        table = [[counts[True, True], counts[True, False]], [counts[False, True], counts[False, False]]]
        tables.append(table)
        shown.append(_crossings(f"{lr:g}", table, stratified_exact([table]).p))
    total = np.sum(tables, axis=0).tolist()
    shown.append(_crossings("all, stratified", total, stratified_exact(tables).p))
    numbers = [
        {"spiked": total[0][0] + total[1][0], "after_a_crossing": total[0][0], "p": stratified_exact(tables).p}
    ]
    notes = ("Crossed: before any spike, strictly. p: exact, given the margins of each learning rate's table.",)
    return Table("crossings", "Crossings and spikes of the plain neuron", shown, numbers, notes)


def condition_table(rows: Sequence[Row], family: Literal["causes", "remedies"]) -> Table:
    """Return in how many seeds each condition prevents a spike of the plain neuron, and in how many it causes one.

    Parameters
    ----------
    rows : sequence of dict
        As in `crossing_table`; `happened` decides which of them spiked.
    family : {"causes", "remedies"}
        Which comparisons: those that the protocol adjusts together come first, and only their p-values are adjusted.

    Raises
    ------
    ValueError
        If the family is unknown, or a condition has a seed of which the plain run is missing.
    """
    _tools.known("family", family, FAMILIES)
    runs: dict[tuple[str, float], dict[int, Row]] = {}
    for row in rows:
        runs.setdefault((row["condition"], row["at"]), {})[row["seed"]] = row
    numbers: list[dict[str, Any]] = []
    for primary, name, lr, against in _comparisons(family, runs):
        # A condition at a learning rate of its own has the plain run of the same seed at the usual one.
        before = runs.get((against, lr), {})
        missing = sorted(runs[name, lr].keys() - before.keys())
        if missing:
            raise ValueError(
                f"expected a run {against!r} for every seed, got none for seed {missing[0]} of {name!r}: finish the "
                "study"
            )
        seeds = sorted(runs[name, lr])
        if against != PLAIN:
            seeds = [seed for seed in seeds if _crossed_first(runs[PLAIN, lr][seed])]
        now = [runs[name, lr][seed] for seed in seeds]
        both = [(happened(before[row["seed"]], "spikes"), happened(row, "spikes")) for row in now]
        observed, expected, p = _while_errors_are_left(now, [before[row["seed"]] for row in now])
        epochs = [math.inf if math.isnan(row["epochs_to_zero"]) else row["epochs_to_zero"] for row in now]
        numbers.append(
            {
                "condition": name, "lr": lr, "against": against, "primary": primary, "runs": len(both),
                "spikes": sum(after for _, after in both), "prevented": both.count((True, False)),
                "new": both.count((False, True)), "epochs": float(np.median(epochs)) if epochs else math.nan,
                "never": sum(map(math.isinf, epochs)), "while_errors_are_left": observed, "expected": expected,
                "p_while_errors_are_left": p,
            }
        )  # fmt: skip
    for line in numbers:
        line["p"] = mcnemar(line["prevented"], line["new"]).p
        line["difference"], line["low"], line["high"] = paired_shares(
            line["spikes"] - line["new"], line["prevented"], line["new"], line["runs"]
        )
    primaries = [line for line in numbers if line["primary"]]
    for line, adjusted in zip(primaries, holm([line["p"] for line in primaries]), strict=True):
        line["holm"] = float(adjusted)
    shown = [
        {
            "condition": line["condition"].replace("lambda", "lambda =")
            + ("" if line["against"] == PLAIN else f", against {line['against']}"),
            "learning rate": f"{line['lr']:g}",
            "spikes, in %": f"{line['spikes']} of {line['runs']}"
            + (f", {percent(wilson(line['spikes'], line['runs']))}" if line["runs"] else ""),
            "prevented / new": f"{line['prevented']} / {line['new']}",
            "difference": interval(100 * line["difference"], 100 * line["low"], 100 * line["high"], ".0f"),
            "p (Holm)": p_value(line["p"]) + (f" ({p_value(line['holm'])})" if "holm" in line else ""),
            "epochs": f"{line['epochs']:.1f} ({line['never']} never)",
            "errors left": f"{line['while_errors_are_left']} of {line['expected']:.1f}, "
            f"p = {p_value(line['p_while_errors_are_left'])}",
        }
        for line in numbers
    ]  # fmt: skip
    notes = (
        "Shares in % [95 % interval by Wilson], differences in points [95 % interval by Newcombe], of paired seeds.",
        "p: McNemar's exact test; Holm: adjusted over the comparisons that the protocol names.",
        "Epochs: median to zero training errors.",
        "Errors left: spikes before the first epoch without an error, of those expected if at each update all runs, "
        "of this condition and of the other, that have errors left and have not spiked were as likely to spike; "
        "exact test, unadjusted. A condition that learns sooner has less time in which to spike.",
    )
    return Table(
        family, {"causes": "Explanations and their controls", "remedies": "Remedies"}[family], shown, numbers, notes
    )


def _comparisons(family: str, runs: Iterable[tuple[str, float]]) -> list[tuple[bool, str, float, str]]:
    """Return the comparisons of a family that there are runs for: whether it is adjusted, what, where, with what."""
    known = list(runs)
    named = FAMILIES[family]
    listed = [(True, name, lr, against) for name, lr, against in named if (name, lr) in known]
    others = [
        (False, name, lr, PLAIN)
        for name, lr in known
        if family == "causes" and name != PLAIN and (PLAIN, lr) in known
        and not any((name, lr, PLAIN) in comparisons for comparisons in FAMILIES.values())
    ]  # fmt: skip
    return listed + others


def _crossed_first(row: Row) -> bool:
    """Return whether a run crossed its limit strictly before it spiked, or without a spike."""
    spike = row["first_spike"]
    if math.isnan(spike):
        spike = row["diverged_at"]
    return row["first_crossing"] < spike if spike == spike else not math.isnan(row["first_crossing"])


def _while_errors_are_left(rows: Sequence[Row], others: Sequence[Row]) -> tuple[int, float, float]:
    """Return the spikes of runs that still have training errors, those expected, and the p-value of their difference.

    At each update at which a run of either group spikes, the runs that have neither spiked nor learned all samples
    are a stratum, as in the log-rank test; here the test is exact.
    """
    groups = [[_until(row) for row in group] for group in (rows, others)]
    tables = []
    for update in sorted({end for group in groups for end, spiked in group if spiked}):
        there = [sum(end >= update for end, _ in group) for group in groups]
        now = [sum(spiked and end == update for end, spiked in group) for group in groups]
        tables.append([[count, size - count] for count, size in zip(now, there, strict=True)])
    if not tables:
        return 0, 0.0, 1.0
    expected = sum((a + c) * (a + b) / (a + b + c + d) for (a, b), (c, d) in tables)
    return sum(first[0] for first, _ in tables), expected, stratified_exact(tables).p


def _until(row: Row) -> tuple[float, bool]:
    """Return the update of a run's first spike or, if that comes first, of its first epoch without an error, or its
    last update; and whether it is the spike.
    """
    spike, learned = float(np.fmin(row["first_spike"], row["diverged_at"])), row["updates_to_zero"]
    if not math.isnan(spike) and not learned < spike:
        return spike, True
    last = row["epochs"] * math.ceil(row["train_size"] / (row["batch_size"] or row["train_size"]))
    return (last if math.isnan(learned) else learned), False


def _crossings(name: str, table: list[list[int]], p: float) -> dict[str, str]:
    (both, crossed), (spiked, neither) = table
    return {
        "learning rate": name, "crossed, spiked": f"{both}", "crossed, no spike": f"{crossed}",
        "not crossed, spiked": f"{spiked}", "neither": f"{neither}", "p": p_value(p),
    }  # fmt: skip


def _experiments(rows: Iterable[Row]) -> list[Row]:
    """Return the runs of the stability experiments."""
    return [row for row in checked(rows) if row["measure"] == "noise"]


def _with_p_values(shown: list[dict[str, str]], p_values: list[float]) -> list[dict[str, str]]:
    """Return the rows with a last cell for the p-values, adjusted by Holm over the table."""
    return [row | {"p": f"{p:.2g}"} for row, p in zip(shown, holm(p_values), strict=True)]


def _experiment(row: Row) -> tuple[Any, ...]:
    return row["problem"], row["lr"], row["schedule"], row["seed"]


def _median(values: Sequence[float], form: str) -> str:
    return format(np.median(values), form) if values else "-"
