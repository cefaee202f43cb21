"""Train many small networks on one data set at once: `enlib.fit`, an order of magnitude faster."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from enlib import _tools
from enlib._tools import generator, hide_progress
from enlib.datasets import Dataset, Split
from enlib.losses import polynomial_hinge, wrong
from enlib.training.evaluation import batches
from enlib.training.history import History, why_diverged
from enlib.training.optimizers import MOMENTUM, OPTIMIZERS, SCHEDULES, LearningRateFactor
from enlib.training.settings import Settings, check_type, learning_rates, move, penalty_weight
from enlib.training.stacked_mlp import StackedMLP, check_stackable, keep_freed_memory, with_ones

# Parameters, derivatives and moments of this many networks of 6,351 parameters fit into the cache.
GROUP = 32


def fit_stacked(
    models: Sequence[nn.Module],
    data: Dataset,
    *,
    seed: int,
    lr: float | Sequence[float],
    optimizer: str = "adam",
    neuron_lr: float | Sequence[float | None] | None = None,
    lam: float | Sequence[float] = 0.0,
    schedule: str | Sequence[str] = "constant",
    power: float = 3,
    batch_size: int | None = 100,
    epochs: int = 100,
    stop_at_zero_errors: bool = True,
    evaluate_every: int | Sequence[int] = 1,
    validate: bool = True,
    group_size: int = GROUP,
    device: str | torch.device = "auto",
    progress: bool | None = None,
) -> list[History]:
    r"""Return the histories of training many networks at once, each as `enlib.fit` would train it.

    All networks see the same batches, so that their first layers are one matrix product. A network that reaches zero
    training errors or diverges is removed, and the others continue. In float64 the parameters agree with those of
    `fit` up to rounding. In float32 the rounding differs more, and the epoch of the last error may differ by one.

    Parameters
    ----------
    models : sequence of nn.Module
        From `enlib.mlp` with at least one hidden layer, of one shape, bare or in `WithExponentialNeuron`. They are
        trained in place, on the device.
    data : Dataset
        The training split is learned, the validation split evaluated, the test split not used.
    seed : int
        Seed of the batch order, as in `fit`.
    lr : float, or sequence of float, one for each model
        The learning rate.
    optimizer : {"adam", "sgd", "momentum"}
        See `make_optimizer`.
    neuron_lr : float or None, or sequence of these, one for each model
        The learning rate of the exponential neuron; None means ``lr``. It must be None for a model without a neuron.
    lam : float, or sequence of float, one for each model
        Weight of the penalty; zero for a model without a neuron.
    schedule : str, or sequence of str, one for each model
        ``"constant"`` or ``"cosine"`` over all updates; see `make_schedule`.
    power : float
        Exponent of the polynomial hinge loss, at least 1.
    validate : bool
        Whether to evaluate the validation split; if not, its loss and errors are NaN.
    evaluate_every : int or sequence of int
        As in `fit`; or the epochs after which to evaluate, beside the last one.
    group_size : int
        How many networks are computed together: fewer parameters in one network allow more networks in the cache.
    batch_size, epochs, stop_at_zero_errors, device, progress
        As in `fit`.

    Returns
    -------
    list of History
        One for each model.

    Raises
    ------
    ValueError
        If an argument is out of range, a sequence does not have one entry for each model, or the models cannot be
        stacked.
    TypeError
        If an argument has the wrong type.

    Examples
    --------
    >>> from enlib import datasets, mlp
    >>> data = datasets.load("digits-1v7", seed=0)
    >>> models = [mlp((64, 50, 25, 1), seed=0) for _ in range(3)]
    >>> histories = fit_stacked(models, data, seed=0, lr=[0.005, 0.01, 0.02])
    >>> [history.status for history in histories]
    ['converged', 'converged', 'converged']
    """
    settings = Settings(seed, batch_size, epochs, evaluate_every, stop_at_zero_errors)
    _tools.known("optimizer", optimizer, OPTIMIZERS)
    power = _tools.positive("power", power)
    check_type(models, Sequence, "a list of models", "pass [model] for a single one")
    if not models or len({id(model) for model in models}) != len(models):
        raise ValueError("expected at least one model, each once: build one for each run")
    networks = _networks(models, lr=lr, neuron_lr=neuron_lr, lam=lam, schedule=schedule)
    data = move(models, data, device)
    check_stackable(models, data.in_features)
    names = ("train", "validation") if validate else ("train",)
    splits = {name: Split(with_ones(data.splits[name].inputs), data.splits[name].targets) for name in names}
    updates = settings.updates(data)
    groups = [
        _Group(networks[start : start + group_size], optimizer, power, updates, settings)
        for start in range(0, len(networks), _tools.count("group_size", group_size))
    ]
    order = generator(settings.seed, "batch order")
    keep_freed_memory()
    with torch.no_grad(), tqdm(total=updates, unit="update", disable=hide_progress(progress)) as bar:
        for group in groups:
            group.evaluate(0, splits)
        for epoch in range(1, settings.epochs + 1):
            if not any(group.running for group in groups):
                break
            for inputs, targets in batches(splits["train"], settings.batch_size, order):
                for group in groups:
                    group.step(inputs, targets)
                bar.update()
            if settings.evaluation_due(epoch):
                for group in groups:
                    group.evaluate(epoch, splits)
                bar.set_postfix(running=sum(len(group.running) for group in groups), refresh=False)
        for group in groups:
            group.finish(dict.fromkeys(range(len(group.running)), ""))
    return [network.history for network in networks]


@dataclass(eq=False)
class _Network:
    """One network of a group: its settings, its record so far, and after the end of its run its history."""

    model: nn.Module
    lr: float
    neuron_lr: float
    lam: float
    schedule: str
    rows: list[dict[str, float]] = field(default_factory=list)
    batch_loss: list[float] = field(default_factory=list)
    history: History = field(init=False)


class _Group:
    """Networks that are trained together. When the run of one ends, the others continue.

    Parameters
    ----------
    networks : sequence of _Network
        At the end of a run, its model gets the trained parameters, and its history is set.
    optimizer, power
        As in `fit_stacked`.
    updates : int
        Number of updates in the whole run.
    settings : Settings
        How long the run lasts and when it is evaluated.
    """

    def __init__(
        self,
        networks: Sequence[_Network],
        optimizer: str,
        power: float,
        updates: int,
        settings: Settings,
    ) -> None:
        self.running = list(networks)
        self.stack = StackedMLP([network.model for network in networks])
        self.optimizer = _StackedOptimizer(optimizer, self.stack.parameters)
        self.schedules = {name: LearningRateFactor(name, updates) for name in SCHEDULES}
        self.power, self.settings = power, settings
        self.update = 0
        self._prepare()

    def _prepare(self) -> None:
        """Make tensors of the settings of the running networks, which every update needs."""
        of = self.stack.a.new_tensor
        self.lam = of([network.lam for network in self.running])
        lr = of([network.lr for network in self.running])
        self.neuron_lr = of([network.neuron_lr for network in self.running])
        # In the spare row of the first layer, the rates of the neurons.
        self.first_lr = lr[:, None, None].repeat(1, self.stack.layers[0].shape[1], 1)
        self.first_lr[:, -1, 0] = self.neuron_lr
        self.lr = lr[:, None, None]

    def step(self, inputs: Tensor, targets: Tensor) -> None:
        """Make one update on one batch, without the networks that diverge on it."""
        while self.running:
            loss, derivatives = self.stack.gradient(inputs, targets, self.power)
            objective = (loss + self.lam * self.stack.a.square() / 2).tolist()
            for network, value in zip(self.running, objective, strict=True):
                network.batch_loss[self.update :] = [value]
            diverged = self._diverged("batch loss", objective)
            if not diverged:
                derivatives[-1] += self.lam * self.stack.a
                self.optimizer.step(self.stack.parameters, derivatives, self._rates_of_parameters())
                self.update += 1
                return
            self.finish(diverged)  # then compute the batch again for the others; this is rare

    def evaluate(self, epoch: int, splits: Mapping[str, Split]) -> None:
        """Evaluate the networks, record the results, and end the runs that are finished or diverged."""
        if not self.running:
            return
        seen: dict[str, list[float]] = {}
        for name, split in splits.items():
            outputs = self.stack(split.inputs)
            targets = split.targets.expand_as(outputs)
            loss = polynomial_hinge(outputs, targets, power=self.power, reduction="none")
            seen[f"{name}_loss"] = loss.mean(dim=1).tolist()
            seen[f"{name}_errors"] = wrong(outputs, targets).sum(dim=1).tolist()
        seen["penalty"] = (self.lam * self.stack.a.square() / 2).tolist()
        seen["learning_rate"] = [n.lr * factor for n, factor in zip(self.running, self._factors(), strict=True)]
        seen["largest_exponent"] = self._largest_exponents()
        for index, network in enumerate(self.running):
            row = {name: float(values[index]) for name, values in seen.items()}
            network.rows.append({"epoch": float(epoch), "update": float(self.update), **row})
        stop = self.settings.stop_at_zero_errors
        done = [index for index, errors in enumerate(seen["train_errors"]) if stop and errors == 0]
        diverged = self._diverged("training loss", seen["train_loss"]) if self.update else {}
        self.finish(dict.fromkeys(done, "") | diverged)

    def finish(self, causes: Mapping[int, str]) -> None:
        """End the runs of some networks, write their parameters into their models, and keep the others.

        Parameters
        ----------
        causes : mapping of int to str
            Maps the index of each network whose run ends to why it diverged; an empty string if it did not.
        """
        if not causes:
            return
        exponents = self._largest_exponents()
        for index, cause in causes.items():
            network = self.running[index]
            self.stack.write(index, network.model)
            network.history = History.from_rows(
                network.rows, network.batch_loss, cause, self.update, exponents[index]
            )
        others = [index for index in range(len(self.running)) if index not in causes]
        self.running = [self.running[index] for index in others]
        indices = torch.tensor(others, dtype=torch.long, device=self.stack.a.device)
        self.stack.keep(indices)
        self.optimizer.keep(indices)
        self._prepare()

    def _diverged(self, what: str, losses: Iterable[float]) -> dict[int, str]:
        causes = ((index, why_diverged(what, loss)) for index, loss in enumerate(losses))
        return {index: cause for index, cause in causes if cause}

    def _factors(self) -> list[float]:
        """Return the factors of the networks' schedules at this update."""
        factors = {name: factor(self.update) for name, factor in self.schedules.items()}
        return [factors[network.schedule] for network in self.running]

    def _rates_of_parameters(self) -> list[Tensor]:
        """Return the learning rates for each parameter at this update."""
        factors = self.stack.a.new_tensor(self._factors())
        matrices = factors[:, None, None]
        others = [self.lr * matrices] * (len(self.stack.layers) - 1)
        return [self.first_lr * matrices, *others, self.neuron_lr * factors]

    def _largest_exponents(self) -> list[float]:
        seen = self.stack.largest_exponent
        return torch.where((self.stack.exponential == 0) | seen.isneginf(), math.nan, seen).tolist()


