"""Train one network: `fit` is the algorithm, `Run` its state."""

from __future__ import annotations

import functools
import math
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from tqdm import tqdm

from enlib import _tools
from enlib._tools import generator, hide_progress, stream
from enlib.datasets import Dataset
from enlib.losses import polynomial_hinge
from enlib.models import WithExponentialNeuron
from enlib.training.checkpoint import Checkpoint, digest
from enlib.training.evaluation import Loss, batches, evaluate
from enlib.training.history import History, why_diverged
from enlib.training.settings import Settings, check_type, move, penalty_weight


def fit(
    model: nn.Module,
    data: Dataset,
    *,
    optimizer: torch.optim.Optimizer,
    seed: int,
    schedule: LRScheduler | None = None,
    loss: Loss = polynomial_hinge,
    lam: float = 0.0,
    batch_size: int | None = 100,
    epochs: int = 100,
    clip_norm: float | None = None,
    stop_at_zero_errors: bool = True,
    evaluate_every: int = 1,
    device: str | torch.device = "auto",
    progress: bool | None = None,
    callbacks: Sequence[Callback] = (),
    checkpoint_path: str | os.PathLike[str] | None = None,
    resume: bool = False,
) -> History:
    r"""Return the history of training a classifier, with or without an exponential neuron.

    Each update descends along the gradient of the objective on one batch,

    .. math:: \frac{1}{|B|} \sum_{i \in B} \ell(y_i, f(x_i)) + \frac{\lambda}{2} a^2 .

    An objective, or a loss of the training split, that exceeds a million or is not finite ends the run as diverged.

    Parameters
    ----------
    model : nn.Module
        Maps inputs of shape (n, ...) to outputs of shape (n,). It is trained in place, on the device.
    data : Dataset
        The training split is learned, the validation split evaluated, the test split not used.
    optimizer : Optimizer
        Over parameters of ``model``; see `enlib.make_optimizer`.
    seed : int
        Seed of the batch order and of dropout. On the CPU the same seed gives the same history to the last bit.
    schedule : LRScheduler, optional
        Stepped after every update; see `enlib.make_schedule`.
    loss : callable
        Maps outputs and targets, both of shape (n,), to a scalar.
    lam : float
        Weight :math:`\lambda` of the penalty on the amplitude a of a `WithExponentialNeuron`; 0 for other models.
    batch_size : int or None
        Number of samples per batch, shuffled every epoch; None for the full batch, one update per epoch.
    epochs : int
        Largest number of epochs, the cap.
    clip_norm : float, optional
        Largest norm of the gradient; a larger gradient is scaled down to it.
    stop_at_zero_errors : bool
        Whether to stop after the first evaluation without training errors.
    evaluate_every : int
        Number of epochs between evaluations.
    device : str or torch.device
        Where to train; see `enlib._tools.resolve_device`.
    progress : bool, optional
        Whether to show a progress bar; by default on a terminal, except in continuous integration.
    callbacks : sequence of Callback
        Called after each update and each epoch.
    checkpoint_path : path, optional
        File in which the run is saved, at its start and after every evaluation.
    resume : bool
        Whether to resume from ``checkpoint_path`` if that file exists; the history is then that of a run that was
        never interrupted.

    Returns
    -------
    History

    Raises
    ------
    ValueError
        If an argument is out of range, the optimizer belongs to another model, or the checkpoint to another run.
    TypeError
        If an argument has the wrong type.
    FileExistsError
        If ``checkpoint_path`` exists and ``resume`` is not set.
    OSError
        If the checkpoint cannot be written.

    Examples
    --------
    >>> from enlib import datasets, make_optimizer, mlp
    >>> data = datasets.load("digits-1v7", seed=0)
    >>> model = mlp((64, 50, 25, 1), seed=0)
    >>> history = fit(model, data, optimizer=make_optimizer("adam", model, lr=0.01), seed=0)
    >>> history.status, int(history.train_errors[-1])
    ('converged', 0)
    """
    settings = Settings(seed, batch_size, epochs, evaluate_every, stop_at_zero_errors)
    clip_norm = None if clip_norm is None else _tools.positive("clip_norm", clip_norm)
    data = move([model], data, device)
    lam = penalty_weight(model, lam)
    order = generator(settings.seed, "batch order")
    run = Run(model.train(), data, optimizer, schedule, loss, lam, settings, order)
    _check_parts(run, callbacks)
    saved = None if checkpoint_path is None else Checkpoint(checkpoint_path, _fingerprint(run, clip_norm))
    state = saved.load(resume=resume) if saved else None

    with (
        _own_random_state(run.device, settings.seed),
        tqdm(total=settings.updates(data), unit="update", disable=hide_progress(progress)) as bar,
    ):
        try:
            if state is None:
                run.evaluate()
            else:
                run.load_state_dict(state)
                bar.update(run.update)
            if saved and not run.finished:
                saved.save(run.state_dict())  # so that an unwritable folder is noticed before an epoch is lost
            while not run.finished:
                for inputs, targets in batches(run.data.train, settings.batch_size, run.order):
                    optimizer.zero_grad()
                    objective = loss(model(inputs), targets) + run.penalty()
                    run.record(objective.item())
                    objective.backward()  # type: ignore[no-untyped-call]
                    if clip_norm is not None:
                        nn.utils.clip_grad_norm_(model.parameters(), clip_norm)
                    optimizer.step()
                    if schedule is not None:
                        schedule.step()
                    run.update += 1
                    bar.update()
                    for callback in callbacks:
                        callback.after_update(run)
                run.epoch += 1
                if settings.evaluation_due(run.epoch):
                    run.evaluate()
                    bar.set_postfix(errors=f"{run.rows[-1]['train_errors']:.0f}", refresh=False)
                for callback in callbacks:
                    callback.after_epoch(run)
                if saved and settings.evaluation_due(run.epoch):
                    saved.save(run.state_dict())
        except _DivergedError as diverged:
            return run.history(cause=str(diverged))
    return run.history()


