import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from enlib.dynamics import descend
from enlib.landscape import chord, hessian_eigenvalues, worst_chord

X = torch.tensor([1.0, -2.0], dtype=torch.float64)
SIGNAL = torch.tensor([[[0.5, -1.0, 2.0, 1.0, -0.5, 1.5]]], dtype=torch.float64)


def conv(kernel, signal=SIGNAL):
    return F.conv1d(signal, kernel.reshape(1, 1, -1))


CONVEX = {
    "affine": (lambda w: w @ X + 1, 2),
    "norm": (lambda w: w.norm(), 3),
    "max of affine functions": (lambda w: torch.maximum(w[:2] @ X, w[2:] @ X), 4),
    "cross-entropy": (lambda w: torch.logsumexp(w.reshape(3, 2) @ X, 0) - w[:2] @ X, 6),
    "squared loss of an affine function": (lambda w: (w @ X - 1) ** 2, 2),
    "convolution of data, squared loss": (lambda k: (conv(k) - 1).square().sum(), 3),
    "max-pooling of a convolution of data": (lambda k: F.max_pool1d(conv(k), 2).sum(), 3),
    "ReLU, then hinge with label -1": (lambda w: F.relu(1 + F.relu(w @ X)), 2),
    "second layer fixed and not negative": (lambda w: 2 * F.relu(w[:2] @ X) + F.relu(w[2:] @ X), 4),
}
NOT_CONVEX = {
    "ReLU, then hinge with label +1": (lambda w: F.relu(1 - F.relu(w @ X)), 2),
    "ReLU, then squared loss": (lambda w: (F.relu(w @ X) - 1) ** 2, 2),
    "minus ReLU": (lambda w: -F.relu(w @ X), 2),
    "sigmoid, then squared loss": (lambda w: torch.sigmoid(w @ X) ** 2, 2),
    "two linear layers": (lambda w: (w[0] * w[1] - 1) ** 2, 2),
    "two convolutions": (lambda k: (conv(k[:2], conv(k[2:])) - 1).square().sum(), 4),
    "max-pooling, then hinge with label +1": (lambda k: F.relu(1 - F.max_pool1d(conv(k), 2)).sum(), 3),
    "sine": (lambda w: torch.sin(w[0]), 1),
}


@pytest.mark.parametrize("name", CONVEX)
def test_no_chord_breaks_what_is_convex(name):
    f, d = CONVEX[name]
    assert not worst_chord(f, d, seed=0).breaks_convexity


@pytest.mark.parametrize("name", NOT_CONVEX)
def test_a_chord_breaks_what_is_not_convex(name):
    f, d = NOT_CONVEX[name]
    worst = worst_chord(f, d, seed=0)
    assert worst.breaks_convexity
    assert worst.gap == pytest.approx(
        float(f((worst.start + worst.end) / 2)) - float(f(worst.start) + f(worst.end)) / 2
    )


@given(st.lists(st.floats(-10, 10), min_size=9, max_size=9), st.integers(0, 10**6))
def test_the_gap_of_a_quadratic_is_its_form_on_half_the_chord(numbers, seed):
    # f(mid) - mean f = -(u-v)' A (u-v) / 8: the Hessian decides, wherever the chord lies.
    form = torch.tensor(numbers, dtype=torch.float64).reshape(3, 3)
    line = worst_chord(lambda w: w @ form @ w / 2, 3, seed=seed, chords=3)
    step = line.end - line.start
    assert line.gap == pytest.approx(float(-step @ form @ step / 8), abs=1e-9)


def test_chords_stay_in_their_box_and_are_repeatable():
    seen = []
    worst_chord(lambda w: seen.append(w) or w.sum(), 2, low=(0.0, -2.0), high=(1.0, -1.0), seed=3, chords=50)
    points = torch.stack(seen)
    assert points.shape == (150, 2)
    assert ((points >= torch.tensor([0.0, -2.0])) & (points <= torch.tensor([1.0, -1.0]))).all()
    again = worst_chord(lambda w: w.sin().sum(), 2, seed=3)
    assert torch.equal(again.start, worst_chord(lambda w: w.sin().sum(), 2, seed=3).start)


