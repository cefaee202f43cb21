"""The report's large networks in a form that a CPU computes several times faster: same function, same weights.

The plain modules in `enlib.models.networks` stay the reference that the tests compare with.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from enlib.models.exponential import WithExponentialNeuron
from enlib.models.networks import ConvNet

# Samples that go through a convolution at once: the first one's maps take 147 kB a sample in float32, and should be
# pooled before they leave the cache.
_IN_CACHE = 25
# Below this many weights a layer is too small for oneDNN's faster product to pay for the call.
_LARGE = 2**15


def fast_form(model: nn.Module) -> nn.Module:
    r"""Return a module that computes the same function of the same parameters, faster on a CPU.

    Train and evaluate it in place of ``model``: the parameters are the very same tensors, under the same names, so
    the state dict of either loads into the other. What is saved:

    - `ConvNet`: the two poolings drop the last rows and columns of their maps, so these are not computed:
      24x24 of 27x27 in the first convolution, 6x6 of 8x8 in the second. Of the third's 4x4 kernel only the middle 2x2
      ever meets anything but padding. Together 5.4 instead of 9.7 million products a sample.
    - Pooling comes before PReLU, on a ninth of the numbers. A PReLU with a slope :math:`s > 0` is increasing, so
      :math:`\max_i \mathrm{PReLU}(v_i) = \mathrm{PReLU}(\max_i v_i)`, to the last bit; with any other slope
      the plain order is kept. The slope is looked at in every forward pass.
    - The first convolution is pooled in the cache, a few samples at a time, and its weights, like all, are laid out
      with the channels last.
    - `mlp`: the products of large layers, forward and backward, by oneDNN instead of the BLAS library that PyTorch
      was built with, where PyTorch offers it (float32 on a CPU).

    Outputs and gradients agree with the plain module's up to rounding. A maximum that two cells of a pooling window
    share after PReLU, but not before, which takes two values one rounding apart, may pass its gradient to the other.

    Parameters
    ----------
    model : nn.Module
        A `ConvNet`, an `mlp`, or `WithExponentialNeuron` around one. Convolution weights are laid out anew, in place,
        so make the optimizer afterwards.

    Returns
    -------
    nn.Module
        For first derivatives only: Hessian-vector products need the plain module.

    Raises
    ------
    ValueError
        If the model is none of these.

    Examples
    --------
    >>> plain = ConvNet(seed=0)
    >>> fast = fast_form(plain)
    >>> x = torch.randn(3, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    >>> torch.allclose(fast(x), plain(x), atol=1e-6)
    True
    >>> fast.output.weight is plain.output.weight
    True
    """
    if type(model) is WithExponentialNeuron:
        fast = WithExponentialNeuron(fast_form(model.base), len(model.neuron.w), seed=0)
        fast.neuron = model.neuron
        return fast.train(model.training)
    if isinstance(model, FastConvNet | FastMLP):
        return model
    if type(model) is ConvNet:
        return FastConvNet(model)
    if type(model) is nn.Sequential:
        return FastMLP(OrderedDict(model.named_children())).train(model.training)
    raise ValueError(
        f"expected a ConvNet, an mlp or a WithExponentialNeuron around one, got {type(model).__name__}: "
        "train it as it is"
    )


class FastConvNet(nn.Module):
    """`ConvNet` with its own modules, computed as `fast_form` says."""

    def __init__(self, plain: ConvNet) -> None:
        super().__init__()
        self.features = plain.features.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.output = plain.output
        self.train(plain.training)

    def forward(self, x: Tensor) -> Tensor:
        """Map images of shape (n, 1, 28, 28) to outputs of shape (n,)."""
        if x.shape[1:] != (1, 28, 28):
            raise ValueError(
                f"expected images of shape (n, 1, 28, 28), got {tuple(x.shape)}: use mlp for other inputs"
            )
        layers: Any = self.features
        # The padding that stays is the left and upper one: what is not computed lies to the right and below.
        h = F.pad(x[:, :, :26, :26], (1, 0, 1, 0))
        h = F.pad(_pooled(h, layers[0], layers[1]), (1, 0, 1, 0))
        h = _pooled(h, layers[3], layers[4])
        h = F.linear(h.flatten(1), layers[6].weight[:, :, 1:3, 1:3].flatten(1), layers[6].bias)
        output: Tensor = self.output(layers[7](h))
        return output.squeeze(1)


class FastMLP(nn.Sequential):
    """An `mlp` with its own modules, computed as `fast_form` says."""

    def forward(self, x: Tensor) -> Tensor:
        """Map inputs of shape (n, ...) to outputs of shape (n,)."""
        for layer in self:
            if isinstance(layer, nn.Linear) and _gains_from_onednn(layer, x):
                x = _linear(x, layer.weight, layer.bias)
            else:
                x = layer(x)
        return x


def _pooled(h: Tensor, convolution: nn.Conv2d, activation: nn.PReLU) -> Tensor:
    weight, bias = convolution.weight, cast("Tensor", convolution.bias)
    if not activation.weight > 0:  # a slope of 0 makes ties of all that is negative; a negative one turns the order
        return F.max_pool2d(activation(F.conv2d(h, weight, bias)), 3)
    if h.requires_grad:
        return cast("Tensor", activation(F.max_pool2d(F.conv2d(h, weight, bias), 3)))
    return cast("Tensor", activation(_convolve_and_pool(h, weight, bias)))


class _ConvolveAndPool(torch.autograd.Function):
    """Convolution without padding, then max-pooling 3x3, for inputs that need no gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        parts = (F.conv2d(part, weight, bias) for part in _parts(x))
        pooled, where = zip(*(F.max_pool2d(maps, 3, return_indices=True) for maps in parts), strict=True)
        ctx.save_for_backward(x, weight, *where)
        return torch.cat(pooled)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor, Tensor]:
        x, weight, *where = ctx.saved_tensors
        kernel = weight.shape[2:]
        total = weight.new_zeros(weight.shape).flatten(1)
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        for part, indices, g in zip(_parts(x), where, _parts(gradient), strict=True):
            patches = part.unfold(2, kernel[0], 1).unfold(3, kernel[1], 1).permute(0, 2, 3, 1, 4, 5)
            g = F.max_unpool2d(g, indices, [3, 3], output_size=patches.shape[1:3])
            total += g.permute(1, 0, 2, 3).flatten(1) @ patches.flatten(3).flatten(0, 2)
        return None, total.view_as(weight), gradient.sum((0, 2, 3))


def _parts(x: Tensor) -> tuple[Tensor, ...]:
    return torch.split(x, _IN_CACHE)


_convolve_and_pool = cast("Callable[[Tensor, Tensor, Tensor], Tensor]", _ConvolveAndPool.apply)


class _Linear(torch.autograd.Function):
    """``x @ weight.T + bias``, with all three products by oneDNN."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _product(x, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        to_x = _product(gradient, weight.t()) if ctx.needs_input_grad[0] else None
        return to_x, _product(gradient.t(), x.t()), gradient.sum(0)


_linear = cast("Callable[[Tensor, Tensor, Tensor], Tensor]", _Linear.apply)


def _product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    product: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    return product


def _gains_from_onednn(layer: nn.Linear, x: Tensor) -> bool:
    return (
        layer.weight.numel() >= _LARGE
        and layer.bias is not None
        and x.dim() == 2
        and x.device.type == "cpu"
        and x.dtype == layer.weight.dtype == torch.float32
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    )
