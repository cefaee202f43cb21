import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.func import functional_call
from torch.nn.functional import mse_loss

from enlib.landscape import (
    barrier,
    bezier_curve,
    find_bend,
    linear_combination,
    losses_at,
    plane,
    random_direction,
    straight_line,
)

A = {"w": torch.tensor([[1.0, 2.0]]), "b": torch.tensor(3.0)}
B = {"w": torch.tensor([[0.0, -2.0]]), "b": torch.tensor(5.0)}
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
    for path in (straight_line(a, b, ends), bezier_curve(a, bend, b, ends)):
        assert same({name: tensor[0] for name, tensor in path.items()}, a)
        assert same({name: tensor[1] for name, tensor in path.items()}, b)


@given(seeds)
def test_bezier_with_its_bend_in_the_middle_is_the_line(seed):
    a, b = points(seed, 2)
    curve, straight = bezier_curve(a, linear_combination([a, b], [0.5, 0.5]), b, T), straight_line(a, b, T)
    assert all(torch.allclose(curve[name], straight[name], atol=1e-14) for name in a)


@given(seeds)
def test_gradient_with_respect_to_the_bend_against_finite_differences(seed):
    a, bend, b = points(seed, 3)

    def mean_loss(w, bias):
        return losses_at(wavy, bezier_curve(a, {"w": w, "b": bias}, b, T)).mean()

    assert torch.autograd.gradcheck(mean_loss, [bend[name].clone().requires_grad_() for name in ("w", "b")])


@given(seeds)
def test_gradient_with_respect_to_the_bend_is_that_of_the_points_weighted(seed):
    a, bend, b = points(seed, 3)
    bend = {name: tensor.requires_grad_() for name, tensor in bend.items()}
    losses_at(wavy, bezier_curve(a, bend, b, T)).mean().backward()
    at = torch.func.vmap(torch.func.grad(wavy))({k: v.detach() for k, v in bezier_curve(a, bend, b, T).items()})
    expected = (2 * T * (1 - T) * at["b"].T).T.mean(0)
    assert torch.allclose(bend["b"].grad, expected, atol=1e-13)


@given(seeds)
def test_barrier_is_never_negative_and_zero_where_the_loss_is_convex(seed):
    a, b = points(seed, 2)
    assert barrier(T, losses_at(wavy, straight_line(a, b, T))) >= 0
    assert barrier(T, losses_at(convex, straight_line(a, b, T))) == 0


def test_barrier_of_a_double_well():
    path = straight_line({"w": torch.tensor(-1.0)}, {"w": torch.tensor(1.0)}, T.float())
    assert barrier(T.float(), losses_at(lambda p: (p["w"] ** 2 - 1) ** 2, path)) == 1


def test_a_bend_goes_round_the_hill_and_leaves_the_ends_alone():
    def ring(p):
        return ((p["w"] ** 2).sum() - 1) ** 2

    a, b = ({"w": torch.tensor([x, 0.0], dtype=torch.float64)} for x in (1.0, -1.0))
    before = {"w": a["w"].clone()}
    off = {"w": a["w"] + torch.tensor([0.0, 1e-3])}  # exactly opposite ends would leave both ways round equally good
    bend = find_bend(ring, off, b, steps=300)
    assert barrier(T, losses_at(ring, bezier_curve(off, bend, b, T))) < 0.05
    assert same(a, before)
    assert same(bend, find_bend(ring, off, b, steps=300))
    assert not bend["w"].requires_grad


def test_bad_paths():
    a, b = points(0, 2)
    with pytest.raises(ValueError, match="use one architecture"):
        straight_line(a, {"w": b["w"]}, T)
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


@given(x=st.floats(-5, 5), y=st.floats(-5, 5))
def test_linear_combination_is_the_weighted_sum(x, y):
    mixed = linear_combination([A, B], [x, y])
    for name in A:
        assert torch.allclose(mixed[name], x * A[name] + y * B[name], atol=1e-5)