def test_the_product_is_quasiconvex_only_where_the_signs_differ():
    def product(w):
        return w[0] * w[1]

    line = chord(product, [1.0, -1.0], [-1.0, 1.0])
    assert (line.at_start, line.at_end, line.at_middle, line.ridge) == (-1, -1, 0, 1)
    line = chord(product, [4.0, 0.25], [0.25, 4.0])  # both positive: quasiconcave, not quasiconvex
    assert line.at_start == line.at_end == 1
    assert line.breaks_quasiconvexity
    negative = worst_chord(product, 2, low=(0.0, -3.0), high=(3.0, 0.0), seed=0, by="ridge")
    assert not negative.breaks_quasiconvexity
    assert worst_chord(product, 2, low=(0.0, -3.0), high=(3.0, 0.0), seed=0).breaks_convexity
    positive = worst_chord(lambda w: -product(w), 2, low=0.0, high=3.0, seed=0, by="ridge")
    assert not positive.breaks_quasiconvexity


def test_quasiconvex_functions_can_have_an_indefinite_hessian():
    def well(w):
        return 1 - torch.exp(-w @ w)

    low, high = hessian_eigenvalues(well, [2.0, 0.0])
    assert low < 0 < high
    assert not worst_chord(well, 2, seed=0, by="ridge").breaks_quasiconvexity


def test_two_linear_layers_of_one_unit():
    def loss(w):
        return (w[0] * w[1] - 1) ** 2 / 2

    torch.testing.assert_close(hessian_eigenvalues(loss, [0.0, 0.0]), torch.tensor([-1.0, 1.0], dtype=torch.float64))
    line = chord(loss, [1.0, 1.0], [-1.0, -1.0])
    assert (line.at_start, line.at_end, line.at_middle) == (0, 0, 0.5)
    # No bad minimum: off the ridge x = -y descent arrives at loss 0 from everywhere.
    for start in itertools.product((-1.5, -0.4, 0.7, 1.3), repeat=2):
        end = descend(lambda w: (w[0] * w[1] - 1) * w[::-1], start, eta=0.1, steps=2000)[-1]
        assert float(loss(torch.as_tensor(end))) < 1e-12


def test_logistic_loss_has_the_hessian_x_d_x_and_no_negative_eigenvalue():
    g = torch.Generator().manual_seed(0)
    x = torch.randn(40, 3, generator=g, dtype=torch.float64)
    y = torch.where(torch.rand(40, generator=g) < 0.5, -1.0, 1.0).double()
    for _ in range(50):
        w = 3 * torch.randn(3, generator=g, dtype=torch.float64)
        p = torch.sigmoid(x @ w)
        values = hessian_eigenvalues(lambda w: -F.logsigmoid(y * (x @ w)).sum(), w)
        torch.testing.assert_close(
            values, torch.linalg.eigvalsh(x.T @ torch.diag(p * (1 - p)) @ x), atol=1e-12, rtol=0
        )
        assert values[0] >= -1e-12


@given(st.floats(-20, 20))
def test_second_derivative_of_a_squared_sigmoid(z):
    s = 1 / (1 + math.exp(-z))
    second = hessian_eigenvalues(lambda w: torch.sigmoid(w[0]) ** 2, [z]).item()
    assert second == pytest.approx(2 * s**2 * (1 - s) * (2 - 3 * s), abs=1e-14)
    if abs(z - math.log(2)) > 1e-6:
        assert (second > 0) == (z < math.log(2))


def test_permuted_hidden_units_have_one_loss_and_the_midpoint_another():
    g = torch.Generator().manual_seed(0)
    x, units = torch.randn(30, 1, generator=g).double(), torch.randn(5, 3, generator=g).double()

    def loss(w):
        w = w.reshape(5, 3)
        return (torch.tanh(x * w[:, 0] + w[:, 1]) @ w[:, 2] - x[:, 0].sin()).square().mean()

    for permutation in itertools.permutations(range(5)):
        copy = units[list(permutation)]
        assert abs(float(loss(copy.flatten()) - loss(units.flatten()))) < 1e-12
    mixed = chord(loss, units.flatten(), units[[1, 0, 2, 3, 4]].flatten())
    assert torch.equal((mixed.start + mixed.end).reshape(5, 3)[0], (mixed.start + mixed.end).reshape(5, 3)[1])


