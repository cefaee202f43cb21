"""A training run under way: one step, one look, and all that it takes to go on later."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler

from enlib.datasets import Dataset
from enlib.models import WithExponentialNeuron
from enlib.training.evaluation import Loss, evaluate
from enlib.training.history import History, Status


class DivergenceError(Exception):
    """Raised by a step or a look, never out of `fit`: divergence is a result."""


@dataclass(eq=False)
class Run:
    """A run under way; callbacks may look at it.

    Parameters
    ----------
    model, optimizer, schedule
        The real ones: a callback that changes them changes the run.
    data : Dataset
        On the run's device.
    loss, lam, clip_norm, divergence_threshold
        As in `fit`.
    order : torch.Generator
        Shuffles the batches.
    epoch, update : int
        How many are done.
    rows : list of dict
        One for each evaluation so far, with the names of `History`.
    batch_loss : list of float
        The objective of each batch so far, before its update.
    """

    model: nn.Module
    optimizer: torch.optim.Optimizer
    schedule: LRScheduler | None
    data: Dataset
    loss: Loss
    lam: float
    clip_norm: float | None
    divergence_threshold: float
    order: torch.Generator
    epoch: int = 0
    update: int = 0
    rows: list[dict[str, float]] = field(default_factory=list)
    batch_loss: list[float] = field(default_factory=list)

    @property
    def device(self) -> torch.device:
        """Where the run computes."""
        return self.data.train.targets.device

    @property
    def reached_zero_errors(self) -> bool:
        """Whether an evaluation found no training error."""
        return any(row["train_errors"] == 0 for row in self.rows)

    @property
    def largest_exponent(self) -> float:
        """Largest exponent that the exponential neuron has seen in training; NaN without one, or before the first."""
        if not isinstance(self.model, WithExponentialNeuron):
            return math.nan
        seen = float(self.model.neuron.largest_exponent)
        return math.nan if seen == -math.inf else seen

    def penalty(self) -> Tensor | float:
        """Return the penalty on the exponential neuron, 0 for a model without one."""
        penalty: Tensor | float = self.model.penalty(self.lam) if hasattr(self.model, "penalty") else 0.0  # type: ignore[operator]
        return penalty

    def step(self, inputs: Tensor, targets: Tensor) -> None:
        """Make one update on one batch."""
        self.optimizer.zero_grad()
        objective = self.loss(self.model(inputs), targets) + self.penalty()
        self.batch_loss.append(objective.item())
        self._require_bounded("batch loss", self.batch_loss[-1])
        objective.backward()  # type: ignore[no-untyped-call]
        if self.clip_norm is not None:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.clip_norm)
        self.optimizer.step()
        if self.schedule is not None:
            self.schedule.step()
        self.update += 1

    @torch.no_grad()
    def look(self) -> None:
        """Evaluate the model and note what is seen."""
        train = evaluate(self.model, self.data.train, self.loss)
        validation = evaluate(self.model, self.data.validation, self.loss)
        self.rows.append(
            {
                "epoch": self.epoch,
                "update": self.update,
                "train_loss": train.loss,
                "train_errors": train.errors,
                "validation_loss": validation.loss,
                "validation_errors": validation.errors,
                "penalty": float(self.penalty()),
                "learning_rate": float(self.optimizer.param_groups[0]["lr"]),
                "largest_exponent": self.largest_exponent,
            }
        )
        if self.update:  # a start beyond all bounds is for the first step to tell, which also sees the exponent
            self._require_bounded("training loss", train.loss)

    def history(self, status: Status, cause: str = "") -> History:
        """Return what has been noted as a `History`."""
        columns = {name: np.array([row[name] for row in self.rows], dtype=float) for name in self.rows[0]}
        diverged_at = float(self.update) if status == "diverged" else math.nan
        return History(
            status, cause, diverged_at, self.largest_exponent, batch_loss=np.array(self.batch_loss), **columns
        )

    def state_dict(self) -> dict[str, Any]:
        """Return all that it takes to go on from here."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict() if self.schedule else None,
            "order": self.order.get_state(),
            "random": torch.get_rng_state(),
            "random_device": _device_random_state(self.device),
            "epoch": self.epoch,
            "update": self.update,
            "rows": self.rows,
            "batch_loss": self.batch_loss,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to where `state_dict` was called."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.schedule is not None:
            self.schedule.load_state_dict(state["schedule"])
        self.order.set_state(state["order"])
        torch.set_rng_state(state["random"])
        if state["random_device"] is not None and self.device.type == "cuda":
            torch.cuda.set_rng_state(state["random_device"], self.device)
        elif state["random_device"] is not None and self.device.type == "mps":
            torch.mps.set_rng_state(state["random_device"])
        self.epoch, self.update = state["epoch"], state["update"]
        self.rows, self.batch_loss = state["rows"], state["batch_loss"]

    def _require_bounded(self, what: str, value: float) -> None:
        if not math.isfinite(value):
            raise DivergenceError(f"{what} is {value}")
        if value > self.divergence_threshold:
            raise DivergenceError(f"{what} {value:.3g} exceeds {self.divergence_threshold:g}")


def _device_random_state(device: torch.device) -> Tensor | None:
    if device.type == "cuda":
        return torch.cuda.get_rng_state(device)
    return torch.mps.get_rng_state() if device.type == "mps" else None


class Callback:
    """Override what is needed; both methods do nothing by default."""

    def after_update(self, run: Run) -> None:
        """Run after each update."""

    def after_epoch(self, run: Run) -> None:
        """Run after each epoch, once it is evaluated and before it is saved."""
