"""The report's large networks in a form that a CPU computes several times faster, with the same weights.

The tests compare them with the plain modules in `enlib.models.networks`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from enlib.models.networks import ConvNet, check_images
from enlib.models.neurons import WithExponentialNeuron

# Number of samples that go through a convolution at once. In float32, the maps of the first convolution take 147 kB
# per sample, and should be pooled while they are in the cache.
_IN_CACHE = 25
# With fewer weights than this, the overhead of calling oneDNN exceeds the time that its product saves.
_LARGE = 2**15
# PyTorch uses oneDNN's matrix product in compiled code. It is a private operator that some builds and versions lack.
_HAS_ONEDNN = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")  # type: ignore[no-untyped-call]


def fast_form(model: nn.Module) -> nn.Module:
    r"""Return a module that computes the same function of the same parameters, faster on a CPU.

    Train and evaluate it in place of ``model``. Its parameters are the same tensors under the same names, so the
    state dict of either loads into the other. It saves time as follows:

    - `ConvNet`: the two poolings drop the last rows and columns of their maps, so these are not computed. That leaves
      24x24 of 27x27 cells in the first convolution and 6x6 of 8x8 in the second. In the third, only the middle 2x2 of
      the 4x4 kernel meets anything but padding. The total is 5.4 million products per sample instead of 9.7 million.
    - Pooling comes before PReLU, which then acts on a ninth of the numbers. A PReLU with a slope :math:`s > 0` is
      increasing, so :math:`\max_i \mathrm{PReLU}(v_i) = \mathrm{PReLU}(\max_i v_i)` to the last bit. With any other
      slope the plain order is kept. The slope is checked in every forward pass.
    - The first convolution is pooled in the cache, a few samples at a time. All convolution weights are laid out with
      the channels last.
    - `mlp`: oneDNN computes the products of large layers, forward and backward, instead of the BLAS library that
      PyTorch was built with; see `onednn_linear`.

    Outputs and gradients agree with the plain module's up to rounding. If two cells of a pooling window differ by one
    rounding error before PReLU and are equal after it, the gradient may go to the other cell.

    Parameters
    ----------
    model : nn.Module
        A `ConvNet`, an `mlp`, or `WithExponentialNeuron` around one. Convolution weights change their memory
        layout in place, so build the optimizer afterwards.

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
    if isinstance(model, _FastConvNet | _FastMLP):
        return model
    if type(model) is ConvNet:
        return _FastConvNet(model)
    if type(model) is nn.Sequential:
        return _FastMLP(OrderedDict(model.named_children())).train(model.training)
    raise ValueError(
        f"expected a ConvNet, an mlp or a WithExponentialNeuron around one, got {type(model).__name__}: "
        "train it as it is"
    )


class _FastConvNet(nn.Module):
    """`ConvNet` with its own modules, computed as `fast_form` says."""

    def __init__(self, plain: ConvNet) -> None:
        super().__init__()
        self.features = plain.features.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.output = plain.output
        self.train(plain.training)

    def forward(self, x: Tensor) -> Tensor:
        """Map images of shape (n, 1, 28, 28) to outputs of shape (n,)."""
        check_images(x)
        layers: Any = self.features
        # Only the left and upper padding is needed: the cells that are not computed lie to the right and below.
        h = F.pad(x[:, :, :26, :26], (1, 0, 1, 0))
        h = F.pad(_pooled(h, layers[0], layers[1]), (1, 0, 1, 0))
        h = _pooled(h, layers[3], layers[4])
        h = F.linear(h.flatten(1), layers[6].weight[:, :, 1:3, 1:3].flatten(1), layers[6].bias)
        output: Tensor = self.output(layers[7](h))
        return output.squeeze(1)


class _FastMLP(nn.Sequential):
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
    if not activation.weight > 0:  # a slope of 0 makes ties of negative values; a negative one reverses their order
        return F.max_pool2d(activation(F.conv2d(h, weight, bias)), 3)
    if h.requires_grad:
        return cast("Tensor", activation(F.max_pool2d(F.conv2d(h, weight, bias), 3)))
    return cast("Tensor", activation(_convolve_and_pool(h, weight, bias)))


class _ConvolveAndPool(torch.autograd.Function):
    """Convolution without padding, then max-pooling 3x3, for inputs that need no gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        parts = (F.conv2d(part, weight, bias) for part in _parts(x))
        pooled, cells = zip(*(F.max_pool2d(maps, 3, return_indices=True) for maps in parts), strict=True)
        ctx.save_for_backward(x, weight, *cells)
        return torch.cat(pooled)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor, Tensor]:
        x, weight, *cells = ctx.saved_tensors
        kernel = weight.shape[2:]
        total = weight.new_zeros(weight.shape).flatten(1)
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        for part, indices, g in zip(_parts(x), cells, _parts(gradient), strict=True):
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
        return onednn_linear(x, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        to_x = onednn_linear(gradient, weight.t()) if ctx.needs_input_grad[0] else None
        return to_x, onednn_linear(gradient.t(), x.t()), gradient.sum(0)


_linear = cast("Callable[[Tensor, Tensor, Tensor], Tensor]", _Linear.apply)


def onednn_linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return ``x @ weight.T + bias`` for matrices, computed by oneDNN if possible.

    On a CPU, oneDNN is faster than BLAS. The product has no derivative: use it without gradients, or inside a
    `torch.autograd.Function`.

    Parameters
    ----------
    x : Tensor of shape (n, d)
        Inputs.
    weight : Tensor of shape (m, d)
        Weights.
    bias : Tensor of shape (m,), optional
        Biases.

    Returns
    -------
    Tensor of shape (n, m)

    Examples
    --------
    >>> onednn_linear(torch.ones(1, 2), torch.tensor([[1.0, 2.0]]), torch.tensor([0.5]))
    tensor([[3.5000]])
    """
    if not _onednn_computes(x):
        return F.linear(x, weight, bias)
    product: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    return product


def _gains_from_onednn(layer: nn.Linear, x: Tensor) -> bool:
    large = layer.weight.numel() >= _LARGE and layer.bias is not None
    return large and x.dim() == 2 and x.dtype == layer.weight.dtype and _onednn_computes(x)


def _onednn_computes(x: Tensor) -> bool:
    return _HAS_ONEDNN and x.dtype == torch.float32 and x.device.type == "cpu"
