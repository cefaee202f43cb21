"""The record of a training run, and the definition of divergence."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

# The largest loss that does not count as diverged.
DIVERGENCE_THRESHOLD = 1e6

Array = npt.NDArray[np.float64]
Status = Literal["converged", "capped", "diverged"]

COLUMNS = (
    "epoch", "update", "train_loss", "train_errors", "validation_loss", "validation_errors", "penalty",
    "learning_rate", "largest_exponent",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class History:
    r"""The record of one run.

    Arrays of shape (evaluations,) have one entry before the first update and one for each evaluated epoch.

    Parameters
    ----------
    status : {"converged", "capped", "diverged"}
        Whether the run reached zero training errors, ended at the cap of epochs, or diverged.
    cause : str
        Which loss diverged, and how; empty otherwise.
    diverged_at : float
        Number of updates made before the run diverged; NaN if it did not.
    largest_exponent_seen : float
        Largest exponent of the exponential neuron in training, over the whole run; NaN without a neuron.
    epoch, update : array of shape (evaluations,)
        Number of epochs and of updates before each evaluation.
    train_loss, validation_loss : array of shape (evaluations,)
        The loss over the whole split, without the penalty.
    train_errors, validation_errors : array of shape (evaluations,)
        Number of samples that are classified wrongly.
    penalty : array of shape (evaluations,)
        The penalty :math:`\lambda a^2/2` on the exponential neuron.
    learning_rate : array of shape (evaluations,)
        Learning rate of the first parameter group.
    largest_exponent : array of shape (evaluations,)
        Largest exponent in training before the evaluation; NaN without a neuron, or before the first update.
    batch_loss : array of shape (updates,)
        The objective (batch loss plus penalty) before each update.
    """

    status: Status
    cause: str
    diverged_at: float
    largest_exponent_seen: float
    epoch: Array
    update: Array
    train_loss: Array
    train_errors: Array
    validation_loss: Array
    validation_errors: Array
    penalty: Array
    learning_rate: Array
    largest_exponent: Array
    batch_loss: Array

    @classmethod
    def from_rows(
        cls, rows: list[dict[str, float]], batch_loss: list[float], cause: str, update: int, exponent: float
    ) -> History:
        """Return the history of a finished run.

        Parameters
        ----------
        rows : list of dict
            One for each evaluation, with the names in `COLUMNS`; a missing value becomes NaN.
        batch_loss : list of float
            One for each update.
        cause : str
            Why the run diverged; empty if it did not.
        update : int
            Number of updates made.
        exponent : float
            The `largest_exponent_seen`.
        """
        columns = {name: np.array([row.get(name, math.nan) for row in rows], dtype=float) for name in COLUMNS}
        reached = bool((columns["train_errors"] == 0).any())
        status: Status = "diverged" if cause else "converged" if reached else "capped"
        diverged_at = float(update) if cause else math.nan
        return cls(status, cause, diverged_at, exponent, batch_loss=np.array(batch_loss, dtype=float), **columns)

    @property
    def epochs_to_zero_errors(self) -> float:
        """The first evaluated epoch without a training error; NaN if there is none."""
        return self._first(self.epoch)

    @property
    def updates_to_zero_errors(self) -> float:
        """The number of updates at the first evaluation without a training error; NaN if there is none."""
        return self._first(self.update)

    def _first(self, when: Array) -> float:
        clean = when[self.train_errors == 0]
        return float(clean[0]) if len(clean) else math.nan


def why_diverged(what: str, value: float) -> str:
    """Return why a loss counts as diverged; an empty string if it does not.

    Parameters
    ----------
    what : str
        Which loss it is.
    value : float
        The loss.

    Examples
    --------
    >>> why_diverged("batch loss", 2e6), why_diverged("batch loss", float("nan"))
    ('batch loss 2e+06 exceeds 1e+06', 'batch loss is nan')
    """
    if value <= DIVERGENCE_THRESHOLD:
        return ""
    return f"{what} {value:.3g} exceeds {DIVERGENCE_THRESHOLD:g}" if math.isfinite(value) else f"{what} is {value}"
