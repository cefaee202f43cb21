import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from enlib.landscape.linear_nets import critical_point, factorization_loss, hessian_eigenvalues, index

LADDER = {
    (): (7, 9), (3,): (6.5, 6), (2,): (5, 5), (2, 3): (4.5, 3),
    (1,): (2.5, 4), (1, 3): (2, 2), (1, 2): (0.5, 1), (1, 2, 3): (0, 0),
}  # fmt: skip


def hessian(params, target):
    shapes = {name: tensor.shape for name, tensor in params.items()}

    def loss(flat):
        parts = flat.split([shape.numel() for shape in shapes.values()])
        return factorization_loss({n: p.view(s) for (n, s), p in zip(shapes.items(), parts, strict=True)}, target)

    flat = torch.cat([tensor.ravel() for tensor in params.values()])
    return torch.func.grad(loss)(flat), torch.func.hessian(loss)(flat)


@pytest.mark.parametrize("modes, expected", LADDER.items())
def test_the_ladder_of_loss_and_index(modes, expected):
    target = torch.diag(torch.tensor([3.0, 2.0, 1.0], dtype=torch.float64))
    point = critical_point([3, 2, 1], modes)
    gradient, curvature = hessian(point, target)
    measured = int((torch.linalg.eigvalsh(curvature) < -1e-9).sum())
    assert gradient.abs().max() < 1e-14
    assert (factorization_loss(point, target).item(), measured) == pytest.approx(expected, abs=1e-12)
    assert index([3, 2, 1], modes) == expected[1]


def test_rank_correlation_of_loss_and_index():
    assert spearmanr(*zip(*LADDER.values(), strict=True)).statistic == pytest.approx(0.976, abs=5e-4)


@st.composite
def nets(draw):
    gaps = draw(st.lists(st.floats(0.1, 2), min_size=1, max_size=4))
    sigma = sorted(itertools.accumulate(gaps), reverse=True)
    modes = draw(st.sets(st.integers(1, len(sigma))))
    hidden = draw(st.integers(max(1, len(modes)), len(sigma) + 2))
    return sigma, modes, hidden


@given(nets())
def test_closed_form_of_the_spectrum_against_the_hessian(net):
    sigma, modes, hidden = net
    gradient, curvature = hessian(
        critical_point(sigma, modes, hidden=hidden), torch.diag(torch.tensor(sigma, dtype=torch.float64))
    )
    expected = hessian_eigenvalues(sigma, modes, hidden=hidden)
    assert gradient.abs().max() < 1e-12
    assert torch.allclose(torch.linalg.eigvalsh(curvature), expected, atol=1e-10)
    assert index(sigma, modes, hidden=hidden) == int((expected < -1e-12).sum())


@given(nets())
def test_only_the_largest_modes_are_a_minimum(net):
    sigma, modes, hidden = net
    best = set(range(1, min(hidden, len(sigma)) + 1))
    assert (index(sigma, modes, hidden=hidden) == 0) == (modes == best)


@given(nets(), st.integers(0, 2**16))
def test_rescaling_leaves_loss_and_index(net, seed):
    sigma, modes, hidden = net
    g = torch.randn(hidden, hidden, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    g = torch.linalg.qr(g).Q @ torch.diag(torch.linspace(0.5, 2, hidden, dtype=torch.float64))
    point, target = critical_point(sigma, modes, hidden=hidden), torch.diag(torch.tensor(sigma, dtype=torch.float64))
    moved = {"0.weight": g @ point["0.weight"], "1.weight": point["1.weight"] @ torch.linalg.inv(g)}
    gradient, curvature = hessian(moved, target)
    assert gradient.abs().max() < 1e-10
    assert factorization_loss(moved, target) == pytest.approx(float(factorization_loss(point, target)), abs=1e-10)
    assert int((torch.linalg.eigvalsh(curvature) < -1e-8).sum()) == index(sigma, modes, hidden=hidden)


def test_bad_input():
    for sigma in ([], [1, 2], [1, 1], [1, 0]):
        with pytest.raises(ValueError, match="positive singular values in descending order"):
            index(sigma, ())
    for modes in ([0], [4], [1, 1]):
        with pytest.raises(ValueError, match="modes from 1 to 3"):
            critical_point([3, 2, 1], modes)
    with pytest.raises(ValueError, match="at most 1 modes, one for each hidden unit, got 2"):
        hessian_eigenvalues([3, 2, 1], {1, 2}, hidden=1)
    with pytest.raises(ValueError, match="expected hidden"):
        critical_point([3, 2, 1], (), hidden=0)
    point = critical_point([2, 1], {1})
    with pytest.raises(ValueError, match="the two matrices '0.weight' and '1.weight', got 0.weight"):
        factorization_loss({"0.weight": point["0.weight"]}, torch.eye(2))
    for target in (torch.eye(3), torch.zeros(2), torch.zeros(2, 3)):
        with pytest.raises(ValueError, match="the target is what second @ first should become"):
            factorization_loss(point, target)
