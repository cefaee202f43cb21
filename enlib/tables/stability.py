"""How often training explodes: runs that spike, runs that diverge, and what noise on the weights does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from enlib import statistics
from enlib.tables.counting import happened
from enlib.tables.layout import Table
from enlib.tables.selection import Row

STANDARDIZED = {"none": "as they are", "global": "together", "feature": "one by one"}
"""What the tables call the ways to standardize: not at all, all coordinates by one scale, or each by its own."""


def stability_table(rows: Sequence[Row], *, by: str = "own") -> Table:
    """Return the shares of runs that spike and that diverge, by standardization, schedule and step size.

    Nothing is chosen here: every run counts, so ``by`` has no effect.

    Parameters
    ----------
    rows : sequence of dict
        All runs; those that measured noise are the stability experiments.
    by : str
        As in the other tables.
    """
    cells: dict[tuple[Any, ...], dict[bool, list[Row]]] = {}
    for row in rows:
        if row["measure"] == "noise":
            key = row["data"], row["standardize"], row["schedule"], row["lr"]
            cells.setdefault(key, {False: [], True: []})[row["exponential"]].append(row)
    lines = [_line(key, arms) for key, arms in sorted(cells.items()) if all(arms.values())]
    shown = [
        {
            "problem": line["data"],
            "inputs": STANDARDIZED.get(line["standardize"], line["standardize"]),
            "schedule": line["schedule"],
            "step size": f"{line['lr']:g}",
            "runs": f"{line['runs']}",
            "spiked, without": _share(line, "spiked_without"),
            "with": _share(line, "spiked_with"),
            "diverged, without": _share(line, "diverged_without"),
            "with ": _share(line, "diverged_with"),
        }
        for line in lines
    ]
    there = [row for arms in cells.values() for arm in arms.values() for row in arm]
    what = {
        "n": {row["train"] for row in there},
        "epochs": {row["epochs"] for row in there},
        "lambda": {row["lam"] for row in there if row["exponential"]},
    }
    told = ", ".join(f"{name} = {' or '.join(f'{v:g}' for v in sorted(values))}" for name, values in what.items())
    notes = (
        f"Share of runs in % [95 % interval by Wilson]; {told}.",
        "Spiked: a batch loss above 100 times the smallest before it (which counts as at least 0.01), or diverged.",
        "Diverged: not finite, or above a million.",
    )
    return Table("stability", "Stability. Runs that spike and runs that diverge", shown, lines, notes)


def noise_table(rows: Sequence[Row], *, by: str = "own") -> Table:
    """Return by what noise on some weights multiplies the training loss, where both arms came through training.

    A run without the neuron counts if one with it, of the same problem, setting and seed, did not diverge.

    Parameters
    ----------
    rows, by
        As in `stability_table`.
    """
    lines = []
    survived = {_place(r) for r in rows if r["measure"] == "noise" and r["exponential"] and r["status"] != "diverged"}
    rows = [r for r in rows if _place(r) in survived]
    for data, standardize in sorted({(r["data"], r["standardize"]) for r in rows if r["measure"] == "noise"}):
        chosen = [r for r in rows if (r["measure"], r["data"], r["standardize"]) == ("noise", data, standardize)]
        for name, arm in (("neuron", True), ("unit", True), ("unit", False), ("layer", True), ("layer", False)):
            factors = np.array([r[f"noise_{name}"] for r in chosen if r["exponential"] is arm], dtype=float)
            factors = factors[~np.isnan(factors)]
            if len(factors):
                low, middle, high = np.quantile(factors, [0.25, 0.5, 0.75], method="nearest")
                where = {"neuron": "exponential neuron", "unit": "one sigmoid unit", "layer": "layer of 50"}[name]
                lines.append(
                    {
                        "data": data, "standardize": standardize, "where": where, "exponential": arm,
                        "runs": len(factors), "median": float(middle), "quarter": float(low),
                        "three_quarters": float(high),
                    }
                )  # fmt: skip
    shown = [
        {
            "problem": f"{line['data']}, {STANDARDIZED.get(line['standardize'], line['standardize'])}",
            "noise on": line["where"],
            "network": "with" if line["exponential"] else "without",
            "runs": f"{line['runs']}",
            "loss times [quartiles]": f"{line['median']:.3g} [{line['quarter']:.3g}, {line['three_quarters']:.3g}]",
        }
        for line in lines
    ]
    notes = (
        "Noise: normal, a tenth of the mean absolute weight; median factor of 50 draws for each run.",
        "Settings and seeds in which the run with the neuron did not diverge.",
    )
    return Table("noise", "Noise on the weights. What it multiplies the training loss by", shown, lines, notes)


def _place(row: Row) -> tuple[Any, ...]:
    return row["problem"], row["lr"], row["schedule"], row["seed"]


def _line(key: tuple[Any, ...], arms: dict[bool, list[Row]]) -> dict[str, Any]:
    line = dict(zip(("data", "standardize", "schedule", "lr"), key, strict=True))
    line["runs"] = len(arms[True])
    for name, arm in (("without", arms[False]), ("with", arms[True])):
        counts = {
            "spiked": sum(happened(row, "spikes") for row in arm),
            "diverged": sum(happened(row, "diverges") for row in arm),
        }
        for what, count in counts.items():
            share = statistics.wilson(count, len(arm))
            line |= {
                f"{what}_{name}": share.share,
                f"{what}_{name}_low": share.low,
                f"{what}_{name}_high": share.high,
            }
    return line


def _share(line: dict[str, Any], name: str) -> str:
    return f"{100 * line[name]:.0f} [{100 * line[f'{name}_low']:.0f}, {100 * line[f'{name}_high']:.0f}]"
