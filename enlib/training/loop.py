"""Train one network once, and say honestly how it went."""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import nn
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from tqdm import tqdm

from enlib import _tools
from enlib._tools import generator, hide_progress, resolve_device, stream
from enlib.datasets import Dataset
from enlib.losses import polynomial_hinge
from enlib.training import checkpoint
from enlib.training.evaluation import Loss, batches
from enlib.training.history import History
from enlib.training.run import Callback, DivergenceError, Run


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
    divergence_threshold: float = 1e6,
    device: str | torch.device = "auto",
    progress: bool | None = None,
    callbacks: Sequence[Callback] = (),
    checkpoint_path: str | os.PathLike[str] | None = None,
    resume: bool = False,
) -> History:
    r"""Train a classifier, with or without an exponential neuron.

    Each update descends along the gradient of the objective on one batch,

    .. math:: \frac{1}{|B|} \sum_{i \in B} \ell(y_i, f(x_i)) + \frac{\lambda}{2} a^2 .

    Parameters
    ----------
    model : nn.Module
        Maps (n, ...) to (n,). Trained in place, and moved to the device.
    data : Dataset
        Its test split is not looked at.
    optimizer : Optimizer
        Over parameters of ``model``; see `enlib.make_optimizer`.
    seed : int
        Of the batch order and of dropout: on the CPU, the same seed gives bitwise the same history.
    schedule : LRScheduler, optional
        Stepped after every update; see `enlib.make_schedule`.
    loss : callable
        Of outputs and targets, both of shape (n,); returns a scalar.
    lam : float
        Weight of the penalty; needs a model with ``penalty``, such as `WithExponentialNeuron`.
    batch_size : int or None
        Samples a batch, shuffled every epoch; None for full batch, one update an epoch.
    epochs : int
        The cap.
    clip_norm : float, optional
        Largest norm of the whole gradient.
    stop_at_zero_errors : bool
        Stop after the first evaluation without training errors.
    evaluate_every : int
        Epochs between evaluations.
    divergence_threshold : float
        An objective above this, or not finite, ends the run as diverged.
    device : str or torch.device
        See `enlib._tools.resolve_device`.
    progress : bool, optional
        Show a progress bar; by default on a terminal and not in continuous integration.
    callbacks : sequence of Callback
    checkpoint_path : path, optional
        Saved after every evaluation.
    resume : bool
        Go on from ``checkpoint_path`` if that file exists; the history is then the one of a run never interrupted.

    Returns
    -------
    History

    Raises
    ------
    ValueError
        If an argument is out of range, the optimizer belongs to another model, or the checkpoint to another run.
    FileExistsError
        If ``checkpoint_path`` exists and ``resume`` is not set.

    Examples
    --------
    >>> from enlib import datasets, make_optimizer, mlp
    >>> data = datasets.load("digits-1v7", seed=0)
    >>> model = mlp((64, 50, 25, 1), seed=0)
    >>> history = fit(model, data, optimizer=make_optimizer("adam", model, lr=0.01), seed=0)
    >>> history.status, int(history.train_errors[-1])
    ('converged', 0)
    """
    _tools.count("epochs", epochs)
    _tools.count("evaluate_every", evaluate_every)
    _tools.count("batch_size", 1 if batch_size is None else batch_size)
    _tools.positive("divergence_threshold", divergence_threshold)
    if clip_norm is not None:
        _tools.positive("clip_norm", clip_norm)
    _check_penalty(model, lam)
    _check_optimizer(model, optimizer, schedule)
    if not isinstance(data, Dataset):
        raise ValueError(f"expected a Dataset, got {type(data).__name__}: see enlib.datasets.load")

    dtype = next(model.parameters()).dtype
    where = resolve_device(device, dtype)
    model.to(where).train()
    run = Run(
        model, optimizer, schedule, data.to(where, dtype), loss, lam, clip_norm, divergence_threshold,
        order=generator(seed, "batch order"),
    )  # fmt: skip
    path = None if checkpoint_path is None else Path(checkpoint_path)
    settings = {"seed": seed, "batch_size": batch_size, "epochs": epochs, "evaluate_every": evaluate_every}
    fingerprint = {} if path is None else _fingerprint(run, settings)
    updates = epochs * (1 if batch_size is None else math.ceil(len(data.train) / batch_size))

    with (
        _own_random_state(where, seed),
        tqdm(total=updates, unit="update", disable=hide_progress(progress)) as bar,
    ):
        try:
            if path is not None and path.exists():
                if not resume:
                    raise FileExistsError(
                        f"expected no file at {path}, got one: pass resume=True to go on from it, or name another"
                    )
                run.load_state_dict(checkpoint.load(path, fingerprint))
                bar.update(run.update)
            else:
                run.look()
            while run.epoch < epochs and not (stop_at_zero_errors and run.reached_zero_errors):
                for inputs, targets in batches(run.data.train, batch_size, run.order):
                    run.step(inputs, targets)
                    bar.update()
                    for callback in callbacks:
                        callback.after_update(run)
                run.epoch += 1
                if run.epoch % evaluate_every == 0 or run.epoch == epochs:
                    run.look()
                    bar.set_postfix(errors=f"{run.rows[-1]['train_errors']:.0f}", refresh=False)
                for callback in callbacks:
                    callback.after_epoch(run)
                if path is not None and run.rows[-1]["epoch"] == run.epoch:
                    checkpoint.save(path, {"fingerprint": fingerprint, **run.state_dict()})
        except DivergenceError as divergence:
            return run.history("diverged", str(divergence))
    return run.history("converged" if run.reached_zero_errors else "capped")


