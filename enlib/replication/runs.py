"""From recipes to rows: one function that trains a recipe, and what is kept of the run."""

from __future__ import annotations

import base64
import functools
import hashlib
import itertools
import math
import threading
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from tqdm import tqdm

from enlib import _tools
from enlib.datasets import Dataset, Split, load
from enlib.losses import LOSSES, wrong
from enlib.models import WithExponentialNeuron, fast_form, loss_under_noise, make_model, mlp
from enlib.replication.experiments import Unit, units
from enlib.replication.journal import Journal, Runs
from enlib.replication.machine import Machine, describe
from enlib.replication.recipe import Recipe
from enlib.replication.tidy import Row
from enlib.training import (
    History,
    LearningRateCut,
    SignWatch,
    SpikeWatch,
    evaluate,
    first_crossing,
    first_spike,
    fit,
    fit_stacked,
    make_optimizer,
    make_schedule,
    stability_limit,
)

Work = Callable[[Any, str], list[Row]]


@dataclass(frozen=True)
class Trained:
    """A trained network, its data, and the course of its training; ``trace`` is what a watched run measured.

    ``sign_changes`` are the updates in which the neuron's amplitude changed its sign.
    """

    model: nn.Module
    data: Dataset
    history: History
    trace: list[dict[str, float]]
    sign_changes: Sequence[int] = ()


def train(recipe: Recipe, *, device: str | torch.device = "cpu", data: Dataset | None = None, **more: Any) -> Trained:
    """Return the network, data and history of a recipe that is trained by itself.

    Parameters
    ----------
    recipe : Recipe
        One that is not stacked.
    device : str or torch.device
        See `enlib._tools.resolve_device`.
    data : Dataset, optional
        The recipe's data, if they are already loaded.
    **more
        Passed to `enlib.fit`: checkpoints, progress, callbacks, ``stop_at_zero_errors``.

    Examples
    --------
    >>> recipe = Recipe(data="digits-1v7", model="fc1", lr=0.01, epochs=20, seed=0, stacked=False)
    >>> train(recipe, progress=False).history.status
    'converged'
    """
    if recipe.model == "fc1" and recipe.stacked:
        raise ValueError("expected a recipe with stacked=False, got a stacked one: use compute")
    data = _load(recipe) if data is None else data
    dtype: torch.dtype = getattr(torch, recipe.dtype)
    model = _network(recipe, data).to(dtype)
    where = _tools.resolve_device(device, dtype)
    # The large networks have a form that a CPU computes several times faster, and gain from one fused update.
    large = recipe.model != "fc1"
    trained = fast_form(model) if large and where.type == "cpu" and dtype == torch.float32 else model
    optimizer = make_optimizer(
        recipe.optimizer,
        trained,
        lr=recipe.lr,
        neuron_lr=recipe.neuron_lr,
        fused=large and recipe.optimizer == "adam",
    )
    updates = recipe.epochs * math.ceil(len(data.train) / (recipe.batch_size or len(data.train)))
    watch = [SpikeWatch(recipe.watch, limit=stability_limit(recipe.optimizer))] if recipe.watch else []
    cut = [LearningRateCut(recipe.cut, recipe.cut_at or watch[0])] if recipe.cut else []
    signs = [SignWatch()] if recipe.exponential and not large else []
    history = fit(
        trained,
        data,
        optimizer=optimizer,
        schedule=make_schedule(recipe.schedule, optimizer, updates=updates),
        loss=LOSSES[recipe.loss],
        lam=recipe.lam,
        clip_norm=recipe.clip_norm,
        seed=_order(recipe),
        batch_size=recipe.batch_size,
        epochs=recipe.epochs,
        device=where,
        callbacks=[*watch, *cut, *signs, *more.pop("callbacks", ())],
        **more,
    )
    # A measurement follows its update: the loss beside it is that of the next batch.
    trace = [
        {**row, "batch_loss": float(history.batch_loss[int(row["update"])])}
        for row in (watch[0].rows if watch else ())
        if row["update"] < len(history.batch_loss)
    ]
    return Trained(model, data, history, trace, signs[0].updates if signs else ())


def compute(unit: Unit, device: str = "cpu") -> list[Row]:
    """Return the rows of all runs of a unit, in its order; the row of a watched run has a ``trace``.

    Parameters
    ----------
    unit : tuple of Recipe
        See `units`.
    device : str
        See `enlib._tools.resolve_device`.
    """
    if len(units(unit)) != 1:
        raise ValueError(f"expected recipes that are computed together, got {len(units(unit))} units: see units")
    first = unit[0]
    if first.model != "fc1" or not first.stacked:
        alone = (
            train(recipe, device=device, data=_load(recipe), stop_at_zero_errors=False, progress=False)
            for recipe in unit
        )
        return [_row(recipe, trained) for recipe, trained in zip(unit, alone, strict=True)]
    data = _load(first)
    models = [_network(recipe, data) for recipe in unit]
    histories = fit_stacked(
        models,
        data,
        seed=_order(first),
        optimizer=first.optimizer,
        lr=[recipe.lr for recipe in unit],
        neuron_lr=[recipe.neuron_lr for recipe in unit],
        lam=[recipe.lam for recipe in unit],
        schedule=[recipe.schedule for recipe in unit],
        batch_size=first.batch_size,
        epochs=first.epochs,
        stop_at_zero_errors=False,
        validate=False,
        device=device,
        progress=False,
    )
    return [
        _row(recipe, Trained(model, data, history, []))
        for recipe, model, history in zip(unit, models, histories, strict=True)
    ]


