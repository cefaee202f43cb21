import copy

import pytest
import torch
from torch import nn

from enlib import Callback, ConvNet, WithExponentialNeuron, evaluate, fit, make_optimizer, mlp, polynomial_hinge
from enlib.datasets import Dataset, Split
from enlib.models import fast as module
from enlib.models.fast import fast_form, onednn_linear

LARGE = (784, 300, 150, 1)
MODELS = {
    "conv": lambda: ConvNet(seed=0),
    "mlp": lambda: mlp(LARGE, seed=0),
    "small": lambda: mlp((784, 5, 1), seed=0),
}
TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-4}


def images(n, seed=0, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 1, 28, 28, generator=generator, dtype=dtype)
    return x, torch.where(torch.rand(n, generator=generator) < 0.5, -1.0, 1.0).to(dtype)


def pair(name, *, neuron=False, dtype=torch.float32):
    """Return a model, and the fast form of a copy of it."""
    plain = WithExponentialNeuron(MODELS[name](), 784, seed=0) if neuron else MODELS[name]()
    plain = plain.to(dtype)
    return plain, fast_form(copy.deepcopy(plain))


def gradients(model, x, y):
    model.zero_grad()
    polynomial_hinge(model(x), y).backward()
    return {name: p.grad.clone() for name, p in model.named_parameters()}


def assert_same_function(plain, fast, x, y):
    """Outputs and all gradients, each relative to its largest entry."""
    tolerance = TOLERANCE[x.dtype]
    torch.testing.assert_close(fast(x), plain(x), rtol=0, atol=tolerance)
    expected, got = gradients(plain, x, y), gradients(fast, x, y)
    assert expected.keys() == got.keys()
    for name in expected:
        scale = expected[name].abs().max().item() or 1.0
        torch.testing.assert_close(got[name], expected[name], rtol=0, atol=tolerance * scale, msg=name)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("neuron", [False, True])
@pytest.mark.parametrize("name", MODELS)
def test_same_outputs_and_gradients(name, neuron, dtype):
    plain, fast = pair(name, neuron=neuron, dtype=dtype)
    assert_same_function(plain, fast, *images(60, dtype=dtype))


@pytest.mark.parametrize("n", [1, 24, 25, 26])
def test_any_number_of_samples(n):
    plain, fast = pair("conv", dtype=torch.float64)
    assert_same_function(plain, fast, *images(n, dtype=torch.float64))


@pytest.mark.parametrize("slopes", [(-0.5, 0.25), (0.25, -0.5), (-2.0, -0.1), (0.0, 0.0), (1.5, 3.0)])
def test_any_slope(slopes):
    plain, fast = pair("conv", dtype=torch.float64)
    for model in (plain, fast):
        with torch.no_grad():
            for layer, slope in zip((1, 4), slopes, strict=True):
                model.features[layer].weight.fill_(slope)
    assert_same_function(plain, fast, *images(30, dtype=torch.float64))


def test_the_two_orders_differ_for_a_negative_slope():
    # Otherwise the test above could not tell whether the plain order is kept.
    v, prelu = torch.randn(2, 3, 9, 9, generator=torch.Generator().manual_seed(0)), nn.PReLU(init=-0.5)
    pool = nn.MaxPool2d(3)
    assert not torch.allclose(prelu(pool(v)), pool(prelu(v)))


@pytest.mark.parametrize("slope", [1e-3, 0.25, 0.37, 1.0, 2.5])
def test_pooling_first_is_exact_to_the_last_bit(slope):
    v, prelu = torch.randn(40, 8, 9, 9, generator=torch.Generator().manual_seed(0)), nn.PReLU(init=slope)
    pool = nn.MaxPool2d(3)
    assert torch.equal(prelu(pool(v)), pool(prelu(v)))


