"""The kinds of checks by themselves."""

import ast
import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import enlib.exercises
from enlib.exercises import answers, check
from enlib.exercises.answers import RIGHT
from enlib.exercises.checks import CHECKS

ROOM = Path(enlib.exercises.__file__).parent


@pytest.mark.parametrize("path", sorted(ROOM.glob("*.py")), ids=lambda path: path.stem)
def test_a_web_page_can_import_the_room(path):
    """MicroPython has no NumPy, torch, typing or __future__; what is imported inside a function may be missing."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module]
            assert all(name == "math" or name.startswith("enlib.exercises") for name in names)


def by_lists(gradient, w, v):
    up, down = (gradient([x + h * y for x, y in zip(w, v, strict=True)]) for h in (1e-5, -1e-5))
    return [(p - q) / 2e-5 for p, q in zip(up, down, strict=True)]


def test_without_numpy_numbers_and_plain_functions_are_checked_alike(monkeypatch):
    monkeypatch.setitem(sys.modules, "numpy", None)
    monkeypatch.setitem(sys.modules, "torch", None)
    assert check("momentum edge", 380) == RIGHT
    assert check("interval width", lambda w: 2 / w * math.acosh(math.sqrt(w))) == RIGHT
    assert check("separating direction", [1, 2]) == RIGHT
    assert "it is convex" in check("one minimum", abs)
    assert "raised TypeError" in check("product by differences", lambda gradient, w, v: gradient(w + 1e-5 * v))
    assert check("product by differences", by_lists) == RIGHT


def test_two_numbers_that_differ_are_written_differently():
    """Once: expected 4, got 4."""
    four = answers.function("x", [(1.0,)], lambda x: 4.0, {}, "no")
    assert four(lambda x: 4.00001) == "at x = 1 expected 4, got 4.00001: no"
    assert four(lambda x: 4 + 1e-6) == RIGHT
    assert answers.number(1, {}, "no")(1 + 1e-5) == "not 1.00001: no"


def test_of_several_numbers_one_that_is_too_far_off_is_told():
    """Once: expected 5.875, got 5.87501, of an answer whose other number was wrong in the fourth digit."""
    pair = answers.function("x", [(1.0,)], lambda x: [[5.875, 0.0], [8.5, math.inf]], {}, "no", within=1e-5)
    assert pair(lambda x: [[5.87501, 0.0], [8.508, math.inf]]) == "at x = 1 expected 8.5 in [1][0], got 8.508: no"
    assert pair(lambda x: [[5.87501, 0.0], [8.5, math.nan]]) == "at x = 1 expected inf in [1][1], got nan: no"
    assert pair(lambda x: [[11.75, 0.0], [17.0, math.inf]]) == "at x = 1 expected 5.875 in [0][0], got 11.75: no"


def test_a_function_gets_a_fresh_list_each_time():
    def sort_in_place(trials, k):
        trials.sort()
        return CHECKS and np.mean(trials[:k])

    assert check("best of k", sort_in_place) == check("best of k", sort_in_place)
    assert "mean of the k smallest" in check("best of k", sort_in_place)


def test_the_hint_needs_the_mistake_in_every_case():
    """A function that returns the smallest once by chance is not told that it always does."""
    assert "whatever k" not in check("best of k", lambda trials, k: min(trials) if k < 3 else 5)


def test_a_function_is_tried_with_pythons_numpys_and_torchs_types():
    seen = []

    def picky(x):
        seen.append(type(x))
        raise TypeError("picky")

    answers.function("x", [(1.0,)], lambda x: x, {}, "no")(picky)
    assert seen == [float, np.float64, torch.Tensor]


def test_an_error_that_is_not_about_types_is_told_at_once():
    seen = []
    identity = answers.function("x", [(0.0,)], lambda x: x, {}, "no")
    said = identity(lambda x: seen.append(x) or 1 / x)
    # Python 3.14 leaves out the word "float".
    assert said.replace("float ", "") == "at x = 0 your function raised ZeroDivisionError: division by zero"
    assert len(seen) == 1


def test_a_long_error_is_told_on_one_line():
    def verbose(x):
        raise ValueError("one\ntwo " * 1000)

    said = answers.function("x", [(0.0,)], lambda x: x, {}, "no", failing={ValueError: "a hint"})(verbose)
    assert said.startswith("at x = 0 your function raised ValueError: one two one two")
    assert said.endswith(": a hint")
    assert len(said) < 300


def test_an_overflow_is_infinite_and_no_error():
    said = answers.function("x", [(1e4,)], lambda x: x, {}, "no")(math.exp)
    assert said == "at x = 10000 expected 10000, got inf: no"


def test_a_readers_overflow_warns_nobody():
    with np.errstate(all="raise"):
        assert check("no minimum", lambda w: np.log1p(np.exp(w))) == RIGHT


def test_interrupting_a_slow_function_interrupts_the_cell():
    def slow(w):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check("one minimum", slow)


def test_a_function_that_never_ends_is_stopped_where_it_calls_what_it_was_given():
    def endless(f):
        while f(1.0) < 2:
            pass

    said = answers.function("f", [(lambda x: x,)], lambda f: 0.0, {}, "no", failing={answers.Endless: "count"})(
        endless
    )
    assert (
        said
        == "here your function was stopped: it called the function that it was given 10000 times, and went on: count"
    )


def test_each_form_of_the_arguments_has_its_own_count():
    """A function for torch alone is called three times, the first two in vain."""

    def busy(f, x):
        return torch.stack([f(x) for _ in range(9_000)]).mean()

    assert answers.function("f x", [(lambda x: x, 1.0)], lambda f, x: 1.0, {}, "no")(busy) == RIGHT


def test_what_torch_says_replaces_what_python_said_of_its_lists():
    add = answers.function("a b", [([1.0, 2.0], [1.0, 2.0, 3.0])], lambda a, b: 0.0, {}, "no")
    assert "RuntimeError: The size of tensor a" in add(lambda a, b: torch.add(2.0 * a, b))


def test_a_list_of_one_number_is_that_number_as_an_array_is():
    for one in ([380.0], (380,), np.array([380.0]), torch.tensor([380.0])):
        assert check("momentum edge", one) == RIGHT
    assert check("momentum edge", [[380.0]]) == "expected a number, got a list"
