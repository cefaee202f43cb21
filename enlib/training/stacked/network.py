r"""R multilayer perceptrons of one shape, with or without an exponential neuron, as one batch of matrices.

Each layer is one tensor of shape (R, rows, columns + 1). The last column is the bias, for which every activation
carries a row of ones. Every hidden layer has therefore a row to spare; in the first, it holds w and b of the
exponential neuron, whose exponent is linear in the input like any other unit of that layer. A network without the
neuron is one with :math:`a = 0` for good.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from enlib.models import WithExponentialNeuron

# Activations of that many samples stay in the cache, and a full batch within bounds.
CHUNK = 256


class StackedMLP:
    r"""Networks :math:`f_r(x) + a_r e^{w_r \cdot x + b_r}`, r = 1 ... R.

    Parameters
    ----------
    models : sequence of nn.Module
        Networks from `enlib.mlp` with at least one hidden layer, of one shape, bare or in `WithExponentialNeuron`.

    Attributes
    ----------
    layers
        A list; layer l has shape (R, rows, columns + 1); see above.
    a
        Amplitudes, of shape (R,); zero where there is no exponential neuron.
    exponential
        Of shape (R,): 1 for networks with the neuron, 0 for those without.
    largest_exponent
        Of shape (R,): the largest exponent met by `gradient` so far; before the first, what the models have.

    Raises
    ------
    ValueError
        If the models are none, of several shapes or types, or not such networks.

    Examples
    --------
    >>> from enlib.models import mlp
    >>> stack = StackedMLP([mlp((3, 2, 1), seed=0), WithExponentialNeuron(mlp((3, 2, 1), seed=1), 3, seed=1)])
    >>> [tuple(layer.shape) for layer in stack.layers], stack.exponential.tolist()
    ([(2, 3, 4), (2, 1, 3)], [0.0, 1.0])
    """

    def __init__(self, models: Sequence[nn.Module]) -> None:
        linear = check_alike(models)
        rows = [layer.out_features for layer in linear[0]]
        first = linear[0][0].weight
        self.layers = [
            first.new_zeros(len(models), out + (depth + 1 < len(rows)), linear[0][depth].in_features + 1)
            for depth, out in enumerate(rows)
        ]
        self.a = first.new_zeros(len(models))
        self.exponential = first.new_tensor([isinstance(m, WithExponentialNeuron) for m in models])
        self.largest_exponent = torch.full_like(self.a, -torch.inf)
        with torch.no_grad():
            for place, model in enumerate(models):
                for theirs, ours in self._shared(place, model):
                    ours.copy_(theirs)

    def __len__(self) -> int:
        return len(self.a)

    @property
    def parameters(self) -> list[Tensor]:
        """The layers and the amplitudes, in the order of the derivatives that `gradient` returns."""
        return [*self.layers, self.a]

    def _shared(self, place: int, model: nn.Module) -> list[tuple[Tensor, Tensor]]:
        """Return the tensors of a model, each beside its place in the stack."""
        pairs: list[tuple[Tensor, Tensor]] = []
        for ours, layer in zip(self.layers, _linear_layers(model), strict=True):
            out = layer.out_features
            pairs += [(layer.weight, ours[place, :out, :-1]), (layer.bias, ours[place, :out, -1])]
        if isinstance(model, WithExponentialNeuron):
            neuron, spare = model.neuron, self.layers[0][place, -1]
            pairs += [(neuron.w, spare[:-1]), (neuron.b, spare[-1]), (neuron.a, self.a[place])]
            pairs += [(neuron.largest_exponent, self.largest_exponent[place])]
        return pairs

    @torch.no_grad()
    def write(self, place: int, model: nn.Module) -> None:
        """Copy the parameters of one network back into a model."""
        for theirs, ours in self._shared(place, model):
            theirs.copy_(ours)

    def keep(self, which: Tensor) -> None:
        """Drop the networks that are not in ``which``, a tensor of indices."""
        self.layers = [layer[which] for layer in self.layers]
        self.a, self.exponential = self.a[which], self.exponential[which]
        self.largest_exponent = self.largest_exponent[which]

    def __call__(self, inputs: Tensor) -> Tensor:
        """Return outputs of shape (R, n) for inputs of shape (n, d + 1), the last column of ones; see `with_ones`."""

        def outputs(chunk: Tensor) -> Tensor:
            output, exponent, _ = self._forward(chunk)
            return output + self.a[:, None] * exponent.exp()

        # The activations of a chunk are gone before the next one's are made.
        return torch.cat([outputs(chunk) for chunk in torch.split(inputs, CHUNK)], dim=1)

    def _forward(self, inputs: Tensor) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Return the base networks' outputs and the exponents, each (R, n), and the hidden activations."""
        rows, columns = self.layers[0].shape[1:]
        before = _times_transposed(self.layers[0].view(-1, columns), inputs).view(len(self), rows, -1)
        exponent = before[:, -1].clone()
        hidden = []
        for layer in self.layers[1:]:
            hidden.append(before.sigmoid_())
            hidden[-1][:, -1] = 1
            before = torch.bmm(layer, hidden[-1])
        return before[:, 0], exponent, hidden

    def gradient(self, inputs: Tensor, targets: Tensor, power: float = 3) -> tuple[Tensor, list[Tensor]]:
        r"""Return the mean polynomial hinge loss and its derivatives, by backpropagation written out.

        .. math:: \frac{1}{n} \sum_i \max(0,\, 1 - y_i f_r(x_i))^p

        Parameters
        ----------
        inputs : Tensor, shape (n, d + 1)
            The last column is one; see `with_ones`.
        targets : Tensor, shape (n,)
            Labels in {-1, +1}.
        power : float
            The exponent p.

        Returns
        -------
        loss : Tensor, shape (R,)
        derivatives : list of Tensor
            Of the shapes of `parameters`.
        """
        loss = torch.zeros_like(self.a)
        total: list[Tensor] = []
        for x, y in zip(torch.split(inputs, CHUNK), torch.split(targets, CHUNK), strict=True):
            output, exponent, hidden = self._forward(x)
            # fmax passes over NaN: what was reached before a blow-up is what one wants to know.
            self.largest_exponent = torch.fmax(self.largest_exponent, exponent.amax(dim=1))
            e = exponent.exp_()
            slack = torch.addcmul(output, self.a[:, None], e).mul_(-y).add_(1).clamp_(min=0)
            # 0**0 is 1, but beyond the margin nothing slopes.
            slope = slack.pow(power - 1) if power > 1 else (slack > 0).to(slack)
            loss += torch.linalg.vecdot(slope, slack) / len(inputs)
            d_output = slope.mul_(y * (-power / len(inputs)))
            d_a = torch.linalg.vecdot(d_output, e) * self.exponential
            parts = self._backward(x, d_output, e.mul_(d_output).mul_(self.a[:, None]), hidden)
            parts.append(d_a)
            total = parts if not total else [sum_.add_(part) for sum_, part in zip(total, parts, strict=True)]
        return loss, total

    def _backward(self, inputs: Tensor, d_output: Tensor, d_exponent: Tensor, hidden: list[Tensor]) -> list[Tensor]:
        """Return the derivatives by the layers, first to last."""
        parts = []
        d_before = d_output[:, None]
        for layer, activation in zip(reversed(self.layers[1:]), reversed(hidden), strict=True):
            parts.append(torch.bmm(d_before, activation.transpose(1, 2)))
            # In the spare row the activation is one, and the derivative of the sigmoid therefore zero.
            d_before = torch.ops.aten.sigmoid_backward(torch.bmm(layer.transpose(1, 2), d_before), activation)
        d_before[:, -1] = d_exponent
        first = _times_transposed(d_before.view(-1, len(inputs)), inputs.t().contiguous())
        return [first.view_as(self.layers[0]), *reversed(parts)]


