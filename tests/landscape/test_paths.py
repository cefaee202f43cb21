import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from enlib.landscape import along, barrier, bezier, find_bend, line, mix

T = torch.linspace(0, 1, 21, dtype=torch.float64)
seeds = st.integers(0, 2**16)


def points(seed, n):
    rng = torch.Generator().manual_seed(seed)
    return [
        {name: torch.randn(shape, generator=rng, dtype=torch.float64) for name, shape in (("w", (3, 2)), ("b", (3,)))}
        for _ in range(n)
    ]


def wavy(params):
    return params["w"].sin().sum() + (params["b"] ** 2).sum() + params["w"][:, 0] @ params["b"]


def convex(params):
    return (params["w"] ** 4).sum() + params["b"].exp().sum()


def same(a, b):
    return set(a) == set(b) and all(torch.equal(a[name], b[name]) for name in a)


@given(seeds)
def test_paths_end_exactly_at_their_ends(seed):
    a, bend, b = points(seed, 3)
    ends = torch.tensor([0.0, 1.0], dtype=torch.float64)
    for path in (line(a, b, ends), bezier(a, bend, b, ends)):
        assert same({name: tensor[0] for name, tensor in path.items()}, a)
        assert same({name: tensor[1] for name, tensor in path.items()}, b)


@given(seeds)
def test_bezier_with_its_bend_in_the_middle_is_the_line(seed):
    a, b = points(seed, 2)
    curve, straight = bezier(a, mix([a, b], [0.5, 0.5]), b, T), line(a, b, T)
    assert all(torch.allclose(curve[name], straight[name], atol=1e-14) for name in a)


@given(seeds)
def test_gradient_with_respect_to_the_bend_against_finite_differences(seed):
    a, bend, b = points(seed, 3)

    def mean_loss(w, bias):
        return along(wavy, bezier(a, {"w": w, "b": bias}, b, T)).mean()

    assert torch.autograd.gradcheck(mean_loss, [bend[name].clone().requires_grad_() for name in ("w", "b")])


@given(seeds)
def test_gradient_with_respect_to_the_bend_is_that_of_the_points_weighted(seed):
    a, bend, b = points(seed, 3)
    bend = {name: tensor.requires_grad_() for name, tensor in bend.items()}
    along(wavy, bezier(a, bend, b, T)).mean().backward()
    at = torch.func.vmap(torch.func.grad(wavy))({k: v.detach() for k, v in bezier(a, bend, b, T).items()})
    expected = (2 * T * (1 - T) * at["b"].T).T.mean(0)
    assert torch.allclose(bend["b"].grad, expected, atol=1e-13)


@given(seeds)
def test_barrier_is_never_negative_and_zero_where_the_loss_is_convex(seed):
    a, b = points(seed, 2)
    assert barrier(T, along(wavy, line(a, b, T))) >= 0
    assert barrier(T, along(convex, line(a, b, T))) == 0


def test_barrier_of_a_double_well():
    path = line({"w": torch.tensor(-1.0)}, {"w": torch.tensor(1.0)}, T.float())
    assert barrier(T.float(), along(lambda p: (p["w"] ** 2 - 1) ** 2, path)) == 1


def test_a_bend_goes_round_the_hill_and_leaves_the_ends_alone():
    def ring(p):
        return ((p["w"] ** 2).sum() - 1) ** 2

    a, b = ({"w": torch.tensor([x, 0.0], dtype=torch.float64)} for x in (1.0, -1.0))
    before = {"w": a["w"].clone()}
    off = {"w": a["w"] + torch.tensor([0.0, 1e-3])}  # exactly opposite ends would leave both ways round equally good
    bend = find_bend(ring, off, b, steps=300)
    assert barrier(T, along(ring, bezier(off, bend, b, T))) < 0.05
    assert same(a, before)
    assert same(bend, find_bend(ring, off, b, steps=300))
    assert not bend["w"].requires_grad


def test_bad_input():
    a, b = points(0, 2)
    with pytest.raises(ValueError, match="use one architecture"):
        line(a, {"w": b["w"]}, T)
    with pytest.raises(ValueError, match="use one architecture"):
        find_bend(wavy, a, {**b, "b": torch.zeros(4)})
    with pytest.raises(ValueError, match="expected steps to be an integer"):
        find_bend(wavy, a, b, steps=0)
    with pytest.raises(ValueError, match="expected lr > 0"):
        find_bend(wavy, a, b, lr=-1)
    with pytest.raises(ValueError, match="expected points to be an integer"):
        find_bend(wavy, a, b, points=0.5)
    with pytest.raises(ValueError, match="t and losses of one shape"):
        barrier(T, T[:-1])
    for t in (T[1:], T[:-1], T.flip(0), torch.zeros(3)):
        with pytest.raises(ValueError, match="expected t to ascend from 0 to 1"):
            barrier(t, t)