class Callback:
    """Base class of callbacks. Override one method or both; by default they do nothing."""

    def after_update(self, run: Run) -> None:
        """Act after each update."""

    def after_epoch(self, run: Run) -> None:
        """Act after each epoch, after its evaluation and before the checkpoint."""


class _DivergedError(Exception):
    """Raised by a run whose loss diverges, and caught in `fit`, because divergence is a result."""


@dataclass(eq=False)
class Run:
    """A run in progress, as callbacks see it.

    Parameters
    ----------
    model, optimizer, schedule
        The run's own objects: a callback that changes them changes the run.
    data : Dataset
        On the run's device.
    loss : callable
        As in `fit`.
    lam : float
        As in `fit`.
    settings : Settings
        ``seed``, ``batch_size``, ``epochs``, ``evaluate_every`` and ``stop_at_zero_errors``, as in `fit`.
    order : torch.Generator
        Shuffles the samples.
    epoch, update : int
        Number of completed epochs and updates.
    rows : list of dict
        One for each evaluation so far, with the names of the arrays in `History`.
    batch_loss : list of float
        The objective of each batch so far, before its update.
    """

    model: nn.Module
    data: Dataset
    optimizer: torch.optim.Optimizer
    schedule: LRScheduler | None
    loss: Loss
    lam: float
    settings: Settings
    order: torch.Generator
    epoch: int = 0
    update: int = 0
    rows: list[dict[str, float]] = field(default_factory=list)
    batch_loss: list[float] = field(default_factory=list)

    @property
    def device(self) -> torch.device:
        """The device on which the run computes."""
        return self.data.train.targets.device

    @property
    def finished(self) -> bool:
        """Whether the run has reached its last epoch, or zero training errors if it stops there."""
        reached = any(row["train_errors"] == 0 for row in self.rows)
        return self.epoch >= self.settings.epochs or (self.settings.stop_at_zero_errors and reached)

    @property
    def largest_exponent(self) -> float:
        """Largest exponent in training so far; NaN without an exponential neuron, or before the first update."""
        if not isinstance(self.model, WithExponentialNeuron):
            return math.nan
        seen = float(self.model.neuron.largest_exponent)
        return math.nan if seen == -math.inf else seen

    def penalty(self) -> Tensor | float:
        """Return the penalty on the exponential neuron, a tensor of shape (); 0.0 for a model without one."""
        return self.model.penalty(self.lam) if isinstance(self.model, WithExponentialNeuron) else 0.0

    def record(self, objective: float) -> None:
        """Record the objective of a batch, and end the run if it diverged."""
        self.batch_loss.append(objective)
        self._end_if_diverged("batch loss", objective)

    @torch.no_grad()
    def evaluate(self) -> None:
        """Evaluate the model, record the result, and end the run if the training loss diverged."""
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
        if self.update:  # a loss that is infinite from the start ends the run at the first batch, after its exponent
            self._end_if_diverged("training loss", train.loss)

    def history(self, cause: str = "") -> History:
        """Return the record of the run; ``cause`` says why it diverged."""
        return History.from_rows(self.rows, self.batch_loss, cause, self.update, self.largest_exponent)

    def state_dict(self) -> dict[str, Any]:
        """Return the state from which the run can be resumed."""
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
        """Restore the state that `state_dict` returned."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.schedule is not None:
            self.schedule.load_state_dict(state["schedule"])
        self.order.set_state(state["order"])
        torch.set_rng_state(state["random"])
        on_device = state["random_device"]
        if on_device is not None and self.device.type == "cuda":
            torch.cuda.set_rng_state(on_device, self.device)
        elif on_device is not None and self.device.type == "mps":
            torch.mps.set_rng_state(on_device)
        self.epoch, self.update = state["epoch"], state["update"]
        self.rows, self.batch_loss = state["rows"], state["batch_loss"]

    def _end_if_diverged(self, what: str, value: float) -> None:
        if cause := why_diverged(what, value):
            raise _DivergedError(cause)


def _device_random_state(device: torch.device) -> Tensor | None:
    if device.type == "cuda":
        return torch.cuda.get_rng_state(device)
    return torch.mps.get_rng_state() if device.type == "mps" else None


@contextmanager
def _own_random_state(device: torch.device, seed: int) -> Iterator[None]:
    """Seed the random state that dropout uses, and restore the caller's afterwards."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        own = stream(seed, "dropout")
        # Not torch.manual_seed, which also seeds the devices whose state is not restored.
        torch.default_generator.manual_seed(own)
        if device.type == "cuda":
            with torch.cuda.device(device):
                torch.cuda.manual_seed(own)
        elif device.type == "mps":
            torch.mps.manual_seed(own)
        yield


