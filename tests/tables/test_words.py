import math

import pytest

from enlib.tables import finding, label


@pytest.mark.parametrize(
    "problem, name",
    [
        ("spheres-5-5000", "spheres 1/5, n = 5000"),
        ("cifar10-0v1", "CIFAR-10, 0 and 1"),
        ("spheres-1.01-1000-momentum", "spheres 1/1.01, n = 1000, momentum"),
    ],
)
def test_labels(problem, name):
    assert label(problem) == name


@pytest.mark.parametrize(
    "line, word",
    [
        ({"p_equivalence": 0.01, "p_holm": 0.001, "direction": 1}, "equivalent"),
        ({"p_equivalence": 0.9, "p_holm": 0.01, "direction": 1, "ratio": math.nan}, "worse"),
        ({"p_equivalence": 0.9, "p_holm": 0.01, "direction": -1, "difference": 0.0}, "better"),
        ({"p_equivalence": 0.9, "p_holm": 0.2, "direction": 1}, "undecided"),
        ({"p_equivalence": math.nan, "p_holm": math.nan, "direction": 0}, "undecided"),
    ],
)
def test_findings(line, word):
    assert finding(line) == word
