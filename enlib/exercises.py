"""Checks of readers' answers: each says what is wrong, not only that something is.

An unanswered stub (``None`` or ``...``) passes with "not answered yet", so that *Run all* goes through.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from enlib.activations import depth_bound, gain, gain_interval_width
from enlib.descent import contraction
from enlib.exponential import WithExponentialNeuron
from enlib.losses import polynomial_hinge
from enlib.models import mlp

NOT_YET = "not answered yet"
RIGHT = "right!"


def check_added_parameters(answer: int | None) -> str:
    """Check how many parameters the exponential neuron adds to a network with 3072 inputs.

    Examples
    --------
    >>> check_added_parameters(3072)
    'not quite: 3072 is w alone; a and b are trained too'
    """
    if _unanswered(answer):
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
    if trouble := _no_number(amplitude):
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
    if trouble := _no_number(answer, "the function to return a number"):
        return trouble
    error = answer - b.grad.item()
    if abs(error) < 1e-9:
        return RIGHT
    if math.isclose(error, lam * a.item() ** 2, rel_tol=1e-6):
        return "not quite: off by lambda * a^2; the penalty depends on a but not on b"
    return f"expected {b.grad.item():.4g} from autograd, got {answer:.4g}: how does the data term depend on a and b?"


def check_smallest_weight(answer: float | None) -> str:
    """Check the smallest ``|w|`` with which one sigmoid unit can pass a gradient on without shrinking it.

    Examples
    --------
    >>> check_smallest_weight(1)
    'not quite: with |w| = 1 the largest gain is 0.25; it should be 1'
    """
    if trouble := _no_number(answer):
        return trouble
    assert answer is not None
    largest = float(gain(answer, 0.0))
    return (
        RIGHT if largest == 1 else f"not quite: with |w| = {answer:g} the largest gain is {largest:g}; it should be 1"
    )


def check_interval_width(width: Callable[[float], float]) -> str:
    """Check a function of w > 4 that returns the width of the interval of inputs with a gain of at least 1.

    Examples
    --------
    >>> check_interval_width(lambda w: gain_interval_width(w) / 2)
    'not quite: this is half the width; the interval has two ends'
    """
    for w in (5.0, 7.0, 20.0):
        answer = width(w)
        if trouble := _no_number(answer, "the function to return a number"):
            return trouble
        expected = gain_interval_width(w)
        if math.isclose(answer, expected / 2, rel_tol=1e-6):
            return "not quite: this is half the width; the interval has two ends"
        if math.isclose(answer, expected * w, rel_tol=1e-6):
            return "not quite: this is the width in z = w a + b; divide by |w| to have it in a"
        if not math.isclose(answer, expected, rel_tol=1e-6):
            return f"for w = {w:g} the ends are {expected:.4g} apart, got {answer:.4g}"
    return RIGHT


def check_depth(answer: int | None) -> str:
    """Check after how many sigmoid units with w = 1 the bound on a gradient is below one millionth.

    Examples
    --------
    >>> check_depth(9)
    'not yet: after 9 units the bound is 3.81e-06'
    """
    if answer is None or _unanswered(answer):
        return NOT_YET
    if not isinstance(answer, int) or answer < 1:
        return f"expected a whole number of units, got {answer!r}"
    if depth_bound(1.0, answer) >= 1e-6:
        return f"not yet: after {answer} units the bound is {depth_bound(1.0, answer):.3g}"
    earlier = answer > 1 and depth_bound(1.0, answer - 1) < 1e-6
    return f"fewer will do: after {answer - 1} units the bound is already below 1e-6" if earlier else RIGHT


def check_largest_step(answer: float | None) -> str:
    """Check the step size below which gradient descent converges for the curvatures 100 and 1.

    Examples
    --------
    >>> check_largest_step(2)
    'not quite: this is the limit of the flat direction; the steep one is stricter'
    """
    if trouble := _no_number(answer):
        return trouble
    assert answer is not None
    if answer == 0.01:
        return "not quite: this is 1/100, where the steep direction is done in one step; it may be larger"
    if answer == 2:
        return "not quite: this is the limit of the flat direction; the steep one is stricter"
    return RIGHT if answer == 2 / 100 else f"not {answer}: each curvature allows up to 2 / curvature"


def check_best_factor(factor: Callable[[float], float]) -> str:
    """Check a function of the condition number that returns the best factor per step of gradient descent.

    Examples
    --------
    >>> check_best_factor(lambda kappa: 1 - 1 / kappa)
    'for kappa = 3 the best factor is 0.5, got 0.6667: which step size makes both ends shrink alike?'
    """
    for kappa in (3.0, 100.0):
        answer = factor(kappa)
        if trouble := _no_number(answer, "the function to return a number"):
            return trouble
        # The oracle is a search over step sizes, not the formula.
        expected = min(
            max(contraction(eta, 1.0), contraction(eta, kappa)) for eta in np.linspace(0, 2 / kappa, 20001)[1:]
        )
        if not math.isclose(answer, expected, abs_tol=1e-3):
            return (
                f"for kappa = {kappa:g} the best factor is {expected:.4g}, got {answer:.4g}: "
                "which step size makes both ends shrink alike?"
            )
    return RIGHT


def check_momentum_limit(answer: float | None) -> str:
    """Check how large eta * lambda may be with momentum 0.9.

    Examples
    --------
    >>> check_momentum_limit(2)
    'not quite: 2 is the limit without momentum'
    """
    if trouble := _no_number(answer):
        return trouble
    assert answer is not None
    if answer == 2:
        return "not quite: 2 is the limit without momentum"
    if math.isclose(answer, 3.8):
        return RIGHT
    factor = float(contraction(answer, 1.0, 0.9))
    return f"with eta * lambda = {answer:g} the factor per step is {factor:.3g}; it is 1 at the limit"


def _no_number(answer: Any, expected: str = "a number") -> str:
    """Say what keeps an answer from being a finite number; nothing if it is one."""
    if _unanswered(answer):
        return NOT_YET
    if not isinstance(answer, int | float | np.number) or not math.isfinite(answer):
        return f"expected {expected}, got {answer!r}"
    return ""


def _unanswered(answer: Any) -> bool:
    return answer is None or answer is ...