def _check_parts(run: Run, callbacks: Sequence[Callback]) -> None:
    """Raise unless the parts of a run have the right types and belong together."""
    model, optimizer, schedule = run.model, run.optimizer, run.schedule
    check_type(callbacks, Sequence, "a list of callbacks", "pass [callback] for a single one")
    for callback in callbacks:
        check_type(callback, Callback, "a Callback", "pass instances of its subclasses")
    check_type(optimizer, torch.optim.Optimizer, "an optimizer", "build one with make_optimizer")
    own = {id(parameter) for parameter in model.parameters()}
    if not all(id(parameter) in own for group in optimizer.param_groups for parameter in group["params"]):
        raise ValueError("expected an optimizer over parameters of this model, got others: build it from the model")
    if schedule is None:
        return
    check_type(schedule, LRScheduler, "a schedule", "build one with make_schedule")
    if schedule.optimizer is not optimizer:
        raise ValueError("expected a schedule of this optimizer, got one of another: build it from this optimizer")
    if isinstance(schedule, ReduceLROnPlateau):
        raise ValueError(
            "expected a schedule that depends on the number of updates alone, got ReduceLROnPlateau: "
            "lower the learning rate in a Callback instead"
        )


def _fingerprint(run: Run, clip_norm: float | None) -> dict[str, str]:
    """Return a description of a run before its first update, which identifies its checkpoint."""
    described: dict[str, object] = {
        "enlib": sys.modules["enlib"].__version__,
        "torch": torch.__version__,
        "model": run.model,
        "dtype": next(run.model.parameters()).dtype,
        "initial weights": digest(run.model.state_dict().values()),
        "data": digest(t for s in (run.data.train, run.data.validation) for t in (s.inputs, s.targets)),
        "loss": _describe(run.loss),
        "lam": run.lam,
        "clip_norm": clip_norm,
        "optimizer": type(run.optimizer).__name__,
        "schedule": type(run.schedule).__name__,
        **vars(run.settings),
    }
    del described["stop_at_zero_errors"]  # a run that stopped at zero errors may be resumed without stopping
    for index, group in enumerate(run.optimizer.param_groups):
        described |= {f"{key} of group {index}": value for key, value in group.items() if key != "params"}
    if run.schedule is not None:
        public = {key: value for key, value in run.schedule.state_dict().items() if not key.startswith("_")}
        described |= {f"{key} of the schedule": value for key, value in public.items()}
    return {name: str(value) for name, value in described.items()}


def _describe(loss: Loss) -> object:
    # The text of a partial contains a memory address, which differs in the process that resumes the run.
    if isinstance(loss, functools.partial):
        return _describe(loss.func), loss.args, loss.keywords
    return getattr(loss, "__qualname__", type(loss).__qualname__)
