r"""R multilayer perceptrons of one shape, with or without an exponential neuron, as one batch of matrices.

Each layer is one tensor of shape (R, rows, columns + 1). The last column is the bias, so every activation has a row
of ones. Each hidden layer therefore has a spare row. In the first hidden layer, the spare row holds w and b of the
exponential neuron, whose exponent is linear in the input like the units of that layer. In a network without the
neuron, :math:`a` is always 0.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from enlib.models import WithExponentialNeuron, onednn_linear

# The activations of this many samples fit into the cache. Larger batches are computed in chunks.
CHUNK = 256


class StackedMLP:
    r"""Networks :math:`f_r(x) + a_r e^{w_r \cdot x + b_r}`, r = 1 ... R.

    Parameters
    ----------
    models : sequence of nn.Module
        Networks that pass `check_stackable`, on one device.

    Attributes
    ----------
    layers : list of Tensor
        Each of shape (R, rows, columns + 1), as this module's docstring describes.
    a : Tensor of shape (R,)
        Amplitudes; zero where there is no exponential neuron.
    exponential : Tensor of shape (R,)
        1 for networks with the neuron, 0 for networks without it.
    largest_exponent : Tensor of shape (R,)
        The largest exponent in training so far, including that of the models before they were stacked.

    Examples
    --------
    >>> from enlib.models import mlp
    >>> stack = StackedMLP([mlp((3, 2, 1), seed=0), WithExponentialNeuron(mlp((3, 2, 1), seed=1), 3, seed=1)])
    >>> [tuple(layer.shape) for layer in stack.layers], stack.exponential.tolist()
    ([(2, 3, 4), (2, 1, 3)], [0.0, 1.0])
    """

    def __init__(self, models: Sequence[nn.Module]) -> None:
        *hidden, last = _linear_layers(models[0])
        first = hidden[0].weight
        self.layers = [
            *(first.new_zeros(len(models), layer.out_features + 1, layer.in_features + 1) for layer in hidden),
            first.new_zeros(len(models), last.out_features, last.in_features + 1),
        ]
        self.a = first.new_zeros(len(models))
        self.exponential = first.new_tensor([isinstance(m, WithExponentialNeuron) for m in models])
        self.largest_exponent = torch.full_like(self.a, -torch.inf)
        with torch.no_grad():
            for index, model in enumerate(models):
                for theirs, ours in self._pairs(index, model):
                    ours.copy_(theirs)

    def __len__(self) -> int:
        return len(self.a)

    @property
    def parameters(self) -> list[Tensor]:
        """The layers and the amplitudes, in the order of the derivatives that `gradient` returns."""
        return [*self.layers, self.a]

    def _pairs(self, index: int, model: nn.Module) -> list[tuple[Tensor, Tensor]]:
        """Return the tensors of a model, each with the view of the stack that holds its numbers."""
        pairs: list[tuple[Tensor, Tensor]] = []
        for ours, layer in zip(self.layers, _linear_layers(model), strict=True):
            out = layer.out_features
            pairs += [(layer.weight, ours[index, :out, :-1]), (layer.bias, ours[index, :out, -1])]
        if isinstance(model, WithExponentialNeuron):
            neuron, spare = model.neuron, self.layers[0][index, -1]
            pairs += [(neuron.w, spare[:-1]), (neuron.b, spare[-1]), (neuron.a, self.a[index])]
            pairs += [(neuron.largest_exponent, self.largest_exponent[index])]
        return pairs

    @torch.no_grad()
    def write(self, index: int, model: nn.Module) -> None:
        """Copy the parameters of one network into a model."""
        for theirs, ours in self._pairs(index, model):
            theirs.copy_(ours)

    def keep(self, indices: Tensor) -> None:
        """Keep only the networks with these indices."""
        self.layers = [layer[indices] for layer in self.layers]
        self.a, self.exponential = self.a[indices], self.exponential[indices]
        self.largest_exponent = self.largest_exponent[indices]

    def __call__(self, inputs: Tensor) -> Tensor:
        """Return outputs of shape (R, n) for inputs of shape (n, d + 1) from `with_ones`."""

        def outputs(chunk: Tensor) -> Tensor:
            output, exponent, _ = self._forward(chunk)
            return output + self.a[:, None] * exponent.exp()

        # One function call per chunk frees its activations before the next chunk.
        return torch.cat([outputs(chunk) for chunk in torch.split(inputs, CHUNK)], dim=1)

    def _forward(self, inputs: Tensor) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Return the base networks' outputs and the exponents, each (R, n), and the hidden activations."""
        rows, columns = self.layers[0].shape[1:]
        before = onednn_linear(self.layers[0].view(-1, columns), inputs).view(len(self), rows, -1)
        exponent = before[:, -1].clone()  # the sigmoid of the first hidden layer overwrites it
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
        inputs : Tensor of shape (n, d + 1)
            From `with_ones`; the last column is one.
        targets : Tensor of shape (n,)
            Labels in {-1, +1}.
        power : float
            The exponent p.

        Returns
        -------
        loss : Tensor of shape (R,)
        derivatives : list of Tensor
            Of the shapes of `parameters`.
        """
        loss = torch.zeros_like(self.a)
        total: list[Tensor] = []
        one = self.a.new_ones(())
        for x, y in zip(torch.split(inputs, CHUNK), torch.split(targets, CHUNK), strict=True):
            output, exponent, hidden = self._forward(x)
            # fmax ignores NaN, so the largest exponent before a divergence is kept.
            self.largest_exponent = torch.fmax(self.largest_exponent, exponent.amax(dim=1))
            # From here on, for speed, each quantity overwrites one that is no longer needed, so the order matters:
            # `e` overwrites `exponent`, the network's output that of its base, `d_output` overwrites `slope`, and
            # `d_exponent` overwrites `e`.
            e = exponent.exp_()
            slack = torch.addcmul(one, output.addcmul_(self.a[:, None], e), -y).clamp_(min=0)
            # For power 1, slack.pow(0) would also be 1 beyond the margin, where the loss is flat.
            slope = slack.pow(power - 1) if power > 1 else (slack > 0).to(slack)
            loss += torch.linalg.vecdot(slope, slack) / len(inputs)
            d_output = slope.mul_(y * (-power / len(inputs)))
            d_a = torch.linalg.vecdot(d_output, e) * self.exponential
            d_exponent = e.mul_(d_output).mul_(self.a[:, None])
            parts = self._backward(x, d_output, d_exponent, hidden)
            parts.append(d_a)
            total = parts if not total else [sum_.add_(part) for sum_, part in zip(total, parts, strict=True)]
        return loss, total

    def _backward(self, inputs: Tensor, d_output: Tensor, d_exponent: Tensor, hidden: list[Tensor]) -> list[Tensor]:
        """Return the derivatives of the loss with respect to the layers, first to last."""
        parts = []
        d_before = d_output[:, None]
        for layer, activation in zip(reversed(self.layers[1:]), reversed(hidden), strict=True):
            parts.append(torch.bmm(d_before, activation.transpose(1, 2)))
            # In the spare row the activation is 1, so the derivative of the sigmoid is 0.
            d_before = torch.ops.aten.sigmoid_backward(torch.bmm(layer.transpose(1, 2), d_before), activation)
        d_before[:, -1] = d_exponent
        first = onednn_linear(d_before.view(-1, len(inputs)), inputs.t())
        return [first.view_as(self.layers[0]), *reversed(parts)]


def keep_freed_memory() -> None:
    """Make glibc reuse freed memory instead of returning it to the system, which then clears every page anew.

    Otherwise the activations may be returned and fetched again in each chunk, which takes up to a third of the time
    at full batch. Freeing one large block raises the sizes from which glibc returns memory, to 30 and 60 MB.
    """
    torch.empty(30 * 2**20, dtype=torch.uint8)  # nothing is written, so this takes neither time nor memory


def with_ones(inputs: Tensor) -> Tensor:
    """Return inputs of shape (n, ...) as (n, d + 1), with a last column of ones for the biases.

    Examples
    --------
    >>> with_ones(torch.tensor([[[2.0], [3.0]]]))
    tensor([[2., 3., 1.]])
    """
    return nn.functional.pad(inputs.flatten(1), (0, 1), value=1.0)


def check_stackable(models: Sequence[nn.Module], in_features: int) -> None:
    """Raise `ValueError` unless the models are networks for ``in_features`` inputs that can be stacked."""
    kinds = set()
    for model in models:
        layers = _linear_layers(model)
        sizes = [layers[0].in_features]
        if isinstance(model, WithExponentialNeuron):
            sizes.append(len(model.neuron.w))
            if model.neuron.max_exponent is not None:
                raise ValueError(
                    "expected a neuron without max_exponent, got one with a bound: train it with enlib.fit"
                )
        for size in sizes:
            if size != in_features:
                raise ValueError(
                    f"expected networks and neurons for {in_features} numbers per sample, got one for {size}: "
                    "build them for this data, as enlib.make_model does"
                )
        if not all(parameter.requires_grad for parameter in model.parameters()):
            raise ValueError(
                "expected networks that train all their parameters, got frozen ones: train them with enlib.fit"
            )
        shapes = tuple(layer.weight.shape for layer in layers)
        kinds |= {(shapes, parameter.dtype) for parameter in model.parameters()}
    if len(kinds) > 1:
        raise ValueError(f"expected networks of one shape and type, got {len(kinds)} kinds: group them")


def _linear_layers(model: nn.Module) -> list[nn.Linear]:
    """Return the layers of a network from `enlib.mlp`, bare or in `WithExponentialNeuron`."""
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
    return linear
