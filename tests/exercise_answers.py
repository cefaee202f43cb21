"""Right and wrong answers to every exercise; a wrong one comes with a part of the hint that it must get."""

import math
from fractions import Fraction
from functools import partial
from itertools import combinations, pairwise, permutations, product

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from scipy.stats import binom, binomtest, norm, rankdata, wilcoxon

from enlib import landscape, search, statistics

e = math.e


def _signed_rank_by_hand(differences):
    ranks = rankdata(np.abs(differences))
    sums = np.array(list(product([0, 1], repeat=len(ranks)))) @ ranks
    seen = ranks[np.array(differences) > 0].sum()
    return np.mean(np.abs(sums - sums.mean()) >= abs(seen - sums.mean()))


def _restarted(gradient, w, eta, mu, steps, forget=True, sign=1):
    v = 0 * w
    for _ in range(steps):
        g = gradient(w)
        if forget and sign * v * g > 0:
            v = 0 * w
        v = mu * v - eta * g
        w = w + v
    return w


def _restarted_in_float32(gradient, w, eta, mu, steps):
    return float(_restarted(gradient, *(torch.as_tensor(x).float() for x in (w, eta, mu)), steps))


def _skipping(gradient, w, eta, mu, steps):
    v = 0.0
    for _ in range(steps):
        g = gradient(w)
        if v * g > 0:
            v = 0.0
            continue
        v = mu * v - eta * g
        w = w + v
    return w


def _vertex(value, loss, g2, eta, factor=1):
    return factor * eta**2 * g2 / (2 * (value(eta) - loss + eta * g2))


def _interpolated(value, loss, g2, eta, halve=False, factor=1, c=1e-4):
    while value(eta) > loss - c * eta * g2:
        eta = eta / 2 if halve else _vertex(value, loss, g2, eta, factor)
    return eta


def _cauchy(g, h, radius):
    g, h = np.asarray(g), np.asarray(h)
    bend, size = g @ h @ g, np.sqrt(g @ g)
    return -g * (min(g @ g / bend, radius / size) if bend > 0 else radius / size)


def _cauchy_torch(g, h, radius):
    bend, border = g @ h @ g, radius / torch.linalg.vector_norm(g)
    return -g * (torch.minimum(g @ g / bend, border) if bend > 0 else border)


def _cauchy_by_t(g, h, radius):
    g, bend = np.asarray(g), np.asarray(g) @ h @ g
    return -g * min(g @ g / bend if bend > 0 else np.inf, radius)


def _newton_clipped(g, h, radius):
    step = -np.linalg.solve(h, g)
    return step * min(1, radius / np.linalg.norm(step))


def _difference(gradient, w, v, h, both=True):
    return (gradient(w + h * v) - gradient(w - both * h * v)) / (h + both * h)


def _cauchy_list(g, h, radius):
    return [float(x) for x in _cauchy(g, h, radius)]


def _epoch(w, samples, batch, eta):
    for i in range(0, len(samples), batch):
        part = samples[i : i + batch]
        w = w - eta * (w - sum(part) / len(part))
    return w


def _summed(w, samples, batch, eta):
    for i in range(0, len(samples), batch):
        w = w - eta * sum(w - z for z in samples[i : i + batch])
    return w


def _variance_after(steps, start, eta, lam, s):
    end = eta * s**2 / (lam * (2 - eta * lam))
    return end + (start - end) * (1 - eta * lam) ** (2 * steps)


def _variance_by_loop(steps, start, eta, lam, s):
    for _ in range(steps):
        start = (1 - eta * lam) ** 2 * start + eta**2 * s**2
    return start


# Right answers, each of which the tests also turn into every other type of number, array or function.
RIGHT = {
    "bend of the cube": [math.log(3), 1.0986, 1.1],
    "index of a saddle": [9, landscape.saddle_index([3, 2, 1], {2}, hidden=5)],
    "copies of a network": [3840],
    "largest learning rate": [1 / 3, 2 / 6, 0.333],
    "condition number for 0.9": [1442, 1441.999, ((1 + 0.9**0.5) / (1 - 0.9**0.5)) ** 2],
    "Polyak on a quartic": [0.75, 3 / 4],
    "diagonal step": [0.1, 1 / 10],
    "swing in a valley": [2**0.5, 1.414, 1.41],
    "stationary variance": [1.5, 0.4 * 9 / (2 * (2 - 0.8))],
    "end of linear scaling": [128, 32 * 4],
    "momentum edge": [380, 2 * (1 + 0.9) / 0.01],
    "weight for gain 1": [22.1, 4 * math.cosh(1.5) ** 2, 1 / (0.9525741268 * 0.0474258732)],
    "vanishing depth": [10],
    "added parameters": [3074],
    "rescue": [1.5 / e**2, 0.203],
    "separating direction": [(1, 2), (2, 1), (1, -3), (1e-12, 1), (1e-200, 3e-200), (-0.3, 5)],
    "most zeros": [4],
    "pooled output": [1 / 3, 0.333, 0.33],
    "escape with smaller steps": [1200, 300 * 4],
    "blind linear unit": [3],
    "one corner rescued": [4.849, 4.85, 24 / (1 + 1.5**0.5) ** 2],
    "escape limit": [0.512, 0.8**3],
    "halved learning rate": [8],
    "far input": [1067, 1 / (60 * 0.05**3 * 0.125), 1280, 1319],  # the law, exactly, corrected, measured
    "Adam's limit": [6],
    "behind the wall": [-0.01 * math.exp(12), -1627.5],
    "no spikes": [0.161, 0.16, binomtest(0, 20).proportion_ci(method="wilson").high],
    "pooled labels": [0.75, 3 / 4],
    "fatal length": [50, math.sqrt(2499)],
    "discordant seeds": [8],
    "cosine at a tenth": [0.795, math.acos(-0.8) / math.pi],
    "samples of a sum": [42],
    "more tries": [0.8, 16 / 20],
    "fewest pairs": [12],
    "updates": [14250, 95 * 15000 / 100],
    "missing the best": [0.75, 12 / 16],
    "pairs for Holm": [9],
    "most errors": [60, 2000 * 0.03],
    "optimism": [0.53, 0.3 * 1.766],
    "seeds for equivalence": [20, 21, 22],
    "exposing setting": [
        [(5, 9), (2, 3), (2, 3), (0, 1)],
        [(6, 8), (3, 2), (2, 1), (0, 1)],
        [(9, 5), (2, 3), (2, 1), (0, 1)],
        [(5, 10), (2, 3), (2, 3), (1, 0)],
    ],
    "neither grow nor shrink": [1 / 12, 0.0833, (9 * 16) ** -0.5],
    "clipped rate": [0.4875, 0.49, 0.075 / 20 * 130],
    "first order off": [0.0025, 0.2 * 0.6 / 48],
    "limit of a head": [1.45, 1.4545, 16 / 11],
    "images needed": [14477, 14_500, 15_073, 1.96**2 * (0.9922 * 0.0078 + 0.9941 * 0.0059) / 0.0019**2],
    "edge with momentum": [3.4 / 4.3, 0.79],
    "resumed halving": [81, 27 + 9 * 2 + 3 * 6 + 18],
    "random hits": [59, math.ceil(math.log(0.05) / math.log(0.95))],
}


def _mean_pool_by_hand(dy, n, size, stride):
    dx = np.zeros(n)
    for p, d in enumerate(dy):
        dx[stride * p : stride * p + size] += d / size
    return dx


def _mean_pool_by_autograd(dy, n, size, stride):
    x = torch.zeros(1, n, dtype=torch.float64, requires_grad=True)
    y = torch.nn.functional.avg_pool1d(x, size, stride)
    return torch.autograd.grad(y, x, torch.as_tensor(dy)[None])[0][0]


def _mean_pool_by_matrix(dy, n, size, stride):
    windows = stride * np.arange(len(dy))[:, None] + np.arange(size)
    return np.bincount(windows.ravel(), np.repeat(np.asarray(dy) / size, size), minlength=n)


