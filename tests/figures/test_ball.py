import json

import numpy as np
import pytest
import torch
from bs4 import BeautifulSoup
from scipy.interpolate import RectBivariateSpline

from enlib.dynamics import descend
from enlib.figures import Surface, ball
from enlib.figures.ball import METHODS

X, Y = np.linspace(-2, 2, 21), np.linspace(-3, 3, 25)
BOWL = np.array([[6.0, 1.0], [1.0, 2.0]])  # the Hessian of a parabola with its minimum at 0
SADDLE = np.array([[1.0, 2.0], [2.0, -3.0]])


def parabola(hessian, x=X, y=Y):
    w = np.stack(np.meshgrid(x, y), -1)
    return Surface(x, y, (w @ hessian * w).sum(-1) / 2)


def slope(w):
    return BOWL @ w


def test_spline_against_scipy():
    """SciPy's bicubic spline, whose ends are not knots either, and its derivatives."""
    z = np.random.default_rng(0).standard_normal((len(Y), len(X)))
    oracle, surface = RectBivariateSpline(X, Y, z.T, s=0), Surface(X, Y, z)
    orders = [(0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2)]
    for u, v in [*np.random.default_rng(1).uniform([-2, -3], [2, 3], (40, 2)), (-2, -3), (2, 3)]:
        expected = [oracle.ev(u, v, *order) for order in orders]
        np.testing.assert_allclose(surface.at((u, v)), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("method, mu", [("gradient descent", 0.0), ("momentum 0.9", 0.9)])
def test_descent_against_the_package(method, mu):
    rolled = parabola(BOWL).roll(method, (1, 1), eta=0.05, steps=60)
    np.testing.assert_allclose(rolled, descend(slope, [1, 1], eta=0.05, momentum=mu, steps=60), atol=1e-5)


@pytest.mark.parametrize(
    "method, make",
    [
        ("Nesterov 0.9", lambda w: torch.optim.SGD([w], lr=0.05, momentum=0.9, nesterov=True)),
        ("Adam", lambda w: torch.optim.Adam([w], lr=0.05)),
    ],
)
def test_methods_against_torch(method, make):
    w = torch.tensor([1.0, 1.0], dtype=torch.float64, requires_grad=True)
    optimizer, path = make(w), []
    for _ in range(60):
        w.grad = torch.tensor(slope(w.detach().numpy()))
        path.append(w.detach().clone().numpy())
        optimizer.step()
    rolled = parabola(BOWL).roll(method, (1, 1), eta=0.05, steps=59)
    if method != "Adam":  # PyTorch stores the place from which the gradient is taken, w + mu v
        steps = np.diff(rolled, axis=0, prepend=rolled[:1])
        rolled = rolled + 0.9 * steps
    np.testing.assert_allclose(rolled, path, atol=1e-5)


def test_newton_arrives_at_once_and_with_absolute_values_leaves_a_saddle():
    for method in ("Newton", "Newton with |λ|"):
        np.testing.assert_allclose(parabola(BOWL).roll(method, (1, 1), eta=1, steps=1)[-1], 0, atol=1e-4)
    start = np.array([0.5, 0.2])
    values, vectors = np.linalg.eigh(SADDLE)
    away = start - vectors @ (vectors.T @ (SADDLE @ start) / np.abs(values))
    rolled = parabola(SADDLE).roll("Newton with |λ|", start, eta=1, steps=1)[-1]
    np.testing.assert_allclose(rolled, away, atol=1e-4)
    np.testing.assert_allclose(parabola(SADDLE).roll("Newton", start, eta=1, steps=1)[-1], 0, atol=1e-4)


def test_polyak_steps_to_where_the_tangent_meets_the_lowest_loss():
    g, f = slope(np.ones(2)), np.ones(2) @ BOWL @ np.ones(2) / 2
    rolled = parabola(BOWL).roll("Polyak", (1, 1), eta=1, steps=1, lowest=0.5)[-1]
    np.testing.assert_allclose(rolled, 1 - (f - 0.5) / (g @ g) * g, atol=1e-5)


def test_armijo_halves_until_the_lemma_promises_enough_and_stays_on_the_map():
    """Along an eigenvector c = 1/2 accepts what is at most 1/λ: of 1, 1/2, 1/4 and so on the first such."""
    curvatures, vectors = np.linalg.eigh(BOWL)
    for curvature, start in zip(curvatures, vectors.T, strict=True):
        left = 1 - curvature * 2.0 ** np.floor(np.log2(1 / curvature))
        rolled = parabola(BOWL).roll("Armijo", start, eta=1, steps=5)
        np.testing.assert_allclose(rolled, start * left ** np.arange(6)[:, None], atol=1e-5)
    assert all(map(parabola(SADDLE).inside, parabola(SADDLE).roll("Armijo", (0.5, 0.2), eta=9, steps=99)))


def test_barzilai_and_borwein_divide_by_the_curvature_of_the_last_step():
    path = parabola(BOWL).roll("Barzilai-Borwein", (1, 1), eta=0.05, steps=5)
    steps = np.diff(path, axis=0)
    curvatures = [step @ BOWL @ step / (step @ step) for step in steps]
    np.testing.assert_allclose(steps[0], -0.05 * slope(path[0]), atol=1e-5)
    for k in range(4):
        np.testing.assert_allclose(steps[k + 1] * curvatures[k], -slope(path[k + 1]), atol=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_a_ball_stops_at_a_minimum_and_at_the_first_place_off_the_map(method):
    surface = parabola(BOWL)
    assert np.isfinite(surface.roll(method, (0, 0), eta=0.1, steps=9)).all()
    if "Newton" not in method and method not in ("Armijo", "Polyak"):
        path = surface.roll(method, (1, 1), eta=5.0, steps=99)
        assert [surface.inside(place) for place in path] == [True] * (len(path) - 1) + [False]


def test_rates_of_a_parabola():
    """Along the gradient 1/E'', and the limit of the sharpest direction; none where the loss bends down."""
    values, vectors = np.linalg.eigh(BOWL)
    for k in (0, 1):
        best, limit = parabola(BOWL).rates(vectors[:, k])
        assert (best, limit) == pytest.approx((1 / values[k], 2 / values[1]), rel=1e-4)
    down = np.linalg.eigh(SADDLE)[1][:, 0]
    best, limit = parabola(SADDLE).rates(down)
    assert best is None
    assert limit == pytest.approx(2 / np.linalg.eigvalsh(SADDLE)[1], rel=1e-4)
    assert parabola(-BOWL).rates((1, 1)) == (None, None)


def test_minimum():
    assert parabola(BOWL).minimum((1, -1)) == pytest.approx((0, 0), abs=1e-6)
    with pytest.raises(ValueError, match=r"expected a minimum near \(0.5, 0.2\), got none: start from a lower place"):
        parabola(SADDLE).minimum((0.5, 0.2))


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: Surface(X[:4], Y, np.ones((25, 4))), "at least 5 columns and rows, got .4, 25.: use a finer grid"),
        (lambda: Surface(X, Y, np.ones((21, 25))), "got .21, 25.: transpose it"),
        (lambda: parabola(BOWL).roll("adam", (1, 1), eta=1, steps=1), "method to be one of .* did you mean 'Adam'"),
        (lambda: parabola(BOWL).roll("Adam", (1, 1), eta=0, steps=1), "eta"),
        (lambda: parabola(BOWL).roll("Adam", (1, 1), eta=1, steps=-1), "steps"),
    ],
)
def test_bad_calls(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_figure_marks_the_rates_at_its_minima_and_at_the_ball():
    figure = ball(
        parabola(BOWL), {"O": (0.5, 0.5)}, start=(1, 1), eta=0.1, x="x", y="y", alt="A bowl.", caption="Let go."
    )
    page = BeautifulSoup(figure.to_html(), "html.parser")
    spec = json.loads(page.find(type="application/json").string)
    assert spec["ticks"] == {"control": 1, "names": ["ηₒₚₜ", "2/λₘₐₓ"], "rows": "rates"}
    assert (spec["play"], spec["held"]) == (2, [[3, 4], [3, 4]])
