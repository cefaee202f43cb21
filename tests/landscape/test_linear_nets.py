import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from enlib.landscape import critical_point, saddle_index

LADDER = {
    (): (7, 9), (3,): (6.5, 6), (2,): (5, 5), (2, 3): (4.5, 3),
    (1,): (2.5, 4), (1, 3): (2, 2), (1, 2): (0.5, 1), (1, 2, 3): (0, 0),
}  # fmt: skip


def loss_of(params, target):
    return (params["1.weight"] @ params["0.weight"] - target).square().sum() / 2


def hessian(params, target):
    shapes = {name: tensor.shape for name, tensor in params.items()}

    def loss(flat):
        parts = flat.split([shape.numel() for shape in shapes.values()])
        return loss_of({n: p.view(s) for (n, s), p in zip(shapes.items(), parts, strict=True)}, target)

    flat = torch.cat([tensor.ravel() for tensor in params.values()])
    return torch.func.grad(loss)(flat), torch.func.hessian(loss)(flat)


@pytest.mark.parametrize("modes, expected", LADDER.items())
def test_the_ladder_of_loss_and_saddle_index(modes, expected):
    target = torch.diag(torch.tensor([3.0, 2.0, 1.0], dtype=torch.float64))
    point = critical_point([3, 2, 1], modes)
    gradient, curvature = hessian(point, target)
    measured = int((torch.linalg.eigvalsh(curvature) < -1e-9).sum())
    assert gradient.abs().max() < 1e-14
    assert (loss_of(point, target).item(), measured) == pytest.approx(expected, abs=1e-12)
    assert saddle_index([3, 2, 1], modes) == expected[1]


def test_rank_correlation_of_loss_and_saddle_index():
    assert spearmanr(*zip(*LADDER.values(), strict=True)).statistic == pytest.approx(0.976, abs=5e-4)


@st.composite
def nets(draw):
    gaps = draw(st.lists(st.floats(0.1, 2), min_size=1, max_size=4))
    sigma = sorted(itertools.accumulate(gaps), reverse=True)
    modes = draw(st.sets(st.integers(1, len(sigma))))
    hidden = draw(st.integers(max(1, len(modes)), len(sigma) + 2))
    return sigma, modes, hidden


@given(nets())
def test_the_index_counts_the_negative_eigenvalues_of_the_hessian(net):
    sigma, modes, hidden = net
    gradient, curvature = hessian(
        critical_point(sigma, modes, hidden=hidden), torch.diag(torch.tensor(sigma, dtype=torch.float64))
    )
    assert gradient.abs().max() < 1e-12
    # Every negative eigenvalue is minus a mode or a difference of two, and these differ by 0.1 at least.
    assert saddle_index(sigma, modes, hidden=hidden) == int((torch.linalg.eigvalsh(curvature) < -0.05).sum())


@given(nets())
def test_only_the_largest_modes_are_a_minimum(net):
    sigma, modes, hidden = net
    best = set(range(1, min(hidden, len(sigma)) + 1))
    assert (saddle_index(sigma, modes, hidden=hidden) == 0) == (modes == best)


@given(nets(), st.integers(0, 2**16))
def test_rescaling_leaves_loss_and_saddle_index(net, seed):
    sigma, modes, hidden = net
    g = torch.randn(hidden, hidden, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    g = torch.linalg.qr(g).Q @ torch.diag(torch.linspace(0.5, 2, hidden, dtype=torch.float64))
    point, target = critical_point(sigma, modes, hidden=hidden), torch.diag(torch.tensor(sigma, dtype=torch.float64))
    moved = {"0.weight": g @ point["0.weight"], "1.weight": point["1.weight"] @ torch.linalg.inv(g)}
    gradient, curvature = hessian(moved, target)
    assert gradient.abs().max() < 1e-10
    assert loss_of(moved, target) == pytest.approx(float(loss_of(point, target)), abs=1e-10)
    assert int((torch.linalg.eigvalsh(curvature) < -1e-8).sum()) == saddle_index(sigma, modes, hidden=hidden)


def test_bad_input():
    for sigma in ([], [1, 2], [1, 1], [1, 0]):
        with pytest.raises(ValueError, match="positive singular values in descending order"):
            saddle_index(sigma, ())
    for modes in ([0], [4], [1, 1]):
        with pytest.raises(ValueError, match="modes from 1 to 3"):
            critical_point([3, 2, 1], modes)
    with pytest.raises(ValueError, match="at most 1 modes, one for each hidden unit, got 2"):
        critical_point([3, 2, 1], {1, 2}, hidden=1)
    with pytest.raises(ValueError, match="expected hidden"):
        critical_point([3, 2, 1], (), hidden=0)


def test_nan_and_wrong_types():
    for sigma in ([3.0, float("nan")], [float("inf"), 1.0]):
        with pytest.raises(ValueError, match="expected finite singular_values"):
            saddle_index(sigma, ())
    for sigma in ("x", None, 3.0, [[3.0]]):
        with pytest.raises((TypeError, ValueError), match="expected (singular_values|positive singular values)"):
            saddle_index(sigma, ())
    for modes in ("12", None, 1, {1.5}, [None]):
        with pytest.raises((TypeError, ValueError), match="expected (a set of modes|each mode)"):
            critical_point([3, 2, 1], modes)