def _mean_pool_in_place(dy, n, size, stride, write=None, length=None):
    dx = np.zeros(length(dy, n, size, stride) if length else n)
    for p in range(len(dy)):
        (write or np.add.at)(dx, np.arange(stride * p, stride * p + size), dy[p] / size)
    return dx


def _preconditioned(hessian, rates):
    root = np.sqrt(np.asarray(rates))
    return np.linalg.eigvalsh(root[:, None] * np.asarray(hessian) * root)[-1]


def _power_iteration(hessian, rates, shift=100.0, steps=5000):
    v = torch.ones(len(rates), dtype=torch.float64)
    for _ in range(steps):
        w = rates.double().sqrt() * (hessian.double() @ (rates.double().sqrt() * v)) + shift * v
        value, v = v @ w / (v @ v), w / w.norm()
    return value - shift


def _ride(eta, lam, u, steps, one_after_the_other=False, hinge=lambda r: max(0.0, r)):
    a, b = 0.01, 0.0
    for _ in range(steps):
        slope = -3 * hinge(u - a * e**b) ** 2 * e**b
        old, a = a, a - eta * (slope + lam * a)
        if one_after_the_other:
            old, slope = a, -3 * hinge(u - a * e**b) ** 2 * e**b
        b -= eta * old * slope
    return a, b


def _width(w):
    return 2 / w * np.arccosh(np.sqrt(w))


def _chain(w, b, a, slope=lambda out: out * (1 - out), new=lambda out, a: out, factor=lambda w: w):
    product = 1.0
    for weight, bias in zip(w, b, strict=True):
        out = 1 / (1 + np.exp(-(weight * a + bias)))
        product *= factor(weight) * slope(out)
        a = new(out, a)
    return product


def _catapult(y, f, lam, eta, n, steps, dot=lambda f, e: f, order=2, old=True):
    for _ in range(steps):
        e, p = f - y, dot(f, f - y)
        new = f - eta * e * lam + (order > 1) * (eta * e) ** 2 * p / n
        if not old:
            e, p = new - y, new
        f, lam = new, lam - 4 * eta * e * p / n + (order > 1) * (eta * e) ** 2 * lam / n
    return f, lam


def _catapult_in_turn(y, f, lam, eta, n, steps):
    for _ in range(steps):
        e = f - y
        f = f - eta * e * lam + (eta * e) ** 2 * f / n
        lam = lam - 4 * eta * e * f / n + (eta * e) ** 2 * lam / n
    return f, lam


def _catapult_with_all_weights(y, f, lam, eta, n, steps):
    length = n * lam / 2  # of u and of v, in the plane of their first two entries
    angle = math.acos(f * math.sqrt(n) / length)
    u, v = np.zeros(n), np.zeros(n)
    u[0], v[:2] = math.sqrt(length), math.sqrt(length) * np.array([math.cos(angle), math.sin(angle)])
    for _ in range(steps):
        e = u @ v / math.sqrt(n) - y
        u, v = u - eta * e / math.sqrt(n) * v, v - eta * e / math.sqrt(n) * u
    return u @ v / math.sqrt(n), (u @ u + v @ v) / n


def _match(a, b, power=2, best=min):
    def apart(order):
        return sum(abs(x - y) ** power for i, j in enumerate(order) for x, y in zip(a[i], b[j], strict=True))

    return best(permutations(range(len(b))), key=apart)


def _match_greedily(a, b):
    left, order = list(range(len(b))), []
    for row in a:
        order.append(min(left, key=lambda j: np.hypot(*np.subtract(row, b[j]))))
        left.remove(order[-1])
    return order


def _chain_torch(w, b, a):
    a = torch.tensor(float(a), requires_grad=True)
    out = a
    for weight, bias in zip(w, b, strict=True):
        out = torch.sigmoid(weight * out + bias)
    return torch.autograd.grad(out, a)[0]


def _certify(gradient, h, k, mu=None):
    g, mu = np.linalg.norm(gradient), np.linalg.eigvalsh(h)[0] if mu is None else mu
    step = g / mu
    if mu <= 0 or k * step / mu >= 0.5:
        return math.inf
    return (1 - np.sqrt(1 - 2 * k * step / mu)) * mu / k


def _certify_torch(gradient, h, k):
    g, mu = torch.linalg.norm(gradient), torch.linalg.eigvalsh(h)[0]
    if mu <= 0 or 2 * k * g >= mu**2:
        return torch.tensor(torch.inf)
    return 2 * (g / mu) / (1 + torch.sqrt(1 - 2 * k * g / mu**2))


def _step(w):
    return (w > 0) * 1.0


def _brackets(budget, eta):
    return _brackets_by(next(k for k in range(99) if eta ** (k + 1) > budget), budget, eta)


def _brackets_by(most, budget, eta, round=math.ceil):
    share = Fraction(most + 1)
    return [(round(share * eta**s / (s + 1)), math.floor(budget / eta**s)) for s in range(most, -1, -1)]