@dataclass(frozen=True)
class Made:
    """What became of a unit, and the machine that it ran on.

    ``rows`` holds its rows; it is empty if the unit was finished already, and None if another process has claimed it.
    """

    unit: Runs
    rows: list[Row] | None
    machine: Machine


def make(
    unit: Runs,
    *,
    journal: Journal | None = None,
    device: str = "cpu",
    work: Work = compute,
) -> Made:
    """Return a unit made with one thread, as a worker does, and keep it in a journal unless it is already there.

    Parameters
    ----------
    unit : tuple of Recipe, or of another Description
    journal : Journal, optional
    device : str
    work : callable
        Makes the rows of a unit.
    """
    torch.set_num_threads(1)
    # Its own lock would be a semaphore between processes, which a process that ends abruptly leaves behind.
    tqdm.set_lock(threading.RLock())
    machine = _machine(device)  # described before the runs: the code may be edited while they are under way
    if journal is None:
        return Made(unit, work(unit, device), machine)
    with journal.claim(unit) as claimed:
        if not claimed:
            return Made(unit, None, machine)
        if journal.path(unit).exists():
            return Made(unit, [], machine)
        rows = work(unit, device)
        journal.keep(unit, rows, machine)
        return Made(unit, rows, machine)


@functools.lru_cache
def _machine(device: str) -> Machine:
    return describe(device)


def _load(recipe: Recipe) -> Dataset:
    # The splits of the images are fixed: one copy serves all seeds.
    seed = 0 if recipe.train is None else recipe.seed
    dtype: torch.dtype = getattr(torch, recipe.dtype)
    return _cached_load(recipe.data, seed, dtype, tuple(recipe.data_options.items()))


@functools.lru_cache(maxsize=2)
def _cached_load(name: str, seed: int, dtype: torch.dtype, options: tuple[tuple[str, Any], ...]) -> Dataset:
    return load(name, seed=seed, dtype=dtype, **dict(options))


def _network(recipe: Recipe, data: Dataset) -> nn.Module:
    if recipe.width == 1:
        model = make_model(recipe.model, data.input_shape, seed=recipe.seed)
    else:
        hidden = (round(50 * recipe.width), round(25 * recipe.width))
        model = mlp((data.in_features, *hidden, 1), seed=recipe.seed)
    if recipe.weight_scale != 1:
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(recipe.weight_scale)
    if not recipe.exponential:
        return model
    return WithExponentialNeuron(
        model, data.in_features, seed=recipe.seed, a=recipe.a, w_std=recipe.w_std, max_exponent=recipe.max_exponent
    )


def _order(recipe: Recipe) -> int:
    """Return the seed of the batch order."""
    return _tools.stream(recipe.seed, f"batch order {recipe.order}") if recipe.order else recipe.seed


def _row(recipe: Recipe, trained: Trained) -> Row:
    """Return the row of a run; losses are means over a split, and a quantity that was never reached is NaN."""
    model, data, history = trained.model, trained.data, trained.history
    row: Row = {
        **recipe.row(),
        "train_size": len(data.train),
        "validation_size": len(data.validation),
        "test_size": len(data.test),
        "status": history.status,
        "cause": history.cause or None,
        "diverged_at": float(history.diverged_at),
        "epochs_to_zero": history.epochs_to_zero_errors,
        "updates_to_zero": history.updates_to_zero_errors,
        "first_spike": first_spike(history.batch_loss),
        "largest_exponent": float(history.largest_exponent_seen),
        "fewest_train_errors": float(history.train_errors.min()),
        "train_errors": float(history.train_errors[-1]),
        "train_loss": float(history.train_loss[-1]),
    }
    parameter = next(model.parameters())
    moved = data.to(parameter.device, parameter.dtype)
    for name in ("validation", "test"):
        seen = evaluate(model, moved.splits[name], LOSSES[recipe.loss])
        row |= {f"{name}_errors": float(seen.errors), f"{name}_loss": seen.loss}
    row["gradient_norm"] = _gradient_norm(recipe, model, moved.train)
    row["test_wrong"] = pack(_wrong(model, moved.test)) if recipe.measure == "test" else None
    measured = recipe.measure == "noise" and history.status != "diverged"
    row |= _noise(recipe, model, moved.train) if measured else dict.fromkeys(NOISY, math.nan)
    if recipe.model == "fc1" and not recipe.stacked:
        row |= _sign_changes(trained, row["first_spike"])
    if recipe.watch:
        row |= _crossing(recipe, trained.trace) | {"trace": _thinned(trained.trace)}
    return row | {"data_digest": digest((split.inputs, split.targets) for split in data.splits.values())}


