"""Every layer and its backward pass against PyTorch, over random shapes, strides, paddings, overlaps and ties."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from enlib import numpy_nets as nets

WITHIN = 1e-10
ONE_TO_FOUR = st.integers(1, 4)
PAIR = st.one_of(ONE_TO_FOUR, st.tuples(ONE_TO_FOUR, ONE_TO_FOUR))
# Whole numbers from 0 to 2 tie in nearly every window, normal numbers never.
VALUES = st.sampled_from(["normal", "ties"])


def draw(values, *shape, seed, dtype=np.float64):
    random = np.random.default_rng(seed)
    return (random.integers(0, 3, shape) if values == "ties" else random.standard_normal(shape)).astype(dtype)


def by_torch(layer, *arrays):
    """Return the output of a layer of PyTorch, a random dy, and the gradients of all its arrays."""
    tensors = [torch.tensor(array, requires_grad=True) for array in arrays]
    y = layer(*tensors)
    dy = np.random.default_rng(1).standard_normal(y.shape).astype(arrays[0].dtype)
    gradients = torch.autograd.grad(y, tensors, torch.tensor(dy))
    return y.detach().numpy(), dy, [gradient.numpy() for gradient in gradients]


def agree(mine, theirs, within=WITHIN):
    for a, b in zip(mine, theirs, strict=True):
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=0, atol=within)


@settings(max_examples=200)
@given(n=ONE_TO_FOUR, ins=st.integers(1, 6), outs=ONE_TO_FOUR, seed=st.integers(0, 99))
def test_dense(n, ins, outs, seed):
    x, w, b = (draw("normal", *shape, seed=seed + k) for k, shape in enumerate([(n, ins), (outs, ins), (outs,)]))
    y, dy, gradients = by_torch(F.linear, x, w, b)
    agree([nets.dense(x, w, b), *nets.dense_backward(dy, x, w)], [y, *gradients])


@settings(max_examples=300)
@given(st.data())
def test_conv2d(data):
    n, c, out, kh, kw = (data.draw(ONE_TO_FOUR) for _ in range(5))
    stride = data.draw(PAIR)
    padding = data.draw(st.one_of(st.integers(0, 3), st.tuples(st.integers(0, 3), st.integers(0, 3))))
    up, left = padding if isinstance(padding, tuple) else (padding, padding)
    h, w = (data.draw(st.integers(max(1, k - 2 * p), 8)) for k, p in ((kh, up), (kw, left)))
    shapes = (n, c, h, w), (out, c, kh, kw), (out,)
    x, w, b = (draw("normal", *shape, seed=k) for k, shape in enumerate(shapes))
    y, dy, gradients = by_torch(lambda x, w, b: F.conv2d(x, w, b, stride, padding), x, w, b)
    agree([nets.conv2d(x, w, b, stride, padding), *nets.conv2d_backward(dy, x, w, stride, padding)], [y, *gradients])


@settings(max_examples=300)
@given(st.data())
def test_max_pool2d_with_overlaps_and_ties(data):
    size = data.draw(PAIR)
    stride = data.draw(st.one_of(st.none(), PAIR))
    kh, kw = size if isinstance(size, tuple) else (size, size)
    shape = (
        data.draw(ONE_TO_FOUR),
        data.draw(ONE_TO_FOUR),
        data.draw(st.integers(kh, 8)),
        data.draw(st.integers(kw, 8)),
    )
    x = draw(data.draw(VALUES), *shape, seed=0)
    y, dy, gradients = by_torch(lambda x: F.max_pool2d(x, size, stride), x)
    agree([nets.max_pool2d(x, size, stride), nets.max_pool2d_backward(dy, x, size, stride)], [y, *gradients])


@given(x=st.lists(st.floats(-800, 800), min_size=1))
def test_sigmoid(x):
    x = np.array(x)
    y, dy, gradients = by_torch(torch.sigmoid, x)
    agree([nets.sigmoid(x), nets.sigmoid_backward(dy, x)], [y, *gradients])


def test_slope_of_the_sigmoid_keeps_its_digits_far_out():
    """sigma (1 - sigma) is 0 from 37 on, where the slope is still e^-x."""
    far = np.array([40.0, 300.0, -300.0])
    np.testing.assert_allclose(nets.sigmoid_backward(np.ones(3), far), np.exp(-np.abs(far)), rtol=1e-12)


def test_float32_stays_float32():
    x, w, b = (draw("normal", *s, seed=0, dtype=np.float32) for s in ((2, 3, 7, 6), (4, 3, 3, 2), (4,)))
    y, dy, gradients = by_torch(lambda x, w, b: F.conv2d(x, w, b, 2, 1), x, w, b)
    agree([nets.conv2d(x, w, b, 2, 1), *nets.conv2d_backward(dy, x, w, 2, 1)], [y, *gradients], within=1e-4)
    y, dy, gradients = by_torch(lambda x: F.max_pool2d(x, 3, 1), x)
    agree([nets.max_pool2d(x, 3, 1), nets.max_pool2d_backward(dy, x, 3, 1)], [y, *gradients], within=1e-5)
    flat, rows = x.reshape(2, -1), draw("normal", 4, 126, seed=1, dtype=np.float32)
    y, dy, gradients = by_torch(F.linear, flat, rows, b)
    agree([nets.dense(flat, rows, b), *nets.dense_backward(dy, flat, rows)], [y, *gradients], within=1e-4)
    assert nets.sigmoid_backward(x, x).dtype == nets.sigmoid(x).dtype == np.float32


@pytest.mark.parametrize("name", ["dense", "conv2d", "max_pool2d", "sigmoid"])
def test_gradcheck_of_pytorch(name):
    """The backward passes as those of PyTorch functions, which PyTorch compares with finite differences."""
    forward, backward, shapes = {
        "dense": (nets.dense, nets.dense_backward, [(2, 3), (4, 3), (4,)]),
        "conv2d": (
            lambda *a: nets.conv2d(*a, (2, 1), (1, 0)),
            lambda *a: nets.conv2d_backward(*a, (2, 1), (1, 0)),
            [(2, 2, 5, 4), (3, 2, 2, 3), (3,)],
        ),
        "max_pool2d": (
            lambda x: nets.max_pool2d(x, (3, 2), (1, 1)),
            lambda *a: (nets.max_pool2d_backward(*a, (3, 2), (1, 1)),),
            [(2, 2, 5, 4)],
        ),
        "sigmoid": (nets.sigmoid, lambda *a: (nets.sigmoid_backward(*a),), [(3, 4)]),
    }[name]

    class Layer(torch.autograd.Function):
        @staticmethod
        def forward(context, *tensors):
            context.arrays = [tensor.numpy() for tensor in tensors]
            return torch.from_numpy(forward(*context.arrays))

        @staticmethod
        def backward(context, dy):
            return tuple(torch.from_numpy(d) for d in backward(dy.numpy(), *context.arrays[:2]))

    tensors = [torch.tensor(draw("normal", *s, seed=k), requires_grad=True) for k, s in enumerate(shapes)]
    assert torch.autograd.gradcheck(Layer.apply, tensors)


def test_the_first_of_tied_maxima_gets_everything():
    x = np.array([[[[1.0, 7.0, 7.0], [7.0, 7.0, 0.0]]]])
    assert nets.max_pool2d_backward(np.array([[[[5.0]]]]), x, (2, 3)).tolist() == [[[[0, 5, 0], [0, 0, 0]]]]


def test_a_backward_pass_leaves_its_arguments_alone_and_adds_nothing_up():
    x, w = draw("normal", 2, 3, 6, 5, seed=0), draw("normal", 4, 3, 2, 2, seed=1)
    dy, small = np.ones((2, 4, 5, 4)), np.ones((2, 3, 5, 4))
    copies = [a.copy() for a in (x, w, dy, small)]
    first = [*nets.conv2d_backward(dy, x, w), nets.max_pool2d_backward(small, x, 2, 1)]
    again = [*nets.conv2d_backward(dy, x, w), nets.max_pool2d_backward(small, x, 2, 1)]
    agree(first, again, within=0)
    agree([x, w, dy, small], copies, within=0)
    for gradient in again:  # they are arrays of their own
        gradient += 1
    agree([x, w, dy, small], copies, within=0)


def test_an_empty_batch_has_no_gradient_for_the_weights():
    x, w = np.zeros((0, 2, 4, 4)), np.ones((3, 2, 2, 2))
    assert nets.max_pool2d_backward(nets.max_pool2d(x, 2), x, 2).shape == x.shape
    dx, dw, db = nets.conv2d_backward(nets.conv2d(x, w, np.zeros(3)), x, w)
    assert dx.shape == x.shape
    assert not dw.any()
    assert not db.any()


IMAGE, KERNEL = np.zeros((2, 3, 5, 4)), np.zeros((4, 3, 2, 2))


@pytest.mark.parametrize(
    "call, said",
    [
        (
            lambda: nets.dense(IMAGE, KERNEL, np.zeros(4)),
            r"expected x of shape \(n, in\), got \(2, 3, 5, 4\): flatten",
        ),
        (lambda: nets.dense(np.ones((2, 3)), np.ones((3, 4)), np.ones(4)), r"expected w of shape \(out, 3\), got"),
        (lambda: nets.dense(np.ones((2, 3)), np.ones((4, 3)), np.ones((4, 1))), r"expected b of shape \(4,\), got"),
        (
            lambda: nets.dense_backward(np.ones((4, 2)), np.ones((2, 3)), np.ones((4, 3))),
            r"expected dy of shape \(2, 4\)",
        ),
        (lambda: nets.conv2d(IMAGE[0], KERNEL, np.zeros(4)), r"expected x of shape \(n, c, h, w\), got \(3, 5, 4\)"),
        (lambda: nets.conv2d(IMAGE, KERNEL[:, :2], np.zeros(4)), r"expected w of shape \(out, 3, kh, kw\)"),
        (lambda: nets.conv2d(IMAGE, KERNEL, np.zeros(3)), r"expected b of shape \(4,\), got \(3,\)"),
        (
            lambda: nets.conv2d(IMAGE, np.zeros((4, 3, 6, 2)), np.zeros(4)),
            r"got \(6, 2\) in \(5, 4\): choose a smaller",
        ),
        (lambda: nets.conv2d(IMAGE, KERNEL, np.zeros(4), stride=0), "expected stride to be an integer >= 1, got 0"),
        (
            lambda: nets.conv2d(IMAGE, KERNEL, np.zeros(4), padding=-1),
            "expected padding to be an integer >= 0, got -1",
        ),
        (lambda: nets.conv2d(IMAGE, KERNEL, np.zeros(4), stride=(1, 1, 1)), "stride to be a number or a pair, got"),
        (
            lambda: nets.conv2d_backward(IMAGE, IMAGE, KERNEL),
            r"expected dy of shape \(2, 4, 4, 3\), got \(2, 3, 5, 4\)",
        ),
        (
            lambda: nets.max_pool2d(IMAGE, (6, 1)),
            r"expected a window no larger than the image, got \(6, 1\) in \(5, 4\)",
        ),
        (lambda: nets.max_pool2d(IMAGE, 2, stride=0), "expected stride to be an integer >= 1, got 0"),
        (lambda: nets.max_pool2d_backward(IMAGE, IMAGE, 2), r"expected dy of shape \(2, 3, 2, 2\), got"),
        (lambda: nets.sigmoid_backward(np.ones(3), np.ones(4)), r"expected dy of shape \(4,\), got \(3,\)"),
    ],
)
def test_errors_say_what_is_wrong(call, said):
    with pytest.raises(ValueError, match=said):
        call()


@pytest.mark.parametrize(
    "call, said",
    [
        (lambda: nets.dense(np.ones((2, 3), int), np.ones((4, 3)), np.ones(4)), "expected x to be .* got int64"),
        (
            lambda: nets.conv2d(torch.ones(1, 1, 2, 2), KERNEL, np.zeros(4)),
            "expected x to be a NumPy array .* got Tensor",
        ),
        (
            lambda: nets.conv2d(IMAGE.astype(np.float32), KERNEL, np.zeros(4)),
            "of one type, got float32, float64, float64",
        ),
        (
            lambda: nets.conv2d(IMAGE, KERNEL, np.zeros(4), stride="2"),
            "expected stride to be an integer >= 1, got '2'",
        ),
        (lambda: nets.sigmoid([1.0]), "expected x to be .* got list"),
    ],
)
def test_errors_of_type_say_what_is_wrong(call, said):
    with pytest.raises(TypeError, match=said):
        call()