# Right functions, among them some for NumPy or torch alone.
FUNCTIONS = {
    "one minimum": [
        lambda w: np.sqrt(abs(w)),
        lambda w: math.sqrt(abs(w)),
        lambda w: 1 - np.exp(-(w**2)),
        lambda w: 1 - torch.exp(-10 * w**2),
        lambda w: w.abs().sqrt(),
        lambda w: 1 - math.exp(-(w**8)),
        lambda w: 3 * w**2 - 2 * w**3,
        lambda w: abs(w - 0.0025) ** 0.5,
        lambda w: np.log(1 + w**2),
        lambda w: w**2 / (1 + w**2) + 0.01 * w**2,
        lambda w: 1e-9 * abs(w) ** 0.5,
        lambda w: 1e6 * abs(w) ** 0.5,
    ],
    "no minimum": [
        lambda w: np.log1p(np.exp(w)),
        lambda w: np.log(1 + np.exp(2 * w)),
        lambda w: math.log1p(math.exp(-w)),
        lambda w: torch.nn.functional.softplus(w),
        lambda w: torch.log1p(torch.exp(-3 * w)),
        lambda w: math.exp(w) + math.exp(2 * w),
        lambda w: np.exp(-5 * w) + 1,
        lambda w: 1 + math.exp(-0.9 * w),
        lambda w: math.sqrt(w**2 + 1) - w,
        lambda w: (w + math.sqrt(w**2 + 4)) / 2,
        lambda w: np.log1p(np.exp(-0.1 * w)),
        lambda w: np.log1p(np.exp(-20 * w)),
        lambda w: np.exp(w) * (w < 0) + (1 + w) * (w >= 0),
        lambda w: float(torch.nn.functional.softplus(torch.as_tensor(w))),
        lambda w: 1 / (w + 1) if w > 0 else 1 - w,
    ],
    "worst ridge": [
        lambda E, points: max(E((u + v) / 2) - max(E(u), E(v)) for u, v in combinations(points, 2)),
        lambda E, points: torch.stack(
            [E((u + v) / 2) - max(E(u), E(v)) for u, v in torch.combinations(points)]
        ).max(),
        lambda E, points: np.max([E((u + v) / 2) - max(E(u), E(v)) for u in points for v in points if u != v]),
    ],
    "permute hidden units": [
        lambda w1, b1, w2, order: (w1[order], b1[order], w2[:, order]),
        lambda w1, b1, w2, order: [w1[order].tolist(), b1[order], w2[:, order]],
        lambda w1, b1, w2, order: tuple(torch.as_tensor(x) for x in (w1[order], b1[order], w2[:, order])),
        lambda w1, b1, w2, order: (w1.index_select(0, order), b1.take(order), w2.index_select(1, order)),
        lambda w1, b1, w2, order: (
            [w1[k] for k in order],
            [b1[k] for k in order],
            [[row[k] for k in order] for row in w2],
        ),
    ],
    "match units": [
        _match,
        lambda a, b: np.array(_match(a, b)),
        lambda a, b: linear_sum_assignment(np.asarray(a) @ np.asarray(b).T, maximize=True)[1],
        lambda a, b: torch.as_tensor(linear_sum_assignment(torch.cdist(a, b) ** 2)[1]),
    ],
    "mean pooling backward": [_mean_pool_by_hand, _mean_pool_by_autograd, _mean_pool_by_matrix],
    "momentum that forgets": [_restarted, _restarted_in_float32],
    "interpolating search": [_interpolated],
    "short secant step": [
        lambda dw, dg: (dw[0] * dg[0] + dw[1] * dg[1]) / (dg[0] ** 2 + dg[1] ** 2),
        lambda dw, dg: np.dot(dw, dg) / np.dot(dg, dg),
        lambda dw, dg: (dw @ dg) / (dg @ dg),
        lambda dw, dg: np.linalg.lstsq(np.array(dg)[:, None], np.array(dw), rcond=None)[0],
    ],
    "product by differences": [
        lambda gradient, w, v: (gradient(w + 1e-5 * v) - gradient(w - 1e-5 * v)) / 2e-5,
        lambda gradient, w, v: ((gradient(w + 1e-4 * v) - gradient(w - 1e-4 * v)) / 2e-4).tolist(),
        lambda gradient, w, v: (gradient(w + 1e-7 * v) - gradient(w)) / 1e-7,
        lambda gradient, w, v: torch.func.jvp(gradient, (w,), (v,))[1],
    ],
    "Cauchy step": [_cauchy, lambda g, h, radius: torch.tensor(_cauchy(g, h, radius)), _cauchy_torch, _cauchy_list],
    "an epoch of SGD": [
        _epoch,
        lambda w, samples, batch, eta: np.float64(_epoch(w, np.asarray(samples), batch, eta)),
        lambda w, samples, batch, eta: _epoch(torch.as_tensor(w), torch.as_tensor(samples), batch, eta),
    ],
    "variance after some steps": [_variance_after, _variance_by_loop],
    "catapult step": [
        _catapult,
        lambda *args: list(_catapult(*args)),
        lambda *args: torch.stack([torch.as_tensor(x) for x in _catapult(*args)]),
        lambda *args: np.array(_catapult_with_all_weights(*args)),
    ],
    "interval width": [
        lambda w: 2 / w * np.arccosh(np.sqrt(w)),
        lambda w: 2 / w * math.acosh(math.sqrt(w)),
        lambda w: 2 / w * torch.arccosh(torch.sqrt(w)),
        lambda w: 2 / w * math.log(math.sqrt(w) + math.sqrt(w - 1)),
    ],
    "chain gradient": [
        _chain,
        _chain_torch,
        lambda w, b, a: _chain(w, b, a + 1e-6) and torch.as_tensor(_chain(w, b, a)),
        lambda w, b, a: [_chain(w, b, a)],
    ],
    "initial deviation": [
        lambda n, slopes: 1 / np.sqrt(n * np.mean(np.square(slopes))),
        lambda n, slopes: (n * sum(s**2 for s in slopes) / len(slopes)) ** -0.5,
        lambda n, slopes: 1 / (n * slopes.square().mean()).sqrt(),
        lambda n, slopes: (len(slopes) / n) ** 0.5 / np.linalg.norm(slopes),
    ],
    "slope in b": [lambda a, slope_in_a, lam: a * slope_in_a - lam * a**2],
    "read a share": [
        lambda derivatives, t: np.linalg.solve([[1, 1], list(t)], derivatives),
        lambda derivatives, t: np.linalg.inv(np.vander(t, 2, increasing=True).T) @ derivatives,
        lambda derivatives, t: torch.linalg.solve(torch.stack([torch.ones_like(t), t]), derivatives),
    ],
    "certified radius": [_certify, _certify_torch],
    "two learning rates": [lambda a, g, alpha, lam: lam * a**2 - alpha / 2 * g**2],
    "ride of one sample": [_ride],
    "preconditioned sharpness": [
        _preconditioned,
        _power_iteration,
        lambda hessian, rates: float(_preconditioned(hessian, rates)),
        lambda hessian, rates: np.linalg.eigvals(np.diag(rates) @ hessian).max(),
    ],
    "McNemar's test": [
        lambda b, c: binomtest(b, b + c).pvalue if b + c else 1.0,
        lambda b, c: min(1, 2 * binom.cdf(min(b, c), b + c, 0.5)),
        lambda b, c: statistics.mcnemar(b, c).p,
    ],
    "signed-rank test": [
        lambda d: statistics.signed_rank(d).p,
        lambda d: wilcoxon(d, method="exact").pvalue,
        _signed_rank_by_hand,
    ],
    "best of k": [
        lambda trials, k: np.mean([min(drawn) for drawn in combinations(trials, k)]),
        lambda trials, k: statistics.expected_best(trials)[k - 1],
        lambda trials, k: torch.combinations(trials, k).min(1).values.mean(),
    ],
    "median with NaN": [
        lambda times: np.median(np.nan_to_num(times, nan=np.inf)),
        lambda times: np.percentile(np.nan_to_num(times, nan=np.inf), 50, method="nearest"),
        lambda times: torch.nan_to_num(times, nan=math.inf).median(),
        lambda times: sorted(math.inf if math.isnan(t) else t for t in times)[len(times) // 2],
    ],
    "tail share": [
        lambda s, q, p: norm.cdf(p * s - norm.ppf(1 - q)),
        lambda s, q, p: torch.special.ndtr(p * s + torch.special.ndtri(q)),
    ],
    "factor loss": [
        lambda loss, a, b, lam: loss * (1 + (a * np.exp(b) - 1) ** 2) + lam * a**2,
        lambda loss, a, b, lam: loss * (1 + (a * math.exp(b) - 1) ** 2) + lam * a**2,
        lambda loss, a, b, lam: loss * (2 - 2 * a * torch.exp(b) + a**2 * torch.exp(2 * b)) + lam * a**2,
    ],
    "factor slope": [
        lambda loss, a, b: 2 * loss * (a * np.exp(b) - 1) * a * np.exp(b),
        lambda loss, a, b: 2 * loss * a * (a * math.exp(2 * b) - math.exp(b)),
        lambda loss, a, b: 2 * loss * (a * torch.exp(b) - 1) * a * torch.exp(b),
    ],
    "AdaGrad's second step": [
        lambda lr, g1, g2: lr * g2 / np.hypot(g1, g2),
        lambda lr, g1, g2: lr * g2 / (g1**2 + g2**2) ** 0.5,
    ],
    "attack on pixels": [
        lambda x, g, s, epsilon: x + epsilon / s * np.sign(g),
        lambda x, g, s, epsilon: x + epsilon / s * ((g > 0) - (g < 0)),
        lambda x, g, s, epsilon: x + epsilon * torch.sign(torch.as_tensor(g)) / s,
    ],
    "proximal step": [
        lambda w, g, eta, lam: np.sign(w - eta * g) * np.maximum(abs(w - eta * g) - eta * lam, 0),
        lambda w, g, eta, lam: torch.nn.functional.softshrink(w - eta * g, float(eta * lam)),
        lambda w, g, eta, lam: w - eta * g - min(max(w - eta * g, -eta * lam), eta * lam),
    ],
    "k folds": [
        lambda n, k: [list(range(first, n, k)) for first in range(k)],
        lambda n, k: np.array_split(np.random.default_rng(0).permutation(n), k),
        lambda n, k: [fold.tolist() for fold in torch.arange(n).tensor_split(k)],
        lambda n, k: tuple(range(n * i // k, n * (i + 1) // k) for i in range(k)),
    ],
    "hyperband brackets": [
        _brackets,
        lambda budget, eta: np.array(_brackets(budget, eta)),
        lambda budget, eta: [rungs[0] for rungs in search.hyperband_brackets(budget, eta)],
    ],
}

# Plausible mistakes, with a part of the hint.
WRONG = {
    "exposing setting": [
        ([(5, 5), (3, 3), (1, 1), (1, 1)], "square kernels only"),
        ([(5, 5), (2, 3), (2, 2), (0, 1)], "square images only"),
        ([(9, 5), (2, 3), (2, 1), (1, 0)], "square images only"),
        ([(5, 9), (2, 3), (2, 3), (0, 0)], "one padding"),
        ([(5, 9), (2, 3), (2, 3), (2, 1)], "crop"),
        ([(5, 9), (2, 3), (1, 1), (0, 1)], "stride forgotten"),
        ([(4, 9), (2, 3), (2, 2), (0, 1)], "leaves some"),
        ([(5, 9), (6, 3), (2, 3), (0, 1)], "does not fit"),
        ([(5, 9), (2, 3), (2, 0), (0, 1)], "from 1 to 12 as stride"),
        ([(5, 9), (2.5, 3), (2, 3), (0, 1)], "whole numbers"),
        ([(5, 9), (2, 3)], "expected four pairs"),
    ],
    "mean pooling backward": [
        (partial(_mean_pool_in_place, write=lambda dx, at, part: dx.__setitem__(at, part)), "add up"),
        (lambda dy, n, size, stride: size * _mean_pool_by_hand(dy, n, size, stride), "not their sum"),
        (lambda dy, n, size, stride: size / stride * _mean_pool_by_hand(dy, n, size, stride), "whatever the stride"),
        (lambda dy, n, size, stride: _mean_pool_by_hand(dy, n, size, 1), "stride p"),
        (
            partial(_mean_pool_in_place, length=lambda dy, n, size, stride: stride * (len(dy) - 1) + size),
            "expected 9 numbers, got 8 numbers",
        ),
        (partial(_mean_pool_in_place, length=lambda dy, n, size, stride: len(dy)), "stay zero"),
        (lambda dy, n, size, stride: -_mean_pool_by_hand(dy, n, size, stride), "each output hands"),
    ],
    "neither grow nor shrink": [
        (1 / 144, "variance"),
        (-1 / 12, "is positive"),
        (1 / 3, "these are the taps"),
        (1 / 4, "these are the channels"),
        (2**0.5 / 12, "ReLU"),
        (12, "undoes"),
        (0.1, "multiplied by about 1.2"),
    ],
    "bend of the cube": [
        (3 / 4, "which z"),
        (0.75, "which z"),
        (0, "sigma itself"),
        (-1.0986, "the sign"),
        (0.693, "the square"),
        (1, "not 1: "),
    ],
    "worst ridge": [
        (lambda E, p: max(E((u + v) / 2) - (E(u) + E(v)) / 2 for u, v in combinations(p, 2)), "convexity's"),
        (lambda E, p: max(E((u + v) / 2) - min(E(u), E(v)) for u, v in combinations(p, 2)), "lower end"),
        (lambda E, p: max(E((u + v) / 2) - max(E(u), E(v)) for u, v in pairwise(p)), "side by side"),
        (lambda E, p: max(E(u + v) - max(E(u), E(v)) for u, v in combinations(p, 2)), "halfway is"),
        (lambda E, p: max(E((u + v) / 2) - max(E(u), E(v)) for u in p for v in p), "of a point with itself"),
        (
            lambda E, p: max(0, *(E((u + v) / 2) - max(E(u), E(v)) for u, v in combinations(p, 2))),
            "for E(w) = w^2 at points = [1, 2, 5, -3] expected -1.75, got 0: where no chord",
        ),
        (lambda E, p: min(E((u + v) / 2) - max(E(u), E(v)) for u, v in combinations(p, 2)), "not the smallest"),
        (lambda E, p: np.mean([E((u + v) / 2) - max(E(u), E(v)) for u, v in combinations(p, 2)]), "not their mean"),
        (lambda E, p: 0.0, "for each pair"),
        (lambda E, p: E(p[0]) + "", "raised TypeError"),
    ],
    "index of a saddle": [(5, "three hidden"), (8, "rather carry"), (10, "smaller"), (1, "spare units")],
    "copies of a network": [
        (120, "second form"),
        (32, "trade places"),
        (152, "in how many orders"),
        (240, "of its own"),
    ],
    "largest learning rate": [
        (0.5, "coordinate alone"),
        (1 / 6, "may be larger"),
        (1, "flattest"),
        (0.25, "fastest"),
        (0.33, "more digits"),
        (2, "up to 2"),
    ],
    "condition number for 0.9": [
        (361, "root of mu"),
        (37.97, "root of kappa"),
        (19, "both mu"),
        (10, "adds up"),
        (1000, "solve"),
    ],
    "Polyak on a quartic": [(0.25, "what is left"), (0.5, "parabola"), (2 / 3, "Newton"), (1, "E / E'^2")],
    "stationary variance": [
        (0.9, "small eta"),
        (1.5**0.5, "standard deviation"),
        (3, "lambda is missing"),
        (0.5, "squared"),
        (0.4 * 9 / 2, "2 - eta lambda"),
    ],
    "end of linear scaling": [
        (64, "1 / lambda_max"),
        (0.4, "limit of the rate"),
        (4, "how many times"),
        (256, "0.8"),
        (129, "no longer converges"),
    ],
    "diagonal step": [(1 / 11, "10 partners"), (1, "two parameters"), (0.2, "by -2"), (-1, "by 10")],
    "swing in a valley": [
        (2, "x squared"),
        (1, "not half of it"),
        (5, "this is s"),
        (3.46, "s = 0"),
        (-1.414, "without its sign"),
        (3, "the push is 4.5"),
    ],
    "momentum edge": [(200, "without"), (20, "cancel"), (3.8, "solve for"), (3800, "averages"), (95, "which limit")],
    "weight for gain 1": [
        (4, "here it is 3"),
        (0.0452, "makes up"),
        (0.953, "output at 3"),
        (8, "is 0.361"),
        (-22.1, "w > 0"),
    ],
    "vanishing depth": [(9, "3.8e-6"), (11, "fewer"), (6, "by 10"), (9.97, "to which side"), (24, "multiplies")],
    "added parameters": [(3072, "w alone"), (3073, "missing"), (1026, "three colors"), (2, "what else")],
    "rescue": [(0.5 / e**2, "to 0"), (1 / e**2, "further"), (1.5, "a e^2"), (0.5, "output is 3.19"), (-1, "not -1")],
    "separating direction": [
        ((1, 1), "(1, 0) and (0, 1)"),
        ((1, -1), "(0, 0) and (1, 1)"),
        ((1, 0), "(0, 0) and (0, 1)"),
        ((0, 2), "(0, 0) and (1, 0)"),
        ((0, 0), "(0, 0) and (1, 0)"),
        ((1, 2, 3), "3 numbers"),
        (1, "expected two numbers"),
        ((1, math.nan), "finite"),
        ((1, 1j), "got a complex"),
    ],
    "most zeros": [(1, "two of the five"), (5, "never vanishes"), (3, "how many"), (math.inf, "finite")],
    "pooled output": [(0.6, "mean label"), (1, "nothing pulls up"), (0, "at a larger"), (0.9, "at a smaller")],
    "escape with smaller steps": [
        (300, "quarter of the way"),
        (75, "more of them"),
        (4800, "sixteenth"),
        (600, "which factor"),
        (1000, "stay the same"),
    ],
    "one corner rescued": [
        (6, "all six"),
        (5, "d = 0"),
        (2.745, "four corners"),
        (0, "share d"),
        (3, "best d"),
    ],
    "blind linear unit": [
        (1, "for b"),
        (2, "b brings another"),
        (4, "amplitude"),
        (8, "exponential"),
        (5, "multiplies"),
    ],
    "escape limit": [
        (1.024, "without the neuron"),
        (0, "other class"),
        (0.008, "margin"),
        (0.8, "cubed"),
        (3, "nobody"),
    ],
    "halved learning rate": [
        (1 / 8, "upside"),
        (4, "for the time"),
        (2, "which power of eta"),
        (16, "which power of eta"),
    ],
    "far input": [(10667, "x = 0"), (1185, "contributes 1"), (2667, "x twice"), (7, "how fast")],
    "behind the wall": [
        (3255, "before"),
        (1627.5, "negative"),
        (-4882.6, "starts from"),
        (4.32e9, "its loss"),
        (-0.01, "this is a"),
        (12, "the output is"),
    ],
    "Adam's limit": [(38, "0.9"), (3, "averages"), (2, "without"), (5, "put beta1")],
    "no spikes": [
        (0, "impossible"),
        (16.1, "percent"),
        (0.15, "three"),
        (0.1684, "Clopper"),
        (0.05, "_ci"),
    ],
    "pooled labels": [(1, "infinite"), (0.5, "samples count"), (0.25, "of B"), (1 / 3, "odds"), (0.6, "minimum")],
    "factor loss": [
        (lambda loss, a, b, lam: loss * (1 + (a * np.exp(b) - 1) ** 2) + lam * a**2 / 2, "not halved"),
        (lambda loss, a, b, lam: loss * (a * np.exp(b) - 1) ** 2 + lam * a**2, "1 plus"),
        (lambda loss, a, b, lam: loss * a * np.exp(b) + lam * a**2, "square a e^b - 1"),
        (lambda loss, a, b, lam: loss * (1 + (a * np.exp(b)) ** 2) + lam * a**2, "pulls"),
        (lambda loss, a, b, lam: loss + (a * np.exp(b) - 1) ** 2 + lam * a**2, "multiplied"),
        (lambda loss, a, b, lam: loss * (1 + (a * np.exp(b) - 1) ** 2), "missing"),
        (lambda loss, a, b, lam: loss, "it is L"),
    ],
    "factor slope": [
        (lambda loss, a, b: 2 * loss * (a * np.exp(b) - 1) * np.exp(b), "slope in a"),
        (lambda loss, a, b: 2 * loss * (a * np.exp(b) - 1), "chain rule: multiply"),
        (lambda loss, a, b: loss * (a * np.exp(b) - 1) * a * np.exp(b), "factor of 2"),
        (lambda loss, a, b: 2 * (a * np.exp(b) - 1) * a * np.exp(b), "loss multiplies"),
        (lambda loss, a, b: 0 * loss, "differentiate"),
    ],
    "fatal length": [(5, "not 0.2"), (2500, "root"), (-50, "not -50"), (10, "s = 0.201")],
    "discordant seeds": [(7, "one side"), (6, "against none"), (9, "fewer"), (5, "at most one"), (5.5, "whole")],
    "cosine at a tenth": [
        (0.9, "straight"),
        (0.468, "(1 + cos) / 2"),
        (0.205, "*by*"),
        (2.498, "angle"),
        (79.5, "percent"),
        (0.8, "0.095"),
        (-3, "between 0 and 1"),
    ],
    "samples of a sum": [(41, "less"), (1, "cannot"), (0, "nothing"), (41.5, "whole"), (100, "each sample")],
    "more tries": [(80, "percent"), (0.5, "equal numbers"), (0.2, "fewer tries"), (4, "odds"), (0.9, "20 trials")],
    "fewest pairs": [(11, "0.0127"), (8, "13 times"), (13, "fewer"), (8.5, "whole"), (6, "multiply")],
    "updates": [(150, "one epoch"), (95 * 15000, "samples seen"), (95, "full batch"), (7, "sees 100")],
    "missing the best": [
        (0.25, "find it"),
        (0.772, "replacement"),
        (0.1335, "seven"),
        (15 / 16, "single"),
        (75, "perc"),
    ],
    "pairs for Holm": [(8, "0.055"), (7, "multiply by seven"), (6, "counts seven"), (10, "fewer"), (2, "by seven")],
    "most errors": [(0.03, "whole"), (0, "a mean"), (100, "how large"), (59, "how large"), (60.5, "whole")],
    "optimism": [(-0.53, "minus"), (0, "on average"), (1.77, "0.3"), (0.3, "further out"), (0.075, "mean of 16")],
    "seeds for equivalence": [(19, "solve"), (19.3, "whole"), (14, "each in 10 %"), (4.4, "root"), (100, "solve")],
    "one minimum": [
        (lambda w: w**2 / (1 + w**2), "excludes"),
        (lambda w: 2 * w**2 / (1 + w**2), "excludes, also stretched"),
        (lambda w: w**2 / (9 + 5 * w**2), "excludes, also stretched"),
        (lambda w: w**2, "it is convex"),
        (np.cos, "found 2, near [-3.14"),
        (math.tanh, "strictly between -5 and 5, found none"),
        (lambda w: math.exp(-w), "found none"),
        (lambda w: (w**2 - 4) ** 2, "found 2"),
        (lambda w: min(w**2, 1), "flat"),
        (lambda w: np.clip(abs(w) - 1, 0, 1), "flat"),
        (lambda w: min(0.1 * abs(w), 0.2), "flat"),
        (lambda w: math.sqrt(max(abs(w) - 1, 0)), "flat"),
        (lambda w: _step(w), "flat"),
        (lambda w: 1 / w, "ZeroDivisionError"),
        (lambda w: "high", "the text 'high'"),
        (lambda w: math.nan, "finite"),
        (lambda w: [w, w], "one finite number"),
        (lambda: 1, "raised TypeError"),
        (3, "expected a function of w"),
    ],
    "no minimum": [
        (lambda w: math.exp(-w), "excludes"),
        (lambda w: 2 * math.exp(-w), "excludes, also stretched"),
        (lambda w: math.exp(-2 * w), "excludes, also stretched"),
        (lambda w: math.exp(w), "or mirrored"),
        (lambda w: 1 / w, "ZeroDivisionError"),
        (lambda w: 100 - w, "nowhere negative, got -1 at w = 101"),
        (lambda w: 1 / (w + 31), "ZeroDivisionError"),
        (lambda w: 1 / (w + 30.5), "nowhere negative"),
        (lambda w: 1e7 - w, "nowhere negative"),
        (lambda w: -w, "nowhere negative"),
        (lambda w: (w - 1) ** 2, "minimum, near w = 1"),
        (lambda w: math.exp(w) + math.exp(-w), "minimum, near w = 0"),
        (lambda w: [w] * 20, "one finite number"),
        (lambda w: (w - 40) ** 2, "minimum, near w = 41"),
        (lambda w: max(0, w), "minimum"),
        (lambda w: max(0, 100 - w), "minimum, near w = 101"),
        (lambda w: max(0, w) ** 4, "minimum"),
        (lambda w: 1.0, "minimum"),
        (lambda w: math.exp(-w) + 2 + math.sin(w), "not convex"),
        (lambda w: 1 / (1 + np.exp(-w)), "not convex"),
        (lambda w: 1 / (1 + w**2), "not convex"),
    ],
    "permute hidden units": [
        (lambda w1, b1, w2, o: (w1, b1[o], w2[:, o]), "rows of w1 stayed"),
        (lambda w1, b1, w2, o: (w1[o], b1, w2[:, o]), "biases stayed"),
        (lambda w1, b1, w2, o: (w1[o], b1[o], w2), "columns of w2 stayed"),
        (lambda w1, b1, w2, o: (w1[np.argsort(o)], b1[np.argsort(o)], w2[:, np.argsort(o)]), "way back"),
        (lambda w1, b1, w2, o: (w1[o], b1[o], w2[:, np.argsort(o)]), "all in one order"),
        (lambda w1, b1, w2, o: (w1[o], b1[o], w2[o]), "w2 a column"),  # the likeliest mistake
        (lambda w1, b1, w2, o: (w1[:, o], b1[o], w2[:, o]), "w1 has a row for each hidden unit"),
        (lambda w1, b1, w2, o: (w1[:, :1], b1[o], w2), "expected arrays of shapes (4, 2), (4,), (2, 4)"),
        (lambda w1, b1, w2, o: w1[o], "expected arrays of shapes (4, 2), (4,), (2, 4)"),
        (lambda w1, b1, w2, o: ("w1", "b1", "w2"), "the text"),
    ],
    "match units": [
        (lambda a, b: np.argsort(_match(a, b)), "way back"),
        (_match_greedily, "try every order"),
        (
            lambda a, b: [min(range(len(b)), key=lambda j: np.hypot(*np.subtract(u, b[j]))) for u in a],
            "one place only",
        ),
        (lambda a, b: _match(a, b, power=1), "square"),
        (lambda a, b: _match(a, b, best=max), "largest"),
        (lambda a, b: list(range(len(a))), "smallest sum"),
        (
            lambda a, b: list(range(len(a))),
            "at a = [[3, 3], [0, 2], [-3, 1]], b = [[3, -3], [1, -2], [2, 2]] expected",
        ),
        (lambda a, b: 0, "expected 3 numbers, got one number"),
    ],
    "momentum that forgets": [
        (lambda gradient, w, eta, mu, steps: _restarted(gradient, w, eta, mu, steps, forget=False), "never forgets"),
        (lambda gradient, w, eta, mu, steps: _restarted(gradient, w, eta, mu, steps, sign=-1), "going downhill"),
        (lambda gradient, w, eta, mu, steps: _restarted(gradient, w, eta, mu, steps - 1), "missing"),
        (lambda gradient, w, eta, mu, steps: _restarted(gradient, w, eta, mu, steps + 1), "too many"),
        (_skipping, "still make the step"),
        (lambda gradient, w, eta, mu, steps: w, "first the test"),
        (lambda gradient, w, eta, mu, steps: w, "for gradient(w) = 4 w at w = 1, eta = 0.05, mu = 0.9, steps = 12"),
    ],
    "interpolating search": [
        (lambda value, loss, g2, eta: _interpolated(value, loss, g2, eta, halve=True), "halves"),
        (lambda value, loss, g2, eta: _interpolated(value, loss, g2, _vertex(value, loss, g2, eta)), "as it is"),
        (
            lambda value, loss, g2, eta: (
                eta if value(eta) <= loss - 1e-4 * eta * g2 else _vertex(value, loss, g2, eta)
            ),
            "repeat",
        ),
        (lambda value, loss, g2, eta: _interpolated(value, loss, g2, eta, factor=2), "was stopped"),
        (lambda value, loss, g2, eta: _interpolated(value, loss, g2, eta, c=0), "less than 1e-4 * eta * g2"),
        (lambda value, loss, g2, eta: _interpolated(value, loss, g2, eta, c=-1e-4), "is not accepted"),
        (lambda value, loss, g2, eta: _interpolated(value, loss, g2, eta, c=1e-4 / g2), "is not accepted"),
        (lambda value, loss, g2, eta: _interpolated(value, loss, g2, eta, c=0.5), "asks for more"),
        (lambda value, loss, g2, eta: value(_interpolated(value, loss, g2, eta)), "not the loss after it"),
        (
            lambda value, loss, g2, eta: eta,
            "for value(t) = (1 - 4 t)^4 at loss = 1, g2 = 16, eta = 2 expected 0.01316, got 2: which parabola",
        ),
    ],
    "short secant step": [
        (lambda dw, dg: np.dot(dw, dw) / np.dot(dw, dg), "first step"),
        (lambda dw, dg: np.dot(dg, dg) / np.dot(dw, dg), "curvature"),
        (lambda dw, dg: (np.dot(dw, dw) / np.dot(dg, dg)) ** 0.5, "same length"),
        (lambda dw, dg: abs(np.dot(dw, dg)) / np.dot(dg, dg), "so is this step"),
        (lambda dw, dg: 1.0, "to zero"),
    ],
    "product by differences": [
        (lambda gradient, w, v: (gradient(w + 1e-5 * v) - gradient(w - 1e-5 * v)) / 1e-5, "how far apart"),
        (lambda gradient, w, v: (gradient(w + 1e-5 * v) - gradient(w - 1e-5 * v)) / 4e-5, "more than 2 h"),
        (lambda gradient, w, v: (gradient(w - 1e-5 * v) - gradient(w + 1e-5 * v)) / 2e-5, "which minus which"),
        (lambda gradient, w, v: _difference(gradient, w, v, 0.1), "small, but not tiny"),
        (lambda gradient, w, v: _difference(gradient, w, v, 0.01), "expected 8.5 in [1], got 8.501: use both points"),
        (lambda gradient, w, v: _difference(gradient, w, v, 1e-12), "not tiny"),
        (lambda gradient, w, v: _difference(gradient, w, v, 1e-14), "not tiny"),
        (lambda gradient, w, v: _difference(gradient, w, v, 1e-17), "small, but not tiny"),
        (lambda gradient, w, v: _difference(gradient, w, v, 1e-3, both=False), "use both points"),
        (lambda gradient, w, v: _difference(gradient, w, v, -1e-5, both=False), "use both points"),
        (lambda gradient, w, v: gradient(w + v) - gradient(w), "use both points"),
        (lambda gradient, w, v: gradient(w + 1e-3 * v) - gradient(w - 1e-3 * v), "divide by 2 h"),
        (lambda gradient, w, v: 1.0, "expected 2 numbers, got one number"),
        (lambda gradient, w, v: np.ones(3), "got 3 numbers"),
    ],
    "Cauchy step": [
        (lambda g, h, radius: -np.asarray(g) * radius / np.linalg.norm(g), "which t is best"),
        (lambda g, h, radius: -_cauchy(g, h, radius), "uphill"),
        (lambda g, h, radius: -np.asarray(g) * (g @ g) / (g @ h @ g), "mind the radius"),
        (lambda g, h, radius: -np.asarray(g) * min((g @ g) / (g @ h @ g), radius / np.linalg.norm(g)), "bends down"),
        (
            lambda g, h, radius: -np.asarray(g) * min((g @ g) / abs(g @ h @ g), radius / np.linalg.norm(g)),
            "absolute value",
        ),
        (lambda g, h, radius: -np.linalg.solve(h, g), "this is Newton's step"),
        (_newton_clipped, "this is Newton's direction; stay on the line"),
        (lambda g, h, radius: [radius, 0.0], "10: along -g"),
        (lambda g, h, radius: 0.9 * _cauchy(g, h, radius), "which t is best"),
        (_cauchy_by_t, "t |g| long"),
        (lambda g, h, radius: 0.0, "one number"),
    ],
    "an epoch of SGD": [
        (
            lambda w, samples, batch, eta: _epoch(w, samples[: len(samples) // batch * batch], batch, eta),
            "incomplete",
        ),
        (lambda w, samples, batch, eta: _epoch(w, samples, 1, eta), "one at a time"),
        (lambda w, samples, batch, eta: _epoch(w, samples, len(samples), eta), "all samples at once"),
        (lambda w, samples, batch, eta: _epoch(w, samples, batch, -eta), "each batch moves"),
        (lambda w, samples, batch, eta: _summed(w, samples, batch, eta), "not the sum"),
        (lambda w, samples, batch, eta: _epoch(w, samples[:batch], batch, eta), "after the first batch"),
        (lambda w, samples, batch, eta: _summed(w, samples, batch, eta / batch), "its own length"),
        (
            lambda w, samples, batch, eta: _epoch(w, samples + [0] * (-len(samples) % batch), batch, eta),
            "its own length",
        ),
        (lambda w, samples, batch, eta: _epoch(w, samples[::-1], batch, eta), "in their order"),
    ],
    "variance after some steps": [
        (lambda steps, start, eta, lam, s: eta * s**2 / lam / (2 - eta * lam), "where it ends"),
        (lambda steps, start, eta, lam, s: start * (1 - eta * lam) ** (2 * steps), "forgets the noise"),
        (lambda steps, start, eta, lam, s: start, "each step turns"),
        (lambda steps, start, eta, lam, s: _variance_after(steps, start**2, eta, lam, s), "a variance already"),
        (lambda steps, start, eta, lam, s: _variance_after(steps / 2, start, eta, lam, s), "and its square"),
    ],
    "catapult step": [
        (lambda y, *rest: _catapult(0, *rest), "y is missing"),
        (lambda *args: _catapult(*args, dot=lambda f, e: e), "also when the error"),
        (lambda *args: _catapult(*args, order=1), "eta squared"),
        (lambda *args: _catapult(*args, old=False), "at once"),
        (lambda y, f, lam, eta, n, steps: _catapult(y, f, lam, eta, 1, steps), "divided by n"),
        (lambda y, f, lam, eta, n, steps: _catapult(y, f, lam, eta, n, 1), "this is one step"),
        (lambda y, f, lam, eta, n, steps: _catapult(y, f, lam, -eta, n, steps), "against"),
        (_catapult_in_turn, "has seen the new f"),
        (lambda y, *rest: (_catapult(y, *rest)[0] - y, _catapult(y, *rest)[1]), "f itself"),
        (lambda *args: (_catapult(*args)[1], _catapult(*args)[0]), "f comes first"),
        (lambda *args: dict.fromkeys(_catapult(*args)), "should return numbers, got a dict"),
        (lambda *args: (_catapult(*args)[0], None), "should return numbers, got None"),
        (lambda *args: _catapult(*args)[0], "expected 2 numbers, got one number"),
        (
            lambda *args: [_catapult(*args[:-1], k) for k in range(args[-1] + 1)],
            "expected 2 numbers, got numbers of shape",
        ),
        (lambda y, f, lam, *rest: (f, lam), "multiply out"),
    ],
    "interval width": [
        (lambda w: _width(w) / 2, "two ends"),
        (lambda w: _width(w) * w, "the inputs are a"),
        (lambda w: 4 / w * np.arccosh(np.sqrt(w) / 2), "the sigmoid's"),
        (lambda w: 2 / w * np.arccosh(w), "root first"),
        (lambda w: 1.0, "from where to where"),
    ],
    "chain gradient": [
        (lambda w, b, a: abs(_chain(w, b, a)), "its size"),
        (lambda w, b, a: _chain(w, [0] * len(b), a), "biases are missing"),
        (lambda w, b, a: _chain(w, b, a, new=lambda out, a: a), "this unit's output"),
        (lambda w, b, a: _chain(w[::-1], b[::-1], a), "not with w[0]"),
        (lambda w, b, a: np.prod(w) / 4 ** len(w), "largest slope"),
        (lambda w, b, a: _chain(w, b, a, factor=lambda w: 1), "by its weight"),
        (lambda w, b, a: _chain(w, b, a, slope=lambda out: out), "not by the sigmoid"),
        (lambda w, b, a: 0.0, "multiply w"),
        (lambda w, b, a: w, "expected one number, got 2 numbers"),
    ],
    "initial deviation": [
        (lambda n, slopes: 1 / (n**0.5 * np.mean(slopes)), "mean of the slopes"),
        (lambda n, slopes: 1 / (n * np.mean(np.square(slopes))), "variance"),
        (lambda n, slopes: np.mean(np.square(slopes)) ** -0.5, "sum over n units"),
        (lambda n, slopes: 1 / (n**0.5 * np.linalg.norm(slopes)), "not their sum"),
        (lambda n, slopes: 1 / np.linalg.norm(slopes), "n times that"),
        (lambda n, slopes: (2 / n) ** 0.5, "He's"),
        (lambda n, slopes: n**-0.5, "Xavier's"),
        (lambda n, slopes: (n * np.mean(np.square(slopes))) ** 0.5, "is to be 1"),
    ],
    "slope in b": [
        (lambda a, slope_in_a, lam: a * slope_in_a, "off by lambda"),
        (lambda a, slope_in_a, lam: a * slope_in_a + lam * a**2, "sign"),
        (lambda a, slope_in_a, lam: slope_in_a - lam * a, "data term's slope in a"),
        (lambda a, slope_in_a, lam: slope_in_a, "and how on b"),
    ],
    "read a share": [
        (lambda d, t: np.linalg.solve([[1, 1], list(t)], d)[::-1], "wrong order"),
        (lambda d, t: np.linalg.solve([[1, t[0]], [1, t[1]]], d), "transposed"),
        (lambda d, t: d, "themselves"),
        (lambda d, t: np.linalg.solve([list(t), [1, 1]], d), "(1, 1) and (t_1, t_2)"),
        (lambda d, t: d[0], "expected 2 numbers, got one number"),
    ],
    "certified radius": [
        (lambda g, h, k: np.linalg.norm(g) / np.linalg.eigvalsh(h)[0], "Newton's step"),
        (lambda g, h, k: _certify(g, h, k, np.linalg.eigvalsh(h)[1]), "not the largest"),
        (lambda g, h, k: _certify(g, h, k, abs(np.linalg.eigvalsh(h)[0])), "makes a saddle"),
        (lambda g, h, k: 2 * np.linalg.norm(g) / np.linalg.eigvalsh(h)[0], "unless mu > 0"),
        (lambda g, h, k: math.inf, "unless mu > 0"),
    ],
    "two learning rates": [
        (lambda a, g, alpha, lam: lam * a**2, "small steps"),
        (lambda a, g, alpha, lam: lam * a**2 + alpha / 2 * g**2, "wrong sign"),
        (lambda a, g, alpha, lam: lam * a**2 - alpha * g**2, "twice too large"),
        (lambda a, g, alpha, lam: alpha * lam * a**2 - alpha**2 / 2 * g**2, "divided by beta"),
        (lambda a, g, alpha, lam: 0, "expand"),
    ],
    "ride of one sample": [
        (lambda *args: _ride(*args, one_after_the_other=True), "before either"),
        (lambda eta, lam, u, steps: _ride(eta, 0.0, u, steps), "penalty does not"),
        (lambda *args: _ride(*args, hinge=lambda r: r), "so is its slope"),
        (lambda eta, lam, u, steps: _ride(-eta, lam, u, steps), "climbs"),
        (lambda eta, lam, u, steps: _ride(eta, 2 * lam, u, steps), "the slopes are"),
        (lambda eta, lam, u, steps: _ride(eta, lam, u, steps)[0], "2 numbers"),
    ],
    "preconditioned sharpness": [
        (lambda h, r: np.linalg.eigvalsh(h)[-1], "plain sharpness"),
        (lambda h, r: np.max(r) * np.linalg.eigvalsh(h)[-1], "of its own"),
        (lambda h, r: np.linalg.eigvals(np.diag(r) @ h @ np.diag(r)).max(), "square root"),
        (lambda h, r: np.linalg.eigvals(np.diag(1 / np.asarray(r)) @ h).max(), "multiply"),
        (lambda h, r: min(np.linalg.eigvals(np.diag(r) @ h), key=lambda x: -abs(x)), "may be negative"),
        (lambda h, r: abs(np.linalg.eigvals(np.diag(r) @ h)).max(), "no sharpness"),
        (lambda h, r: np.trace(np.diag(r) @ h), "row i and column i"),
    ],
    "McNemar's test": [
        (lambda b, c: binom.cdf(min(b, c), b + c, 0.5), "two sides"),
        (lambda b, c: 2 * binom.cdf(min(b, c), b + c, 0.5), "never above 1"),
        (lambda b, c: min(1, 2 * 0.5 ** (b + c)), "as far from the middle"),
        (lambda b, c: [][b], "list index"),
        (lambda b, c: (1 if b else 2) * math.comb(b + c, b) / (b + c), "no coin to toss: return 1"),
        (lambda b, c: 0.5, "fair coins"),
    ],
    "signed-rank test": [
        (lambda d: binomtest(sum(x > 0 for x in d), len(d)).pvalue, "the sign test"),
        (lambda d: wilcoxon(d, method="exact", alternative="greater").pvalue, "two sides"),
        (lambda d: wilcoxon(d, method="approx").pvalue, "rank the sizes"),
        (lambda d: [][len(d)], "list index"),
    ],
    "best of k": [
        (lambda trials, k: min(trials), "smallest of all, whatever k"),
        (lambda trials, k: min(trials[:k]), "first k"),
        (lambda trials, k: np.mean(sorted(trials)[:k]), "k smallest"),
        (lambda trials, k: sorted(trials)[k], "as large as the number of trials"),
        (lambda trials, k: 4.0, "expected 2, got 4"),
    ],
    "median with NaN": [
        (np.nanmedian, "dropped"),
        (np.median, "there is a median"),
        (
            lambda times: np.percentile(np.nan_to_num(times, nan=np.inf), 50),
            "np.percentile returns NaN beside infinity",
        ),
        (lambda times: np.median(np.nan_to_num(times)), "fastest"),
        (lambda times: np.median(np.nan_to_num(times, nan=50.0)), "is later than any number"),
    ],
    "tail share": [
        (lambda s, q, p: norm.cdf(s - norm.ppf(1 - q)), "not by s"),
        (lambda s, q, p: norm.cdf(p * s**2 - norm.ppf(1 - q)), "the unit is s"),
        (lambda s, q, p: norm.cdf(p * s + norm.ppf(1 - q)), "subtract the quantile"),
        (lambda s, q, p: norm.cdf(norm.ppf(1 - q) - p * s), "all the other points"),
        (lambda s, q, p: q, "the center of the normal density"),
    ],
    "attack on pixels": [
        (lambda x, g, s, epsilon: x + epsilon * np.sign(g), "by epsilon s"),
        (lambda x, g, s, epsilon: x + epsilon * s * np.sign(g), "divide by s"),
        (lambda x, g, s, epsilon: x - epsilon / s * np.sign(g), "uphill"),
        (lambda x, g, s, epsilon: x + epsilon / s, "up or down"),
        (lambda x, g, s, epsilon: x + epsilon / s * g, "direction alone"),
        (lambda x, g, s, epsilon: x + epsilon * g, "direction alone"),
        (lambda x, g, s, epsilon: x, "in units of the input"),
    ],
    "first order off": [
        (0.0125, "vanished"),
        (0.025, "as large as the first"),
        (0.00125, "one half"),
        (0.25, "a tenth of"),
        (80, "divided by the slope"),
        (0.1, "half the curvature"),
    ],
    "limit of a head": [
        (8 / 11, "twice as large"),
        (16 / 9, "feature of 1"),
        (4 / 11, "divide the Hessian"),
        (2 / 11, "a quarter"),
        (1.375, "this is the sharpness"),
        (1.6, "share the bias"),
        (1, "2 over the sharpness"),
    ],
    "proximal step": [
        (lambda w, g, eta, lam: w - eta * (g + lam * np.sign(w)), "the lab's step"),
        (lambda w, g, eta, lam: np.sign(w - eta * g) * max(abs(w - eta * g) - lam, 0), "scales the penalty"),
        (lambda w, g, eta, lam: np.sign(w) * max(abs(w) - eta * lam, 0) - eta * g, "first the step"),
        (lambda w, g, eta, lam: max(w - eta * g - eta * lam, 0), "negative weights"),
        (lambda w, g, eta, lam: (w - eta * g) * (abs(w - eta * g) > eta * lam), "the others move"),
        (lambda w, g, eta, lam: w - eta * g - eta * lam * np.sign(w - eta * g), "closer to zero"),
        (lambda w, g, eta, lam: np.sign(w + eta * g) * max(abs(w + eta * g) - eta * lam, 0), "against"),
        (lambda w, g, eta, lam: w - eta * g, "with its sign"),
    ],
    "k folds": [
        (lambda n, k: [list(range(i * (n // k), (i + 1) * (n // k))) for i in range(k)], "remainder"),
        (lambda n, k: [list(range(i, n, n // k)) for i in range(n // k)], "expected 4 folds, got 3"),
        (lambda n, k: [[i] for i in range(n)], "one for each index"),
        (lambda n, k: [[j for j in range(n) if j % k != i] for i in range(k)], "each belongs to one fold"),
        (lambda n, k: [list(range(1 + i, n + 1, k)) for i in range(k)], "index 0 is in no fold: each index"),
        (lambda n, k: [*([i] for i in range(k - 1)), list(range(k - 1, n))], "spread the remainder"),
        (lambda n, k: n // k, "4 lists of indices"),
        ([[0, 1], [2, 3]], "expected a function"),
    ],
    "images needed": [
        (7386, "both networks have errors"),
        (3769, "one standard error"),
        (123, "square of the difference"),
        (100, "the standard error of a difference"),
    ],
    "edge with momentum": [
        (0.465, "without momentum"),
        (0.884, "momentum 0.9"),
        (1.55, "along a slope"),
        (0.14, "moves this edge up"),
        (1, "eta lambda < 2 (1 + mu)"),
    ],
    "AdaGrad's second step": [
        (lambda lr, g1, g2: lr * g2 / np.sqrt((g1**2 + g2**2) / 2), "takes no mean"),
        (lambda lr, g1, g2: lr * g2 / abs(g1), "counts already"),
        (lambda lr, g1, g2: lr * g2 / (g1**2 + g2**2), "the root of the sum"),
        (lambda lr, g1, g2: lr * g2 / (abs(g1) + abs(g2)), "the squares that are added"),
        (lambda lr, g1, g2: lr * g2, "plain descent"),
        (lambda lr, g1, g2: -lr * g2 / (g1**2 + g2**2) ** 0.5, "the sign of g2"),
        (lambda lr, g1, g2: lr * g1, "over the root"),
    ],
    "clipped rate": [
        (9.75, "without clipping"),
        (0.244, "in units of 1 / lambda"),
        (0.00375, "divide it by"),
        (195, "divides by the norm"),
        (1, "times the sharpness"),
    ],
    "resumed halving": [
        (108, "restarted"),
        (27, "first rung"),
        (40, "counts runs"),
        (120, "new epochs"),
        (50, "9 of them"),
    ],
    "hyperband brackets": [
        (lambda R, eta: _brackets_by(int(math.log(R) / math.log(eta)), R, eta), "in floating point"),
        (lambda R, eta: [(n - (R == 81), r) for n, r in _brackets(R, eta)], "s_max is the largest power"),
        (lambda R, eta: _brackets(R, eta)[::-1], "comes first"),
        (
            lambda R, eta: [
                (eta ** (len(_brackets(R, eta)) - 1 - i), r) for i, (_, r) in enumerate(_brackets(R, eta))
            ],
            "about the same",
        ),
        (lambda R, eta: _brackets(R, eta)[:-1], "down to 0"),
        (lambda R, eta: _brackets(R, eta)[1:], "81 = 3^4"),
        (lambda R, eta: _brackets(R, eta) * 2, "expected numbers of shape (5, 2), got numbers of shape (10, 2)"),
        (lambda R, eta: [(r, n) for n, r in _brackets(R, eta)], "first the number"),
        (
            lambda R, eta: [
                (n, R / eta ** (len(_brackets(R, eta)) - 1 - i)) for i, (n, _) in enumerate(_brackets(R, eta))
            ],
            "rounded down",
        ),
        (lambda R, eta: _brackets_by(len(_brackets(R, eta)) - 1, R, eta, round=math.floor), "rounded up"),
    ],
    "random hits": [(58, "5.1 %"), (20, "36 %"), (19, "95 / 5"), (14, "49 %"), (60, "fewer"), (58.4, "whole")],
}
