import math

import torch

from enlib import exercises


def test_newtons_landing():
    assert exercises.check_newton_landing(None) == exercises.NOT_YET
    assert exercises.check_newton_landing(2) == exercises.RIGHT
    assert "mind the sign" in exercises.check_newton_landing(4)
    assert "the step itself" in exercises.check_newton_landing(-1)
    assert "no parabola" in exercises.check_newton_landing(0)
    assert "not 2.5: the step is -E'/E''" in exercises.check_newton_landing(2.5)
    assert "expected a number, got nan" in exercises.check_newton_landing(math.nan)


def test_products_by_differences():
    def central(gradient, w, v, h=1e-5, factor=1.0):
        return factor * (gradient(w + h * v) - gradient(w - h * v)) / (2 * h)

    check = exercises.check_product_by_differences
    assert check(lambda gradient, w, v: None) == exercises.NOT_YET
    assert check(central) == exercises.RIGHT
    assert "divide by 2 h" in check(lambda *a: central(*a, factor=2))
    assert "more than 2 h" in check(lambda *a: central(*a, factor=0.5))
    assert "which minus which" in check(lambda *a: central(*a, factor=-1))
    assert "is h small enough" in check(lambda *a: central(*a, h=0.1))
    assert "tensor of shape (2,), got 1.0" in check(lambda *a: 1.0)
    assert "tensor of shape (2,)" in check(lambda *a: torch.ones(3))


def test_the_limit_of_the_diagonal_step():
    assert exercises.check_diagonal_limit(None) == exercises.NOT_YET
    assert exercises.check_diagonal_limit(0.1) == exercises.RIGHT
    assert "10 partners" in exercises.check_diagonal_limit(1 / 11)
    assert "direction by -2" in exercises.check_diagonal_limit(0.2)
    assert "c > 0" in exercises.check_diagonal_limit(-1)