def _check_penalty(model: nn.Module, lam: float) -> None:
    if _tools.non_negative("lam", lam) > 0 and not hasattr(model, "penalty"):
        raise ValueError(
            f"expected a model with a penalty for lam={lam}, got {type(model).__name__}: "
            "wrap it in WithExponentialNeuron, or leave lam out"
        )


def _check_optimizer(model: nn.Module, optimizer: torch.optim.Optimizer, schedule: LRScheduler | None) -> None:
    own = {id(parameter) for parameter in model.parameters()}
    if not all(id(parameter) in own for group in optimizer.param_groups for parameter in group["params"]):
        raise ValueError("expected an optimizer over parameters of this model, got others: build it from the model")
    if schedule is not None and schedule.optimizer is not optimizer:
        raise ValueError("expected a schedule of this optimizer, got one of another: build it from this optimizer")
    if isinstance(schedule, ReduceLROnPlateau):
        raise ValueError(
            "expected a schedule that needs nothing but the number of updates, got ReduceLROnPlateau: "
            "lower the step size in a Callback instead"
        )


def _describe(loss: Loss) -> object:
    # The text of a partial holds an address in memory, which is another one in the process that resumes.
    if isinstance(loss, functools.partial):
        return _describe(loss.func), loss.args, loss.keywords
    return getattr(loss, "__qualname__", type(loss).__qualname__)


def _fingerprint(run: Run, settings: Mapping[str, object]) -> dict[str, str]:
    """Describe a run before its first update, so that a checkpoint of another one is not taken for its own."""
    described: dict[str, object] = {
        "model": run.model,
        "dtype": next(run.model.parameters()).dtype,
        "initial weights": checkpoint.digest(run.model.state_dict().values()),
        "data": checkpoint.digest(t for s in (run.data.train, run.data.validation) for t in (s.inputs, s.targets)),
        "loss": _describe(run.loss),
        "lam": run.lam,
        "clip_norm": run.clip_norm,
        "divergence_threshold": run.divergence_threshold,
        "optimizer": type(run.optimizer).__name__,
        "schedule": type(run.schedule).__name__,
        **settings,
    }
    for index, group in enumerate(run.optimizer.param_groups):
        described |= {f"{key} of group {index}": value for key, value in group.items() if key != "params"}
    if run.schedule is not None:
        public = {k: v for k, v in run.schedule.state_dict().items() if not k.startswith("_") and k != "lr_lambdas"}
        described |= {f"{key} of the schedule": value for key, value in public.items()}
    return {name: str(value) for name, value in described.items()}


@contextmanager
def _own_random_state(where: torch.device, seed: int) -> Iterator[None]:
    """Give dropout and its like a random state of the run's own, and leave the caller's as it was."""
    with torch.random.fork_rng(devices=[where] if where.type == "cuda" else []):
        own = stream(seed, "dropout")
        # Not torch.manual_seed, which seeds every device there is, also those whose state is not put back.
        torch.default_generator.manual_seed(own)
        if where.type == "cuda":
            with torch.cuda.device(where):
                torch.cuda.manual_seed(own)
        elif where.type == "mps":
            torch.mps.manual_seed(own)
        yield
