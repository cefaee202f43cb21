"""What a training run leaves behind."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Status = Literal["converged", "capped", "diverged"]


@dataclass(frozen=True, eq=False)
class History:
    r"""The course of one run.

    Arrays by evaluation have one entry before the first update and one after each evaluated epoch.

    Parameters
    ----------
    status : {"converged", "capped", "diverged"}
        Zero training errors were reached; or the cap of epochs came first; or the loss passed all bounds.
    cause : str
        What diverged; empty otherwise.
    diverged_at : float
        The update at which it did; NaN otherwise.
    exponent_at_end : float
        Largest exponent that the exponential neuron has seen in training, to the very end; NaN without one.
    epoch, update : array
        When each evaluation took place.
    train_loss, validation_loss : array
        The data term of the loss over the whole split, in the reduction that was trained on.
    train_errors, validation_errors : array
        Samples without a positive margin.
    penalty : array
        :math:`\lambda a^2/2`.
    learning_rate : array
        Step size of the first parameter group.
    largest_exponent : array
        Largest exponent that the neuron has seen in training so far; NaN without one, or before the first.
    batch_loss : array
        The objective (batch loss plus penalty), one entry per update.
    """

    status: Status
    cause: str
    diverged_at: float
    exponent_at_end: float
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

    @property
    def epochs_to_zero_errors(self) -> float:
        """The first evaluated epoch without a training error; NaN if there is none."""
        return self._first(self.epoch)

    @property
    def updates_to_zero_errors(self) -> float:
        """The updates made by then; NaN if there is no such epoch."""
        return self._first(self.update)

    def _first(self, when: Array) -> float:
        clean = when[self.train_errors == 0]
        return float(clean[0]) if len(clean) else math.nan
