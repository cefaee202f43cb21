"""Checks of the notebook on the exponential neuron."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from enlib.exercises.answers import NOT_YET, RIGHT, no_number, unanswered
from enlib.losses import polynomial_hinge
from enlib.models import WithExponentialNeuron, mlp


def check_added_parameters(answer: int | None) -> str:
    """Check how many parameters the exponential neuron adds to a network with 3072 inputs.

    Examples
    --------
    >>> check_added_parameters(3072)
    'not quite: 3072 is w alone; a and b are trained too'
    """
    if unanswered(answer):
        return NOT_YET
    if answer == 3072:
        return "not quite: 3072 is w alone; a and b are trained too"
    if answer == 3073:
        return "not quite: one of a and b is missing"
    return RIGHT if answer == 3074 else f"not {answer}: w has one number per input; what else is trained?"


def check_rescue(amplitude: float | None) -> str:
    """Check the smallest ``a`` that lifts f(x) = -0.5 to margin 1 at w.x + b = 2, for a sample with y = +1.

    Examples
    --------
    >>> check_rescue(1.5 / math.e**2)
    'right!'
    """
    if trouble := no_number(amplitude):
        return trouble
    assert amplitude is not None
    margin = -0.5 + amplitude * math.exp(2)
    if math.isclose(margin, 1, abs_tol=0.01):
        return RIGHT
    which = "too small" if margin < 1 else "larger than it need be"
    return f"with a = {amplitude:g} the output is {margin:.3g}; it should be 1, so this a is {which}"


def check_slope_in_b(slope_in_b: Callable[[float, float, float], float]) -> str:
    """Check a function of (a, dL/da, lambda) that returns dL/db, against autograd on a random network.

    Examples
    --------
    >>> check_slope_in_b(lambda a, slope_in_a, lam: a * slope_in_a)
    'not quite: off by lambda * a^2; the penalty depends on a but not on b'
    """
    generator, lam = torch.Generator().manual_seed(0), 0.7
    x = torch.randn(20, 4, generator=generator, dtype=torch.float64)
    y = torch.where(torch.arange(20) < 10, -1.0, 1.0).double()
    model = WithExponentialNeuron(mlp((4, 5, 1), seed=0), 4, a=0.8, w_std=0.5, seed=0).double()
    (polynomial_hinge(model(x), y) + model.penalty(lam)).backward()  # type: ignore[no-untyped-call]
    a, b = model.neuron.a, model.neuron.b
    assert a.grad is not None  # the backward pass has filled it
    assert b.grad is not None
    answer = slope_in_b(a.item(), a.grad.item(), lam)
    if trouble := no_number(answer, "the function to return a number"):
        return trouble
    error = answer - b.grad.item()
    if abs(error) < 1e-9:
        return RIGHT
    if math.isclose(error, lam * a.item() ** 2, rel_tol=1e-6):
        return "not quite: off by lambda * a^2; the penalty depends on a but not on b"
    return f"expected {b.grad.item():.4g} from autograd, got {answer:.4g}: how does the data term depend on a and b?"
