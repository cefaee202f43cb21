from functools import partial

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import nn
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import mse_loss, scaled_dot_product_attention

from enlib.curvature import Hessian, sharpness, spectral_density, top_eigenvalues
from enlib.losses import polynomial_hinge
from enlib.models import ConvNet, mlp


def problem(n=20, widths=(6, 5, 4, 1), seed=0):
    """A small network's mean loss, whole and as a list of parts, with its parameters in float64."""
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(n, widths[0], generator=random, dtype=torch.float64)
    y = torch.where(torch.rand(n, generator=random) < 0.5, -1.0, 1.0).double()
    model = mlp(widths, seed=seed).double()

    def loss(params, inputs=x, targets=y):
        return polynomial_hinge(functional_call(model, params, (inputs,)), targets, reduction="sum") / n

    parts = [partial(loss, inputs=a, targets=b) for a, b in zip(x.split(7), y.split(7), strict=True)]
    return loss, parts, dict(model.named_parameters())


def oracle(loss, params):
    """Row by row, from torch's own second derivative of the flat vector."""
    sizes = [p.numel() for p in params.values()]

    def flat(vector):
        pieces = torch.split(vector, sizes)
        return loss({n: q.view_as(p) for (n, p), q in zip(params.items(), pieces, strict=True)})

    point = torch.cat([p.detach().reshape(-1) for p in params.values()])
    return torch.autograd.functional.hessian(flat, point)


def test_whole_and_in_parts_agree_with_torchs_hessian():
    loss, parts, params = problem()
    expected = oracle(loss, params)
    for given_loss in (loss, parts):
        hessian = Hessian(given_loss, params)
        assert torch.allclose(hessian.dense(), expected, atol=1e-10, rtol=0)
        assert hessian.value == pytest.approx(loss(params).item(), abs=1e-14)
        gradient = torch.autograd.grad(loss(params), list(params.values()))
        assert torch.allclose(hessian.gradient, torch.cat([g.reshape(-1) for g in gradient]), atol=1e-14)


@settings(max_examples=20)
@given(seed=st.integers(0, 1000))
def test_products_are_linear_and_symmetric(seed):
    loss, _, params = problem(seed=seed)
    hessian = Hessian(loss, params)
    random = torch.Generator().manual_seed(seed)
    u, v = torch.randn(2, hessian.size, generator=random, dtype=torch.float64)
    assert torch.allclose(hessian @ (2 * u - v), 2 * (hessian @ u) - hessian @ v, atol=1e-10)
    assert (u @ (hessian @ v)).item() == pytest.approx((v @ (hessian @ u)).item(), abs=1e-10)


def test_directions_in_which_the_loss_is_linear_or_flat_have_no_curvature():
    params = {"x": torch.tensor([1.0, 2.0]), "y": torch.tensor(3.0), "unused": torch.ones(2)}
    assert (Hessian(lambda p: p["x"].sum() + 2 * p["y"], params).dense() == 0).all()
    half = Hessian(lambda p: (p["x"] ** 2).sum() + 2 * p["y"], params).dense()
    assert torch.equal(half, torch.diag(torch.tensor([2.0, 2.0, 0, 0, 0])))


def test_the_parameters_are_left_alone():
    loss, _, params = problem()
    Hessian(loss, params)
    assert all(p.grad is None for p in params.values())
    plain = {n: p.detach() for n, p in params.items()}
    Hessian(loss, plain)
    assert not any(p.requires_grad for p in plain.values())


def test_the_count_of_gradients():
    loss, parts, params = problem()
    whole, in_parts = Hessian(loss, params), Hessian(parts, params)
    v = torch.ones(whole.size, dtype=torch.float64)
    assert (whole.gradients, in_parts.gradients) == (1, 1)
    whole @ v, in_parts @ v
    assert (whole.gradients, in_parts.gradients) == (3, 4)


