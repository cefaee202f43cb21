"""Train many small networks on one data set, all at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from enlib import _tools
from enlib._tools import generator, hide_progress, resolve_device
from enlib.datasets import Dataset, Split
from enlib.models import WithExponentialNeuron
from enlib.training.evaluation import batches
from enlib.training.history import History
from enlib.training.optimizers import SCHEDULES
from enlib.training.stacked.block import Block
from enlib.training.stacked.network import check_alike, with_ones

# Parameters, derivatives and moments of that many networks stay in the cache.
BLOCK = 32


def fit_stacked(
    models: Sequence[nn.Module],
    data: Dataset,
    *,
    seed: int,
    lr: float | Sequence[float],
    optimizer: str = "adam",
    momentum: float = 0.9,
    neuron_lr: float | Sequence[float | None] | None = None,
    lam: float | Sequence[float] = 0.0,
    schedule: str | Sequence[str] = "constant",
    power: float = 3,
    batch_size: int | None = 100,
    epochs: int = 100,
    stop_at_zero_errors: bool = True,
    evaluate_every: int = 1,
    validate: bool = True,
    divergence_threshold: float = 1e6,
    device: str | torch.device = "auto",
    progress: bool | None = None,
) -> list[History]:
    r"""Train many networks that share data and batches, with the results of `enlib.fit` on each of them.

    The first layers of all networks see the same batch, and are one matrix product; a network that is done, or
    diverges, leaves the others at once. In float64 the parameters agree with those of `fit` to rounding; in float32
    the rounding differs, and with it, now and then, the epoch of the last error by one.

    Parameters
    ----------
    models : sequence of nn.Module
        From `enlib.mlp` with at least one hidden layer, of one shape, bare or in `WithExponentialNeuron`. Trained in
        place, and moved to the device.
    data : Dataset
        Its test split is not looked at.
    seed : int
        Of the batch order, as in `fit`.
    lr, neuron_lr, lam, schedule
        One for all models, or one for each: step size, that of the exponential neuron (None: the same), weight of
        the penalty, ``"constant"`` or ``"cosine"`` over all updates. See `make_optimizer` and `make_schedule`. A
        model without the neuron has neither a ``neuron_lr`` nor a ``lam`` other than zero.
    optimizer : {"adam", "sgd", "momentum"}
    momentum : float
        For ``"momentum"``.
    power : float
        Of the polynomial hinge loss.
    validate : bool
        Whether to evaluate the validation split too; without, its columns are NaN.
    batch_size, epochs, stop_at_zero_errors, evaluate_every, divergence_threshold, device, progress
        As in `fit`.

    Returns
    -------
    list of History
        One for each model.

    Raises
    ------
    ValueError
        If an argument is out of range, there is not one for each model, or the models cannot be stacked.

    Examples
    --------
    >>> from enlib import datasets, mlp
    >>> data = datasets.load("digits-1v7", seed=0)
    >>> models = [mlp((64, 50, 25, 1), seed=0) for _ in range(3)]
    >>> histories = fit_stacked(models, data, seed=0, lr=[0.005, 0.01, 0.02])
    >>> [history.status for history in histories]
    ['converged', 'converged', 'converged']
    """
    _tools.count("epochs", epochs)
    _tools.count("evaluate_every", evaluate_every)
    _tools.count("batch_size", 1 if batch_size is None else batch_size)
    _tools.positive("divergence_threshold", divergence_threshold)
    if not power >= 1:
        raise ValueError(f"expected power >= 1, got {power}: the theorem needs at least 3")
    if not isinstance(data, Dataset):
        raise ValueError(f"expected a Dataset, got {type(data).__name__}: see enlib.datasets.load")
    if len({id(model) for model in models}) != len(models) or not models:
        raise ValueError("expected at least one model, each once: build one for each run")
    if not 0 <= momentum < 1:
        raise ValueError(f"expected momentum in [0, 1), got {momentum}: 0.9 is usual")
    features = check_alike(models)[0][0].in_features
    if features != data.in_features:
        raise ValueError(
            f"expected networks for {data.in_features} numbers a sample, got some for {features}: "
            "build them for this data, as enlib.make_model does"
        )
    settings = _settings(models, lr=lr, neuron_lr=neuron_lr, lam=lam, schedule=schedule)
    dtype = next(models[0].parameters()).dtype
    where = resolve_device(device, dtype)
    for model in models:
        model.to(where)
    data = data.to(where, dtype)
    names = ("train", "validation") if validate else ("train",)
    splits = {name: Split(with_ones(data.splits[name].inputs), data.splits[name].targets) for name in names}
    updates = epochs * (1 if batch_size is None else math.ceil(len(data.train) / batch_size))
    blocks = [
        Block(
            models[start : start + BLOCK],
            {name: values[start : start + BLOCK] for name, values in settings.items()},
            optimizer=optimizer,
            momentum=momentum,
            power=power,
            updates=updates,
            divergence_threshold=divergence_threshold,
        )
        for start in range(0, len(models), BLOCK)
    ]
    order = generator(seed, "batch order")
    with torch.no_grad(), tqdm(total=updates, unit="update", disable=hide_progress(progress)) as bar:
        for block in blocks:
            block.look(0, splits, stop_at_zero_errors=stop_at_zero_errors)
        for epoch in range(1, epochs + 1):
            if not any(len(block) for block in blocks):
                break
            for inputs, targets in batches(splits["train"], batch_size, order):
                for block in blocks:
                    block.step(inputs, targets)
                bar.update()
            if epoch % evaluate_every == 0 or epoch == epochs:
                for block in blocks:
                    block.look(epoch, splits, stop_at_zero_errors=stop_at_zero_errors)
                bar.set_postfix(running=sum(len(block) for block in blocks), refresh=False)
        for block in blocks:
            block.leave(torch.ones(len(block), dtype=torch.bool))
    return [history for block in blocks for history in block.histories()]


def _settings(
    models: Sequence[nn.Module],
    *,
    lr: float | Sequence[float],
    neuron_lr: float | Sequence[float | None] | None,
    lam: float | Sequence[float],
    schedule: str | Sequence[str],
) -> dict[str, Sequence[float | str]]:
    """Return one setting for each model, checked."""
    count = len(models)
    lrs = [_tools.positive("lr", value) for value in _each("lr", lr, count)]
    given = _each("neuron_lr", neuron_lr, count)
    own = [
        value if other is None else _tools.positive("neuron_lr", other)
        for value, other in zip(lrs, given, strict=True)
    ]
    lams = [_tools.non_negative("lam", value) for value in _each("lam", lam, count)]
    schedules = [_tools.known("schedule", name, SCHEDULES) for name in _each("schedule", schedule, count)]
    for model, weight, other in zip(models, lams, given, strict=True):
        if isinstance(model, WithExponentialNeuron):
            continue
        for name, value, neutral in (("lam", weight, 0.0), ("neuron_lr", other, None)):
            if value != neutral:
                raise ValueError(
                    f"expected {name} = {neutral} for a model without the exponential neuron, got {value}: "
                    f"wrap it in WithExponentialNeuron, or give each model a {name} of its own"
                )
    return {"lr": lrs, "neuron_lr": own, "lam": lams, "schedule": schedules}


def _each(name: str, value: Any, count: int) -> list[Any]:
    values = [value] * count if np.ndim(value) == 0 else list(value)
    if len(values) != count:
        raise ValueError(f"expected one {name}, or {count}, one for each model, got {len(values)}: check the lengths")
    return values
