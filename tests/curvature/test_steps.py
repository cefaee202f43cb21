import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from enlib.curvature import diagonal_step, newton_step, saddle_free_step

SADDLE = torch.tensor([[0.0, 1.0], [1.0, 0.0]], dtype=torch.float64)  # of E = x y


def random_symmetric(d, seed, definite):
    random = torch.Generator().manual_seed(seed)
    a = torch.randn(d, d, generator=random, dtype=torch.float64)
    g = torch.randn(d, generator=random, dtype=torch.float64)
    return (a @ a.T + torch.eye(d, dtype=torch.float64) if definite else a + a.T), g


@settings(max_examples=30)
@given(d=st.integers(1, 8), seed=st.integers(0, 1000))
def test_newton_solves_a_parabola_in_one_step(d, seed):
    h, center = random_symmetric(d, seed, definite=True)
    w = torch.ones(d, dtype=torch.float64)
    assert torch.allclose(w + newton_step(h @ (w - center), h), center, atol=1e-8)


@settings(max_examples=30)
@given(d=st.integers(1, 8), seed=st.integers(0, 1000), damping=st.floats(0.01, 10))
def test_the_saddle_free_step_always_descends(d, seed, damping):
    h, g = random_symmetric(d, seed, definite=False)
    assert g @ saddle_free_step(g, h, damping=damping) < 0
    positive, g = random_symmetric(d, seed, definite=True)
    assert torch.allclose(saddle_free_step(g, positive), newton_step(g, positive), atol=1e-8)


def test_newton_goes_to_the_saddle_of_xy_and_the_saddle_free_step_leaves_it():
    w = torch.tensor([1.0, -0.5], dtype=torch.float64)
    assert torch.allclose(w + newton_step(SADDLE @ w, SADDLE), torch.zeros(2, dtype=torch.float64), atol=1e-12)
    for _ in range(5):
        w = w + saddle_free_step(SADDLE @ w, SADDLE)
    assert w[0] * w[1] < -1


def test_the_diagonal_step_is_newtons_on_a_diagonal():
    g, d = torch.tensor([1.0, -2.0]), torch.tensor([4.0, 0.5])
    assert torch.allclose(diagonal_step(g, d), newton_step(g, torch.diag(d)))
    assert torch.allclose(diagonal_step(g, torch.zeros(2), damping=2.0), -g / 2)


def test_damping_shortens_the_step():
    h, g = random_symmetric(4, 0, definite=True)
    lengths = [newton_step(g, h, damping=d).norm() for d in (0.0, 1.0, 10.0)]
    assert lengths == sorted(lengths, reverse=True)


@pytest.mark.parametrize("step", [newton_step, saddle_free_step])
@pytest.mark.parametrize(
    "gradient, hessian, message",
    [
        (torch.ones(2), torch.ones(2, 3), r"square matrix, got shape \(2, 3\)"),
        (torch.ones(2), torch.ones(2), r"square matrix, got shape \(2,\)"),
        (torch.ones(3), torch.eye(2), r"gradient of shape \(2,\), got \(3,\)"),
        (torch.ones(2), torch.tensor([[1.0, 2.0], [0.0, 1.0]]), "symmetric matrix, got entries that differ by 2"),
        (torch.ones(2), torch.eye(2) * torch.nan, "finite Hessian, got 4"),
        (torch.tensor([1.0, torch.inf]), torch.eye(2), "finite gradient, got 1"),
        (torch.ones(2), torch.diag(torch.tensor([1.0, 0.0])), "got a singular one.*add damping"),
        (torch.ones(2), torch.zeros(2, 2), "got a singular one"),
    ],
)
def test_bad_matrices(step, gradient, hessian, message):
    with pytest.raises(ValueError, match=message):
        step(gradient, hessian)


def test_bad_damping_and_diagonals():
    for step in (newton_step, saddle_free_step):
        with pytest.raises(ValueError, match="damping >= 0, got -1"):
            step(torch.ones(2), torch.eye(2), damping=-1)
    with pytest.raises(ValueError, match=r"one shape \(d,\), got \(2,\) and \(2, 2\)"):
        diagonal_step(torch.ones(2), torch.eye(2))
    with pytest.raises(ValueError, match="neither at index 1: add damping"):
        diagonal_step(torch.ones(2), torch.tensor([1.0, 0.0]))
    with pytest.raises(ValueError, match="finite diagonal"):
        diagonal_step(torch.ones(1), torch.tensor([torch.nan]))


@pytest.mark.parametrize("step", [newton_step, saddle_free_step, diagonal_step])
def test_wrong_types_at_the_front_door(step):
    right = torch.ones(2) if step is diagonal_step else torch.eye(2)
    for wrong in (None, "x", [1.0, 1.0], torch.ones(2, dtype=torch.int64)):
        with pytest.raises(TypeError, match="expected gradient to be a tensor of floats, got"):
            step(wrong, right)
    for wrong in (None, "x", right.tolist(), right.long()):
        with pytest.raises(TypeError, match="to be a tensor of floats, got"):
            step(torch.ones(2), wrong)
