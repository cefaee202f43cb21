import pytest
import torch
from torch import nn

from enlib import ConvNet, WithExponentialNeuron, mlp
from enlib.models.networks import MODELS, digit_net, make_model


def parameters(model):
    return sum(p.numel() for p in model.parameters())


def test_parameter_counts_of_the_report():
    assert parameters(mlp((100, 50, 25, 1), seed=0)) == 6_351
    assert parameters(mlp((3072, 1536, 768, 1), seed=0)) == 5_901_313
    assert parameters(ConvNet(seed=0)) == 657_092


def test_the_neuron_adds_two_more_parameters_than_inputs():
    assert parameters(WithExponentialNeuron(ConvNet(seed=0), 784, seed=0)) == 657_092 + 784 + 2


def test_sides_of_the_feature_maps_of_table_6():
    net, sides, x = ConvNet(seed=0), [28], torch.zeros(1, 1, 28, 28)
    channels = []
    for layer in net.features:
        x = layer(x)
        if not isinstance(layer, nn.PReLU):
            sides.append(x.shape[-1])
            channels.append(x.shape[1])
    assert sides == [28, 27, 9, 8, 2, 1]
    assert channels == [64, 64, 128, 128, 256]


def test_mlp_is_the_formula():
    model = mlp((3, 4, 1), seed=0)
    x = torch.randn(5, 3, generator=torch.Generator().manual_seed(1))
    first, last = (layer for layer in model if isinstance(layer, nn.Linear))
    hidden = 1 / (1 + torch.exp(-(x @ first.weight.T + first.bias)))
    torch.testing.assert_close(model(x), (hidden @ last.weight.T + last.bias)[:, 0])


@pytest.mark.parametrize("make", [lambda s: mlp((9, 5, 1), seed=s), lambda s: ConvNet(seed=s)])
def test_weights_come_from_the_seed_alone(make):
    torch.manual_seed(123)
    before = torch.get_rng_state()
    one, same, other = make(0), make(0), make(1)
    assert torch.equal(before, torch.get_rng_state())
    pairs = list(zip(one.parameters(), same.parameters(), other.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b, _ in pairs)
    assert any(not torch.equal(a, c) for a, _, c in pairs)


@pytest.mark.parametrize("name", MODELS)
def test_by_name_one_output_a_sample(name):
    assert make_model(name, (1, 28, 28), seed=0)(torch.zeros(3, 1, 28, 28)).shape == (3,)


@pytest.mark.parametrize("widths", [(), (100,), (100, 50), (100, 50, 2)])
def test_widths_must_end_with_one(widths):
    with pytest.raises(ValueError, match="end with 1"):
        mlp(widths, seed=0)


def test_widths_must_be_positive():
    with pytest.raises(ValueError, match="expected width to be an integer >= 1, got 0"):
        mlp((100, 0, 1), seed=0)


def test_conv_refuses_other_images():
    with pytest.raises(ValueError, match=r"for model 'conv', got \(3, 32, 32\): use 'fc1' or 'fc2'"):
        make_model("conv", (3, 32, 32), seed=0)
    with pytest.raises(ValueError, match=r"shape \(n, 1, 28, 28\), got \(2, 784\)"):
        ConvNet(seed=0)(torch.zeros(2, 784))


def test_unknown_model_suggests_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'conv'"):
        make_model("convnet", (1, 28, 28), seed=0)


@pytest.mark.parametrize("widths", [None, 5, "31", (3, "2", 1), (3, None, 1)])
def test_widths_of_wrong_types(widths):
    with pytest.raises(TypeError, match="expected .*width"):
        mlp(widths, seed=0)


@pytest.mark.parametrize("side", [28, 8])
def test_pooling_before_relu_is_the_same_network(side):
    net = digit_net(side, seed=0).eval()
    conv1, pool, relu, conv2, *_, flatten, drop, hidden, _, output = net
    x = torch.randn(3, 1, side, side, generator=torch.Generator().manual_seed(0))
    plain = nn.Sequential(conv1, relu, pool, conv2, relu, pool, flatten, drop, hidden, relu, output).eval()
    assert torch.equal(net(x), plain(x))
    assert [type(layer) for layer in digit_net(side, seed=0, batch_norm=True)].count(nn.BatchNorm2d) == 2
