"""Checks of the notebook on the edge of stability."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from enlib.dynamics import catapult
from enlib.exercises.answers import RIGHT, no_number

CHOICES = (1.0, 2.2, 3.0, 4.5)


def check_settling_sharpness(answer: float | None) -> str:
    """Check the sharpness at which gradient descent with the step size 0.08 settles.

    Examples
    --------
    >>> check_settling_sharpness(12.5)
    'not quite: 1 / eta is the curvature that one step solves; the edge is where a step overshoots by as much again'
    """
    if trouble := no_number(answer):
        return trouble
    assert answer is not None
    if math.isclose(answer, 12.5):
        return (
            "not quite: 1 / eta is the curvature that one step solves; the edge is where a step overshoots by as "
            "much again"
        )
    if math.isclose(answer, 1):
        return "not quite: 1 is where eta * sharpness / 2 settles; solve that for the sharpness"
    if math.isclose(answer, 25):
        return RIGHT
    return f"with sharpness {answer:g}, eta * sharpness / 2 is {0.04 * answer:g}; where does it settle?"


def check_catapult_step(step: Callable[[float, float, float, int], float]) -> str:
    """Check a function of f, lambda, eta and n that returns the next lambda of the two-layer linear model.

    Examples
    --------
    >>> check_catapult_step(lambda f, lam, eta, n: lam - 4 * eta * f**2 / n)
    'at f = 2, lambda = 3, eta = 0.5, n = 4 the next lambda is 1.75, got 1: mind the term with eta squared'
    """
    for f, lam, eta, n in ((2.0, 3.0, 0.5, 4), (-1.0, 2.0, 1.5, 10)):
        answer = step(f, lam, eta, n)
        if trouble := no_number(answer, "the function to return a number"):
            return trouble
        expected = _next_curvature(f, lam, eta, n)
        if not math.isclose(answer, expected, rel_tol=1e-9):
            first_order = math.isclose(answer, lam - 4 * eta * f**2 / n)
            hint = "mind the term with eta squared" if first_order else "expand |u'|^2 + |v'|^2 and divide by n"
            where = f"at f = {f:g}, lambda = {lam:g}, eta = {eta:g}, n = {n}"
            return f"{where} the next lambda is {expected:.4g}, got {answer:.4g}: {hint}"
    return RIGHT


def check_momentum_edge(answer: float | None) -> str:
    """Check the sharpness at the edge for the momentum 0.9 and the step size 0.01.

    Examples
    --------
    >>> check_momentum_edge(200)
    'not quite: this is the edge without momentum'
    """
    if trouble := no_number(answer):
        return trouble
    assert answer is not None
    if math.isclose(answer, 200):
        return "not quite: this is the edge without momentum"
    if math.isclose(answer, 20):
        return "not quite: momentum makes steps up to 1 / (1 - mu) longer, but at the edge they alternate and cancel"
    if math.isclose(answer, 380):
        return RIGHT
    return f"with sharpness {answer:g}, eta * sharpness is {0.01 * answer:g}; at the edge it is 2 (1 + mu)"


def check_flattest_catapult(answer: float | None) -> str:
    """Check which of 1, 2.2, 3 and 4.5 as eta * lambda leads the two-layer linear model to the flattest minimum.

    Examples
    --------
    >>> check_flattest_catapult(4.5)
    'not quite: above 4 the curvature grows with the loss, and both diverge'
    """
    if trouble := no_number(answer):
        return trouble
    assert answer is not None
    if answer not in CHOICES:
        return f"expected one of {', '.join(f'{c:g}' for c in CHOICES)}, got {answer:g}"
    if answer > 4:
        return "not quite: above 4 the curvature grows with the loss, and both diverge"
    ends = {c: catapult(1.0, 2.0, eta=c / 2, width=1000, steps=300).curvature[-1] for c in CHOICES}
    if ends[answer] == min(end for end in ends.values() if np.isfinite(end)):
        return RIGHT
    return f"not quite: this one ends with lambda = {ends[answer]:.2f}; another one ends lower"


def _next_curvature(f: float, lam: float, eta: float, n: int) -> float:
    """Take one step with all 2n weights, not with the formula."""
    # Vectors in the plane of their first two entries, with the given product and equal lengths.
    length = n * lam / 2
    angle = math.acos(f * math.sqrt(n) / length)
    u, v = np.zeros(n), np.zeros(n)
    u[0] = math.sqrt(length)
    v[:2] = math.sqrt(length) * np.array([math.cos(angle), math.sin(angle)])
    slope = f / math.sqrt(n)
    u, v = u - eta * slope * v, v - eta * slope * u
    return float((u @ u + v @ v) / n)
