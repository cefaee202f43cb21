"""The report's three networks: two fully connected ones and a convolutional one."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from enlib import _tools
from enlib._tools import stream


def mlp(widths: Sequence[int] = (100, 50, 25, 1), *, seed: int) -> nn.Sequential:
    r"""Return a fully connected network with sigmoid hidden layers and one linear output.

    .. math:: f(x) = W_L\,\sigma(W_{L-1} \cdots \sigma(W_1 x + b_1) \cdots) + b_L

    ``(100, 50, 25, 1)`` is the report's Table 4 (6,351 parameters), ``(3072, 1536, 768, 1)`` its Table 5
    (5,901,313). Weights and biases start as PyTorch's default, uniform in :math:`\pm 1/\sqrt{d_{in}}`.

    Parameters
    ----------
    widths : sequence of int
        Number of inputs, numbers of units in each hidden layer, and 1.
    seed : int
        Seed of the initial weights; the global random state is not changed.

    Returns
    -------
    nn.Sequential
        Maps inputs of shape (n, ...) with ``widths[0]`` numbers per sample to outputs of shape (n,).

    Raises
    ------
    ValueError
        If there are fewer than two widths, one is not positive, or the last is not 1.
    TypeError
        If ``widths`` is not a sequence of integers.

    Examples
    --------
    >>> sum(p.numel() for p in mlp((100, 50, 25, 1), seed=0).parameters())
    6351
    """
    given: object = widths
    if not isinstance(given, Iterable):
        raise TypeError(f"expected a sequence of widths, got {given!r}: pass one such as (100, 50, 25, 1)")
    widths = [_tools.count("width", width) for width in widths]
    if len(widths) < 2 or widths[-1] != 1:
        raise ValueError(
            f"expected widths (inputs, hidden ..., 1), got {tuple(widths)}: end with 1, as in (100, 50, 25, 1)"
        )
    layers: list[nn.Module] = [nn.Flatten()]
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(stream(seed, "base network"))
        for fan_in, fan_out in itertools.pairwise(widths):
            layers += [nn.Linear(fan_in, fan_out), nn.Sigmoid()]
    return nn.Sequential(*layers[:-1], nn.Flatten(0))


class ConvNet(nn.Module):
    """The report's convolutional network (its Table 6) for images of shape (1, 28, 28).

    It has three 4x4 convolutions with PReLU, the first two followed by 3x3 max-pooling, and then one linear unit. The
    sides of the feature maps are 28, 27, 9, 8, 2 and 1, which follows from stride 1 and padding 1. The
    report's table prints stride 0, which is not possible. With one PReLU slope per layer, the network has 657,092
    parameters.

    Parameters
    ----------
    seed : int
        Seed of the initial weights (PyTorch's default distribution); the global random state is not changed.

    Examples
    --------
    >>> net = ConvNet(seed=0)
    >>> net(torch.zeros(5, 1, 28, 28)).shape
    torch.Size([5])
    >>> sum(p.numel() for p in net.parameters())
    657092
    """

    def __init__(self, *, seed: int) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(stream(seed, "base network"))
            self.features = nn.Sequential(
                nn.Conv2d(1, 64, kernel_size=4, padding=1),
                nn.PReLU(),
                nn.MaxPool2d(3),
                nn.Conv2d(64, 128, kernel_size=4, padding=1),
                nn.PReLU(),
                nn.MaxPool2d(3),
                nn.Conv2d(128, 256, kernel_size=4, padding=1),
                nn.PReLU(),
            )
            self.output = nn.Linear(256, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map images of shape (n, 1, 28, 28) to outputs of shape (n,)."""
        check_images(x)
        output: Tensor = self.output(self.features(x).flatten(1))
        return output.squeeze(1)


def digit_net(side: int = 28, *, seed: int, dropout: float = 0.4, batch_norm: bool = False) -> nn.Sequential:
    """Return a classifier of ten digits: two convolutions of 16 and 32 channels, and 256 hidden units.

    Each convolution is followed by 2x2 max-pooling and ReLU, in this order: ReLU is increasing, so the reverse gives
    the same numbers from four times as many. The kernels are 5x5 without padding for 28x28 images, 3x3 with padding
    for 8x8. Dropout acts on the input of the hidden layer.

    Parameters
    ----------
    side : {28, 8}
        Of the images.
    seed : int
        Seed of the initial weights (PyTorch's default distribution); the global random state is not changed.
    dropout : float
        Probability with which a number is dropped.
    batch_norm : bool
        Whether batch normalization comes before each ReLU.

    Returns
    -------
    nn.Sequential
        Maps images of shape (n, 1, side, side) to outputs of shape (n, 10).

    Examples
    --------
    >>> [sum(p.numel() for p in digit_net(side, seed=0).parameters()) for side in (28, 8)]
    [147146, 40394]
    """
    if side not in (28, 8):
        raise ValueError(f"expected side 28 or 8, got {side}: resize the images")
    kernel, padding, left = (5, 0, 512) if side == 28 else (3, 1, 128)

    def norm(layer: nn.Module) -> list[nn.Module]:
        return [layer, nn.ReLU()] if batch_norm else [nn.ReLU()]

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(stream(seed, "base network"))
        return nn.Sequential(
            nn.Conv2d(1, 16, kernel, padding=padding),
            nn.MaxPool2d(2),
            *norm(nn.BatchNorm2d(16)),
            nn.Conv2d(16, 32, kernel, padding=padding),
            nn.MaxPool2d(2),
            *norm(nn.BatchNorm2d(32)),
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(left, 256),
            *norm(nn.BatchNorm1d(256)),
            nn.Linear(256, 10),
        )


def check_images(x: Tensor) -> None:
    """Raise `ValueError` unless ``x`` has the shape of a batch of images for `ConvNet`."""
    if x.shape[1:] != (1, 28, 28):
        raise ValueError(f"expected images of shape (n, 1, 28, 28), got {tuple(x.shape)}: use mlp for other inputs")


MODELS = ("fc1", "fc2", "conv")


def make_model(name: str, input_shape: Sequence[int], *, seed: int) -> nn.Module:
    """Return one of the report's networks by name, with its first layer fitted to the data.

    Parameters
    ----------
    name : {"fc1", "fc2", "conv"}
        ``fc1`` has hidden layers of 50 and 25 units, ``fc2`` of 1536 and 768, ``conv`` is `ConvNet`.
    input_shape : sequence of int
        Shape of one sample.
    seed : int
        Seed of the initial weights.

    Raises
    ------
    ValueError
        If the name is unknown, or ``conv`` is requested for inputs other than (1, 28, 28).

    Examples
    --------
    >>> make_model("fc1", (1, 8, 8), seed=0)[1]
    Linear(in_features=64, out_features=50, bias=True)
    """
    _tools.known("model", name, MODELS)
    if name == "conv":
        if tuple(input_shape) != (1, 28, 28):
            raise ValueError(
                f"expected inputs of shape (1, 28, 28) for model 'conv', got {tuple(input_shape)}: "
                "use 'fc1' or 'fc2' for this data set"
            )
        return ConvNet(seed=seed)
    hidden = {"fc1": (50, 25), "fc2": (1536, 768)}[name]
    return mlp((math.prod(input_shape), *hidden, 1), seed=seed)