def test_ties_go_to_the_same_cell():
    # Images of a few grey levels, flat in the middle: whole windows of equal maxima, negative and positive.
    plain, fast = pair("conv", dtype=torch.float64)
    x, y = images(30, dtype=torch.float64)
    x = x.round()
    x[:, :, 6:22, 6:22] = 0
    with torch.no_grad():
        maps = plain.features[0](x)
    windows = maps.unfold(2, 3, 3).unfold(3, 3, 3).flatten(4)
    assert (windows.topk(2).values.diff() == 0).double().mean() > 0.1
    assert_same_function(plain, fast, x, y)


def test_gradient_of_the_inputs():
    plain, fast = pair("conv", dtype=torch.float64)
    got = []
    for model in (plain, fast):
        x = images(5, dtype=torch.float64)[0].requires_grad_()
        model(x).sum().backward()
        got.append(x.grad)
    torch.testing.assert_close(*got, rtol=0, atol=1e-12)


def test_gradient_with_the_first_layer_frozen():
    plain, fast = pair("conv", dtype=torch.float64)
    x, y = images(30, dtype=torch.float64)
    for model in (plain, fast):
        model.features[0].requires_grad_(False)
        model.features[1].requires_grad_(False)
        polynomial_hinge(model(x), y).backward()
    torch.testing.assert_close(fast.features[3].weight.grad, plain.features[3].weight.grad, rtol=0, atol=1e-12)


def test_weights_never_met_keep_a_gradient_of_zero():
    # The third convolution sees 2x2 maps in a padding of one: the rim of its kernel only ever meets zeros.
    for model in pair("conv", dtype=torch.float64):
        gradient = gradients(model, *images(10, dtype=torch.float64))["features.6.weight"].clone()
        assert gradient[:, :, 1:3, 1:3].abs().min() > 0
        gradient[:, :, 1:3, 1:3] = 0
        assert torch.all(gradient == 0)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("neuron", [False, True])
def test_parameters_are_shared(name, neuron):
    plain = WithExponentialNeuron(MODELS[name](), 784, seed=0) if neuron else MODELS[name]()
    fast = fast_form(plain)
    pairs = list(zip(plain.named_parameters(), fast.named_parameters(), strict=True))
    assert all(a == b and p is q for (a, p), (b, q) in pairs)
    assert fast is not plain
    assert type(fast_form(fast)) is type(fast)


@pytest.mark.parametrize("name", MODELS)
def test_state_dicts_load_into_each_other(name):
    plain, fast = pair(name, neuron=True)
    x = images(7)[0]
    for source, target in ((plain, fast), (fast, plain)):
        with torch.no_grad():
            for p in source.parameters():
                p.add_(0.01 * torch.randn(p.shape, generator=torch.Generator().manual_seed(1)))
        assert not torch.allclose(source(x), target(x))
        target.load_state_dict(source.state_dict())
        torch.testing.assert_close(target(x), source(x))


def test_mode_is_kept():
    for name in MODELS:
        assert fast_form(MODELS[name]()).training
        assert not fast_form(MODELS[name]().eval()).training


def test_channels_last_in_place_and_after_updates():
    model = fast_form(ConvNet(seed=0))
    optimizer = make_optimizer("adam", model, lr=1e-3, fused=True)
    gradients(model, *images(4))
    optimizer.step()
    model.load_state_dict(ConvNet(seed=1).state_dict())
    weight = model.features[3].weight
    for tensor in (weight, weight.grad, optimizer.state[weight]["exp_avg"]):
        assert tensor.is_contiguous(memory_format=torch.channels_last)
        assert not tensor.is_contiguous()


