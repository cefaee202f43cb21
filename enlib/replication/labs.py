"""The tables of the training labs: runs of other kinds than a `Recipe`, kept by the same journal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from enlib.replication.digits import DigitRun, compute_digits, digit_units
from enlib.replication.journal import Runs
from enlib.replication.recipe import Description
from enlib.replication.runs import Work
from enlib.replication.transfer import Transfer, compute_transfer, transfer_units


@dataclass(frozen=True)
class Lab:
    """What ``replicate --table NAME`` needs to know of a lab.

    Parameters
    ----------
    kind : type
        The `Description` of its runs.
    units : callable
        Maps a profile, ``"quick"`` or ``"laptop"``, to its units; a unit holds the runs that are computed together.
    work : callable
        Maps a unit and a device to the rows of its runs, in their order.
    """

    kind: type[Description]
    units: Callable[[str], Sequence[Runs]]
    work: Work


LABS = {
    "digits": Lab(DigitRun, digit_units, compute_digits),
    "transfer": Lab(Transfer, transfer_units, compute_transfer),
}
