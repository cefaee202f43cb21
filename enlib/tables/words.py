"""What a table calls its problems, and what it says of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def finding(line: Mapping[str, Any], level: float = 0.05) -> str:
    """Return what a line of one of the three tables says of the neuron: one word.

    Parameters
    ----------
    line : dict
        From ``numbers`` of a table.
    level : float
        Of the paired test, after Holm's adjustment, and of the test of equivalence.

    Returns
    -------
    str
        ``"equivalent"`` where the difference is shown to be within the margin; else ``"better"`` or ``"worse"``
        where the paired test finds one; else ``"undecided"``: neither a difference nor its absence is shown.
    """
    if line["p_equivalence"] <= level:
        return "equivalent"
    if not line["p_holm"] <= level:
        return "undecided"
    return "worse" if line["direction"] > 0 else "better"


def label(problem: str) -> str:
    """Return a problem's name for a table.

    Examples
    --------
    >>> label("spheres-1.01-10000"), label("gaussians-0.1-15000"), label("mnist-1v7")
    ('spheres 1/1.01, n = 10000', 'Gaussians 0.1, n = 15000', 'MNIST, 1 and 7')
    """
    images = {"mnist-1v7": "MNIST, 1 and 7", "cifar10-0v1": "CIFAR-10, 0 and 1", "digits-1v7": "digits, 1 and 7"}
    if problem in images:
        return images[problem]
    kind, number, size, *how = problem.split("-")
    name = f"spheres 1/{number}" if kind == "spheres" else f"Gaussians {number}"
    return ", ".join([f"{name}, n = {size}", *how])
