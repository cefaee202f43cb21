"""When a training run spikes, and whether its curvature said so beforehand."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.func import functional_call

from enlib import _tools
from enlib.curvature import sharpness
from enlib.models import WithExponentialNeuron
from enlib.training.run import Callback, Run


def first_spike(batch_loss: Sequence[float] | npt.NDArray[np.float64], *, factor: float = 100.0) -> float:
    """Return the first update whose batch loss exceeds ``factor`` times the smallest one before it; NaN if none.

    The smallest loss counts as at least 0.01, so that a run that is done does not spike for nothing. A loss that is
    not finite is a spike.

    Parameters
    ----------
    batch_loss : sequence of float
        One for each update, as `History.batch_loss` has it.
    factor : float
        Above 1.

    Raises
    ------
    ValueError
        If ``factor`` is not above 1.

    Examples
    --------
    >>> first_spike([1.0, 0.5, 0.6, 60.0, 0.5])
    3.0
    """
    if not _tools.positive("factor", factor) > 1:
        raise ValueError(f"expected factor > 1, got {factor}: every rise would be a spike")
    losses = np.asarray(batch_loss, dtype=np.float64)
    before = np.maximum(np.fmin.accumulate(np.append(np.inf, losses))[:-1], 0.01)
    spikes = np.nonzero(~(losses <= factor * before))[0]
    return float(spikes[0]) if len(spikes) else math.nan


def first_crossing(updates: npt.ArrayLike, sharpness: npt.ArrayLike, *, limit: float, settled: int = 20) -> float:
    """Return the first update at which the sharpness is above its limit; NaN if none.

    The first few do not count: until then Adam's second moment, the preconditioner, rests on few batches. A
    sharpness that could not be measured is no crossing.

    Parameters
    ----------
    updates, sharpness : array_like, shape (n,)
        As `SpikeWatch` notes them.
    limit : float
        See `adam_limit`.
    settled : int
        From which update on to look.

    Examples
    --------
    >>> first_crossing([10, 20, 30, 40], [50.0, 9.0, 40.0, 50.0], limit=38.0)
    30.0
    """
    updates, sharpness = (np.asarray(v, dtype=np.float64) for v in (updates, sharpness))
    crossed = updates[(sharpness > limit) & (updates >= settled)]
    return float(crossed[0]) if len(crossed) else math.nan


def adam_limit(beta1: float = 0.9) -> float:
    r"""Return the preconditioned sharpness above which Adam is unstable on a parabola, in units of 1 / step size.

    .. math:: \eta\, \lambda_{\max}(P^{-1/2} H P^{-1/2}) < \frac{2 + 2 \beta_1}{1 - \beta_1}, \qquad
              P = \operatorname{diag}\big(\sqrt{\hat v} + \epsilon\big)

    It is the limit of gradient descent with averaged momentum; the preconditioner :math:`P` counts as constant
    (Cohen et al. 2022).

    Raises
    ------
    ValueError
        If ``beta1`` is not in [0, 1).

    Examples
    --------
    >>> round(adam_limit(0.9), 6)
    38.0
    """
    if not 0 <= beta1 < 1:
        raise ValueError(f"expected beta1 in [0, 1), got {beta1}: 0.9 is usual")
    return (2 + 2 * beta1) / (1 - beta1)


def adam_step_sizes(optimizer: torch.optim.Optimizer) -> dict[Tensor, Tensor]:
    r"""Return the step size that Adam has for each number it trains, :math:`\eta / (\sqrt{\hat v} + \epsilon)`.

    Parameters
    ----------
    optimizer : torch.optim.Adam
        After at least one update.

    Raises
    ------
    ValueError
        If it is not Adam, or has not made an update.
    """
    if not isinstance(optimizer, torch.optim.Adam):
        raise ValueError(f"expected torch.optim.Adam, got {type(optimizer).__name__}: others have no preconditioner")
    sizes = {}
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            state = optimizer.state.get(parameter)
            if not state:
                raise ValueError("expected an optimizer that has made an update, got a fresh one: call step() first")
            corrected = state["exp_avg_sq"] / (1 - group["betas"][1] ** float(state["step"]))
            sizes[parameter] = float(group["lr"]) / (corrected.sqrt() + group["eps"])
    return sizes


class SpikeWatch(Callback):
    r"""Note what the exponential neuron and the curvature do along a run with Adam.

    Parameters
    ----------
    every : int
        Updates between looks.

    Attributes
    ----------
    rows : list of dict
        One for each look: ``update``; ``sharpness``, the largest eigenvalue of
        :math:`D^{1/2} H D^{1/2}` on the whole training split, where D holds the step sizes of `adam_step_sizes`, so
        that its limit is `adam_limit`; ``share``, which part of its eigenvector belongs to the exponential neuron
        (0 to 1); and the neuron's ``a``, ``w`` (length), ``b`` and ``exponent`` (largest on the training split). NaN
        without a neuron.

    Raises
    ------
    ValueError
        If ``every`` is not a positive integer; in the run, if its optimizer is not Adam.
    """

    def __init__(self, every: int = 1) -> None:
        self.every = _tools.count("every", every)
        self.rows: list[dict[str, float]] = []

    def after_update(self, run: Run) -> None:
        """Look, if it is time."""
        if run.update % self.every == 0:
            self.rows.append({"update": run.update, **self._curvature(run), **_neuron(run)})

    def _curvature(self, run: Run) -> dict[str, float]:
        sizes = adam_step_sizes(run.optimizer)
        here = {name: p.detach() for name, p in run.model.named_parameters()}
        roots = {name: sizes[p].sqrt() for name, p in run.model.named_parameters()}
        split = run.data.train

        def loss(scaled: dict[str, Tensor]) -> Tensor:
            params = {name: here[name] + roots[name] * scaled[name] for name in here}
            value: Tensor = run.loss(functional_call(run.model, params, (split.inputs,)), split.targets)
            penalized = isinstance(run.model, WithExponentialNeuron)
            return value + run.lam * params["neuron.a"].square() / 2 if penalized else value

        training = run.model.training
        run.model.eval()
        try:
            origin = {name: torch.zeros_like(p) for name, p in here.items()}
            top = sharpness(loss, origin, tol=1e-2, max_products=30)
        except ValueError:  # beyond all numbers there is no curvature
            return {"sharpness": math.nan, "share": math.nan}
        finally:
            run.model.train(training)
        pieces = torch.split(top.vector, [p.numel() for p in here.values()])
        of_neuron = [v for name, v in zip(here, pieces, strict=True) if name.startswith("neuron.")]
        share = sum(float(v.square().sum()) for v in of_neuron)
        return {"sharpness": top.value, "share": share if of_neuron else math.nan}


@torch.no_grad()
def _neuron(run: Run) -> dict[str, float]:
    if not isinstance(run.model, WithExponentialNeuron):
        return dict.fromkeys(("a", "w", "b", "exponent"), math.nan)
    neuron = run.model.neuron
    exponent = float(neuron.exponent(run.data.train.inputs).max())
    return {"a": float(neuron.a), "w": float(neuron.w.norm()), "b": float(neuron.b), "exponent": exponent}