def test_convolutions_and_pooling_in_float32():
    model = ConvNet(seed=0)
    x, y = torch.randn(6, 1, 28, 28, generator=torch.Generator().manual_seed(0)), torch.ones(6)

    def loss(params, inputs=x, targets=y):
        return polynomial_hinge(functional_call(model, params, (inputs,)), targets, reduction="sum") / 6

    params = dict(model.named_parameters())
    whole, parts = (
        Hessian(loss, params),
        Hessian([partial(loss, inputs=x[i : i + 2], targets=y[:2]) for i in (0, 2, 4)], params),
    )
    v = torch.randn(whole.size, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(whole @ v, parts @ v, rtol=1e-4, atol=1e-3)


W = {"w": torch.ones(3)}


@pytest.mark.parametrize(
    "loss, params, message",
    [
        (lambda p: p["w"], W, r"one number, got a tensor of shape \(3,\): return its sum"),
        (lambda p: p["w"].sum() * torch.nan, W, "finite loss, got nan"),
        (lambda p: p["w"].sum() / 0, W, "finite loss, got inf"),
        (lambda p: torch.tensor(1.0), W, "depends on the parameters it is given, got one that ignores them"),
        (lambda p: p["w"].sum(), {}, "expected parameters by name, got none"),
        ([], W, "expected a loss, got an empty list"),
        (
            lambda p: p["w"].sum(),
            {"w": torch.ones(3, dtype=torch.int64)},
            "float32, torch.float64; got 'torch.int64'",
        ),
        (lambda p: p["w"].sum(), {"w": torch.ones(3, dtype=torch.float16)}, "got 'torch.float16'"),
        (lambda p: p["w"].sum(), {"w": torch.ones(3), "v": torch.ones(3).double()}, "one type on one device"),
    ],
)
def test_bad_losses_and_parameters(loss, params, message):
    with pytest.raises(ValueError, match=message):
        Hessian(loss, params)


def test_a_loss_that_is_no_tensor():
    with pytest.raises(TypeError, match="got float: compute it with torch"):
        Hessian(lambda p: 1.0, W)


def test_dropout_and_shuffling_are_refused():
    model = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.Dropout(0.5), torch.nn.Linear(8, 1))
    x = torch.randn(50, 8)

    def loss(params):
        return (functional_call(model, params, (x,)) ** 2).mean()

    params = dict(model.named_parameters())
    with pytest.raises(ValueError, match=r"same loss for the same parameters, got .* switch dropout off"):
        Hessian(loss, params)
    halves = Hessian([loss, loss], params)
    with pytest.raises(ValueError, match="same loss for the same parameters"):
        halves @ torch.ones(halves.size)
    model.eval()
    Hessian(loss, params)

    def shuffled(params):
        return (functional_call(model, params, (x[torch.randint(50, (10,))],)) ** 2).mean()

    with pytest.raises(ValueError, match="without shuffling"):
        Hessian(shuffled, params)


MEASURES = {
    "Hessian": Hessian,
    "dense": lambda loss, params: Hessian(loss, params).dense(),
    "sharpness": sharpness,
    "top_eigenvalues": lambda loss, params: top_eigenvalues(loss, params, 2),
    "spectral_density": lambda loss, params: spectral_density(loss, params, steps=2, probes=1),
}


@pytest.mark.parametrize("measure", MEASURES.values(), ids=MEASURES)
def test_a_loss_that_ignores_the_parameters_it_is_given_is_refused(measure):
    model, x, y = nn.Linear(3, 1), torch.randn(5, 3), torch.randn(5, 1)
    params = dict(model.named_parameters())

    def closure(p):
        return mse_loss(model(x), y)

    def right(p):
        return mse_loss(functional_call(model, p, (x,)), y)

    for loss in (closure, [right, closure], lambda p: right(p).detach(), lambda p: right(params)):
        with pytest.raises(ValueError, match=r"got one that ignores them: .*functional_call\(model, p, \(x,\)\)"):
            measure(loss, params)
    measure(right, params)
    with torch.no_grad():
        measure(right, params)


