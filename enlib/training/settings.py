"""What `fit` and `fit_stacked` have in common: the settings of a run, and checks of the arguments."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from enlib import _tools
from enlib.datasets import Dataset
from enlib.models import WithExponentialNeuron


@dataclass
class Settings:
    """How long a run lasts and when it is evaluated.

    Parameters
    ----------
    seed, batch_size, epochs, evaluate_every, stop_at_zero_errors
        As in `fit`.

    Raises
    ------
    ValueError
        If a number is out of range.
    TypeError
        If a setting has the wrong type.
    """

    seed: int
    batch_size: int | None
    epochs: int
    evaluate_every: int | Sequence[int]
    stop_at_zero_errors: bool

    def __post_init__(self) -> None:
        self.seed = _tools.count("seed", self.seed, least=0)
        self.batch_size = None if self.batch_size is None else _tools.count("batch_size", self.batch_size)
        self.epochs = _tools.count("epochs", self.epochs)
        if isinstance(self.evaluate_every, Sequence):
            self.evaluate_every = [_tools.count("an epoch of evaluate_every", epoch) for epoch in self.evaluate_every]
        else:
            self.evaluate_every = _tools.count("evaluate_every", self.evaluate_every)

    def updates(self, data: Dataset) -> int:
        """Return the number of updates in all epochs."""
        return self.epochs * (1 if self.batch_size is None else math.ceil(len(data.train) / self.batch_size))

    def evaluation_due(self, epoch: int) -> bool:
        """Return whether the model is evaluated after this epoch."""
        every = self.evaluate_every
        due = epoch in every if isinstance(every, Sequence) else epoch % every == 0
        return due or epoch == self.epochs


def check_type(value: object, kind: type, expected: str, advice: str) -> None:
    """Raise `TypeError` unless ``value`` is an instance of ``kind``, which the message calls ``expected``."""
    if not isinstance(value, kind):
        raise TypeError(f"expected {expected}, got {type(value).__name__}: {advice}")


def check_model(model: nn.Module) -> None:
    """Raise `TypeError` unless ``model`` is a module, and `ValueError` unless it has parameters."""
    check_type(model, nn.Module, "a torch.nn.Module", "build one, as enlib.mlp does")
    if next(model.parameters(), None) is None:
        raise ValueError(f"expected a model with parameters, got {type(model).__name__} without any: add a layer")


def learning_rates(model: nn.Module, lr: float, neuron_lr: float | None) -> tuple[float, float]:
    """Return the learning rates of the base network and of the exponential neuron, by default the same."""
    if neuron_lr is not None:
        _check_neuron(model, "neuron_lr", neuron_lr)
    lr = _tools.positive("lr", lr)
    return lr, lr if neuron_lr is None else _tools.positive("neuron_lr", neuron_lr)


def penalty_weight(model: nn.Module, lam: float) -> float:
    """Return ``lam`` as a plain float if it is zero, or positive and ``model`` has an exponential neuron."""
    lam = _tools.non_negative("lam", lam)
    if lam > 0:
        _check_neuron(model, "lam", lam)
    return lam


def _check_neuron(model: nn.Module, name: str, value: float) -> None:
    if not isinstance(model, WithExponentialNeuron):
        raise ValueError(
            f"expected a WithExponentialNeuron for {name}={value}, got {type(model).__name__}: wrap it in "
            f"WithExponentialNeuron, or leave {name} out for this model"
        )


def move(models: Sequence[nn.Module], data: Dataset, device: str | torch.device) -> Dataset:
    """Move models to a device, and return the data on that device in the floating-point type of the models.

    Raises
    ------
    ValueError
        If a model has no parameters, or the device is not available.
    TypeError
        If the models are not modules, or ``data`` is not a Dataset.
    """
    check_type(data, Dataset, "a Dataset", "see enlib.datasets.load")
    for model in models:
        check_model(model)
    dtype = next(models[0].parameters()).dtype
    where = _tools.resolve_device(device, dtype)
    for model in models:
        model.to(where)
    return data.to(where, dtype)