def test_says_what_was_expected():
    with pytest.raises(ValueError, match="one shape"):
        chord(lambda w: w.sum(), [1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="expected a finite value at w = .*choose a smaller box"):
        chord(lambda w: w.log().sum(), [-1.0], [1.0])
    with pytest.raises(ValueError, match="low < high in each of 2 coordinates"):
        worst_chord(lambda w: 0.0, 2, low=(0.0, 1.0), high=1.0, seed=0)
    with pytest.raises(ValueError, match="did you mean 'ridge'"):
        worst_chord(lambda w: 0.0, 1, seed=0, by="rigde")
    with pytest.raises(ValueError, match="flatten the parameters"):
        hessian_eigenvalues(lambda w: w.sum(), torch.zeros(2, 2))


def test_a_function_that_ignores_its_argument_is_refused():
    weights, x = torch.ones(2, dtype=torch.float64, requires_grad=True), torch.ones(5, 2, dtype=torch.float64)

    def closure(w):
        return (x @ weights).square().mean()

    for call in (
        lambda: chord(closure, [0.0, 0.0], [1.0, 1.0]),
        lambda: worst_chord(closure, 2, seed=0),
        lambda: worst_chord(lambda w: closure(w).item(), 2, seed=0),
        lambda: worst_chord(lambda w: 0.0, 2, seed=0),
    ):
        with pytest.raises(ValueError, match="expected a function that depends on its argument w"):
            call()
    with pytest.raises(ValueError, match="depends on the parameters it is given, got one that ignores them"):
        hessian_eigenvalues(closure, [0.0, 0.0])


def test_functions_that_are_constant_here_are_not_refused():
    assert not chord(lambda w: float(w[0] > 0), [1.0], [2.0]).breaks_convexity
    assert not chord(lambda w: math.floor(w.numpy()[0]), [1.1], [1.2]).breaks_convexity
    assert not chord(lambda w: w.relu().sum(), [-1.0], [-2.0]).breaks_convexity
    assert not worst_chord(lambda w: w.relu().sum(), 2, low=-2.0, high=-1.0, seed=0).breaks_convexity
    assert chord(lambda w: w.sum(), [1.0], [1.0]).gap == 0


def test_a_chord_leaves_a_model_in_training_mode_alone():
    model = torch.nn.BatchNorm1d(2).double()
    x = torch.randn(5, 2, dtype=torch.float64)

    def loss(w):
        return torch.func.functional_call(model, {"weight": w}, (x,)).square().mean()

    chord(loss, [1.0, 1.0], [2.0, 1.0])
    worst_chord(loss, 2, seed=0, chords=2)
    hessian_eigenvalues(loss, [1.0, 1.0])
    assert model.num_batches_tracked == 0
    assert not model.running_mean.any()


@pytest.mark.parametrize("wrong", ["x", None, [None], {}])
def test_wrong_types_at_the_front_door(wrong):
    for call in (
        lambda: chord(wrong, [1.0], [2.0]),
        lambda: worst_chord(wrong, 1, seed=0),
        lambda: hessian_eigenvalues(wrong, [1.0]),
    ):
        with pytest.raises(TypeError, match="expected a function of w"):
            call()
    with pytest.raises(TypeError, match="expected start to be numbers"):
        chord(lambda w: w.sum(), wrong, [1.0])
    with pytest.raises(TypeError, match="expected w to be numbers"):
        hessian_eigenvalues(lambda w: w.sum(), wrong)
    with pytest.raises(TypeError, match="expected low to be numbers"):
        worst_chord(lambda w: w.sum(), 1, low=wrong, seed=0)
    with pytest.raises(TypeError, match="expected the function to return one number, got"):
        chord(lambda w: wrong, [1.0], [2.0])
    with pytest.raises(TypeError, match="expected the function to return one number, got Tensor"):
        chord(lambda w: w, [1.0, 2.0], [2.0, 3.0])
    with pytest.raises((TypeError, ValueError), match="seed"):
        worst_chord(lambda w: w.sum(), 1, seed=wrong)