class _StackedOptimizer:
    r"""An optimizer of R networks at once that makes the same updates as R optimizers from `make_optimizer`.

    Parameters
    ----------
    name : {"adam", "sgd", "momentum"}
        Which optimizer.
    parameters : sequence of Tensor, each of shape (R, ...)
        Changed in place.

    Notes
    -----
    D. P. Kingma, J. Ba, *Adam: A Method for Stochastic Optimization*, arXiv:1412.6980, with PyTorch's defaults
    :math:`\beta_1 = 0.9, \beta_2 = 0.999, \epsilon = 10^{-8}`.

    Examples
    --------
    >>> weights = torch.ones(2, 1)
    >>> _StackedOptimizer("sgd", [weights]).step([weights], [torch.ones(2, 1)], [torch.tensor([[0.1], [0.5]])])
    >>> weights.flatten().tolist()
    [0.8999999761581421, 0.5]
    """

    BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8

    def __init__(self, name: str, parameters: Sequence[Tensor]) -> None:
        self.name, self.updates = name, 0
        kept = {"adam": 2, "momentum": 1, "sgd": 0}[name]
        self.moments = [[torch.zeros_like(p) for p in parameters] for _ in range(kept)]

    def step(self, parameters: Sequence[Tensor], derivatives: Sequence[Tensor], lr: Sequence[Tensor]) -> None:
        """Make one update.

        Parameters
        ----------
        parameters, derivatives : sequence of Tensor, each of shape (R, ...)
            The parameters are changed in place.
        lr : sequence of Tensor
            The learning rates for each parameter, of a shape that broadcasts to its shape.
        """
        self.updates += 1
        if self.name == "adam":
            # The corrections of the moments, which start at zero, are factors of the learning rate and of epsilon.
            first, second = 1 - self.BETA1**self.updates, math.sqrt(1 - self.BETA2**self.updates)
            for p, g, m, v, eta in zip(parameters, derivatives, *self.moments, lr, strict=True):
                m.lerp_(g, 1 - self.BETA1)
                v.mul_(self.BETA2).addcmul_(g, g, value=1 - self.BETA2)
                direction = torch.sqrt(v).add_(self.EPSILON * second)
                p.addcmul_(torch.div(m, direction, out=direction), eta * (second / first), value=-1)
            return
        if self.name == "momentum":
            for g, m in zip(derivatives, self.moments[0], strict=True):
                m.mul_(MOMENTUM).add_(g)
            derivatives = self.moments[0]
        for p, g, eta in zip(parameters, derivatives, lr, strict=True):
            p.addcmul_(g, eta, value=-1)

    def keep(self, indices: Tensor) -> None:
        """Keep only the state of the networks with these indices."""
        self.moments = [[m[indices] for m in moments] for moments in self.moments]


def _networks(models: Sequence[nn.Module], **given: Any) -> list[_Network]:
    """Return the networks, each with its own checked settings."""
    each = {name: _each(name, value, len(models)) for name, value in given.items()}
    networks = []
    for index, model in enumerate(models):
        lr, neuron_lr, lam, schedule = (each[name][index] for name in ("lr", "neuron_lr", "lam", "schedule"))
        rates, lam = learning_rates(model, lr, neuron_lr), penalty_weight(model, lam)
        networks.append(_Network(model, *rates, lam, _tools.known("schedule", schedule, SCHEDULES)))
    return networks


def _each(name: str, value: Any, count: int) -> list[Any]:
    values = [value] * count if np.ndim(value) == 0 else list(value)
    if len(values) != count:
        raise ValueError(f"expected one {name}, or {count}, one for each model, got {len(values)}: check the lengths")
    return values
