import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from enlib.landscape import mix, plane, random_direction

seeds = st.integers(0, 2**16)


def point(seed):
    rng = torch.Generator().manual_seed(seed)
    return {"w": torch.randn(3, 2, generator=rng).double(), "b": torch.randn(3, generator=rng).double()}


def flat(params):
    return torch.cat([tensor.ravel() for tensor in params.values()])


@given(seeds)
def test_random_directions_have_length_one_and_are_repeatable(seed):
    params = point(0)
    direction = random_direction(params, seed=seed)
    assert {name: tensor.shape for name, tensor in direction.items()} == {n: p.shape for n, p in params.items()}
    assert flat(direction).norm() == pytest.approx(1)
    assert torch.equal(flat(direction), flat(random_direction(params, seed=seed)))
    assert not torch.equal(flat(direction), flat(random_direction(params, seed=seed + 1)))


def test_random_directions_favour_none():
    directions = torch.stack([flat(random_direction(point(0), seed=seed)) for seed in range(2000)])
    second_moments = directions.T @ directions / len(directions)
    assert torch.allclose(second_moments, torch.eye(9).double() / 9, atol=0.02)


@given(seeds)
def test_filter_normalized_directions_have_the_units_lengths(seed):
    params = point(seed)
    direction = random_direction(params, seed=seed, filter_normalized=True)
    assert torch.allclose(direction["w"].norm(dim=1), params["w"].norm(dim=1))
    assert torch.allclose(direction["b"].norm(), params["b"].norm())


@given(seeds)
def test_a_plane_goes_through_its_three_points(seed):
    points = [point(seed + i) for i in range(3)]
    u, v, at = plane(*points)
    assert flat(u) @ flat(u) == pytest.approx(1)
    assert flat(v) @ flat(v) == pytest.approx(1)
    assert flat(u) @ flat(v) == pytest.approx(0, abs=1e-12)
    for expected, (x, y) in zip(points, at.tolist(), strict=True):
        assert torch.allclose(flat(mix([points[0], u, v], [1, x, y])), flat(expected), atol=1e-12)


def test_bad_input():
    a, b = point(0), point(1)
    with pytest.raises(ValueError, match="expected parameters by name, got none"):
        random_direction({}, seed=0)
    with pytest.raises(ValueError, match="not on one line"):
        plane(a, b, mix([a, b], [0.3, 0.7]))
    with pytest.raises(ValueError, match="not on one line"):
        plane(a, a, b)
    with pytest.raises(ValueError, match="use one architecture"):
        plane(a, b, {"w": a["w"]})