def test_rows_of_weights_make_many_points():
    weights = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]])
    mixed = linear_combination([A, B], weights)
    assert mixed["w"].shape == (3, 1, 2)
    assert mixed["b"].shape == (3,)
    losses = losses_at(lambda p: (p["w"] ** 2).sum() + p["b"], mixed)
    assert losses.tolist() == [8.0, 9.0, 4.25]


def test_bad_points():
    with pytest.raises(ValueError, match="expected parameters by name, got none"):
        linear_combination([], [])
    with pytest.raises(ValueError, match="difference in b: use one architecture"):
        linear_combination([A, {"w": A["w"]}], [1, 1])
    with pytest.raises(ValueError, match=r"one shape for 'b' in all points, got \(\) and \(1,\)"):
        linear_combination([A, {**A, "b": torch.zeros(1)}], [1, 1])
    for weights in ([1.0], [[1.0, 2.0, 3.0]], 1.0):
        with pytest.raises(ValueError, match=r"weights of shape \(..., 2\)"):
            linear_combination([A, B], weights)
    with pytest.raises(ValueError, match="one more axis in front"):
        losses_at(lambda p: p["w"].sum(), A)
    with pytest.raises(ValueError, match="one more axis in front"):
        losses_at(lambda p: p["w"].sum(), {"w": torch.zeros(2, 1), "b": torch.zeros(3)})


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
def test_a_plane_goes_through_its_three_points(seed):
    points = [point(seed + i) for i in range(3)]
    u, v, at = plane(*points)
    assert flat(u) @ flat(u) == pytest.approx(1)
    assert flat(v) @ flat(v) == pytest.approx(1)
    assert flat(u) @ flat(v) == pytest.approx(0, abs=1e-12)
    for expected, (x, y) in zip(points, at.tolist(), strict=True):
        assert torch.allclose(flat(linear_combination([points[0], u, v], [1, x, y])), flat(expected), atol=1e-12)


def test_bad_planes_and_directions():
    a, b = point(0), point(1)
    with pytest.raises(ValueError, match="expected parameters by name, got none"):
        random_direction({}, seed=0)
    with pytest.raises(ValueError, match="not on one line"):
        plane(a, b, linear_combination([a, b], [0.3, 0.7]))
    with pytest.raises(ValueError, match="not on one line"):
        plane(a, a, b)
    with pytest.raises(ValueError, match="use one architecture"):
        plane(a, b, {"w": a["w"]})
    nan = {name: tensor * torch.nan for name, tensor in b.items()}
    with pytest.raises(ValueError, match="expected finite distances between the points"):
        plane(a, b, nan)


MODEL, INPUTS, TARGETS = nn.Linear(3, 1), torch.randn(5, 3), torch.randn(5, 1)


def closure(p):
    return mse_loss(MODEL(INPUTS), TARGETS)


def right(p):
    return mse_loss(functional_call(MODEL, p, (INPUTS,)), TARGETS)


def repeated(n):
    return {name: p.detach()[None].repeat(n, *(1,) * p.dim()) for name, p in MODEL.named_parameters()}


@pytest.mark.parametrize("n", [1, 2, 7])
def test_a_loss_that_ignores_the_parameters_it_is_given_is_refused(n):
    for loss in (closure, lambda p: right(dict(MODEL.named_parameters())), lambda p: torch.tensor(2.0)):
        with pytest.raises(ValueError, match=r"got one that ignores them: .*functional_call\(model, p, \(x,\)\)"):
            losses_at(loss, repeated(n))
        with pytest.raises(ValueError, match="got one that ignores them"):
            find_bend(loss, dict(MODEL.named_parameters()), dict(MODEL.named_parameters()), steps=1, points=n)
    assert losses_at(right, repeated(n)).tolist() == pytest.approx([closure(None).item()] * n)


