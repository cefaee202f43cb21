"""Spikes of the training loss, and the sharpness before them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.optim.lr_scheduler import LambdaLR

from enlib import _tools
from enlib.models import WithExponentialNeuron
from enlib.training.evaluation import evaluation_mode
from enlib.training.loop import Callback, Run
from enlib.training.optimizers import MOMENTUM

if TYPE_CHECKING:
    from enlib.curvature import Sharpness

CUT = ("neuron", "amplitude", "exponent", "others")


def first_spike(batch_loss: Sequence[float] | npt.NDArray[np.float64]) -> float:
    """Return the first update whose batch loss exceeds 100 times the smallest loss before it; NaN if there is none.

    The smallest loss counts as at least 0.01, so that a small rise after the samples are fitted is not a spike. A
    loss that is not finite is a spike.

    Parameters
    ----------
    batch_loss : sequence of float, of shape (updates,)
        The objective before each update, as in `History.batch_loss`.

    Examples
    --------
    >>> first_spike([1.0, 0.5, 0.6, 60.0, 0.5])
    3.0
    """
    losses = np.asarray(batch_loss, dtype=np.float64)
    before = np.maximum(np.fmin.accumulate(np.append(np.inf, losses))[:-1], 0.01)
    spikes = np.nonzero(~(losses <= 100 * before))[0]
    return float(spikes[0]) if len(spikes) else math.nan


def first_crossing(updates: npt.ArrayLike, sharpness: npt.ArrayLike, *, limit: float) -> float:
    """Return the first update at which the sharpness exceeds its limit; NaN if there is none.

    Updates before the 20th do not count, because Adam's second moment, the preconditioner, then depends on too few
    batches. A sharpness of NaN, which could not be measured, does not count either.

    Parameters
    ----------
    updates, sharpness : array_like of shape (n,)
        As `SpikeWatch` records them.
    limit : float
        See `adam_limit`.

    Raises
    ------
    ValueError
        If ``limit`` is not positive and finite.

    Examples
    --------
    >>> first_crossing([10, 20, 30, 40], [50.0, 9.0, 40.0, 50.0], limit=38.0)
    30.0
    """
    limit = _tools.positive("limit", limit)
    updates, sharpness = (np.asarray(values, dtype=np.float64) for values in (updates, sharpness))
    crossed = updates[(sharpness > limit) & (updates >= 20)]
    return float(crossed[0]) if len(crossed) else math.nan


def adam_limit(beta1: float = 0.9) -> float:
    r"""Return the preconditioned sharpness above which Adam is unstable on a parabola, in units of 1 / learning rate.

    .. math:: \eta\, \lambda_{\max}(P^{-1/2} H P^{-1/2}) < \frac{2 + 2 \beta_1}{1 - \beta_1}, \qquad
              P = \operatorname{diag}\big(\sqrt{\hat v} + \epsilon\big)

    It is the limit of gradient descent with averaged momentum, for a constant preconditioner :math:`P`
    (Cohen et al. 2022).

    Parameters
    ----------
    beta1 : float
        Adam's factor for averaging the gradient, in [0, 1).

    Raises
    ------
    ValueError
        If ``beta1`` is not in [0, 1).

    Examples
    --------
    >>> round(adam_limit(0.9), 6)
    38.0
    """
    beta1 = _tools.non_negative("beta1", beta1, advice="pass a number in [0, 1); 0.9 is usual")
    if not beta1 < 1:
        raise ValueError(f"expected beta1 in [0, 1), got {beta1}: 0.9 is usual")
    return (2 + 2 * beta1) / (1 - beta1)


def stability_limit(optimizer: str) -> float:
    """Return the sharpness above which an optimizer is unstable on a parabola, in units of 1 / learning rate.

    Parameters
    ----------
    optimizer : {"adam", "sgd", "momentum"}
        As in `enlib.make_optimizer`. For Adam it is the preconditioned sharpness that counts, see `adam_limit`.

    Raises
    ------
    ValueError
        If the name is unknown.

    Examples
    --------
    >>> [round(stability_limit(name), 6) for name in ("sgd", "momentum", "adam")]
    [2.0, 3.8, 38.0]
    """
    limits = {"sgd": 2.0, "momentum": 2 * (1 + MOMENTUM), "adam": adam_limit()}
    return limits[_tools.known("optimizer", optimizer, limits)]


class SpikeWatch(Callback):
    r"""Record the sharpness and the exponential neuron during a run.

    Parameters
    ----------
    every : int
        Number of updates between measurements.
    limit : float, optional
        After the sharpness has exceeded it for the first time, only every tenth measurement is made.

    Attributes
    ----------
    rows : list of dict
        One for each measurement, on the whole training split: ``update``; ``sharpness``, the largest eigenvalue of
        :math:`D^{1/2} H D^{1/2}`, where D holds the learning rate of each parameter (Adam's is
        :math:`\eta / (\sqrt{\hat v} + \epsilon)`), so that its limit is `stability_limit`; ``share`` and ``share_a``,
        the fractions of the squared eigenvector that belong to the exponential neuron and to its amplitude; the
        neuron's ``a``, ``w`` (its norm), ``b`` and largest ``exponent``; and the ``loss``, with and ``without`` the
        neuron's output. Without a neuron, all but ``update``, ``sharpness`` and ``loss`` are NaN.
    crossing : float
        The first update after which the sharpness exceeded ``limit``, as in `first_crossing`; NaN if there is none.

    Raises
    ------
    ValueError
        If ``every`` is not a positive integer, or ``limit`` is not positive and finite.
    TypeError
        During the run, if its optimizer is none of Adam, AdaGrad and SGD.
    """

    def __init__(self, every: int = 1, *, limit: float | None = None) -> None:
        self.every = _tools.count("every", every)
        self.limit = None if limit is None else _tools.positive("limit", limit)
        self.crossing = math.nan
        self.rows: list[dict[str, float]] = []

    def after_update(self, run: Run) -> None:
        """Measure when it is time, without changing the model or the run."""
        if run.update % (self.every if math.isnan(self.crossing) else 10 * self.every):
            return
        with evaluation_mode(run.model):
            row = {"update": run.update, **_curvature(run), **_neuron(run)}
        self.rows.append(row)
        if self.limit is not None and math.isnan(self.crossing):
            self.crossing = first_crossing([row["update"]], [row["sharpness"]], limit=self.limit)


class LearningRateCut(Callback):
    """Divide the learning rate of a part of a network with an exponential neuron by ten, once.

    Parameters
    ----------
    part : {"neuron", "amplitude", "exponent", "others"}
        Whose learning rate: the neuron's, that of its a alone, that of its w and b alone, or that of all parameters
        but the neuron's.
    at : int or SpikeWatch
        After which update; or the watch, which stands before this among the callbacks, whose crossing decides.
    """

    def __init__(self, part: str, at: int | SpikeWatch) -> None:
        self.part = _tools.known("part", part, CUT)
        self.at = at

    def after_update(self, run: Run) -> None:
        """Cut when it is time: the part becomes a parameter group of its own."""
        if run.update != (self.at.crossing if isinstance(self.at, SpikeWatch) else self.at):
            return
        assert isinstance(run.model, WithExponentialNeuron)
        neuron = run.model.neuron
        parts = {
            "neuron": [neuron.a, neuron.w, neuron.b],
            "amplitude": [neuron.a],
            "exponent": [neuron.w, neuron.b],
            "others": list(run.model.base.parameters()),
        }
        own = {id(parameter) for parameter in parts[self.part]}
        groups = run.optimizer.param_groups
        index = 0 if self.part == "others" else 1
        rest = [p for p in groups[index]["params"] if id(p) not in own]
        groups.append({**groups[index], "lr": 0.1 * groups[index]["lr"], "params": parts[self.part]})
        groups[index]["params"] = rest
        if isinstance(run.schedule, LambdaLR):
            run.schedule.base_lrs.append(0.1 * run.schedule.base_lrs[index])
            run.schedule.lr_lambdas.append(run.schedule.lr_lambdas[index])


class SignWatch(Callback):
    """Record the sign changes of the exponential neuron's amplitude: ``updates``, a list of int."""

    def __init__(self) -> None:
        self.updates: list[int] = []
        self._positive: bool | None = None

    def after_update(self, run: Run) -> None:
        """Compare the sign with that of the last update."""
        assert isinstance(run.model, WithExponentialNeuron)
        positive = bool(run.model.neuron.a > 0)
        if self._positive is not None and positive != self._positive:
            self.updates.append(run.update)
        self._positive = positive


