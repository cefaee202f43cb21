"""Checks of the notebook on minima at infinity."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from enlib.dynamics import ToyWithNeuron, example_b, onset_step
from enlib.exercises.answers import NOT_YET, RIGHT, no_number, unanswered


def check_escape_limit(limit: float | None) -> str:
    """Check the limit of the loss with the neuron on Example A with c = 0.2.

    Examples
    --------
    >>> check_escape_limit(2 * 0.8**3)
    'not quite: that is the loss without the neuron; one exponential has one sign, so whom can it help?'
    """
    if trouble := no_number(limit):
        return trouble
    assert limit is not None
    right = 0.8**3
    if math.isclose(limit, right, abs_tol=1e-3):
        return RIGHT
    if math.isclose(limit, 2 * right, abs_tol=1e-3):
        return "not quite: that is the loss without the neuron; one exponential has one sign, so whom can it help?"
    if math.isclose(limit, 0, abs_tol=1e-3):
        return "not 0: the neuron rescues the samples of one class, and the other class keeps its loss"
    if math.isclose(limit, 0.2**3, abs_tol=1e-3):
        return "not quite: c is the margin; the loss of a sample is (1 - c)^3"
    return f"not {limit:g}: what is the loss of the one sample that nobody rescues, at theta = 0?"


def check_longer_escape(factor: float | None) -> str:
    """Check by which factor the onset of instability moves when the step size is halved.

    Examples
    --------
    >>> check_longer_escape(2)
    'not 2: how does the predicted step depend on eta? It is not inverse to it'
    """
    if trouble := no_number(factor):
        return trouble
    assert factor is not None
    if math.isclose(factor, 8, abs_tol=0.05):
        return RIGHT
    if math.isclose(factor, 1 / 8, abs_tol=1e-3):
        return "upside down: a smaller step size is stable for longer, not for a shorter time"
    if math.isclose(factor, 4, abs_tol=0.05):
        return "not quite: 4 is the factor for the time t = eta k; the question is about the number of steps"
    return f"not {factor:g}: how does the predicted step depend on eta? It is not inverse to it"


def check_invariant(change: Callable[[float, float, float, float], float]) -> str:
    """Check a function of (a, slope_in_a, eta, lam) that returns the change of b - a^2/2 in one step of descent.

    It is compared with a step on Example B.

    Examples
    --------
    >>> check_invariant(lambda a, slope_in_a, eta, lam: eta * lam * a**2)
    'not quite: right for gradient flow; a step of finite size adds a term in eta^2, from a^2/2 itself'
    """
    landscape, eta = ToyWithNeuron(example_b(), lam=0.7), 0.02
    p = np.array([-8.9, 0.6, 0.3, 0.2])
    gradient = landscape.gradient(p)
    q = p - eta * gradient
    true = float((q[3] - q[1] ** 2 / 2) - (p[3] - p[1] ** 2 / 2))
    answer = change(float(p[1]), float(gradient[1]), eta, 0.7)
    if trouble := no_number(answer, "the function to return a number"):
        return trouble
    if math.isclose(answer, true, rel_tol=1e-9, abs_tol=1e-12):
        return RIGHT
    flow, extra = eta * 0.7 * float(p[1]) ** 2, eta**2 / 2 * float(gradient[1]) ** 2
    if math.isclose(answer, flow, rel_tol=1e-9):
        return "not quite: right for gradient flow; a step of finite size adds a term in eta^2, from a^2/2 itself"
    if math.isclose(answer, flow + extra, rel_tol=1e-9):
        return "not quite: the sign of the term in eta^2 is wrong; a^2/2 grows by it, and a^2/2 is subtracted"
    if math.isclose(answer, flow - 2 * extra, rel_tol=1e-9):
        return "not quite: the term in eta^2 is twice too large; half of the squared change of a is what is left over"
    return f"expected {true:.6g} for a step on Example B, got {answer:.6g}: expand (a - eta g)^2 / 2"


def check_far_input(step: float | None) -> str:
    """Check the predicted onset for one sample at x = 3, with eta = 0.05, lambda = 1 and u = 0.5.

    Examples
    --------
    >>> check_far_input(10667)
    'not quite: that is the step for x = 0; now w helps b, so the exponent grows faster'
    """
    if unanswered(step):
        return NOT_YET
    if trouble := no_number(step):
        return trouble
    assert step is not None
    near, right = float(onset_step(0.05, 1.0, 0.5)), float(onset_step(0.05, 1.0, 0.5, x=3.0))
    if math.isclose(step, right, rel_tol=0.01) or math.isclose(step, right * 1.2, rel_tol=0.03):
        return RIGHT
    if math.isclose(step, near, rel_tol=0.01):
        return "not quite: that is the step for x = 0; now w helps b, so the exponent grows faster"
    if math.isclose(step, near / 9, rel_tol=0.01):
        return "not quite: w contributes x^2, and b still contributes 1"
    if math.isclose(step, near / 3, rel_tol=0.01) or math.isclose(step, near / 4, rel_tol=0.01):
        return "not quite: the slope in w is x times that in b, and w counts x times in the exponent: x twice"
    return f"not {step:g}: how fast does w x + b grow, compared with b alone?"