@pytest.mark.parametrize("measure", MEASURES.values(), ids=MEASURES)
def test_a_loss_that_is_flat_here_is_not_refused(measure):
    dead = {"0.weight": -torch.ones(2, 3), "0.bias": torch.zeros(2), "unused": torch.ones(4)}
    x = torch.rand(5, 3) + 1
    measure(lambda p: (x @ p["0.weight"].T + p["0.bias"]).relu().sum(), dead)


@pytest.mark.parametrize("parts", [1, 2])
@pytest.mark.parametrize("measure", MEASURES.values(), ids=MEASURES)
def test_measuring_leaves_the_buffers_of_a_model_in_training_mode_alone(measure, parts):
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 1))
    x, y = torch.randn(6, 3), torch.randn(6, 1)
    model(x)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    identities = [id(buffer) for buffer in model.buffers()]

    def loss(p):
        return mse_loss(functional_call(model, p, (x,)), y) / parts

    measure([loss] * parts if parts > 1 else loss, dict(model.named_parameters()))
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert [id(buffer) for buffer in model.buffers()] == identities
    with pytest.raises(ZeroDivisionError):
        measure(lambda p: loss(p) / 0 + 1 // 0, dict(model.named_parameters()))
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    model(x)  # measuring over, training goes on as ever
    assert not torch.equal(model.state_dict()["1.running_mean"], before["1.running_mean"])


def test_batch_norm_in_training_mode_has_the_hessian_of_its_formula():
    model, x = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)).double(), torch.randn(6, 3, dtype=torch.float64)
    params = dict(model.named_parameters())

    def by_hand(p):
        z = x @ p["0.weight"].T + p["0.bias"]
        z = (z - z.mean(0)) / (z.var(0, unbiased=False) + 1e-5).sqrt()
        return (z * p["1.weight"] + p["1.bias"]).sin().sum()

    hessian = Hessian(lambda p: functional_call(model, p, (x,)).sin().sum(), params)
    assert torch.allclose(hessian.dense(), oracle(by_hand, params), atol=1e-8)


def test_attention_says_which_backend_to_choose_and_that_one_is_right():
    params = {name: torch.randn(1, 1, 4, 8) for name in "qkv"}

    def attention(p, backend):
        with sdpa_kernel(backend):
            return scaled_dot_product_attention(p["q"], p["k"], p["v"]).square().sum()

    def by_hand(p):
        return ((p["q"] @ p["k"].mT / 8**0.5).softmax(-1) @ p["v"]).square().sum()

    v = torch.randn(sum(p.numel() for p in params.values()))
    with pytest.raises(ValueError, match="differentiate twice, got .*SDPBackend.MATH"):
        Hessian(lambda p: attention(p, SDPBackend.FLASH_ATTENTION), params) @ v
    product = Hessian(lambda p: attention(p, SDPBackend.MATH), params) @ v
    assert torch.allclose(product, Hessian(by_hand, params) @ v, atol=1e-4)


def test_vectors_that_do_not_fit():
    hessian = Hessian(lambda p: (p["w"] ** 2).sum(), W)
    for vector, got in ((torch.ones(4), r"got \(4,\)"), (torch.ones(3, 1), r"got \(3, 1\)"), ([1, 2, 3], "got list")):
        with pytest.raises(ValueError, match=rf"flat vector of shape \(3,\), {got}"):
            hessian @ vector


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_on_a_gpu_as_on_the_cpu():
    x = torch.randn(20, 6, generator=torch.Generator().manual_seed(0))
    products = []
    for device in ("cpu", "cuda"):
        model, inputs = mlp((6, 5, 1), seed=0).to(device), x.to(device)
        params = dict(model.named_parameters())
        hessian = Hessian(lambda p, m=model, a=inputs: functional_call(m, p, (a,)).pow(2).mean(), params)
        products.append(hessian @ torch.ones(hessian.size, device=device))
    assert products[1].is_cuda
    assert torch.allclose(products[0], products[1].cpu(), rtol=1e-4, atol=1e-5)