def test_large_layers_go_to_onednn_and_small_ones_do_not(monkeypatch):
    if not module._HAS_ONEDNN:
        pytest.skip("PyTorch without oneDNN")
    seen, product = [], module.onednn_linear
    monkeypatch.setattr(module, "onednn_linear", lambda x, w, b=None: seen.append(tuple(w.shape)) or product(x, w, b))
    _, fast = pair("mlp")
    gradients(fast, *images(6))
    # Forward twice; back through the second to its inputs and its weights, through the first to its weights alone.
    assert sorted(seen) == sorted([(300, 784), (150, 300), (300, 150), (300, 6), (784, 6)])
    seen.clear()
    gradients(pair("small")[1], *images(6))
    gradients(pair("mlp", dtype=torch.float64)[1], *images(6, dtype=torch.float64))
    assert seen == []


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("has", [True, False])
def test_the_product_is_the_same_with_and_without_onednn(monkeypatch, dtype, has):
    monkeypatch.setattr(module, "_HAS_ONEDNN", has and module._HAS_ONEDNN)
    random = torch.Generator().manual_seed(0)
    x, weight, bias = (torch.randn(*shape, generator=random, dtype=dtype) for shape in ((7, 5), (4, 5), (4,)))
    torch.testing.assert_close(onednn_linear(x, weight, bias), x @ weight.T + bias)
    torch.testing.assert_close(onednn_linear(x.t(), torch.ones(2, 7, dtype=dtype)), x.sum(0)[:, None].repeat(1, 2))


def data(n=90):
    x, y = images(n)
    # A wide bright bar for one class: something to learn in a few updates.
    x[y > 0, :, 10:14] += 1
    train, rest = Split(x[:60], y[:60]), Split(x[60:], y[60:])
    return Dataset("bars", train, rest, rest)


@pytest.mark.parametrize("name", ["conv", "mlp"])
def test_fit_is_the_same(name):
    histories, finals = [], []
    for model in pair(name, neuron=True):
        optimizer = make_optimizer("sgd", model, lr=1e-2)
        histories.append(
            fit(model, data(), optimizer=optimizer, seed=0, lam=0.1, batch_size=20, epochs=3, device="cpu")
        )
        finals.append(model.state_dict())
    plain, fast = histories
    assert len(plain.batch_loss) >= 3
    torch.testing.assert_close(fast.batch_loss, plain.batch_loss, rtol=1e-5, atol=0)
    assert list(fast.train_errors) == list(plain.train_errors)
    torch.testing.assert_close(finals[1], finals[0], rtol=0, atol=1e-5)


def test_interrupted_fit_is_resumed(tmp_path):
    class Interrupted(Callback):
        def after_epoch(self, run):
            if run.epoch == 2:
                raise KeyboardInterrupt

    def run(path, callbacks=()):
        model = fast_form(WithExponentialNeuron(ConvNet(seed=0), 784, seed=0))
        optimizer = make_optimizer("adam", model, lr=1e-4, fused=True)
        settings = {"seed": 0, "batch_size": 20, "epochs": 3, "stop_at_zero_errors": False, "device": "cpu"}
        return fit(
            model, data(), optimizer=optimizer, callbacks=callbacks, checkpoint_path=path, resume=True, **settings
        )

    whole = run(tmp_path / "whole.pt")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "halves.pt", [Interrupted()])
    resumed = run(tmp_path / "halves.pt")
    assert resumed.batch_loss.tolist() == whole.batch_loss.tolist()
    assert resumed.train_loss.tolist() == whole.train_loss.tolist()


def test_evaluation_is_the_same():
    plain, fast = pair("conv")
    a, b = (evaluate(model, data().train) for model in (plain, fast))
    assert b.loss == pytest.approx(a.loss, rel=1e-5)
    assert b.errors == a.errors


def test_second_derivatives_are_refused():
    model, (x, y) = fast_form(ConvNet(seed=0)), images(3)
    gradient = torch.autograd.grad(
        polynomial_hinge(model(x), y), list(model.features[0].parameters()), create_graph=True
    )
    with pytest.raises(RuntimeError, match="once_differentiable"):
        sum(g.square().sum() for g in gradient).backward()


def test_bad_input():
    class Other(ConvNet):
        pass

    for model in (nn.Linear(3, 1), Other(seed=0), WithExponentialNeuron(nn.Linear(3, 1), 3, seed=0)):
        with pytest.raises(ValueError, match="expected a ConvNet, an mlp or a WithExponentialNeuron around one, got"):
            fast_form(model)
    with pytest.raises(ValueError, match=r"shape \(n, 1, 28, 28\), got \(2, 784\): use mlp"):
        fast_form(ConvNet(seed=0))(torch.zeros(2, 784))
