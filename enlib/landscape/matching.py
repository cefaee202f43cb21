"""Permutations of hidden units, which change no loss, and the matching that undoes them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from enlib import _tools
from enlib.landscape.paths import Parameters, _check_alike

Order = Tensor | Sequence[int]


def permute_hidden(params: Parameters, orders: Sequence[Order]) -> dict[str, Tensor]:
    r"""Return the parameters of a network with its hidden units reordered, which leaves its output unchanged.

    .. math:: W_l \to P_l W_l P_{l-1}^\top, \qquad b_l \to P_l b_l

    with permutation matrices :math:`P_l`, the identity at the inputs and outputs.

    Parameters
    ----------
    params : mapping of str to Tensor
        The parameters of a fully connected network in the order of its layers: matrices ``"<layer>.weight"`` of shape
        (out, in) and, if it has biases, vectors ``"<layer>.bias"`` of shape (out,), as
        ``dict(nn.Sequential(...).named_parameters())`` has them.
    orders : sequence of Tensor or sequence of int
        One for each hidden layer: which old unit comes first, which second, and so on.

    Returns
    -------
    dict of str to Tensor
        With the names and shapes of ``params``.

    Raises
    ------
    TypeError, ValueError
        If the parameters are not those of a fully connected network, or an order is not a permutation of its units.

    Examples
    --------
    >>> params = {"0.weight": torch.tensor([[1.0], [2.0]]), "2.weight": torch.tensor([[3.0, 4.0]])}
    >>> permute_hidden(params, [[1, 0]])
    {'0.weight': tensor([[2.], [1.]]), '2.weight': tensor([[4., 3.]])}
    """
    layers = _layers(params)
    widths = _widths(params, layers)
    got = len(orders) if hasattr(orders, "__len__") else repr(orders)
    if got != len(widths):
        raise ValueError(
            f"expected {len(widths)} orders, one for each hidden layer, got {got}: pass a list of that length"
        )
    result = dict(params)
    for (layer, following), width, order in zip(itertools.pairwise(layers), widths, orders, strict=True):
        numbers = _tools.array("the order", order)
        if numbers.shape != (width,) or sorted(numbers.tolist()) != list(range(width)):
            raise ValueError(
                f"expected an order of the {width} units of layer {layer!r}, got {numbers.tolist()}: "
                f"use each number from 0 to {width - 1} once"
            )
        at = torch.as_tensor(numbers.astype(int))
        for name in (f"{layer}.weight", f"{layer}.bias"):
            if name in result:
                result[name] = result[name][at]
        result[f"{following}.weight"] = result[f"{following}.weight"][:, at]
    return result


def match_hidden(params: Parameters, reference: Parameters) -> list[Tensor]:
    r"""Return the order of hidden units that brings a network closest to a reference.

    .. math:: \min_{P_1, \dots, P_{L-1}} \sum_l \lVert P_l W_l P_{l-1}^\top - W_l^\text{ref} \rVert^2
        + \lVert P_l b_l - b_l^\text{ref} \rVert^2

    For one hidden layer this is a linear assignment problem, solved exactly. For more, each layer is solved in turn
    with the others fixed, until none changes or after 100 passes. The distance never grows, but it may not become the
    smallest possible.

    Parameters
    ----------
    params, reference : mapping of str to Tensor
        Two networks of one architecture; see `permute_hidden`.

    Returns
    -------
    list of Tensor
        An order for each hidden layer; pass it to `permute_hidden` with ``params``.

    Raises
    ------
    TypeError, ValueError
        If the two differ in names or shapes, or are not fully connected networks.

    Notes
    -----
    "Weight matching" of S. K. Ainsworth, J. Hayase, S. Srinivasa, *Git Re-Basin: Merging Models modulo Permutation
    Symmetries*, arXiv:2209.04836, who visit the layers in random order; here they are visited from first to last.

    Examples
    --------
    >>> params = {"0.weight": torch.tensor([[1.0], [2.0]]), "2.weight": torch.tensor([[3.0, 4.0]])}
    >>> match_hidden(permute_hidden(params, [[1, 0]]), params)
    [tensor([1, 0])]
    """
    _check_alike(params, reference)
    layers = _layers(params)
    orders = [torch.arange(width) for width in _widths(params, layers)]
    for _ in range(100):
        before = [order.clone() for order in orders]
        for i, (layer, following) in enumerate(itertools.pairwise(layers)):
            # The other layers are permuted already; this one keeps its order, so the solution is its new order.
            others = [order if j != i else torch.arange(len(order)) for j, order in enumerate(orders)]
            now = permute_hidden(params, others)
            gain = reference[f"{layer}.weight"] @ now[f"{layer}.weight"].T
            gain = gain + reference[f"{following}.weight"].T @ now[f"{following}.weight"]
            if f"{layer}.bias" in now:
                gain = gain + torch.outer(reference[f"{layer}.bias"], now[f"{layer}.bias"])
            orders[i] = torch.as_tensor(linear_sum_assignment(gain.detach().cpu().numpy(), maximize=True)[1])
        if all(torch.equal(old, new) for old, new in zip(before, orders, strict=True)):
            break
    return orders


def _widths(params: Parameters, layers: list[str]) -> list[int]:
    return [params[f"{layer}.weight"].shape[0] for layer in layers[:-1]]


def _layers(params: Parameters) -> list[str]:
    _tools.named_tensors(params)
    layers = [name.removesuffix(".weight") for name in params if name.endswith(".weight")]
    expected = {f"{layer}.{part}" for layer in layers for part in ("weight", "bias")}
    if not layers or set(params) - expected:
        raise ValueError(
            f"expected names such as '0.weight' and '0.bias', got {', '.join(params)}: "
            "only the units of fully connected networks can be permuted"
        )
    for layer in layers:
        weight, bias = params[f"{layer}.weight"], params.get(f"{layer}.bias")
        if weight.dim() != 2 or (bias is not None and bias.shape != weight.shape[:1]):
            got = tuple(weight.shape) if bias is None else f"{tuple(weight.shape)} and {tuple(bias.shape)}"
            raise ValueError(
                f"expected a weight of shape (out, in) and a bias of shape (out,) for layer {layer!r}, got {got}: "
                "only fully connected layers can be permuted"
            )
    if len(layers) < 2:
        raise ValueError(f"expected a hidden layer, got the single layer {layers[0]!r}: there is nothing to permute")
    for first, second in itertools.pairwise(layers):
        out, into = params[f"{first}.weight"].shape[0], params[f"{second}.weight"].shape[1]
        if out != into:
            raise ValueError(
                f"expected layer {second!r} to take the {out} outputs of layer {first!r}, got {into} inputs: "
                "list the layers in their order"
            )
    return layers
