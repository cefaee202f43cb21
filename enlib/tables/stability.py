"""The report's claims on stability, a table each: how often and when training explodes, and what noise does to it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from enlib import _tools
from enlib.statistics import holm, mcnemar, signed_rank, wilson
from enlib.tables.counting import EVENTS, change, happened, moment, share, surplus, twins
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

# The study is older than this table, and its files keep the names of its conditions.
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
        If a run is there twice, or a column is missing or of another kind.
    """
    runs = _experiments(rows, "train", "epochs", "first_spike")
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
    runs = _experiments(rows, *(f"noise_{place}" for place in _PLACES))
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
    runs = _tuned(rows)
    shown: list[dict[str, str]] = []
    numbers: list[dict[str, Any]] = []
    for problem in problems(runs, ()):
        pairs = twins([row for row in runs if row["problem"] == problem], "exponential", False, True)
        if not pairs:
            continue
        # A run without the neuron is in a pair for every lambda, and counts once.
        sides = [list({id(row): row for row in side}.values()) for side in zip(*pairs, strict=True)]
        arms = list(zip(ARMS.values(), sides, strict=True))
        shares = {(event, arm): share(side, event) for event in EVENTS for arm, side in arms}
        seeds = surplus(pairs, "diverges")
        shown.append(
            {"problem": label(problem), "seeds": f"{len(seeds)}"}
            | {f"{event}, {arm}": percent(part) for (event, arm), part in shares.items()}
        )
        numbers.append(
            {"problem": problem, "p": signed_rank(seeds).p}
            | {f"{event}_{arm}": part.share for (event, arm), part in shares.items()}
        )
    _adjust(shown, numbers)
    notes = (
        "Share of runs in % [95 % interval by Wilson, which takes runs for independent].",
        "p: signed-rank test of the divergences of each seed, with minus without, adjusted by Holm.",
    )
    return Table("explosions", "Runs of Tables 1 to 3 that spike and that diverge", shown, numbers, notes)


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
    neuron = [row for row in _tuned(rows) if row["exponential"]]
    shown, numbers = [], []
    for lr in sorted({row["lr"] for row in neuron}):
        runs = [row for row in neuron if row["lr"] == lr]
        at = np.array([moment(row, "spikes") for row in runs])
        parts = {
            "first tenth": int((at < 0.1).sum()),
            "first half, rest": int(((at >= 0.1) & (at < 0.5)).sum()),
            "second half": int((at >= 0.5).sum()),
        }
        rates = {"spike in %": percent(share(runs, "spikes")), "diverge in %": percent(share(runs, "diverges"))}
        shown.append({"step size": f"{lr:g}", "runs": f"{len(runs)}"} | rates | {k: f"{n}" for k, n in parts.items()})
        numbers.append({"lr": lr, "runs": len(runs), **parts})
    title = "With the neuron: how many runs explode, and in which part of training they first spike"
    return Table("moments", title, shown, numbers)


def trained_noise_table(rows: Sequence[Row]) -> Table:
    """Return what noise does to the networks with the neuron that ended without a training error.

    Parameters
    ----------
    rows : sequence of dict
        As in `stability_table`.

    Raises
    ------
    ValueError
        As `stability_table`.
    """
    experiments = _experiments(rows, "train_errors", "train_loss", *(f"noise_{place}" for place in _PLACES))
    shown, numbers = [], []
    for name, inputs in INPUTS.items():
        noised = [
            row
            for row in experiments
            if (row["data"], row["standardize"]) == inputs and not math.isnan(row["noise_neuron"])
        ]
        runs = [row for row in noised if row["train_errors"] == 0]
        factors = {place: _median([row[f"noise_{place}"] for row in runs]) for place in _PLACES}
        loss = _median([row["train_loss"] * row["noise_neuron"] for row in runs])
        shown.append(
            {"inputs": name, "without an error": f"{len(runs)} of {len(noised)}"}
            | {_PLACES[place]: f"{factor:.3g}" if runs else "-" for place, factor in factors.items()}
            | {"loss, neuron noisy": f"{loss:.1g}" if runs else "-"}
        )
        numbers.append({"inputs": name, "runs": len(runs), **factors, "loss": loss})
    title = "Networks without a training error: median factor of the noise, and loss with it"
    return Table("trained_noise", title, shown, numbers)


