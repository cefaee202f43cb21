import numpy as np
import pytest

from enlib.dynamics.escape import (
    OneSample,
    WithNeuron,
    arrest_bias,
    descend,
    double_well,
    escape_loss,
    example_b,
    first_instability,
    flow,
    one_sample,
    onset_step,
    sharpness,
)


@pytest.mark.parametrize("lam", [0.1, 1.0])
@pytest.mark.parametrize("u", [0.5, 1.0])
def test_the_loss_times_time_goes_to_a_quarter(u, lam):
    times = np.array([1e4, 1e6, 1e8])
    landscape = OneSample(u, lam)
    scaled = times * landscape.loss(flow(landscape, [0.01, 0.0], times))
    assert scaled[-1] == pytest.approx(0.25, abs=1e-4)
    np.testing.assert_allclose(scaled, times * escape_loss(times, u), atol=7e-4)


def test_the_loss_at_ten_thousand():
    for lam, expected in ((1.0, 0.2583), (0.1, 0.2577)):
        landscape = OneSample(0.5, lam)
        assert 1e4 * landscape.loss(flow(landscape, [0.01, 0.0], [1e4]))[0] == pytest.approx(expected, abs=5e-5)


def test_amplitude_and_bias_follow_the_quasi_steady_law():
    t, lam, u = 1e8, 0.3, 0.7
    a, b = flow(OneSample(u, lam), [0.01, 0.0], [t])[:, 0]
    assert a * np.sqrt(2 * lam * t) == pytest.approx(1, abs=1e-3)
    assert np.exp(2 * b) / (2 * lam * u**2 * t) == pytest.approx(1, abs=1e-3)
    assert sharpness(OneSample(u, lam), np.array([a, b])) == pytest.approx(
        2 * np.sqrt(3 * lam * u) * np.exp(b), rel=1e-3
    )


# eta, lambda, predicted, first above the edge, first rise of the loss
TABLE = [(0.2, 1.0, 167, 306, 443), (0.1, 1.0, 1333, 1924, 2244), (0.1, 0.5, 5333, 6433, 7027)]
TABLE.append((0.05, 1.0, 10667, 13003, 13826))


@pytest.mark.parametrize("eta, lam, law, edge, rise", TABLE)
def test_the_onset_of_instability(eta, lam, law, edge, rise):
    assert onset_step(eta, lam, 0.5) == pytest.approx(law, abs=0.5)
    seen = first_instability(OneSample(0.5, lam), [0.01, 0.0], eta=eta, steps=20_000)
    assert seen.sharpness == pytest.approx(edge, abs=2)
    assert seen.rise == pytest.approx(rise, rel=0.02)  # it grows out of rounding error
    assert onset_step(eta, lam, 0.5, corrected=True) == pytest.approx(seen.sharpness, rel=0.04)


def test_the_ratio_goes_to_one_as_eta_lambda_does():
    eta, lam = np.array([0.1, 0.2, 0.4, 0.5]), np.array([2.0, 0.2, 0.0125 * 4, 0.02])
    seen = first_instability(OneSample(0.5, lam), np.full((2, 4), 0.01), eta=eta, steps=60_000).sharpness
    excess = (seen / onset_step(eta, lam, 0.5) - 1) / (4 * eta * lam)
    order = np.argsort(eta * lam)
    assert np.abs(excess[order] - 1)[0] < 0.15
    assert np.abs(seen / onset_step(eta, lam, 0.5) - 1)[order][0] < 0.05


def test_a_far_input_brings_the_edge_nearer():
    for x in (0.0, 1.0, 3.0):
        landscape = WithNeuron(one_sample(0.5, x), 1.0)
        seen = first_instability(landscape, [0.0, 0.01, 0.0, 0.0], eta=0.05, steps=20_000)
        assert seen.sharpness == pytest.approx(onset_step(0.05, 1.0, 0.5, x=x, corrected=True), rel=0.04)


def test_every_step_is_looked_at():
    landscape, eta = OneSample(0.5, np.array([1.0, 2.0])), np.array([0.2, 0.15])
    start = np.full((2, 2), 0.01)
    path = descend(landscape, start, eta=eta, steps=1500, at=range(1501))
    steep = sharpness(landscape, path.points) > 2 / eta
    rises = np.diff(path.loss, axis=0) > 0
    for chunk in (7, 100, 5000):
        seen = first_instability(landscape, start, eta=eta, steps=1500, chunk=chunk)
        np.testing.assert_array_equal(seen.sharpness, steep.argmax(axis=0))
        np.testing.assert_array_equal(seen.rise, rises.argmax(axis=0))


def test_what_does_not_happen_is_nan():
    calm = first_instability(OneSample(0.5, 1.0), [0.01, 0.0], eta=0.01, steps=100)
    assert np.isnan([calm.sharpness, calm.rise]).all()
    gone = first_instability(OneSample(0.5, 3.0), [0.01, 0.0], eta=1.0, steps=5000)  # diverges
    assert gone.sharpness == 0
    assert gone.rise == 0


def test_the_edge_is_where_the_multiplied_loss_stops():
    eta, lam = 0.02, 0.1
    well = double_well(lam)
    theta = 0.9602
    b = float(arrest_bias(eta, lam, well.value(np.array(theta))))
    p = np.array([theta, np.exp(-b), b])
    assert well.hessian(p)[1, 1] == pytest.approx(2 / eta)
    assert sharpness(well, p) == pytest.approx(2 / eta, rel=0.05)


@pytest.mark.parametrize("eta, b", [(0.05, 1.751), (0.02, 2.211), (0.01, 2.558)])
def test_where_it_freezes(eta, b):
    assert arrest_bias(eta, 0.1, 0.599575) == pytest.approx(b, abs=5e-4)


def test_sharpness_of_many_points():
    p = np.random.default_rng(0).normal(size=(4, 3, 2))
    landscape = WithNeuron(example_b(), 1.0)
    values = sharpness(landscape, p)
    assert values.shape == (3, 2)
    assert values[2, 1] == np.linalg.eigvalsh(landscape.hessian(p[:, 2, 1]))[-1]
