"""A few networks under way together: one step, one look, and leaving when done."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from enlib.datasets import Split
from enlib.training.history import History, Status
from enlib.training.stacked.network import StackedMLP
from enlib.training.stacked.optimizers import StackedOptimizer


class Block:
    """Networks trained in step; those that are done leave, and the others go on without them.

    Parameters
    ----------
    models : sequence of nn.Module
        Trained in place: written back as they leave.
    settings : mapping of str to sequence
        For each model its ``lr``, ``neuron_lr``, ``lam`` and ``schedule``.
    optimizer, momentum, power, divergence_threshold
        As in `fit_stacked`.
    updates : int
        In the whole run.
    """

    def __init__(
        self,
        models: Sequence[nn.Module],
        settings: Mapping[str, Sequence[float | str]],
        *,
        optimizer: str,
        momentum: float,
        power: float,
        updates: int,
        divergence_threshold: float,
    ) -> None:
        self.models, self.power, self.updates, self.threshold = models, power, updates, divergence_threshold
        self.stack = StackedMLP(models)
        self.optimizer = StackedOptimizer(optimizer, self.stack.parameters, momentum=momentum)
        self.lr, self.neuron_lr, self.lam = (
            torch.tensor(settings[name], dtype=torch.float64) for name in ("lr", "neuron_lr", "lam")
        )
        self.cosine = torch.tensor([name == "cosine" for name in settings["schedule"]])
        self.running = np.arange(len(models))
        self.update = 0
        self.rows: list[list[dict[str, float]]] = [[] for _ in models]
        self.batch_loss = np.full((len(models), updates), math.nan)
        self.noted = np.zeros(len(models), dtype=int)
        self.causes = [""] * len(models)
        self.ended_at = np.zeros(len(models))
        self.exponent_at_end = np.full(len(models), math.nan)

    def __len__(self) -> int:
        return len(self.running)

    def step(self, inputs: Tensor, targets: Tensor) -> None:
        """Make one update on one batch; networks that diverge leave before it."""
        if not len(self):
            return
        loss, derivatives = self.stack.gradient(inputs, targets, self.power)
        lam = self.lam.to(loss)
        objective = loss + self._penalty()
        self.batch_loss[self.running, self.update] = objective.cpu().numpy()
        self.noted[self.running] = self.update + 1
        if self._drop_diverged("batch loss", objective):
            # Rare enough to go through the batch again with those that are left.
            return self.step(inputs, targets)
        derivatives[-1] += lam * self.stack.a
        self.optimizer.step(self.stack.parameters, derivatives, self._step_sizes())
        self.update += 1

    def look(self, epoch: int, splits: Mapping[str, Split], *, stop_at_zero_errors: bool) -> None:
        """Evaluate the networks and note what is seen; those that are done or diverged leave."""
        if not len(self):
            return
        seen: dict[str, Tensor] = {}
        for name, split in splits.items():
            margin = split.targets * self.stack(split.inputs)
            seen[f"{name}_errors"] = (~(margin > 0)).sum(dim=1)
            seen[f"{name}_loss"] = (1 - margin).clamp_(min=0).pow_(self.power).mean(dim=1)
        seen["penalty"] = self._penalty()
        seen["learning_rate"] = self.lr * self._factor()
        seen["largest_exponent"] = self._largest_exponent()
        columns = {name: values.tolist() for name, values in seen.items()}
        for place, run in enumerate(self.running):
            row = {name: float(values[place]) for name, values in columns.items()}
            self.rows[run].append({"epoch": float(epoch), "update": float(self.update), **row})
        done = seen["train_errors"] == 0
        if self.update:
            self._drop_diverged("training loss", seen["train_loss"])
            done = done[seen["train_loss"] <= self.threshold]
        if stop_at_zero_errors:
            self.leave(done)

    def leave(self, which: Tensor) -> None:
        """Write networks back into their models, and go on with the others; ``which`` is a mask."""
        if not bool(which.any()):
            return
        exponents = self._largest_exponent()
        for place in which.nonzero().flatten().tolist():
            run = self.running[place]
            self.stack.write(place, self.models[run])
            self.ended_at[run] = self.update
            self.exponent_at_end[run] = float(exponents[place])
        stay = (~which).nonzero().flatten()
        self.stack.keep(stay)
        self.optimizer.keep(stay)
        stay = stay.cpu()
        self.lr, self.neuron_lr, self.lam = self.lr[stay], self.neuron_lr[stay], self.lam[stay]
        self.cosine, self.running = self.cosine[stay], self.running[stay.numpy()]

    def histories(self) -> list[History]:
        """Return what has been noted, one `History` for each model."""
        return [self._history(run) for run in range(len(self.models))]

    def _history(self, run: int) -> History:
        columns = {name: np.array([row.get(name, math.nan) for row in self.rows[run]]) for name in COLUMNS}
        reached = bool((columns["train_errors"] == 0).any())
        status: Status = "diverged" if self.causes[run] else "converged" if reached else "capped"
        return History(
            status,
            self.causes[run],
            self.ended_at[run] if self.causes[run] else math.nan,
            self.exponent_at_end[run],
            batch_loss=self.batch_loss[run, : self.noted[run]].copy(),
            **columns,
        )

    def _penalty(self) -> Tensor:
        return self.lam.to(self.stack.a) * self.stack.a.square() / 2

    def _factor(self) -> Tensor:
        """Return what the schedules make of the step sizes at this update, shape (R,)."""
        cosine = 0.5 * (1 + math.cos(math.pi * min(self.update, self.updates) / self.updates))
        return torch.where(self.cosine, torch.full_like(self.lr, cosine), 1.0)

    def _step_sizes(self) -> list[Tensor]:
        """Return the step sizes of each parameter; in the spare row of the first layer, the neuron's own."""
        factor = self._factor()
        lr, neuron_lr = (factor * self.lr).to(self.stack.a), (factor * self.neuron_lr).to(self.stack.a)
        first, *others = self.stack.layers
        in_first = lr[:, None, None].repeat(1, first.shape[1], 1)
        in_first[:, -1, 0] = neuron_lr
        return [in_first, *[lr[:, None, None]] * len(others), neuron_lr]

    def _largest_exponent(self) -> Tensor:
        seen = self.stack.largest_exponent
        return torch.where((self.stack.exponential == 0) | seen.isneginf(), math.nan, seen)

    def _drop_diverged(self, what: str, values: Tensor) -> bool:
        diverged = ~(values <= self.threshold)
        for place in diverged.nonzero().flatten().tolist():
            value = values[place].item()
            beyond = f"{value:.3g} exceeds {self.threshold:g}" if math.isfinite(value) else f"is {value}"
            self.causes[self.running[place]] = f"{what} {beyond}"
        self.leave(diverged)
        return bool(diverged.any())


COLUMNS = (
    "epoch", "update", "train_loss", "train_errors", "validation_loss", "validation_errors", "penalty",
    "learning_rate", "largest_exponent",
)  # fmt: skip