def standardization_table(rows: Sequence[Row]) -> Table:
    """Return what standardized inputs change, with the neuron, in pairs of the stability experiments.

    Parameters
    ----------
    rows : sequence of dict
        As in `stability_table`.

    Raises
    ------
    ValueError
        As `stability_table`.
    """
    neuron = [row for row in _experiments(rows, "first_spike", "train_errors") if row["exponential"]]
    shown, numbers = [], []
    for data in ("spheres", "gaussians"):
        runs = [row for row in neuron if row["data"] == data]
        for standardize in ("global", "feature"):
            pairs = twins(runs, "standardize", "none", standardize)
            if not pairs:
                continue
            clean = [sum(row["train_errors"] == 0 for row in side) for side in zip(*pairs, strict=True)]
            for event in EVENTS:
                found = change(pairs, event)
                shown.append(
                    {
                        "inputs": f"{data}, {STANDARDIZED[standardize]}", "event": event,
                        "before in %": percent(found.before), "after in %": percent(found.after),
                        "only before": f"{found.prevented}", "only after": f"{found.new}", "p": f"{found.p:.2g}",
                        "end without an error": f"{clean[0]}, then {clean[1]} of {len(pairs)}",
                    }
                )  # fmt: skip
                numbers.append({"data": data, "standardize": standardize, "event": event, "p": found.p})
    notes = ("All step sizes and both schedules; p: signed-rank test on the seeds, unadjusted.",)
    return Table("standardization", "Standardizing the inputs, with the neuron, in pairs", shown, numbers, notes)


def cure_table(trials: Iterable[Mapping[str, Any]], lr: float, *, plain: str = "with the neuron") -> Table:
    """Return which seeds each remedy of the study keeps from spiking, and in which it causes a spike.

    Parameters
    ----------
    trials : iterable of dict, or a structured array
        Rows of ``cures.csv``; `happened` decides which of them spiked.
    lr : float
        Learning rate.
    plain : str
        Condition to compare with.

    Raises
    ------
    ValueError
        If no trial has this learning rate or condition, or a seed has no trial with the condition.
    """
    trials = list(trials)
    spiked: dict[str, dict[int, bool]] = {}
    for trial in trials:
        if trial["lr"] == lr:
            spiked.setdefault(str(trial["condition"]), {})[int(trial["seed"])] = happened(trial, "spikes")
    if not spiked:
        known = ", ".join(f"{rate:g}" for rate in sorted({trial["lr"] for trial in trials}))
        raise ValueError(f"expected trials at learning rate {lr}, got none: choose one of {known or 'no trial'}")
    _tools.known("condition", plain, spiked)
    shown: list[dict[str, str]] = []
    numbers: list[dict[str, Any]] = []
    for name in (name for name in spiked if name != plain):
        unpaired = sorted(set(spiked[name]) - set(spiked[plain]))
        if unpaired:
            raise ValueError(
                f"expected a trial {plain!r} for every seed, got none for seed {unpaired[0]} of {name!r}: finish the "
                "study"
            )
        both = [(spiked[plain][seed], now) for seed, now in spiked[name].items()]
        saved, new = both.count((True, False)), both.count((False, True))
        before = sum(first for first, _ in both)
        left = sum(second for _, second in both)
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
    _adjust(shown, numbers)
    notes = ("In % [95 % interval by Wilson]. p: McNemar's exact test, adjusted by Holm over this table.",)
    return Table("cures", f"Cures against the plain neuron, step size {lr:g}", shown, numbers, notes)


def _experiments(rows: Iterable[Row], *columns: str) -> list[Row]:
    """Return the runs of the stability experiments, checked."""
    noised = [row for row in checked(rows, "measure") if row["measure"] == "noise"]
    return checked(noised, "data", "standardize", "status", *columns)


def _tuned(rows: Iterable[Row]) -> list[Row]:
    """Return the runs behind Tables 1 to 3, checked."""
    columns = "status", "first_spike", "diverged_at", "epochs", "train_size", "batch_size"
    return checked(tuned(checked(rows, "measure", "optimizer")), *columns)


def _adjust(shown: list[dict[str, str]], numbers: list[dict[str, Any]]) -> None:
    """Add the p-values, adjusted by Holm over the table, to its cells and its numbers."""
    for row, line, p in zip(shown, numbers, holm([line["p"] for line in numbers]), strict=True):
        row["p"], line["p_holm"] = f"{p:.2g}", float(p)


def _experiment(row: Row) -> tuple[Any, ...]:
    return row["problem"], row["lr"], row["schedule"], row["seed"]


def _median(values: Sequence[float]) -> float:
    return float(np.median(values)) if len(values) else math.nan
