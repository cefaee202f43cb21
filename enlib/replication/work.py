"""From recipes to rows: what is computed together, and what is kept of it."""

from __future__ import annotations

import base64
import functools
import hashlib
import math
import zlib
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from enlib._tools import resolve_device
from enlib.datasets import Dataset, Split, load
from enlib.losses import polynomial_hinge
from enlib.models import WithExponentialNeuron, fast_form, loss_under_noise, make_model
from enlib.replication.recipe import Recipe
from enlib.training import History, evaluate, first_spike, fit, fit_stacked, make_optimizer, make_schedule

Unit = tuple[Recipe, ...]
Row = dict[str, Any]


def units(recipes: Iterable[Recipe]) -> list[Unit]:
    """Group recipes by what can be computed together.

    Runs of the small network on one problem with one seed share data and batches, in both arms: they are one stack. A
    run of the large networks is a unit of its own.

    Examples
    --------
    >>> from enlib.replication import experiments
    >>> recipes = [r for e in experiments("all", "laptop") for r in e.recipes()]
    >>> len(recipes), len(units(recipes))
    (6240, 410)
    """
    groups: dict[Recipe, list[Recipe]] = {}
    for recipe in recipes:
        shared = recipe
        if recipe.model == "fc1":
            shared = replace(recipe, exponential=False, lam=0.0, lr=0.0, schedule="")
        groups.setdefault(shared, []).append(recipe)
    return [tuple(group) for group in groups.values()]


def cost(unit: Unit) -> float:
    """Return roughly how long a unit takes, in arbitrary units: the multiplications of its training."""
    each = {"fc1": 6.5e3, "fc2": 5.9e6, "conv": 1.1e7}
    sizes = {"mnist-1v7": 13_000, "cifar10-0v1": 2_000, "digits-1v7": 217}
    return sum(r.epochs * (r.train or sizes[r.data]) * each[r.model] for r in unit)


def compute(unit: Unit, device: str = "cpu") -> list[Row]:
    """Make all runs of a unit and return their rows, in its order.

    Parameters
    ----------
    unit : tuple of Recipe
        See `units`.
    device : str
        See `enlib._tools.resolve_device`.
    """
    shared = unit[0]
    data = _data(shared.data, None if shared.train is None else shared.seed, tuple(shared.data_options.items()))
    models = [_model(recipe, data) for recipe in unit]
    if shared.model == "fc1":
        histories = fit_stacked(
            models,
            data,
            seed=shared.seed,
            optimizer=shared.optimizer,
            lr=[recipe.lr for recipe in unit],
            lam=[recipe.lam for recipe in unit],
            schedule=[recipe.schedule for recipe in unit],
            batch_size=shared.batch_size,
            epochs=shared.epochs,
            stop_at_zero_errors=False,
            validate=False,
            device=device,
            progress=False,
        )
    else:
        histories = [_fit(recipe, model, data, device) for recipe, model in zip(unit, models, strict=True)]
    return [_row(*parts, data) for parts in zip(unit, histories, models, strict=True)]


@functools.lru_cache(maxsize=2)
def _data(name: str, seed: int | None, options: tuple[tuple[str, Any], ...]) -> Dataset:
    # The splits of the images are fixed: one copy serves all seeds.
    return load(name, seed=seed or 0, **dict(options))


def _model(recipe: Recipe, data: Dataset) -> nn.Module:
    model = make_model(recipe.model, data.input_shape, seed=recipe.seed)
    return WithExponentialNeuron(model, data.in_features, seed=recipe.seed) if recipe.exponential else model


def _fit(recipe: Recipe, model: nn.Module, data: Dataset, device: str) -> History:
    fast = fast_form(model) if resolve_device(device).type == "cpu" else model
    optimizer = make_optimizer(recipe.optimizer, fast, lr=recipe.lr, fused=recipe.optimizer == "adam")
    updates = recipe.epochs * math.ceil(len(data.train) / recipe.batch_size)
    return fit(
        fast,
        data,
        optimizer=optimizer,
        schedule=make_schedule(recipe.schedule, optimizer, updates=updates),
        lam=recipe.lam,
        seed=recipe.seed,
        batch_size=recipe.batch_size,
        epochs=recipe.epochs,
        stop_at_zero_errors=False,
        device=device,
        progress=False,
    )


def _row(recipe: Recipe, history: History, model: nn.Module, data: Dataset) -> Row:
    """Return what is kept of a run; losses are means over a split, and what was not reached is NaN."""
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
    moved = data.to(next(model.parameters()).device, torch.float32)
    for name in ("validation", "test"):
        seen = evaluate(model, moved.splits[name])
        row |= {f"{name}_errors": float(seen.errors), f"{name}_loss": seen.loss}
    row["test_wrong"] = pack(_wrong(model, moved.test)) if recipe.measure == "test" else None
    measured = recipe.measure == "noise" and history.status != "diverged"
    row |= _noise(recipe.seed, model, moved.train) if measured else dict.fromkeys(NOISY, math.nan)
    return row | {"data_digest": _digest(data)}


@torch.no_grad()
def _wrong(model: nn.Module, split: Split) -> npt.NDArray[np.bool_]:
    model.eval()
    outputs = torch.cat([model(inputs) for inputs in torch.split(split.inputs, 512)])
    return (~(outputs * split.targets > 0)).cpu().numpy()


def pack(wrong: npt.NDArray[np.bool_]) -> str:
    """Return which samples are wrong as text for one cell of a table; `unpack` is the inverse.

    Examples
    --------
    >>> unpack(pack(np.array([True, False, True])), 3)
    array([ True, False,  True])
    """
    return base64.b85encode(zlib.compress(np.packbits(wrong).tobytes(), 9)).decode()


def unpack(text: str, size: int) -> npt.NDArray[np.bool_]:
    """Return which of ``size`` samples are wrong."""
    bits = np.frombuffer(zlib.decompress(base64.b85decode(text)), dtype=np.uint8)
    return np.unpackbits(bits)[:size].astype(bool)


# The exponential neuron; one sigmoid unit, which has as many weights; and the layer of such units.
NOISY = ("noise_neuron", "noise_unit", "noise_layer")


def _noise(seed: int, model: nn.Module, train: Split) -> Row:
    """Return the median factors by which noise on some weights multiplies the training loss; NaN for no neuron."""
    first = next(module for module in model.modules() if isinstance(module, nn.Linear))
    noisy = {"noise_unit": [first.weight[0], first.bias[:1]], "noise_layer": [first.weight, first.bias]}
    if isinstance(model, WithExponentialNeuron):
        noisy["noise_neuron"] = [model.neuron.w, model.neuron.b]
    model.eval()

    def loss() -> torch.Tensor:
        return polynomial_hinge(model(train.inputs), train.targets)

    row: Row = dict.fromkeys(NOISY, math.nan)
    with torch.no_grad():
        quiet = loss()
    for name, weights in noisy.items() if 0 < quiet < math.inf else ():
        factors = loss_under_noise(loss, weights, seed=seed)
        row[name] = float(np.median(np.nan_to_num(factors, nan=np.inf, posinf=np.inf)))
    return row


def _digest(data: Dataset) -> str:
    """Return 48 bits of the SHA-256 of all splits, by which pairs and machines can be compared."""
    digest = hashlib.sha256()
    for split in data.splits.values():
        digest.update(split.inputs.contiguous().numpy().tobytes() + split.targets.numpy().tobytes())
    return digest.hexdigest()[:12]
