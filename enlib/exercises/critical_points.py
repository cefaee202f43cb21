"""Checks of the notebook on critical points."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from enlib.exercises.answers import NOT_YET, RIGHT, no_number, unanswered
from enlib.landscape import permute_hidden, saddle_index


def check_index(answer: int | None) -> str:
    """Check the index of the critical point {2} of a linear network with five hidden units and modes 3, 2, 1.

    Examples
    --------
    >>> check_index(5)
    'not quite: 5 is its index with three hidden units; two more are spare now'
    """
    if trouble := no_number(answer):
        return trouble
    if answer == saddle_index([3, 2, 1], {2}):
        return "not quite: 5 is its index with three hidden units; two more are spare now"
    if answer == 8:
        return "not quite: 8 counts the spare units alone; the unit that carries mode 2 would rather carry mode 1"
    if answer == 10:
        return "not quite: the unit that carries mode 2 gains nothing from mode 3, which is smaller"
    right = answer == saddle_index([3, 2, 1], {2}, hidden=5)
    return (
        RIGHT
        if right
        else f"not {answer}: for each missing mode, count the spare units and those with a smaller mode"
    )


def check_copies(answer: int | None) -> str:
    """Check how many parameter settings give the same network with one hidden layer of five different tanh units.

    Examples
    --------
    >>> check_copies(120)
    'not quite: 120 = 5! are the orders; tanh(-z) = -tanh(z) gives each unit a second form'
    """
    if trouble := no_number(answer):
        return trouble
    orders, signs = math.factorial(5), 2**5
    if answer == orders:
        return f"not quite: {orders} = 5! are the orders; tanh(-z) = -tanh(z) gives each unit a second form"
    if answer == signs:
        return f"not quite: {signs} = 2^5 are the signs; the units can also change places"
    if answer == orders + signs:
        return "not quite: every order goes with every choice of signs"
    return RIGHT if answer == orders * signs else f"not {answer}: in how many orders, times how many signs?"


def check_permute(permute: Callable[..., Any]) -> str:
    """Check a function of (W1, b1, W2, order) that returns W1, b1, W2 with the hidden units in that order.

    Examples
    --------
    >>> check_permute(lambda w1, b1, w2, order: (w1[order], b1, w2[:, order]))
    'not quite: the biases stayed in the old order'
    """
    rng = torch.Generator().manual_seed(0)
    shapes = {"0.weight": (4, 2), "0.bias": (4,), "1.weight": (3, 4)}
    params = {name: torch.randn(shape, generator=rng) for name, shape in shapes.items()}
    order = torch.tensor([2, 0, 3, 1])
    answer = permute(*params.values(), order)
    if unanswered(answer):
        return NOT_YET
    if not isinstance(answer, tuple | list) or len(answer) != 3 or not all(torch.is_tensor(a) for a in answer):
        return f"expected the function to return the three tensors W1, b1, W2, got {answer!r}"
    for tensor, (name, old), advice in zip(
        answer,
        params.items(),
        ("the rows of W1 stayed", "the biases stayed", "the columns of W2 stayed"),
        strict=True,
    ):
        if tensor.shape != old.shape:
            return (
                f"expected shapes {', '.join(str(s) for s in shapes.values())}, got {tuple(tensor.shape)} for {name}"
            )
        if torch.equal(tensor, old):
            return f"not quite: {advice} in the old order"
    expected = permute_hidden(params, [order])
    if all(torch.equal(tensor, new) for tensor, new in zip(answer, expected.values(), strict=True)):
        return RIGHT
    backwards = permute_hidden(params, [order.argsort()])
    if all(torch.equal(tensor, new) for tensor, new in zip(answer, backwards.values(), strict=True)):
        return "not quite: this is the way back; order says which old unit comes first, which second, and so on"
    return "not quite: rows of W1, entries of b1 and columns of W2 belong to the units, all in one order"


def check_spread(spread: Callable[[float, float], float]) -> str:
    """Check a function of (p, gap): the standard deviation when a fraction p of the losses is higher by gap.

    Examples
    --------
    >>> check_spread(lambda p, gap: p * (1 - p) * gap**2)
    'not quite: this is the variance; the standard deviation is its root'
    """
    for p, gap in ((0.5, 0.2), (0.1, 0.3), (0.0, 1.0)):
        answer = spread(p, gap)
        if trouble := no_number(answer, "the function to return a number"):
            return trouble
        variance = p * (1 - p) * gap**2
        if math.isclose(answer, variance**0.5, rel_tol=1e-6, abs_tol=1e-12):
            continue
        if math.isclose(answer, variance, rel_tol=1e-6):
            return "not quite: this is the variance; the standard deviation is its root"
        if math.isclose(answer, p * gap, rel_tol=1e-6):
            return "not quite: this is how far the mean rises; how far are the losses from it, on average?"
        if math.isclose(answer, p * (1 - p) * gap, rel_tol=1e-6):
            return "not quite: the gap enters the variance squared, and then you take the root of all of it"
        return f"for p = {p:g} and a gap of {gap:g} expected {variance**0.5:.4g}, got {answer:.4g}: toss a coin"
    return RIGHT
