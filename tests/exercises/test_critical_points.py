import pytest
import torch

from enlib import exercises


@pytest.mark.parametrize("stub", [None, ...])
def test_stubs_are_not_answered_yet(stub):
    assert exercises.check_index(stub) == exercises.NOT_YET
    assert exercises.check_copies(stub) == exercises.NOT_YET
    assert exercises.check_permute(lambda w1, b1, w2, order: stub) == exercises.NOT_YET
    assert exercises.check_spread(lambda p, gap: stub) == exercises.NOT_YET


def test_right_answers():
    assert exercises.check_index(9) == exercises.RIGHT
    assert exercises.check_copies(3840) == exercises.RIGHT
    assert exercises.check_permute(lambda w1, b1, w2, o: (w1[o], b1[o], w2[:, o])) == exercises.RIGHT
    assert exercises.check_spread(lambda p, gap: (p * (1 - p)) ** 0.5 * gap) == exercises.RIGHT


@pytest.mark.parametrize(
    "wrong, hint", [(5, "three hidden"), (8, "rather carry"), (10, "smaller"), (1, "spare units")]
)
def test_wrong_indices_get_a_hint(wrong, hint):
    assert hint in exercises.check_index(wrong)


@pytest.mark.parametrize(
    "wrong, hint", [(120, "second form"), (32, "change places"), (152, "every"), (5, "how many")]
)
def test_wrong_counts_get_a_hint(wrong, hint):
    assert hint in exercises.check_copies(wrong)


@pytest.mark.parametrize(
    "wrong, hint",
    [
        (lambda w1, b1, w2, o: (w1, b1[o], w2[:, o]), "rows of W1 stayed"),
        (lambda w1, b1, w2, o: (w1[o], b1, w2[:, o]), "biases stayed"),
        (lambda w1, b1, w2, o: (w1[o], b1[o], w2), "columns of W2 stayed"),
        (lambda w1, b1, w2, o: (w1[o.argsort()], b1[o.argsort()], w2[:, o.argsort()]), "way back"),
        (lambda w1, b1, w2, o: (w1[o], b1[o], w2[:, o.argsort()]), "all in one order"),
        (lambda w1, b1, w2, o: (w1[:, :1], b1[o], w2), "expected shapes"),
        (lambda w1, b1, w2, o: w1[o], "three tensors"),
        (lambda w1, b1, w2, o: ("w1", "b1", "w2"), "three tensors"),
    ],
)
def test_wrong_permutations_get_a_hint(wrong, hint):
    assert hint in exercises.check_permute(wrong)


@pytest.mark.parametrize(
    "wrong, hint",
    [
        (lambda p, gap: p * (1 - p) * gap**2, "its root"),
        (lambda p, gap: p * gap, "the mean rises"),
        (lambda p, gap: p * (1 - p) * gap, "squared"),
        (lambda p, gap: 1.0, "toss a coin"),
        (lambda p, gap: "x", "return a number"),
        (lambda p, gap: torch.tensor(1.0), "return a number"),
    ],
)
def test_wrong_spreads_get_a_hint(wrong, hint):
    assert hint in exercises.check_spread(wrong)


def test_answers_that_are_no_numbers():
    assert "expected a number" in exercises.check_index("nine")
    assert "expected a number" in exercises.check_copies([120])
