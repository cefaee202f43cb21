"""The report's claims on stability, one table each."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from enlib.statistics import holm, mcnemar, signed_rank, wilson
from enlib.tables.counting import EVENTS, by_seed, change, happened, moment, percent, share, tuned, twins
from enlib.tables.layout import Table
from enlib.tables.replication import problems
from enlib.tables.selection import Row
from enlib.tables.stability import STANDARDIZED
from enlib.tables.words import label

INPUTS = {
    f"{data}, {how}": (data, standardize)
    for data in ("spheres", "gaussians")
    for standardize, how in STANDARDIZED.items()
}
"""The inputs of the stability experiments: from a name to data set and standardization."""

# The study is older than this table, and its files keep the names of its conditions.
_CURES = {"a tenth of the step size": "a tenth of the step size, neuron only"}


def explosion_table(rows: Sequence[Row]) -> Table:
    """Return how many runs behind Tables 1 to 3 spike and diverge, at the step sizes that both arms have.

    Parameters
    ----------
    rows : sequence of dict
        All runs; see `enlib.replication.read_rows`.
    """
    lines = []
    for problem in problems(tuned(rows), {}):
        pairs = twins([r for r in tuned(rows) if r["problem"] == problem], "exponential", False, True)
        if not pairs:
            continue
        sides = [list({id(row): row for row in side}.values()) for side in zip(*pairs, strict=True)]
        shares = {
            (event, arm): share(side, event) for event in EVENTS for arm, side in zip((0, 1), sides, strict=True)
        }
        lines.append((problem, shares, by_seed(pairs, "diverges")))
    p = [float(value) for value in holm([signed_rank(seeds).p for _, _, seeds in lines])] if lines else []
    shown = [
        {"problem": label(problem), "seeds": f"{len(seeds)}"}
        | {f"{event}, {('without', 'with')[arm]}": percent(part) for (event, arm), part in shares.items()}
        | {"p": f"{value:.2g}"}
        for (problem, shares, seeds), value in zip(lines, p, strict=True)
    ]
    numbers = [
        {"problem": problem, "p_holm": float(value)}
        | {f"{event}_{arm}": s.share for (event, arm), s in shares.items()}
        for (problem, shares, _), value in zip(lines, p, strict=True)
    ]
    notes = (
        "Share of runs in % [95 % interval by Wilson, which takes runs for independent].",
        "p: signed-rank test of the divergences of each seed, with minus without, adjusted by Holm.",
    )
    return Table("explosions", "Runs of Tables 1 to 3 that spike and that diverge", shown, numbers, notes)


def moment_table(rows: Sequence[Row]) -> Table:
    """Return, by step size, how many runs with the neuron explode, and in which part of training they first spike."""
    neuron = [row for row in tuned(rows) if row["exponential"]]
    shown, numbers = [], []
    for lr in sorted({row["lr"] for row in neuron}):
        runs = [row for row in neuron if row["lr"] == lr]
        at = np.array([moment(row, "spikes") for row in runs])
        parts = {
            "first tenth": int((at < 0.1).sum()),
            "first half, rest": int(((at >= 0.1) & (at < 0.5)).sum()),
            "second half": int((at >= 0.5).sum()),
        }
        rates = {f"{event[:-1]} in %": percent(share(runs, event)) for event in EVENTS}
        shown.append(
            {"step size": f"{lr:g}", "runs": f"{len(runs)}", **rates} | {name: f"{n}" for name, n in parts.items()}
        )
        numbers.append({"lr": lr, "runs": len(runs), **parts})
    title = "With the neuron: how many runs explode, and in which part of training they first spike"
    return Table("moments", title, shown, numbers)


def trained_noise_table(rows: Sequence[Row]) -> Table:
    """Return what noise does to the networks with the neuron that ended without a training error."""
    shown, numbers = [], []
    for name, (data, standardize) in INPUTS.items():
        noised = [
            row for row in rows
            if (row["measure"], row["data"], row["standardize"]) == ("noise", data, standardize)
            and not math.isnan(row["noise_neuron"])
        ]  # fmt: skip
        runs = [row for row in noised if row["train_errors"] == 0]
        factors = {place: _median([row[f"noise_{place}"] for row in runs]) for place in ("neuron", "unit", "layer")}
        loss = _median([row["train_loss"] * row["noise_neuron"] for row in runs])
        headings = ("exponential neuron", "one sigmoid unit", "layer of 50")
        shown.append(
            {"inputs": name, "without an error": f"{len(runs)} of {len(noised)}"}
            | {h: f"{f:.3g}" if runs else "-" for h, f in zip(headings, factors.values(), strict=True)}
            | {"loss, neuron noisy": f"{loss:.1g}" if runs else "-"}
        )
        numbers.append({"inputs": name, "runs": len(runs), **factors, "loss": loss})
    title = "Networks without a training error: median factor of the noise, and loss with it"
    return Table("trained_noise", title, shown, numbers)


def standardization_table(rows: Sequence[Row]) -> Table:
    """Return what standardized inputs change, with the neuron, in pairs of the stability experiments."""
    neuron = [row for row in rows if row["measure"] == "noise" and row["exponential"]]
    shown, numbers = [], []
    for data in ("spheres", "gaussians"):
        for standardize in ("global", "feature"):
            pairs = twins([row for row in neuron if row["data"] == data], "standardize", "none", standardize)
            clean = [sum(row["train_errors"] == 0 for row in side) for side in zip(*pairs, strict=True)]
            for event in EVENTS if pairs else ():
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


def cure_table(trials: Sequence[Row], lr: float, *, plain: str = "with the neuron") -> Table:
    """Return which seeds each cure of `enlib.replication.studies` saves, and which it harms.

    Parameters
    ----------
    trials : sequence of dict
        The rows of ``cures.csv``. Who has spiked is what `enlib.tables.counting.happened` says.
    lr : float
        Step size.
    plain : str
        The condition to compare with.
    """
    spiked: dict[str, dict[int, bool]] = {}
    for trial in trials:
        if trial["lr"] == lr:
            spiked.setdefault(str(trial["condition"]), {})[int(trial["seed"])] = happened(trial, "spikes")
    shown, numbers, p = [], [], []
    for name in [name for name in spiked if name != plain]:
        both = [(spiked[plain][seed], now) for seed, now in spiked[name].items()]
        saved, new = both.count((True, False)), both.count((False, True))
        ill = sum(before for before, _ in both)
        left = wilson(sum(now for _, now in both), len(both))
        parts = [
            f"{n} of {of}: {percent(wilson(n, of))}" if of else "none"
            for n, of in ((saved, ill), (new, len(both) - ill))
        ]
        shown.append(
            {"cure": _CURES.get(name, name), "saved": parts[0], "newly ill": parts[1], "spike in %": percent(left)}
        )
        p.append(mcnemar(saved, new).p)
        numbers.append({"cure": name, "saved": saved, "new": new, "left": left.successes, "p": p[-1]})
    for row, line, value in zip(shown, numbers, holm(p), strict=True):
        row["p"], line["p_holm"] = f"{value:.2g}", float(value)
    notes = ("In % [95 % interval by Wilson]. p: McNemar's exact test, adjusted by Holm over this table.",)
    return Table("cures", f"Cures against the plain neuron, step size {lr:g}", shown, numbers, notes)


def _median(values: Sequence[float]) -> float:
    return float(np.median(values)) if len(values) else math.nan
