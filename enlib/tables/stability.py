"""The report's claims on stability, a table each: how often and when training explodes, and what noise does to it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from enlib.statistics import holm, mcnemar, signed_rank, wilson
from enlib.tables.counting import EVENTS, change, happened, moment, share, sides, surplus, twins
from enlib.tables.layout import Table, percent
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

# Conditions of the study of remedies, as its files name them; the table prints the second name of a pair.
_PLAIN = "with the neuron"
_REMEDIES = {"a tenth of the step size": "a tenth of the step size, neuron only"}


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
                "step size": f"{lr:g}",
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
                "step size": f"{lr:g}",
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
            | {title: _median([row[f"noise_{place}"] for row in clean], ".3g") for place, title in _PLACES.items()}
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
                    "only before": f"{found.prevented}", "only after": f"{found.new}", "p": f"{found.p:.2g}",
                    "end without an error": f"{clean[0]}, then {clean[1]} of {len(pairs)}",
                }
            )  # fmt: skip
    notes = ("All step sizes and both schedules; p: signed-rank test on the seeds, unadjusted.",)
    title = "Standardizing the inputs, with the neuron, in pairs"
    return Table("standardization", title, shown, notes=notes)


def cure_table(trials: Sequence[Row], lr: float) -> Table:
    """Return in how many seeds each remedy of the study prevents a spike, and in how many it causes one.

    Parameters
    ----------
    trials : sequence of dict, or a structured array
        Rows of ``cures.csv``; `happened` decides which of them spiked.
    lr : float
        Learning rate.

    Raises
    ------
    ValueError
        If no trial has this learning rate, or a seed has no trial with the neuron alone.
    """
    spiked: dict[str, dict[int, bool]] = {_PLAIN: {}}
    for trial in trials:
        if trial["lr"] == lr:
            spiked.setdefault(trial["condition"], {})[trial["seed"]] = happened(trial, "spikes")
    plain = spiked.pop(_PLAIN)
    if not (plain or spiked):
        known = ", ".join(f"{rate:g}" for rate in sorted({trial["lr"] for trial in trials}))
        raise ValueError(f"expected trials at learning rate {lr}, got none: choose one of {known or 'no trial'}")
    shown, numbers = [], []
    for name, seeds in spiked.items():
        unpaired = sorted(seeds.keys() - plain.keys())
        if unpaired:
            raise ValueError(
                f"expected a trial {_PLAIN!r} for every seed, got none for seed {unpaired[0]} of {name!r}: finish "
                "the study"
            )
        both = [(plain[seed], now) for seed, now in seeds.items()]
        saved, new = both.count((True, False)), both.count((False, True))
        before, left = (sum(side) for side in zip(*both, strict=True))
        parts = [
            f"{n} of {of}: {percent(wilson(n, of))}" if of else "none"
            for n, of in ((saved, before), (new, len(both) - before))
        ]
        shown.append(
            {
                "cure": _REMEDIES.get(name, name), "saved": parts[0], "newly ill": parts[1],
                "spike in %": percent(wilson(left, len(both))),
            }
        )  # fmt: skip
        numbers.append({"cure": name, "saved": saved, "new": new, "left": left, "p": mcnemar(saved, new).p})
    shown = _with_p_values(shown, [line["p"] for line in numbers])
    notes = ("In % [95 % interval by Wilson]. p: McNemar's exact test, adjusted by Holm over this table.",)
    return Table("cures", f"Cures against the plain neuron, step size {lr:g}", shown, numbers, notes)


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
