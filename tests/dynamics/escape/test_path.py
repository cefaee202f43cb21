import warnings

import numpy as np
import pytest

from enlib.dynamics.descent import gradient_descent
from enlib.dynamics.escape import (
    OneSample,
    WithNeuron,
    descend,
    double_well,
    example_a,
    example_b,
    flow,
    log_steps,
    minima,
)

START = [0.3, 0.01, 0.1, 0.0]


def test_agrees_with_the_plain_loop():
    landscape = WithNeuron(example_b(), 0.1)
    start = np.array([-9.0, 0.0, 0.1, 0.0])
    plain = gradient_descent(landscape.gradient, start, eta=0.01, steps=300)
    path = descend(landscape, start, eta=0.01, steps=300, at=range(301))
    np.testing.assert_array_equal(path.points, plain.T)
    np.testing.assert_array_equal(path.loss, landscape.loss(plain.T))


def test_runs_side_by_side_are_the_runs_alone():
    etas, lams = np.array([0.01, 0.02, 0.05]), np.array([0.1, 1.0, 3.0])
    starts = np.multiply.outer(START, np.ones(3))
    together = descend(WithNeuron(example_a(), lams), starts, eta=etas, steps=500)
    for i in range(3):
        alone = descend(WithNeuron(example_a(), lams[i]), START, eta=etas[i], steps=500)
        np.testing.assert_allclose(together.points[:, :, i], alone.points, rtol=1e-13)


def test_a_schedule_gives_each_step_its_size():
    sizes = np.array([0.1, 0.05, 0.02])
    path = descend(OneSample(0.5, 1.0), [0.01, 0.0], eta=lambda k: sizes[k], steps=3, at=range(4))
    p = np.array([0.01, 0.0])
    for size in sizes:
        p = p - size * OneSample(0.5, 1.0).gradient(p)
    np.testing.assert_array_equal(path.end, p)


def test_divergence_is_a_status_with_its_step_and_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        path = descend(OneSample(0.5, np.array([1.0, 3.0])), np.full((2, 2), 0.01), eta=1.0, steps=4000)
    assert path.status.tolist() == ["capped", "diverged"]
    assert np.isnan(path.diverged_at[0])
    when = path.diverged_at[1]
    assert np.isnan(path.points[:, path.steps >= when, 1]).all()
    assert np.isfinite(path.points[:, path.steps < when, 1]).all()
    assert np.isfinite(path.points[:, :, 0]).all()
    alone = descend(OneSample(0.5, 3.0), [0.01, 0.01], eta=1.0, steps=4000)
    assert alone.diverged_at == when


def test_log_steps_hold_the_powers_of_ten():
    steps = log_steps(100_000)
    assert set(10 ** np.arange(6)) <= set(steps.tolist())
    assert steps[0] == 0
    assert (np.diff(steps) > 0).all()
    assert log_steps(1).tolist() == [0, 1]


def test_says_what_was_expected():
    for eta in (0.0, np.nan, np.array([0.1, -1.0]), lambda k: -1.0):
        with pytest.raises(ValueError, match="expected eta > 0"):
            descend(OneSample(0.5, 1.0), [0.0, 0.0], eta=eta, steps=3)
    with pytest.raises(ValueError, match=r"shape \(4, ...\) for theta, a, w, b, got \(2,\)"):
        descend(WithNeuron(example_a(), 1.0), [0.0, 0.0], eta=0.1, steps=3)


def test_flow_is_the_limit_of_descent():
    landscape, start = WithNeuron(example_a(), 1.0), START
    there = flow(landscape, start, [10.0])[:, 0]
    distance = [
        np.abs(descend(landscape, start, eta=10 / n, steps=n, at=[n]).end - there).max() for n in (1000, 2000, 4000)
    ]
    assert distance[0] < 0.01
    assert distance[0] / distance[1] == pytest.approx(2, abs=0.05)
    assert distance[1] / distance[2] == pytest.approx(2, abs=0.05)


def test_flow_keeps_its_invariant():
    landscape, times = OneSample(0.5, 1.0), np.linspace(0, 200, 20_001)
    a, b = flow(landscape, [0.01, 0.0], times)
    rose = (b - a**2 / 2)[-1] - (b - a**2 / 2)[0]
    assert rose == pytest.approx(np.trapezoid(a**2, times), rel=1e-5)


class TestExampleA:
    def test_the_ride_of_a_hundred_thousand_steps(self):
        landscape = WithNeuron(example_a(), 1.0)
        path = descend(landscape, START, eta=0.01, steps=100_000, at=range(100_001))
        at = path.loss[[0, 1000, 10_000, 100_000]]
        np.testing.assert_allclose(at, [0.39244, 0.17980, 0.12794, 0.12526], atol=1e-5)
        theta, a, w, b = path.end
        assert abs(theta) < 1e-50
        assert a == pytest.approx(0.00798, abs=1e-5)
        assert w == pytest.approx(3.70, abs=0.01)
        assert a * np.exp(w + b) == pytest.approx(0.5, abs=0.005)
        assert landscape.toy.loss(path.end[:1]) == 0.25
        # The books, over the whole run.
        slope, amplitude = landscape.gradient(path.points)[1], path.points[1]
        booked = np.cumsum(0.01 * amplitude**2 - 0.01**2 / 2 * slope**2)[:-1]
        level = path.points[3] - amplitude**2 / 2
        assert np.abs(level[1:] - level[0] - booked).max() < 1e-12

    @pytest.mark.slow
    def test_both_wrong(self):
        landscape = WithNeuron(example_a(-0.5), 1.0)
        path = descend(landscape, START, eta=0.01, steps=300_000, at=[300_000])
        assert path.loss[0] == pytest.approx(3.375, abs=1e-3)
        assert path.loss[0] > 3.375
        assert landscape.toy.loss(path.end[:1]) == pytest.approx(6.75)

    @pytest.mark.parametrize("c", [0.75, 0.5, 0.0])
    def test_half_of_the_loss_is_the_limit(self, c):
        path = descend(WithNeuron(example_a(c), 0.3), START, eta=0.01, steps=60_000, at=[60_000])
        assert path.loss[0] / (2 * (1 - c) ** 3) == pytest.approx(0.5, abs=0.02)
        assert path.loss[0] > (1 - c) ** 3


