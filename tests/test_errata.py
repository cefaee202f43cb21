"""What book/errata.md says against its sources, recomputed: a test is named after the row that it stands behind."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.optimize import approx_fprime
from scipy.stats import binomtest, chi2, gmean, norm

from enlib.dynamics import descend
from enlib.landscape import chord, hessian_eigenvalues
from enlib.models import ConvNet, mlp
from enlib.numpy_nets import conv2d, max_pool2d, max_pool2d_backward, sigmoid, sigmoid_backward
from enlib.tables.published import GENERALIZATION, MNIST_IMAGES, MNIST_SPLITS, QUALITY, SPEED, Printed, impossible

# The report


def test_mnist_has_fewer_ones_and_sevens_than_the_splits_need():
    assert (sum(MNIST_SPLITS), MNIST_IMAGES, sum(MNIST_SPLITS) - MNIST_IMAGES) == (17_000, 15_170, 1_830)


def impossible_as_means(table):
    cells = [cell for row in table.values() for cell in zip(row.loss, row.errors, strict=True)]
    return [loss for loss, errors in cells if errors == 0 and loss >= 1]


def test_neither_table_is_all_sums_or_all_means():
    assert [cell[1:] for cell in impossible(QUALITY)] == [(0.431, 1), (0.994, 2)]
    assert [cell[1:] for cell in impossible(GENERALIZATION)] == [(0.2, 5), (0.6, 4)]
    assert impossible_as_means(QUALITY) == [41.0, 53.9]
    assert impossible_as_means(GENERALIZATION) == [1.1, 4.6]


def test_sums_of_the_means_of_batches_of_100_would_fit_both_tables():
    for table, samples in ((QUALITY, 15_000), (GENERALIZATION, 2_000)):
        for row in table.values():
            for loss, errors in zip(row.loss, row.errors, strict=True):
                assert 100 * loss >= errors
                assert errors > 0 or 100 * loss < samples


def test_the_networks_for_images_have_many_parameters():
    networks = (ConvNet(seed=0), mlp((3072, 1536, 768, 1), seed=0))
    assert [sum(p.numel() for p in net.parameters()) for net in networks] == [657_092, 5_901_313]
    assert [QUALITY["cifar10-0v1"].errors, SPEED["cifar10-0v1"]] == [(1, 2), (20, 23)]


def test_speed_is_worse_in_all_seven_rows():
    assert sum(with_neuron > without for without, with_neuron in SPEED.values()) == len(SPEED) == 7
    assert round(gmean([b / a for a, b in SPEED.values()]), 2) == 1.33
    assert round(binomtest(7, 7).pvalue, 3) == 0.016


@pytest.mark.parametrize("what, counts, p", [("loss", (6, 0), 0.031), ("errors", (3, 2), 1.0)])
def test_generalization_is_only_worse_in_the_loss(what, counts, p):
    pairs = [getattr(row, what) for row in GENERALIZATION.values()]
    worse, better = sum(b > a for a, b in pairs), sum(b < a for a, b in pairs)
    assert (worse, better) == counts
    assert round(binomtest(worse, worse + better).pvalue, 3) == p


def test_some_characteristics_improve_in_the_tables():
    assert QUALITY["spheres-1.01-20000"] == Printed((8311.8, 335.8), (2338, 35))
    assert [GENERALIZATION[name].errors for name in ("mnist-1v7", "cifar10-0v1")] == [(5, 4), (314, 313)]


def test_convolution_with_stride_1_has_the_sides_of_the_table():
    sides = [28]
    for _ in range(3):
        sides.append(sides[-1] + 2 * 1 - 4 + 1)
        sides.append(sides[-1] // 3)
    assert sides[:6] == [28, 27, 9, 8, 2, 1]


# The question and its answers


def test_squared_loss_on_a_sigmoid_is_not_convex():
    assert hessian_eigenvalues(lambda z: torch.sigmoid(z[0]) ** 2, [np.log(2) + 0.01])[0] < 0
    assert hessian_eigenvalues(lambda z: torch.sigmoid(z[0]) ** 2, [np.log(2) - 0.01])[0] > 0


def test_two_linear_layers_are_not_convex():
    assert_allclose(hessian_eigenvalues(lambda w: (w[0] * w[1] - 1) ** 2 / 2, [0, 0]), [-1, 1], atol=1e-12)


def test_rbf_network_is_not_convex_in_its_center():
    assert hessian_eigenvalues(lambda c: (1 - torch.exp(-(c[0] ** 2))) ** 2, [2.0])[0] < 0


def test_hessian_of_sin_is_semidefinite_at_every_point_though_sin_is_neither_convex_nor_concave():
    low, high = (chord(lambda w: torch.sin(w[0]), [start], [start + np.pi]) for start in (-np.pi, 0))
    assert low.gap < 0 < high.gap


def test_swapping_units_alone_does_not_disprove_convexity():
    def cost(w):
        return (w[0] + w[1] - 1) ** 2

    assert cost((1, 0)) == cost((0, 1)) == cost((0.5, 0.5)) == 0
    assert hessian_eigenvalues(cost, [0.3, -2.0])[0] >= -1e-12


@pytest.mark.parametrize("radius, indefinite", [(0.70, False), (0.71, True)])
def test_bump_has_an_indefinite_hessian_beyond_one_over_root_two(radius, indefinite):
    low, high = hessian_eigenvalues(lambda w: 1 - torch.exp(-w @ w), [radius * 0.6, radius * 0.8])
    assert bool(low < 0 < high) == indefinite


def test_single_local_minimum_need_not_be_global():
    cubic = np.poly1d([1, 0, -3, 0])
    assert [w for w in cubic.deriv().roots if cubic.deriv(2)(w) > 0] == pytest.approx([1])
    assert cubic(-3) < cubic(1)


def test_product_is_quasiconvex_for_numbers_of_opposite_signs_only():
    def product(w):
        a, x = w.chunk(2)
        return a @ x

    assert chord(product, [1, -1], [-1, 1]).breaks_quasiconvexity
    vectors = chord(product, [2, 0, -2, 0], [0, 2, 0, -2])
    assert (vectors.at_start, vectors.at_middle, vectors.at_end) == (-4, -2, -4)
    ends = np.random.default_rng(0).uniform(0, 3, (1000, 2, 2)) * [1, -1]
    assert not any(chord(product, *pair).breaks_quasiconvexity for pair in ends)


def test_moving_average_model_has_a_sum_of_squares_that_is_not_convex():
    def squares(theta):
        residual, total = 0.0, 0.0
        for y in (1.0, 0.0, -1.0):
            residual = y - theta[0] * residual
            total = total + residual**2
        return total

    assert hessian_eigenvalues(squares, [0.0])[0] < 0


# The lecture


@pytest.mark.parametrize("dimension", [2, 8, 64])
def test_leaving_a_quadratic_saddle_takes_no_longer_in_more_dimensions(dimension):
    curvatures = np.where(np.arange(dimension) % 2, -1.0, 1.0)
    start = 1e-8 * np.random.default_rng(0).standard_normal(dimension)
    path = descend(lambda w: curvatures * w, start, eta=0.1, steps=400)
    left = np.argmax(np.linalg.norm(path, axis=1) >= 1)
    assert abs(left / (np.log(1e8) / np.log(1.1)) - 1) < 0.2


def test_a_chain_of_saddles_multiplies_the_time_and_kicks_make_it_a_sum():
    def chain(n, kick):  # the distances from the ridges, of which only one is open at a time
        random, w, steps = np.random.default_rng(0), np.full(n, 0.5), 0
        for k in range(n):
            while abs(w[k]) < 1:
                w[k] *= 1.1
                w[k + 1 :] *= 0.8
                w += kick * random.standard_normal(n)
                steps += 1
        return steps

    alone, kicked = ([chain(n, kick) for n in (3, 4, 5, 6)] for kick in (0, 1e-6))
    assert_allclose(np.divide(alone[1:], alone[:-1]), 1 + np.log(1 / 0.8) / np.log(1.1), rtol=0.1)
    assert max(np.diff(kicked)) < 1.3 * np.log(1e6) / np.log(1.1)


def test_derivative_of_the_second_order_expansion_has_the_gradient_once():
    slope, H, r = np.array([1.0, -2.0]), np.array([[3.0, 1.0], [1.0, 2.0]]), np.array([0.3, -0.7])
    numerical = approx_fprime(r, lambda r: slope @ r + r @ H @ r / 2, 1e-7)
    assert_allclose(numerical, slope + H @ r, atol=1e-5)


def test_two_lines_of_the_lecture_are_right_by_themselves_and_contradict_each_other():
    H, lowest, w = np.array([[3.0, 1.0], [1.0, 2.0]]), np.array([1.0, -1.0]), np.array([0.5, 2.0])
    step = np.linalg.solve(H, H @ (w - lowest))  # H^-1 grad E
    assert_allclose(lowest + step, w)
    assert_allclose(w - step, lowest)
    assert_allclose(w + step - lowest, 2 * (w - lowest))  # with the plus of v_opt the distance doubles


def test_conjugate_gradients_take_newtons_step_by_products_alone():
    A = np.random.default_rng(0).standard_normal((40, 40))
    H, g = A @ A.T / 40 + np.eye(40), np.ones(40)
    r, residual, products = np.zeros(40), -g, 0
    direction = residual
    while np.linalg.norm(residual) > 1e-3 * np.linalg.norm(g):
        Hd, products = H @ direction, products + 1
        length = residual @ residual / (direction @ Hd)
        r, after = r + length * direction, residual - length * Hd
        direction, residual = after + (after @ after) / (residual @ residual) * direction, after
    assert products < 40 / 2
    assert_allclose(r, -np.linalg.solve(H, g), atol=3e-3)


# The homework


def test_gradient_descent_takes_the_penalty_weight_below_zero():
    assert descend(lambda lam: np.full(1, 2.6), [0.5], eta=0.1, steps=10)[-1, 0] < 0


@pytest.mark.parametrize("w", [4.5, 7.0, 20.0])
@pytest.mark.parametrize("b", [0.0, -3.0])
def test_formula_24_is_the_width_whatever_the_bias(w, b):
    width = 2 / w * np.log(w * (1 + np.sqrt(1 - 4 / w)) / 2 - 1)
    output = sigmoid(w * (-b / w + np.array([-0.5, 0.5]) * width) + b)
    assert_allclose(w * output * (1 - output), 1, rtol=1e-9)


def test_friction_is_negative_above_mu_1_zero_at_it_and_mu_below_0_narrows_the_stable_range():
    def farthest(mu):
        return np.abs(descend(lambda w: w, [1.0], eta=0.1, steps=300, momentum=mu)).max()

    assert farthest(1.0) < 1.1
    assert farthest(1.05) > 1000
    for mu, step, converges in ((-0.5, 0.99, True), (-0.5, 1.01, False), (-1.0, 0.01, False)):
        assert (np.abs(np.roots([1, -(1 + mu - step), mu])).max() < 1) == converges


def test_negative_mu_can_turn_a_step_around():
    path = descend(lambda w: w, [1.0], eta=0.5, steps=2, momentum=-0.9)[:, 0]
    assert path[2] > path[1] > 0  # away from the minimum at 0


def test_formula_34_counts_tied_maxima_as_often_as_they_tie():
    """A dark image, all of whose activations tie: one pool, four inputs, and one bias that moves them all."""

    def pooled(b):
        return max_pool2d(sigmoid(conv2d(np.zeros((1, 1, 3, 3)), np.ones((1, 1, 2, 2)), b)), 2)

    z = np.full((1, 1, 2, 2), 0.3)
    chosen = sigmoid_backward(max_pool2d_backward(np.ones((1, 1, 1, 1)), sigmoid(z), 2), z).sum()
    as_printed = sigmoid_backward(np.ones_like(z), z).sum()
    numerical = (pooled(np.array([0.3 + 1e-6])) - pooled(np.array([0.3 - 1e-6]))).item() / 2e-6
    assert_allclose(chosen, numerical, rtol=1e-9)
    assert_allclose(as_printed, 4 * chosen)


def test_two_accuracies_are_within_noise():
    def p(one, other, n=10_000):
        return 2 * norm.sf(abs(one - other) / np.sqrt((one * (1 - one) + other * (1 - other)) / n))

    assert p(0.9921, 0.9941) > 0.05
    assert p(0.9921, 0.9922) > 0.9


def test_chosen_signs_move_a_linear_score_root_d_times_as_far_as_random_ones():
    d = 224 * 224 * 3
    rng = np.random.default_rng(0)
    w = rng.choice([-1.0, 1.0], d)
    by_chance = np.std([w @ rng.choice([-1.0, 1.0], d) for _ in range(50)])
    assert_allclose(np.abs(w).sum() / by_chance, 388, rtol=0.3)
    assert round(d**0.5) == 388


# The lab


def test_best_of_twenty_equal_models_looks_better_on_25_points():
    smallest = (np.random.default_rng(0).chisquare(25, (4000, 20)) / 25).min(1).mean()
    assert abs(smallest - 0.55) < 0.01
    assert round((chi2.var(25) / 25**2) ** 0.5, 2) == 0.28


@pytest.mark.parametrize("eta", [2.5, 3.0, 4.0])
def test_clipping_bounds_the_swing_above_the_limit_and_does_not_end_it(eta):
    path = descend(lambda w: w / max(1.0, abs(w[0])), [5.3], eta=eta, steps=60)[:, 0]
    assert_allclose(np.abs(np.diff(path))[-10:], eta)
    assert_allclose(path[-3:-1], path[-5:-3])


def test_l1_by_its_subgradient_does_not_rest_at_zero_and_the_proximal_step_does():
    eta, lam, by_subgradient, proximal = 0.1, 0.5, [1.0], [1.0]
    for _ in range(200):  # (w - 0.3)^2 / 2 + 0.5 |w| has its minimum at 0
        w = by_subgradient[-1]
        by_subgradient.append(w - eta * (w - 0.3 + lam * np.sign(w)))
        w = proximal[-1] - eta * (proximal[-1] - 0.3)
        proximal.append(np.sign(w) * max(abs(w) - eta * lam, 0))
    assert min(np.abs(by_subgradient[-50:])) > 0
    assert max(np.abs(by_subgradient[-50:])) < 2 * eta * lam
    assert proximal[-50:] == [0] * 50