def test_a_loss_that_is_flat_or_only_counts_is_not_refused():
    expanded = {"w": torch.tensor(2.0).expand(4), "unused": torch.zeros(4, 3)}
    assert losses_at(lambda p: p["w"], expanded).tolist() == [2.0] * 4
    dead = {"w": -torch.ones(3, 2)}
    assert losses_at(lambda p: p["w"].relu().sum(), dead).tolist() == [0.0] * 3
    assert losses_at(lambda p: (p["w"] < 0).double().mean(), dead).tolist() == [1.0] * 3


def test_what_vmap_cannot_evaluate_is_explained_and_leaves_the_model_alone():
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 1))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    points = {name: p.detach()[None].repeat(2, *(1,) * p.dim()) for name, p in model.named_parameters()}

    def loss(p):
        return functional_call(model, p, (INPUTS,)).square().mean()

    def branching(p):
        return p["0.bias"].sum() if p["0.bias"].sum() > 0 else -p["0.bias"].sum()

    for bad in (loss, lambda p: p["0.bias"].sum().item(), branching):
        with pytest.raises(ValueError, match=r"vmap can evaluate, got .*model.eval\(\), and use neither .item\(\)"):
            losses_at(bad, points)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    model.eval()
    assert losses_at(loss, points).shape == (2,)
    with pytest.raises(RuntimeError, match="Expected size"):  # the caller's own mistake stays as it is
        losses_at(lambda p: (INPUTS @ p["3.weight"]).sum(), points)


@pytest.mark.parametrize("wrong", ["x", None, [torch.ones(2)]])
def test_wrong_types_at_the_front_door(wrong):
    integers = {"w": torch.ones(2, dtype=torch.int64)}
    for call in (
        lambda p: linear_combination([p, p], [1, 1]),
        lambda p: straight_line(p, p, T),
        lambda p: bezier_curve(p, p, p, T),
        lambda p: losses_at(closure, p),
        lambda p: find_bend(closure, p, p),
        lambda p: random_direction(p, seed=0),
        lambda p: plane(p, p, p),
    ):
        with pytest.raises(TypeError, match="expected parameters by name, got"):
            call(wrong)
        with pytest.raises(TypeError, match="expected 'w' to be a tensor, got"):
            call({"w": wrong})
        with pytest.raises(TypeError, match="expected 'w' to be a tensor of floats, got torch.int64"):
            call(integers)
    for loss in (wrong, 1.0):
        with pytest.raises(TypeError, match="expected the loss to be a function"):
            losses_at(loss, repeated(2))
    for path in (lambda t: straight_line(A, A, t), lambda t: bezier_curve(A, A, A, t), lambda t: barrier(t, T)):
        with pytest.raises(TypeError, match="expected t to be a tensor of floats"):
            path(wrong)
    with pytest.raises(TypeError, match="got float: compute it with torch"):
        losses_at(lambda p: 1.0, repeated(2))
    with pytest.raises(ValueError, match=r"one number, got a tensor of shape \(1,\)"):
        losses_at(lambda p: p["bias"], repeated(2))


def test_nan_is_refused():
    with pytest.raises(ValueError, match="expected finite weights, got 1 NaN"):
        linear_combination([A, B], [0.5, float("nan")])
    with pytest.raises(ValueError, match="expected finite losses, got 21 NaN"):
        barrier(T, T * torch.nan)
    with pytest.raises(ValueError, match="expected finite t"):
        straight_line(A, B, T / 0)


def test_numbers_of_numpy_and_torch_are_taken():
    a, b = points(0, 2)
    bend = find_bend(convex, a, b, steps=np.int64(2), lr=torch.tensor(0.05), points=torch.tensor(3))
    assert bend.keys() == a.keys()
    assert same(random_direction(a, seed=np.int64(3)), random_direction(a, seed=3))
    with pytest.raises(TypeError, match="expected a list of points, got NoneType"):
        linear_combination(None, [1.0])