def _sign_changes(trained: Trained, spike: float) -> Row:
    """Return how often the amplitude changed its sign before the first spike, or in the whole run; and when last."""
    before = [update for update in trained.sign_changes if not update > spike]
    return {"sign_changes": float(len(before)), "last_sign_change": float(before[-1]) if before else math.nan}


_AT_CROSSING = ("share", "share_a", "a", "b", "exponent", "loss", "without")


def _crossing(recipe: Recipe, trace: Sequence[dict[str, float]]) -> Row:
    """Return when the sharpness first exceeded the optimizer's limit, and what was measured of the neuron there."""
    updates, sharpness = ([point[name] for point in trace] for name in ("update", "sharpness"))
    crossing = first_crossing(updates, sharpness, limit=stability_limit(recipe.optimizer))
    there = next((point for point in trace if point["update"] == crossing), {})
    at = {f"{name}_at_crossing": float(there.get(name, math.nan)) for name in _AT_CROSSING}
    return {"first_crossing": crossing, **at}


def _thinned(trace: list[dict[str, float]]) -> list[dict[str, float]]:
    """Return the last measurement in each ten updates, with the largest sharpness and loss among them."""
    kept = []
    for _, points in itertools.groupby(trace, lambda point: (point["update"] - 1) // 10):
        group = list(points)
        peaks = {
            name: max((p[name] for p in group if math.isfinite(p[name])), default=math.nan)
            for name in ("sharpness", "batch_loss")
        }
        kept.append({**group[-1], **peaks})
    return kept


def _gradient_norm(recipe: Recipe, model: nn.Module, split: Split) -> float:
    """Return the norm of the gradient of what was minimized: the mean loss over a split, with the penalty."""
    parameters = list(model.parameters())
    model.eval()
    total = [torch.zeros_like(parameter) for parameter in parameters]
    for inputs, targets in zip(torch.split(split.inputs, 512), torch.split(split.targets, 512), strict=True):
        loss = LOSSES[recipe.loss](model(inputs), targets) * (len(targets) / len(split))
        for sum_, part in zip(total, torch.autograd.grad(loss, parameters), strict=True):
            sum_ += part
    if isinstance(model, WithExponentialNeuron):
        index = next(i for i, parameter in enumerate(parameters) if parameter is model.neuron.a)
        total[index] += recipe.lam * model.neuron.a.detach()
    return float(torch.cat([part.flatten() for part in total]).norm())


@torch.no_grad()
def _wrong(model: nn.Module, split: Split) -> npt.NDArray[np.bool_]:
    model.eval()
    outputs = torch.cat([model(inputs) for inputs in torch.split(split.inputs, 512)])
    return wrong(outputs, split.targets).cpu().numpy()


def pack(flags: npt.NDArray[np.bool_]) -> str:
    """Return which samples are wrong as text for one cell of a table; `enlib.tables.unpack` is the inverse."""
    return base64.b85encode(zlib.compress(np.packbits(flags).tobytes(), 9)).decode()


# The exponential neuron; one sigmoid unit, which has as many weights; and the layer of such units.
NOISY = ("noise_neuron", "noise_unit", "noise_layer")


def _noise(recipe: Recipe, model: nn.Module, split: Split) -> Row:
    """Return the median factors by which noise on some weights multiplies the training loss; NaN without a neuron."""
    first = next(module for module in model.modules() if isinstance(module, nn.Linear))
    noisy = {"noise_unit": [first.weight[0], first.bias[:1]], "noise_layer": [first.weight, first.bias]}
    if isinstance(model, WithExponentialNeuron):
        noisy["noise_neuron"] = [model.neuron.w, model.neuron.b]
    model.eval()

    def loss() -> Tensor:
        return LOSSES[recipe.loss](model(split.inputs), split.targets)

    row: Row = dict.fromkeys(NOISY, math.nan)
    with torch.no_grad():
        quiet = loss()
    if not 0 < quiet < math.inf:
        return row
    for name, weights in noisy.items():
        factors = loss_under_noise(loss, weights, seed=recipe.seed)
        row[name] = float(np.median(np.nan_to_num(factors, nan=np.inf, posinf=np.inf)))
    return row


def digest(splits: Iterable[tuple[Tensor, Tensor]]) -> str:
    """Return 48 bits of the SHA-256 of inputs and labels, by which pairs and machines can be compared."""
    found = hashlib.sha256()
    for inputs, labels in splits:
        found.update(inputs.contiguous().numpy().tobytes() + labels.numpy().tobytes())
    return found.hexdigest()[:12]