def scaled_sharpness(
    model: nn.Module, optimizer: torch.optim.Optimizer, loss: Callable[[dict[str, Tensor]], Tensor]
) -> Sharpness:
    r"""Return the largest eigenvalue of :math:`D^{1/2} H D^{1/2}`, where D holds the learning rate of each parameter.

    It is an optimizer's own sharpness times its learning rate, after an update: its edge of stability is 2 for
    gradient descent and AdaGrad, :math:`2 (1 + \beta)` with momentum, and `adam_limit` for Adam.

    Parameters
    ----------
    model : nn.Module
        In the mode in which the loss is meant.
    optimizer : Optimizer
        Adam, AdaGrad or SGD.
    loss : callable
        Maps a dictionary of tensors, named like the model's parameters, to the loss, a tensor of shape ().
    """
    from enlib.curvature import sharpness  # imported here because workers that only train do not need it

    rates = _rates(optimizer)
    point = {name: p.detach() for name, p in model.named_parameters()}
    roots = {name: rates[p].sqrt() for name, p in model.named_parameters()}
    origin = {name: torch.zeros_like(p) for name, p in point.items()}
    return sharpness(
        lambda scaled: loss({name: point[name] + roots[name] * scaled[name] for name in point}),
        origin,
        tol=1e-2,
        max_products=30,
    )