def with_ones(inputs: Tensor) -> Tensor:
    """Return inputs of shape (n, ...) as (n, d + 1), with a last column of ones for the biases.

    Examples
    --------
    >>> with_ones(torch.tensor([[[2.0], [3.0]]]))
    tensor([[2., 3., 1.]])
    """
    return nn.functional.pad(inputs.flatten(1), (0, 1), value=1.0)


def _times_transposed(left: Tensor, right: Tensor) -> Tensor:
    """Return left @ right.T, for matrices."""
    if left.dtype == torch.float32 and left.device.type == "cpu" and torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        # oneDNN's kernel, which PyTorch keeps for compiled code, is twice as fast here as the MKL one behind `@`.
        product: Tensor = torch.ops.mkldnn._linear_pointwise(left, right, None, "none", [], "")
        return product
    return left @ right.t()


def check_alike(models: Sequence[nn.Module]) -> list[list[nn.Linear]]:
    """Return the layers of networks that can be stacked; raise `ValueError` if they cannot."""
    if not models:
        raise ValueError("expected at least one network, got none: pass a list of them")
    linear = [_linear_layers(model) for model in models]
    kinds = {tuple((w.shape, w.dtype, w.device) for w in (layer.weight for layer in one)) for one in linear}
    if len(kinds) != 1:
        raise ValueError(f"expected networks of one shape, type and device, got {len(kinds)} kinds: group them")
    for model, layers in zip(models, linear, strict=True):
        if not all(p.requires_grad and p.dtype == layers[0].weight.dtype for p in model.parameters()):
            raise ValueError(
                "expected networks of one type that train all their parameters, got frozen or mixed ones: train them "
                "with enlib.fit"
            )
        if isinstance(model, WithExponentialNeuron) and len(model.neuron.w) != layers[0].in_features:
            raise ValueError(
                f"expected a neuron for {layers[0].in_features} numbers a sample, as many as its base network takes, "
                f"got one for {len(model.neuron.w)}: build both for the same data"
            )
    return linear


def _linear_layers(model: nn.Module) -> list[nn.Linear]:
    """Return the layers of a network from `enlib.mlp`."""
    base = model.base if isinstance(model, WithExponentialNeuron) else model
    parts = list(base) if isinstance(base, nn.Sequential) else []
    linear = [part for part in parts if isinstance(part, nn.Linear)]
    expected = [nn.Flatten, *([nn.Linear, nn.Sigmoid] * len(linear))[:-1], nn.Flatten]
    odd = [type(part) for part in parts] != expected or any(part.bias is None for part in linear)
    if len(linear) < 2 or odd:
        raise ValueError(
            f"expected networks from enlib.mlp with a hidden layer, got {type(base).__name__}: "
            "train others with enlib.fit"
        )
    if isinstance(model, WithExponentialNeuron) and model.neuron.max_exponent is not None:
        raise ValueError("expected a neuron without max_exponent, got one cut off: train it with enlib.fit")
    return linear
