"""Checks of the notebook on step sizes from the Hessian."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from enlib.exercises.answers import NOT_YET, RIGHT, no_number, unanswered


def check_newton_landing(answer: float | None) -> str:
    """Check where one Newton step on w^4 leads from w = 3.

    Examples
    --------
    >>> check_newton_landing(4)
    'not quite: this is the step with a plus; mind the sign'
    """
    if trouble := no_number(answer):
        return trouble
    assert answer is not None
    if math.isclose(answer, 2, abs_tol=1e-3):
        return RIGHT
    if math.isclose(answer, 4):
        return "not quite: this is the step with a plus; mind the sign"
    if math.isclose(answer, -1, abs_tol=1e-3):
        return "not quite: this is the step itself; where does it lead from 3?"
    if answer == 0:
        return "not quite: the minimum is there, but w^4 is no parabola, and one step does not reach it"
    return f"not {answer:g}: the step is -E'/E'', with E' = 4 w^3 and E'' = 12 w^2"


def check_product_by_differences(product: Callable[[Callable[[Tensor], Tensor], Tensor, Tensor], Tensor]) -> str:
    """Check a function of (gradient, w, v) that returns H v from gradients alone.

    Examples
    --------
    >>> check_product_by_differences(lambda gradient, w, v: gradient(w + v) - gradient(w))
    'expected 5.375 in the first place, got 6.625: is h small enough, and is the difference divided by it?'
    """
    w, v = (torch.tensor(values, dtype=torch.float64) for values in ([1.5, -1.0], [0.5, 2.0]))

    def gradient(at: Tensor) -> Tensor:
        return torch.stack([at[0] ** 3 + at[1], 2 * at[1] + at[0]])

    exact = torch.stack([3 * w[0] ** 2 * v[0] + v[1], 2 * v[1] + v[0]])
    answer = product(gradient, w, v)
    if unanswered(answer):
        return NOT_YET
    if not isinstance(answer, Tensor) or answer.shape != w.shape:
        return f"expected the function to return a tensor of shape {tuple(w.shape)}, got {answer!r}"
    hints = {2.0: "divide by 2 h", 0.5: "do not divide by more than 2 h", -1.0: "which minus which?"}
    for factor, hint in hints.items():
        if torch.allclose(answer, factor * exact, rtol=1e-5):
            return f"not quite: off by a factor of {factor:g}; {hint}"
    if torch.allclose(answer, exact, rtol=1e-5, atol=0):
        return RIGHT
    return (
        f"expected {exact[0]:.4g} in the first place, got {answer[0]:.4g}: is h small enough, and is the difference "
        "divided by it?"
    )


def check_diagonal_limit(answer: float | None) -> str:
    """Check up to which c the diagonal step converges for 11 parameters with curvature 1 and c for each pair.

    Examples
    --------
    >>> check_diagonal_limit(0.2)
    'not quite: with c = 0.2 each step multiplies the common direction by -2'
    """
    if trouble := no_number(answer):
        return trouble
    assert answer is not None
    if math.isclose(answer, 0.1):
        return RIGHT
    if math.isclose(answer, 1 / 11):
        return "not quite: each parameter has 10 partners, not 11"
    if answer <= 0:
        return "expected c > 0"
    return f"not quite: with c = {answer:g} each step multiplies the common direction by {-10 * answer:g}"