class TestExampleB:
    landscape = WithNeuron(example_b(), 0.1)
    start = (-9.033829700197145, 0.0, 0.1, 0.0)

    def test_the_escape_lowers_the_loss_and_raises_that_of_the_base(self):
        path = descend(self.landscape, self.start, eta=0.005, steps=10_000, at=[0, 10_000])
        np.testing.assert_allclose(path.loss, [7.4834, 2.7640], atol=5e-5)
        assert self.landscape.toy.loss(path.end[:1]) == pytest.approx(7.5875, abs=5e-5)
        assert path.end[1] == pytest.approx(0.297, abs=5e-4)
        assert path.end[3] == pytest.approx(0.870, abs=5e-4)

    def test_the_orbit_of_period_two_and_its_balance(self):
        path = descend(self.landscape, self.start, eta=0.05, steps=20_000, at=range(19_997, 20_001))
        np.testing.assert_allclose(np.sort(path.loss), [2.829281] * 2 + [2.842147] * 2, atol=1e-6)
        np.testing.assert_allclose(path.points[:, :2], path.points[:, 2:], rtol=1e-10)
        orbit = path.points[:, :2]
        push, pull = np.mean(0.1 * orbit[1] ** 2), 0.05 / 2 * np.mean(self.landscape.gradient(orbit)[1] ** 2)
        assert push == pytest.approx(0.0440252, abs=5e-8)
        assert push == pytest.approx(pull, rel=1e-10)

    @pytest.mark.slow
    def test_a_thousand_starts_and_none_the_better(self):
        toy, starts, lam = example_b(), np.linspace(-12, 12, 1000), np.array([0.01, 0.1, 1.0, 10.0])
        alone = descend(toy, starts[None], eta=0.002, steps=20_000, at=[20_000])
        zero = np.zeros((4, 1000))
        landscape = WithNeuron(toy, lam[:, None])
        begin = np.stack([zero + starts, zero, zero + 0.1, zero])
        joined = descend(landscape, begin, eta=0.002, steps=20_000, at=[20_000])
        assert (toy.errors(alone.end[0]) == 0).sum() == 297
        assert (landscape.errors(joined.end) == 0).sum(axis=1).tolist() == [298] * 4
        assert alone.loss[-1].mean() == pytest.approx(5.457, abs=1e-3)
        np.testing.assert_allclose(joined.loss[-1].mean(axis=1), [3.360, 3.362, 3.366, 3.402], atol=2e-3)
        np.testing.assert_allclose(toy.loss(joined.end[:1]).mean(axis=1), [5.964, 5.885, 5.877, 5.860], atol=2e-3)

    def test_the_bad_minima_are_no_critical_points_any_more(self):
        theta = minima(example_b(), -12, 12).theta
        zero = np.zeros(3)
        gradient = WithNeuron(example_b(), 1.0).gradient(np.stack([theta, zero, zero + 0.1, zero]))
        assert (np.abs(gradient[1]) > 3).all()
        np.testing.assert_allclose(gradient[[0, 2, 3]], 0, atol=1e-10)


def test_bursts_grow_past_the_edge_and_the_bias_never_falls():
    path = descend(OneSample(0.5, 1.0), [0.01, 0.0], eta=0.2, steps=100_000, at=range(100_001))
    assert path.status == "capped"
    rise = int((np.diff(path.loss) > 0).argmax())
    assert path.loss[rise] < 5e-3
    assert path.loss[rise + 1 :].max() > 1
    assert (np.diff(path.points[1]) >= 0).all()


def test_a_step_size_that_shrinks_like_the_cube_root_stays_below_the_edge():
    landscape, limit = OneSample(0.5, 1.0), 3 ** (-2 / 3) / 0.5
    alpha = np.array([0.9, 1.2]) * limit
    keep = np.arange(1000, 30_001, 50)

    def schedule(k):
        return np.minimum(0.2, alpha * (k + 1.0) ** (-1 / 3))

    path = descend(landscape, np.full((2, 2), 0.01), eta=schedule, steps=30_000, at=keep)
    sizes = np.array([schedule(k) for k in keep])
    ratio = np.linalg.eigvalsh(landscape.hessian(path.points))[..., -1] * sizes / 2
    assert ratio[:, 0].max() < 0.9
    assert ratio[:, 1].max() > 1


@pytest.mark.parametrize("eta", [0.05, 0.02, 0.01])
def test_the_multiplied_loss_freezes(eta):
    well = double_well(0.1)
    path = descend(well, [1.0, 0.5, 0.0], eta=eta, steps=60_000, at=range(50_000, 60_001, 100))
    predicted = {0.05: 1.751, 0.02: 2.211, 0.01: 2.558}[eta]
    assert np.abs(path.points[2] - predicted).max() < 0.15
    np.testing.assert_allclose(path.points[0], 0.9602, atol=1e-4)
    assert (path.loss > 0.5995).all()
