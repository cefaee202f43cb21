"""A small residual network for photographs and digits, made for transfer: a body of blocks, and a head."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from enlib import _tools
from enlib._tools import stream


class ResidualBlock(nn.Module):
    r"""Two 3x3 convolutions and a shortcut around them, each convolution followed by batch normalization.

    .. math:: y = \max(0,\, s(x) + F(x))

    The shortcut s is the identity, or a normalized 1x1 convolution where the block changes the shape.

    Parameters
    ----------
    channels, out : int
        Channels that come in and go out.
    stride : int
        Of the first convolution.

    Examples
    --------
    >>> ResidualBlock(4, 8, stride=2)(torch.zeros(1, 4, 8, 8)).shape
    torch.Size([1, 8, 4, 4])
    """

    def __init__(self, channels: int, out: int, stride: int = 1) -> None:
        super().__init__()
        self.first = normalized(channels, out, 3, stride)
        self.second = normalized(out, out, 3, 1)
        same = channels == out and stride == 1
        self.shortcut = nn.Identity() if same else normalized(channels, out, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Map images of shape (n, channels, h, w) to (n, out, h / stride, w / stride)."""
        return relu(self.shortcut(x) + self.second(relu(self.first(x))))


def normalized(channels: int, out: int, size: int, stride: int) -> nn.Sequential:
    """Return a convolution without bias, padded to keep the size, and its batch normalization."""
    convolution = nn.Conv2d(channels, out, size, stride, padding=size // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(out))


class ResidualNet(nn.Module):
    """A residual network: a first convolution, three blocks, the mean of each channel, and one linear layer.

    ``body`` maps images to 4 * ``width`` features, ``head`` maps these to outputs. The widths of the blocks are 1, 2
    and 4 times ``width``, and the second and the third halve the image. For CIFAR-10 and eight classes the default
    has 78,680 parameters.

    Parameters
    ----------
    channels : int
        Of the images.
    classes : int
        Number of outputs; with 1 the outputs have the shape (n,).
    width : int
        Channels of the first convolution.
    size, stride : int
        Side and stride of the first convolution; the stride of 2 makes training four times as fast.
    seed : int
        Of the initial weights (PyTorch's default distribution); the global random state is not changed.

    Notes
    -----
    K. He, X. Zhang, S. Ren, J. Sun, *Deep Residual Learning for Image Recognition*, arXiv:1512.03385.

    Examples
    --------
    >>> net = ResidualNet(3, 8, seed=0)
    >>> net(torch.zeros(5, 3, 32, 32)).shape, net.body(torch.zeros(5, 3, 32, 32)).shape
    (torch.Size([5, 8]), torch.Size([5, 64]))
    >>> sum(p.numel() for p in net.parameters())
    78680
    """

    def __init__(
        self, channels: int, classes: int, *, width: int = 16, size: int = 5, stride: int = 2, seed: int
    ) -> None:
        super().__init__()
        self.classes = _tools.count("classes", classes)
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(stream(seed, "base network"))
            self.body = nn.Sequential(
                normalized(channels, width, size, stride),
                nn.ReLU(),
                ResidualBlock(width, width),
                ResidualBlock(width, 2 * width, stride=2),
                ResidualBlock(2 * width, 4 * width, stride=2),
                nn.AdaptiveAvgPool2d(1),
                nn.Flatten(),
            )
            self.head = nn.Linear(4 * width, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map images of shape (n, channels, h, w) to outputs of shape (n, classes), or (n,) with one class."""
        output: Tensor = self.head(self.body(x))
        return output.squeeze(1) if self.classes == 1 else output