def _curvature(run: Run) -> dict[str, float]:
    split = run.data.train

    def loss(params: dict[str, Tensor]) -> Tensor:
        value: Tensor = run.loss(functional_call(run.model, params, (split.inputs,)), split.targets)
        penalized = isinstance(run.model, WithExponentialNeuron)
        return value + run.lam * params["neuron.a"].square() / 2 if penalized else value

    try:
        top = scaled_sharpness(run.model, run.optimizer, loss)
    except ValueError:  # the loss overflows
        return {"sharpness": math.nan, "share": math.nan, "share_a": math.nan}
    point = dict(run.model.named_parameters())
    pieces = torch.split(top.vector, [p.numel() for p in point.values()])
    of_neuron = [piece for name, piece in zip(point, pieces, strict=True) if name.startswith("neuron.")]
    share = sum(float(piece.square().sum()) for piece in of_neuron)
    of_a = [float(piece.square().sum()) for piece, name in zip(pieces, point, strict=True) if name == "neuron.a"]
    return {
        "sharpness": top.value,
        "share": share if of_neuron else math.nan,
        "share_a": of_a[0] if of_a else math.nan,
    }


def _rates(optimizer: torch.optim.Optimizer) -> dict[Tensor, Tensor]:
    """Return, for each parameter, the learning rates of its numbers in the last update, in its shape."""
    if not isinstance(optimizer, torch.optim.Adam | torch.optim.Adagrad | torch.optim.SGD):
        raise TypeError(
            f"expected Adam, AdaGrad or SGD, got {type(optimizer).__name__}: the watch knows no other limit"
        )
    rates = {}
    for group in optimizer.param_groups:
        lr = float(group["lr"])
        for parameter in group["params"]:
            if isinstance(optimizer, torch.optim.SGD):
                rates[parameter] = torch.full_like(parameter, lr)
                continue
            state = optimizer.state[parameter]
            if isinstance(optimizer, torch.optim.Adagrad):
                rates[parameter] = lr / (state["sum"].sqrt() + group["eps"])
                continue
            corrected = state["exp_avg_sq"] / (1 - group["betas"][1] ** float(state["step"]))
            rates[parameter] = lr / (corrected.sqrt() + group["eps"])
    return rates


@torch.no_grad()
def _neuron(run: Run) -> dict[str, float]:
    inputs, targets = run.data.train.inputs, run.data.train.targets
    loss = float(run.loss(run.model(inputs), targets))
    if not isinstance(run.model, WithExponentialNeuron):
        return dict.fromkeys(("a", "w", "b", "exponent"), math.nan) | {"loss": loss, "without": math.nan}
    neuron = run.model.neuron
    exponent = float(neuron.exponent(inputs).max())
    without = float(run.loss(run.model.base(inputs), targets))
    return {
        "a": float(neuron.a), "w": float(neuron.w.norm()), "b": float(neuron.b), "exponent": exponent,
        "loss": loss, "without": without,
    }  # fmt: skip
