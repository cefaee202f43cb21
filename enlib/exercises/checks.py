"""The checks of all exercises, declared by name: the right answer, the plausible mistakes, and their hints.

Like `answers`, this module imports neither NumPy nor torch, so that a web page can run it. The right answers are
closed forms; the tests compare them with the package.
"""

import math

from enlib.exercises import backward, curves
from enlib.exercises.answers import Check, Endless, Formula, Remark, array, call, function, number, show, whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

E2, NAN = math.exp(2), math.nan
# A hint that two mistakes share.
SHORT_BATCH = "the incomplete batch has fewer samples: divide by its own length"
# For a share q, what a standard normal variable exceeds with the chance q.
QUANTILE = {0.01: 2.3263478740408408, 0.05: 1.6448536269514722, 0.1: 1.2815515655446004, 0.2: 0.8416212335729143}


def _permuted(*, rows: bool = True, biases: bool = True, columns: bool = True, back: bool = False) -> "Any":
    """Return a function that reorders the hidden units of a network, in some of its three arrays."""

    def permute(w1: "Any", b1: "Any", w2: "Any", order: "Any") -> "Any":
        units = [order.index(k) for k in range(len(order))] if back else order
        w1, b1 = [w1[k] for k in units] if rows else w1, [b1[k] for k in units] if biases else b1
        return [w1, b1, [[row[k] for k in units] for row in w2] if columns else w2]

    return permute


def _gradient(w: "Any") -> "Any":
    """Return the gradient of sum(w^4) / 4 + sum(w)^2 / 2, as an array if w is one."""
    return w**3 + w.sum() if hasattr(w, "sum") else [x**3 + sum(w) for x in w]


def _product(gradient: object, w: "Any", v: "Any", factor: float = 1) -> "Any":
    """Return the product of the Hessian of sum(w^4) / 4 + sum(w)^2 / 2 with v."""
    return [factor * (3 * w[k] * w[k] * v[k] + sum(v)) for k in range(len(w))]


def _direction(u: "Any") -> str:
    x, y = u
    for difference, corners in (
        (x, "(0, 0) and (1, 0)"),
        (y, "(0, 0) and (0, 1)"),
        (x - y, "(1, 0) and (0, 1)"),
        (x + y, "(0, 0) and (1, 1)"),
    ):
        if abs(difference) <= 1e-15 * min(abs(x), abs(y)):
            return f"not quite: along u = ({show(x)}, {show(y)}) the corners {corners} coincide"
    return ""


def _scaled(h: "Any", rates: "Any", power: float) -> "Any":
    """Return the matrix with row i and column i multiplied by a power of rate i."""
    f = [float(rate) ** power for rate in rates]
    return [[f[i] * float(h[i][j]) * f[j] for j in range(len(f))] for i in range(len(f))]


def _largest(h: "Any", *, size: bool = False) -> float:
    """Return the largest eigenvalue of a symmetric matrix, or that of the largest absolute value."""
    shift = 0.0 if size else sum([abs(float(entry)) for row in h for entry in row])
    v = [1.0 / (i + 1) for i in range(len(h))]
    value = 0.0
    for _ in range(300):
        w = [sum([float(h[i][j]) * v[j] for j in range(len(v))]) + shift * v[i] for i in range(len(v))]
        value = sum([a * b for a, b in zip(v, w, strict=True)]) / sum([a * a for a in v])
        length = math.sqrt(sum([a * a for a in w]))
        v = [a / length for a in w]
    return value - shift


def _smallest_curvature(h: "Any") -> float:
    """Return the smaller eigenvalue of a symmetric matrix of two rows."""
    return float((h[0][0] + h[1][1]) / 2 - math.hypot((h[0][0] - h[1][1]) / 2, h[0][1]))


def _certified(curvature: "Callable[[Any], float]" = _smallest_curvature) -> "Callable[..., float]":
    """Return the function that finds the radius of a certificate, with some function in place of the eigenvalue."""

    def radius(gradient: "Any", h: "Any", k: float) -> float:
        g, mu = math.hypot(*gradient), curvature(h)
        return 2 * g / (mu + math.sqrt(mu * mu - 2 * k * g)) if mu > 0 and 2 * k * g < mu * mu else math.inf

    return radius


def _newton_step(gradient: "Any", h: "Any", k: float) -> float:
    return math.hypot(*gradient) / _smallest_curvature(h)


def _unproven(gradient: "Any", h: "Any", k: float) -> float:
    mu = _smallest_curvature(h)
    return 2 * math.hypot(*gradient) / (mu + math.sqrt(max(mu * mu - 2 * k * math.hypot(*gradient), 0.0)))


def _without_sign(gradient: "Any", h: "Any", k: float) -> float:
    return _certified(lambda h: abs(_smallest_curvature(h)))(gradient, h, k)


def _cauchy(
    *, bend: bool = True, cut: bool = True, sign: int = -1, size: bool = False, border: bool = True
) -> "Callable[..., Any]":
    """Return the function that finds the lowest point of a parabola on the gradient's line, right or mistaken."""

    def step(g: "Any", h: "Any", radius: float) -> "Any":
        length = math.hypot(*g)
        curvature = sum([g[i] * h[i][j] * g[j] for i in range(len(g)) for j in range(len(g))])
        curvature = abs(curvature) if size else curvature
        longest = radius / length if border else radius
        share = length**2 / curvature if curvature > 0 or not bend else longest
        share = min(share, longest) if cut else share
        return [sign * share * x for x in g]

    return step


def _newton(g: "Any", h: "Any", radius: float) -> "Any":
    """Return Newton's step in two dimensions, not longer than the radius."""
    determinant = h[0][0] * h[1][1] - h[0][1] * h[1][0]
    step = [(h[0][1] * g[1] - h[1][1] * g[0]) / determinant, (h[1][0] * g[0] - h[0][0] * g[1]) / determinant]
    share = min(1, radius / math.hypot(*step))
    return [share * x for x in step]


def _epoch(*, rest: bool = True, mean: bool = True, fresh: bool = True) -> "Callable[..., float]":
    """Return one epoch of stochastic gradient descent on (w - z)^2 / 2, right or with one mistake."""

    def run(w: float, samples: "Any", batch: int, eta: float) -> float:
        first = w
        for i in range(0, len(samples) if rest else len(samples) - batch + 1, batch):
            part = [float(z) for z in samples[i : i + batch]]
            at = w if fresh else first
            w = w - eta * sum([at - z for z in part]) / (len(part) if mean else 1)
        return w

    return run


def _variance_after(times: int, factor: float = 1.0) -> "Callable[..., float]":
    """Return the variance after some steps, with an exponent and a stationary value that may be mistaken."""

    def variance(steps: int, start: float, eta: float, lam: float, s: float) -> float:
        end = factor * eta * s * s / (lam * (2 - eta * lam))
        return end + (start - end) * (1 - eta * lam) ** (times * steps)

    return variance


def _tail(b: int, c: int) -> float:
    """Return the chance that b + c fair coins show at most min(b, c) heads."""
    chance, total = 0.5 ** (b + c), 0.0
    for heads in range(min(b, c) + 1):
        total, chance = total + chance, chance * (b + c - heads) / (heads + 1)
    return total


def _mean_smallest(trials: "list[float]", k: int) -> float:
    """Return the mean, over all ways to draw k of the trials, of the smallest one."""
    if len(trials) == k:
        return min(trials)
    without = [_mean_smallest(trials[:j] + trials[j + 1 :], k) for j in range(len(trials))]
    return sum(without) / len(without)


def _signed_rank(differences: "list[float]", *, ranked: bool = True, sides: int = 2, strict: bool = False) -> float:
    """Return the exact p-value of the signed-rank test, or of the sign test, of differences without ties."""
    sizes = sorted([abs(difference) for difference in differences])
    weights = [k + 1 if ranked else 1 for k in range(len(sizes))]
    seen = sum([weights[sizes.index(abs(d))] for d in differences if d > 0])
    sums = [0]
    for weight in weights:
        sums += [total + weight for total in sums]
    away = [abs(total - sum(weights) / 2) if sides == 2 else total for total in sums]
    least = abs(seen - sum(weights) / 2) if sides == 2 else seen
    return sum([far > least if strict else far >= least for far in away]) / len(sums)


def _median(times: "list[float]", never: float) -> float:
    return sorted([never if math.isnan(t) else t for t in times])[len(times) // 2]


def _median_of_the_rest(times: "list[float]") -> float:
    rest = sorted([t for t in times if not math.isnan(t)])
    return (rest[(len(rest) - 1) // 2] + rest[len(rest) // 2]) / 2


def _dot(a: "Any", b: "Any") -> float:
    return float(sum([a[k] * b[k] for k in range(len(a))]))


def _forgetful(*, test: int = 1, late: bool = False, skip: bool = False, extra: int = 0) -> "Callable[..., float]":
    """Return momentum that is reset where it leads uphill, right or with one mistake."""

    def restarted(gradient: "Any", w: float, eta: float, mu: float, steps: int) -> float:
        v = 0.0
        for _ in range(steps + extra):
            g = gradient(w)
            if test * v * g > 0 and not late:
                v = 0.0
                if skip:
                    continue
            v = mu * v - eta * g
            if late and v * g > 0:
                v = 0.0
            w = w + v
        return w

    return restarted


def _search(
    *, halve: bool = False, first: bool = False, most: int = 1000, factor: float = 0.5, c: float = 1e-4
) -> "Callable[[Any, float, float, float], float]":
    """Return a line search by parabolas, right or with one mistake."""

    def search(value: "Any", loss: float, g2: float, eta: float) -> float:
        for k in range(most):
            if value(eta) <= loss - c * eta * g2 and not (first and k == 0):
                break
            eta = eta / 2 if halve else factor * eta**2 * g2 / (value(eta) - loss + eta * g2)
        return eta

    return search


def _rider(
    *, at_once: bool = True, penalty: bool = True, hinge: bool = True, sign: int = 1
) -> "Callable[[float, float, float, int], list[float]]":
    """Return descent on one sample with an exponential neuron, right or with one mistake."""

    def ride(eta: float, lam: float, u: float, steps: int) -> "list[float]":
        a, b, eta = 0.01, 0.0, sign * eta
        for _ in range(steps):
            missing = u - a * math.exp(b)
            pull = 3 * (max(0.0, missing) if hinge else missing) ** 2 * math.exp(b)
            new = a + eta * (pull - (lam * a if penalty else 0.0))
            if not at_once:
                pull, a = 3 * max(0.0, u - new * math.exp(b)) ** 2 * math.exp(b), new
            a, b = new, b + eta * a * pull
        return [a, b]

    return ride


_ride = _rider()


def _normal_cdf(z: float) -> float:
    return (1 + math.erf(z / math.sqrt(2))) / 2


def _shrunk(w: float, by: float) -> float:
    return math.copysign(max(abs(w) - by, 0.0), w)


def _proximal(w: float, g: float, eta: float, lam: float) -> float:
    return _shrunk(w - eta * g, eta * lam)


def _subgradient(w: float, g: float, eta: float, lam: float) -> float:
    return w - eta * (g + lam * ((w > 0) - (w < 0)))


def _across(w: float, g: float, eta: float, lam: float) -> float:
    w -= eta * g
    return w - math.copysign(eta * lam, w)


def _cut_off(w: float, g: float, eta: float, lam: float) -> float:
    w -= eta * g
    return w if abs(w) > eta * lam else 0.0


def _k_folds(answer: object) -> str:
    """Return what is wrong with a function that splits n indices into k folds."""
    for n, k in ((12, 4), (10, 3), (7, 4)):
        given, where = call(answer, "n k", (n, k)), f"at n = {n}, k = {k}"
        if not isinstance(given, list):
            raise Remark(f"{where} your function should return {k} lists of indices, got one number")
        parts = [part if isinstance(part, list) else [part] for part in given]  # a fold of one is read as a number
        flat, sizes = [i for part in parts for i in part], [len(part) for part in parts]
        if len(parts) != k:
            return f"{where} expected {k} folds, got {len(parts)}" + (
                ": one for each index" if len(parts) == n else ""
            )
        if any(isinstance(i, list) for i in flat):
            return f"{where} expected lists of indices, got lists in them"
        missing = [i for i in range(n) if i not in flat]
        if missing:
            hint = (
                f"n / {k} leaves a remainder" if n % k and len(flat) == n // k * k else "each index belongs to a fold"
            )
            return f"{where} index {missing[0]} is in no fold: {hint}"
        if len(flat) > n:
            return (
                f"{where} {len(flat)} indices are given out, of {n}: each belongs to one fold, and none is left over"
            )
        if max(sizes) - min(sizes) > 1:
            return f"{where} the folds have {', '.join([str(m) for m in sizes])} indices: spread the remainder"
    return ""


def _brackets(most: "Callable[[int, int], int]", *, up: bool = True, last: bool = False) -> "Callable[..., Any]":
    """Return the function that lists Hyperband's brackets, with some count of them, and mistakes of rounding."""

    def brackets(budget: int, eta: int) -> "list[list[int]]":
        top, pairs = most(budget, eta), []
        for s in range(top, -1, -1):
            share = (top + 1) * eta**s
            pairs.append([-(-share // (s + 1)) if up else share // (s + 1), budget // eta**s])
        return pairs[::-1] if last else pairs

    return brackets


def _largest_power(budget: int, eta: int) -> int:
    power = 0
    while eta ** (power + 1) <= budget:
        power += 1
    return power


def _orders(n: int) -> "list[list[int]]":
    """Return all orders of n units, the first in place first."""
    if n == 0:
        return [[]]
    return sorted([order[:k] + [n - 1] + order[k:] for order in _orders(n - 1) for k in range(n)])  # noqa: RUF005


def _matched(
    *, back: bool = False, greedy: bool = False, once: bool = True, power: int = 2, best: "Any" = min
) -> "Callable[..., list[int]]":
    """Return the matching of a few units by trial of all orders, right or with one mistake."""

    def match(a: "Any", b: "Any") -> "list[int]":
        apart = [[sum([abs(x - y) ** power for x, y in zip(u, v)]) for v in b] for u in a]  # noqa: B905
        if greedy:
            order: list[int] = []
            for row in apart:
                left = [j for j in range(len(b)) if not (once and j in order)]
                order.append(min(left, key=lambda j, row=row: row[j]))  # type: ignore[misc]
        else:
            order = best(_orders(len(b)), key=lambda o: sum([apart[i][o[i]] for i in range(len(o))]))
        return [order.index(i) for i in range(len(order))] if back else order

    return match


def _worst(
    *,
    mean: bool = False,
    lower: bool = False,
    neighbors: bool = False,
    halves: bool = True,
    floor: bool = False,
    best: "Callable[[list[float]], float]" = max,
    total: bool = False,
) -> "Callable[..., float]":
    """Return the search for the worst chord against quasiconvexity, right or with one mistake."""

    def worst(cost: "Any", points: "Any") -> float:
        ridges = []
        for i in range(len(points)):
            for j in range(i + 1, i + 2 if neighbors else len(points)):
                if j < len(points):
                    u, v = points[i], points[j]
                    ends = [cost(u), cost(v)]
                    level = sum(ends) / 2 if mean else min(ends) if lower else max(ends)
                    ridges.append(cost((u + v) / 2 if halves else u + v) - level)
        if total:
            return float(sum(ridges) / len(ridges))
        return max(best(ridges), 0.0) if floor else best(ridges)

    return worst


def _chain_gradient(
    *,
    sign: "Callable[[float], float]" = float,
    weights: bool = True,
    biases: bool = True,
    forward: bool = True,
    slope: "Callable[[float, float], float]" = lambda z, out: out * (1 - out),
) -> "Callable[..., float]":
    """Return backpropagation through a chain of sigmoid units, right or with one mistake."""

    def gradient(w: "Any", b: "Any", a: float) -> float:
        product = 1.0
        for k in range(len(w)):
            z = w[k] * a + (b[k] if biases else 0)
            out = 1 / (1 + math.exp(-z))
            product *= slope(z, out) * (w[k] if weights else 1)
            a = out if forward else a
        return sign(product)

    return gradient


def _catapult(
    *,
    target: bool = True,
    product: bool = True,
    second: bool = True,
    at_once: bool = True,
    old_error: bool = False,
    width: bool = True,
    loop: bool = True,
    sign: int = 1,
) -> "Callable[..., list[float]]":
    """Return descent on two linear layers with a target, in two numbers, right or with one mistake."""

    def catapult(y: float, f: float, lam: float, eta: float, n: int, steps: int) -> "list[float]":
        eta, y, n = sign * eta, y if target else 0.0, n if width else 1
        for _ in range(steps if loop else 1):
            e = f - y
            dot, square = f if product else e, (eta * e) ** 2 / n if second else 0.0
            new = f - eta * e * lam + square * dot
            if not at_once:
                dot, e = new, e if old_error else new - y
                square = (eta * e) ** 2 / n
            f, lam = new, lam - 4 * eta * e * dot / n + square * lam
        return [f, lam]

    return catapult


CHECKS = {
    # 01 Nonconvexity
    "bend of the cube": number(
        math.log(3),
        {
            3 / 4: "3/4 is the probability sigma(z) there; which z has it?",
            -math.log(3): "there sigma is 1/4; mind the sign",
            0: "there sigma itself stops bending upward; its cube does so elsewhere",
            math.log(2): "there the square stops bending upward; the cube does so elsewhere",
        },
        "the second derivative does not change sign there",
        within=0.005,
    ),
    "one minimum": Check(curves.one_minimum),
    "no minimum": Check(curves.no_minimum),
    "worst ridge": function(
        "E points",
        [
            (Formula("E(w) = w^4 - 4 w^2", lambda w: w * w * (w * w - 4)), [-2.0, -1.0, 0.5, 1.5]),
            (Formula("E(w) = w^2", lambda w: w * w), [1.0, 2.0, 5.0, -3.0]),
            (Formula("E(w) = 1 - 1 / (1 + w^2)", lambda w: 1 - 1 / (1 + w * w)), [3.0, 0.5, 4.0, 1.0]),
        ],
        _worst(),
        {
            _worst(mean=True): "this is convexity's: above the mean of the ends. Here the higher end counts",
            _worst(lower=True): "this compares with the lower end; quasiconvexity allows the higher one",
            _worst(neighbors=True): "take all pairs, not only those that stand side by side",
            _worst(halves=False): "halfway is (u + v) / 2",
            _worst(floor=True): (
                "where no chord is against it the answer is below 0: leave out the pairs of a point with itself, "
                "and do not begin with 0"
            ),
            _worst(best=min): "the largest value, not the smallest",
            _worst(total=True): "the largest value, not their mean",
        },
        "for each pair: E halfway, less the larger of E(u) and E(v); then the largest",
    ),
    # 02 Critical points
    "index of a saddle": whole(
        9,
        {
            5: "5 is its index with three hidden units; two more are spare now",
            8: "8 counts the spare units alone; the unit that carries mode 2 would rather carry mode 1",
            10: "the unit that carries mode 2 gains nothing from mode 3, which is smaller",
        },
        "for each missing mode, count the spare units and those with a smaller mode",
    ),
    "copies of a network": whole(
        3840,
        {
            120: "120 = 5! are the orders; tanh(-z) = -tanh(z) gives each unit a second form",
            32: "32 = 2^5 are the signs; the units can also trade places",
            240: "each unit has a sign of its own",
        },
        "in how many orders, times how many signs?",
    ),
    "permute hidden units": function(
        "w1 b1 w2 order",
        [
            (
                [[3.0, 1.0], [4.0, 1.5], [9.0, 2.0], [6.0, 0.5]],
                [3.0, 5.0, 8.0, 9.0],
                [[7.0, 9.0, 3.0, 2.0]] * 2,
                [2, 0, 3, 1],
            )
        ],
        _permuted(),
        {
            _permuted(rows=False): "the rows of w1 stayed in the old order",
            _permuted(biases=False): "the biases stayed in the old order",
            _permuted(columns=False): "the columns of w2 stayed in the old order",
            _permuted(back=True): "this is the way back; order says which old unit comes first, which second, ...",
        },
        "rows of w1, entries of b1 and columns of w2 belong to the units, all in one order",
        failing={IndexError: "w1 has a row for each hidden unit, w2 a column"},
    ),
    "match units": function(
        "a b",
        [
            ([[3.0, 3.0], [0.0, 2.0], [-3.0, 1.0]], [[3.0, -3.0], [1.0, -2.0], [2.0, 2.0]]),
            (
                [[-3.0, -1.0], [-2.0, 3.0], [0.0, -2.0], [-1.0, 2.0]],
                [[3.0, 1.0], [1.0, -2.0], [3.0, -1.0], [-2.0, 0.0]],
            ),
        ],
        _matched(),
        {
            _matched(
                back=True
            ): "this is the way back; order[i] is the unit of b that takes the place of unit i of a",
            _matched(greedy=True): "the nearest in turn is not the best in all; try every order",
            _matched(greedy=True, once=False): "each unit of b takes one place only",
            _matched(power=1): "square the differences",
            _matched(best=max): "this is the order with the largest distance",
        },
        "among all orders, the one with the smallest sum of squared distances",
    ),
    # 03 Learning rates
    "largest learning rate": number(
        1 / 3,
        {
            0.5: "this is 2 / 4, the limit of each coordinate alone; which direction is the steepest?",
            1 / 6: "this is 1 / lambda_max, which solves the steepest direction in one step; it may be larger",
            1: "this is the limit of the flattest direction; the steepest one is stricter",
            0.25: "this is the fastest learning rate, 2 / (2 + 6); it may be larger",
            0.33: "give more digits, or write 1/3",
        },
        "each direction allows up to 2 / its curvature; what are the eigenvalues of the Hessian?",
        within=5e-4,
    ),
    "momentum that forgets": function(
        "gradient w eta mu steps",
        [
            # Nowhere is v * g zero but for rounding, so that a reader's float32 forgets at the same steps.
            (Formula("gradient(w) = 4 w", lambda w: 4 * w), 1.0, 0.05, 0.9, 12),
            (Formula("gradient(w) = w + w^3", lambda w: w + w * w * w), 1.5, 0.1, 0.95, 20),
            (Formula("gradient(w) = 4 w", lambda w: 4 * w), 1.0, 0.4, 0.3, 5),
        ],
        _forgetful(),
        {
            _forgetful(test=0): "this is momentum that never forgets",
            _forgetful(test=-1): "this forgets going downhill; v leads up where v * g > 0",
            _forgetful(skip=True): "after forgetting, still make the step",
            _forgetful(late=True): "test before the update, with the velocity that brought you here",
            _forgetful(extra=-1): "one step is missing",
            _forgetful(extra=1): "one step too many",
        },
        "first the test, then the update of v, then that of w",
        within=1e-5,
    ),
    "condition number for 0.9": number(
        1442,
        {
            361: "the rate is the root of mu: solve sqrt(0.9) = (sqrt(kappa) - 1) / (sqrt(kappa) + 1)",
            37.97: "this is the root of kappa",
            19: "this solves 0.9 = (kappa - 1) / (kappa + 1); both mu and kappa occur with their roots",
            10: "1 / (1 - mu) is how many gradients momentum adds up",
        },
        "solve sqrt(mu) = (sqrt(kappa) - 1) / (sqrt(kappa) + 1) for kappa",
        within=6,
    ),
    # 03b Step sizes that choose themselves
    "interpolating search": function(
        "value loss g2 eta",
        [
            (Formula("value(t) = (1 - 4 t)^4", lambda t: (1 - 4 * t) ** 4), 1.0, 16.0, 2.0),
            # At 0.5 this is 0.0001 below the loss, half of what is asked for.
            (Formula("value(t) = 2 - 4 t + 15.9992 t^3", lambda t: 2 - 4 * t + 15.9992 * t**3), 2.0, 4.0, 0.5),
            (Formula("value(t) = (1 - 4 t)^4", lambda t: (1 - 4 * t) ** 4), 1.0, 16.0, 0.1),
            (Formula("value(t) = 1 - t + 3 t^1.1", lambda t: 1 - t + 3 * t**1.1), 1.0, 1.0, 1.0),
        ],
        _search(),
        {
            _search(halve=True): "this halves; use what the failed try has learned",
            _search(most=1): "the new step may fail as well: repeat until one is accepted",
            _search(first=True): "a first try that passes should be accepted as it is",
            _search(factor=1.0): "the lowest point of -g2 t + b t^2 is at g2 / (2 b)",
            _search(c=0.0): "a step that lowers the loss by less than 1e-4 * eta * g2 is not accepted",
            _search(c=-1e-4): "a step that lowers the loss by less than 1e-4 * eta * g2 is not accepted",
            _search(c=0.5): "a step that lowers the loss by 1e-4 * eta * g2 is accepted; this asks for more",
            lambda value, *rest: value(_search()(value, *rest)): "return the step, not the loss after it",
        },
        "which parabola has the loss and the slope -g2 at 0, and value(eta) at eta? And which step is accepted?",
        failing={
            Endless: "does it stop at a step that passes, and is the next try at g2 / (2 b), lowest on -g2 t + b t^2?"
        },
    ),
    "short secant step": function(
        "dw dg",
        [([1.0, 2.0], [3.0, 1.0]), ([0.5, -1.0], [1.0, -4.0]), ([1.0, 0.0], [-2.0, 1.0])],
        lambda dw, dg: _dot(dw, dg) / _dot(dg, dg),
        {
            lambda dw, dg: _dot(dw, dw) / _dot(dw, dg): "this is the first step; now eta multiplies dg",
            lambda dw, dg: _dot(dg, dg) / _dot(dw, dg): "this is a curvature; the step is its inverse",
            lambda dw, dg: math.sqrt(_dot(dw, dw) / _dot(dg, dg)): "this gives both the same length",
            lambda dw, dg: abs(_dot(dw, dg)) / _dot(dg, dg): "where the curvature is negative, so is this step",
        },
        "set the derivative of |dw - eta dg|^2 with respect to eta to zero",
    ),
    "Polyak on a quartic": number(
        0.75,
        {
            0.25: "this is by how much it falls; what is left?",
            0.5: "this is the factor on a parabola",
            2 / 3: "this is Newton's step",
        },
        "the step is E / E'^2 times E'",
    ),
    # 04 Steps from the Hessian
    "product by differences": function(
        "gradient w v",
        [
            (Formula("gradient(w) = w^3 + sum(w)", _gradient), [1.5, -1.0], [0.5, 2.0]),
            (Formula("gradient(w) = w^3 + sum(w)", _gradient), [0.5, 1.0], [-1.0, 0.75]),
        ],
        _product,
        {
            lambda gradient, w, v: _product(gradient, w, v, 2): "how far apart are the two points?",
            lambda gradient, w, v: _product(gradient, w, v, 0.5): "do not divide by more than 2 h",
            lambda gradient, w, v: _product(gradient, w, v, -1): "which minus which?",
        },
        "use both points, w + h v and w - h v, divide by 2 h, and let h be small, but not tiny: try 1e-5",
        within=1e-5,
    ),
    "diagonal step": number(
        0.1,
        {1 / 11: "each parameter has 10 partners, not 11", 1: "that is the limit for two parameters"},
        lambda c: f"not {show(c)}: with this c each step multiplies the common direction by {show(-10 * c)}",
    ),
    "Cauchy step": function(
        "g h radius",
        [
            ([3.0, 4.0], [[2.0, 0.5], [0.5, 4.0]], 10.0),
            ([3.0, 4.0], [[2.0, 0.5], [0.5, 4.0]], 0.25),
            ([1.0, 2.0], [[1.0, 0.0], [0.0, -2.0]], 5.0),
        ],
        _cauchy(),
        {
            _cauchy(bend=False): "where the parabola bends down along g there is no lowest point: go to the border",
            _cauchy(size=True): "the absolute value is not it: where the parabola bends down, go to the border",
            _cauchy(cut=False): "the step must not be longer than the radius",
            _cauchy(bend=False, cut=False): "mind the radius, and the sign of the curvature along g",
            _cauchy(sign=1): "this goes uphill",
            _cauchy(border=False): "the step -t g is t |g| long: the radius bounds this length, not t",
            lambda g, h, radius: _newton(g, h, math.inf): "this is Newton's step; stay on the line along -g",
            _newton: "this is Newton's direction; stay on the line along -g",
        },
        "along -g, that is -t g, the parabola is -t g.g + t^2 g.Hg / 2; which t is best, and which is allowed?",
    ),
    # 05 The edge of stability
    "swing in a valley": number(
        math.sqrt(2),
        {
            2: "this is x squared",
            1: "here the pull is 6 - s, not half of it; and the push is half of x squared",
            5: "this is s, the sharpness at the edge; how large is x?",
            math.sqrt(12): "this balances the pull at s = 0; the edge is at s = 2 / eta",
            -math.sqrt(2): "the size of x, without its sign",
        },
        lambda x: f"not {show(x)}: there the push is {show(x * x / 2, 3)}; what is the pull at the edge?",
        within=0.005,
    ),
    "catapult step": function(
        "y f lam eta n steps",
        [(1.0, 2.0, 3.0, 0.5, 4, 1), (-0.5, -1.0, 2.0, 1.5, 10, 3), (0.5, 1.0, 2.0, 0.4, 9, 2)],
        _catapult(),
        {
            _catapult(target=False): "the target y is missing: the gradients have f - y where they had f",
            _catapult(product=False): "u . v is sqrt(n) f, also when the error is f - y",
            _catapult(second=False): "mind the terms with eta squared",
            _catapult(at_once=False): "lambda moves by the old f: take both steps at once",
            _catapult(at_once=False, old_error=True): "lambda has seen the new f; both updates need the old one",
            lambda y, *rest: [_catapult()(y, *rest)[0] - y, _catapult()(y, *rest)[1]]: "return f itself, not f - y",
            lambda *all_six: _catapult()(*all_six)[::-1]: "f comes first, then lambda",
            _catapult(width=False): "both changes of lambda, and the second one of f, are divided by n",
            _catapult(loop=False): "this is one step",
            _catapult(sign=-1): "descent goes against the gradient",
        },
        "multiply out u' . v' and |u'|^2 + |v'|^2",
    ),
    "momentum edge": number(
        380,
        {
            200: "this is the edge without momentum",
            20: "momentum makes steps up to 1 / (1 - mu) longer, but at the edge they alternate and cancel",
            3.8: "this is eta * sharpness at the edge; solve for the sharpness",
            3800: "this is the edge if momentum averages the gradients; here it adds them up",
        },
        "on a parabola, which limit does eta times the sharpness have with momentum?",
    ),
    # 05b Noise
    "stationary variance": number(
        1.5,
        {
            0.9: "this is the value for small eta, eta s^2 / (2 lambda); here eta lambda is 0.8",
            1.5**0.5: "this is the standard deviation; the variance is its square",
            3.0: "a lambda is missing",
            0.5: "s enters squared",
            1.8: "and the factor 2 - eta lambda?",
        },
        "put the three numbers into eta s^2 / (lambda (2 - eta lambda))",
    ),
    "an epoch of SGD": function(
        "w samples batch eta",
        [(3.0, [1.0, 2.0, 6.0, 0.5, 1.5], 2, 0.5), (0.0, [1.0, -1.0, 2.0, 5.0], 4, 0.25), (1.0, [2.0, 4.0], 3, 0.1)],
        _epoch(),
        {
            _epoch(rest=False): "the incomplete batch at the end counts, too",
            _epoch(mean=False): "the gradient of a batch is the mean over its samples, not the sum",
            _epoch(fresh=False): "each batch begins where the last one ended",
            lambda w, samples, batch, eta: _epoch()(w, samples, 1, eta): "this takes the samples one at a time",
            lambda w, samples, batch, eta: _epoch()(w, samples, 99, eta): "this takes all samples at once",
            lambda w, samples, batch, eta: _epoch()(w, samples[:batch], 99, eta): "this ends after the first batch",
            lambda w, samples, batch, eta: _epoch(mean=False)(w, samples, batch, eta / batch): SHORT_BATCH,
            lambda w, samples, batch, eta: _epoch()(
                w, samples + [0.0] * (-len(samples) % batch), batch, eta
            ): SHORT_BATCH,
        },
        "take the samples in their order; each batch moves w by -eta times the mean of w - z",
    ),
    "variance after some steps": function(
        "steps start_variance eta lam s",
        [(1, 4.0, 0.5, 1.0, 2.0), (3, 0.0, 0.25, 2.0, 1.0), (10, 1.0, 0.1, 0.5, 3.0)],
        _variance_after(2),
        {
            _variance_after(1): "the distance shrinks by 1 - eta lambda in each step; and its square?",
            _variance_after(2, 0.0): "this forgets the noise",
            lambda steps, start, *rest: _variance_after(2)(
                steps, start * start, *rest
            ): "start_variance is a variance already; do not square it",
            lambda steps, start, eta, lam, s: eta * s * s / (lam * (2 - eta * lam)): "this is where it ends",
        },
        "each step turns V into (1 - eta lambda)^2 V + eta^2 s^2",
    ),
    "end of linear scaling": number(
        128,
        {
            64: "at 64 the rule says 0.2 = 1 / lambda_max; the limit is 2 / lambda_max",
            0.4: "this is the limit of the rate; for which batch size does the rule ask for it?",
            4: "this is how many times larger the batch may be",
            129: "at 128 the rule already asks for 0.4 = 2 / lambda_max, and there w no longer converges",
        },
        lambda size: f"not {show(size)}: for this batch the rule says {show(0.1 * size / 32)}",
    ),
    # 06 Bounds on a sigmoid's gradient
    "weight for gain 1": number(
        4 * math.cosh(1.5) ** 2,
        {
            4: "4 is enough where w a + b = 0; here it is 3",
            0.0451767: "this is the slope of the sigmoid at 3; which weight makes up for it?",
            0.952574: "this is the output at 3; its slope is that times what is missing to 1",
            -4 * math.cosh(1.5) ** 2: "its size is right, and the exercise asks for w > 0",
        },
        lambda w: f"not {show(w)}: the gain of this weight is {show(abs(w) / (4 * math.cosh(1.5) ** 2), 3)}",
        within=0.05,
    ),
    "interval width": function(
        "w",
        [(5.0,), (7.0,), (20.0,)],
        lambda w: 2 / w * math.acosh(math.sqrt(w)),
        {
            lambda w: 1 / w * math.acosh(math.sqrt(w)): "this is half the width; the interval has two ends",
            lambda w: 2 * math.acosh(math.sqrt(w)): "this is the width in z = w a + b; the inputs are a",
            lambda w: (
                4 / w * math.acosh(math.sqrt(w) / 2)
            ): "this is the sigmoid's, whose slope is 1 / (4 cosh^2(z / 2))",
            lambda w: 2 / w * math.acosh(w): "cosh^2 z <= w, so take the root first",
        },
        "from where to where is the gain at least 1?",
    ),
    "chain gradient": function(
        "w b a",
        [([2.0, -3.0], [0.5, 1.0], 0.3), ([7.0, 7.0, 6.0], [-3.5, -3.0, -3.5], 0.5), ([-1.0, 4.0], [1.0, -2.0], 2.0)],
        _chain_gradient(),
        {
            _chain_gradient(sign=abs): "this is its size; negative weights turn its sign",
            _chain_gradient(weights=False): "each unit also multiplies by its weight",
            _chain_gradient(biases=False): "the biases are missing",
            _chain_gradient(forward=False): "the next unit's input is this unit's output",
            lambda w, b, a: _chain_gradient()(w[::-1], b[::-1], a): "this begins with the last unit, not with w[0]",
            _chain_gradient(slope=lambda z, out: 0.25): "1/4 is the largest slope, reached only at z = 0",
            _chain_gradient(slope=lambda z, out: out): "multiply by its derivative, not by the sigmoid",
            _chain_gradient(slope=lambda z, out: z * (1 - z)): "sigma' is s (1 - s) with s = sigma(z), not with z",
        },
        "multiply w sigma'(w a + b) over the units, each with the output of the one before",
    ),
    "initial deviation": function(
        "n slopes",
        [(64, [0.25, 0.2, 0.1, 0.05]), (100, [1.0, 0.0, 1.0, 0.0]), (9, [1.0, 0.5, -0.25, 0.75])],
        lambda n, slopes: 1 / math.sqrt(n * sum([s * s for s in slopes]) / len(slopes)),
        {
            lambda n, slopes: len(slopes) / (math.sqrt(n) * sum(slopes)): (
                "this has the mean of the slopes, squared; (2) has the mean of the squares"
            ),
            lambda n, slopes: len(slopes) / (n * sum([s * s for s in slopes])): (
                "this is the variance; the standard deviation is its root"
            ),
            lambda n, slopes: math.sqrt(
                len(slopes) / sum([s * s for s in slopes])
            ): "the sum over n units is missing",
            lambda n, slopes: (
                1 / math.sqrt(n * sum([s * s for s in slopes]))
            ): "the mean of the squares, not their sum",
            lambda n, slopes: (
                1 / math.sqrt(sum([s * s for s in slopes]))
            ): "take the mean of the squares, not their sum, and n times that",
            lambda n, slopes: math.sqrt(2 / n): "this is He's, for slopes of which half are 1 and half 0",
            lambda n, slopes: 1 / math.sqrt(n): "this is Xavier's, for slopes of 1",
        },
        "n times s_w^2 times the mean of the squared slopes is to be 1",
    ),
    "vanishing depth": whole(
        10,
        {
            9: "after 9 units the bound is 3.8e-6, still above one millionth",
            11: "after 11 units it is, but after fewer as well",
            6: "each unit divides the bound by 4, not by 10",
        },
        "each unit multiplies the bound by the largest slope of the sigmoid",
    ),
    # 07 The exponential neuron
    "added parameters": whole(
        3074,
        {
            3072: "3072 is w alone; a and b are trained too",
            3073: "one of a and b is missing",
            1026: "each pixel has three colors",
        },
        "w has one number per input; what else is trained?",
    ),
    "rescue": number(
        1.5 / E2,
        {
            0.5 / E2: "this lifts the output to 0; the loss is zero from margin 1 on",
            1 / E2: "the output starts at -0.5, so it has further to go than 1",
            1.5: "this is how far the output has to go; the neuron adds a e^2",
        },
        lambda a: f"not {show(a)}: the output is {show(a * E2 - 0.5)}; which is the smallest a that lifts it to 1?",
        within=0.00135,
    ),
    "slope in b": function(
        "a slope_in_a lam",
        [(0.8, -0.3, 0.7), (-0.5, 1.5, 0.2), (2.0, 0.4, 0.1)],
        lambda a, slope_in_a, lam: a * slope_in_a - lam * a * a,
        {
            lambda a, slope_in_a, lam: a * slope_in_a: "off by lambda * a^2; the penalty depends on a but not on b",
            lambda a, slope_in_a, lam: a * slope_in_a + lam * a * a: "mind the sign of the penalty's part",
            lambda a, slope_in_a, lam: slope_in_a - lam * a: "this is the data term's slope in a; and in b?",
        },
        "how does the data term depend on a, and how on b?",
    ),
    "separating direction": array((2,), "two numbers, such as (1, 1)", _direction),
    "most zeros": whole(
        4,
        {
            1: "e^w - e^-w vanishes once, and it has only two of the five",
            5: "one exponential alone never vanishes, and two of them once",
        },
        "count for one exponential, then for two; each further one adds how many?",
    ),
    "pooled output": number(
        1 / 3,
        {0.6: "0.6 is the mean label, which is best for squared loss", 1: "from f = 1 on nothing pulls up"},
        lambda f: f"not {show(f)}: the loss is lower at a {'smaller' if f > 1 / 3 else 'larger'} f",
        within=0.005,
    ),
    "read a share": function(
        "derivatives t",
        [([1.0, 4.0], [0.5, -1.5]), ([-2.0, 3.0], [1.0, 3.0])],
        lambda derivatives, t: [
            (derivatives[1] - t[1] * derivatives[0]) / (t[0] - t[1]),
            (derivatives[1] - t[0] * derivatives[0]) / (t[1] - t[0]),
        ],
        {
            lambda derivatives, t: [
                (derivatives[0] * t[0] - derivatives[1]) / (t[0] - t[1]),
                (derivatives[1] - derivatives[0] * t[1]) / (t[0] - t[1]),
            ]: "these are the two numbers in the wrong order",
            lambda derivatives, t: [
                (t[1] * derivatives[0] - t[0] * derivatives[1]) / (t[1] - t[0]),
                (derivatives[1] - derivatives[0]) / (t[1] - t[0]),
            ]: "this solves the transposed system; the powers of t belong in the rows",
            lambda derivatives, t: list(derivatives): "these are the derivatives themselves",
        },
        "the rows of the matrix are (1, 1) and (t_1, t_2)",
    ),
    "certified radius": function(
        "gradient H K",
        [
            ([0.03, 0.04], [[2.0, 1.0], [1.0, 2.0]], 4.0),
            ([0.003, 0.004], [[4.0, 0.0], [0.0, 0.5]], 20.0),
            ([0.3, 0.4], [[2.0, 1.0], [1.0, 2.0]], 4.0),
            ([0.003, 0.004], [[1.0, 2.0], [2.0, 1.0]], 1.0),
        ],
        _certified(),
        {
            _newton_step: "this bounds Newton's step; the minimum may lie further away, or nowhere near",
            _unproven: "nothing is proven where the curvature changes too fast or is negative: return infinity",
            _without_sign: "a negative eigenvalue makes a saddle: return infinity",
            _certified(lambda h: -_smallest_curvature([[-h[0][0], -h[0][1]], [-h[1][0], -h[1][1]]])): (
                "the smallest eigenvalue decides, not the largest"
            ),
        },
        "infinity unless mu > 0 and h < 1/2; otherwise 2 delta / (1 + sqrt(1 - 2 h))",
    ),
    "escape with smaller steps": whole(
        1200,
        {
            300: "a quarter of the step size covers a quarter of the way in 300 steps",
            75: "smaller steps take more of them",
            4800: "that would be for a sixteenth of the step size",
            600: "by which factor is 0.001 smaller than 0.004?",
        },
        "eta times the number of steps should stay the same",
    ),
    "one corner rescued": number(
        48 / (math.sqrt(2) + math.sqrt(3)) ** 2,
        {
            6: "this is the loss of all six; one of them can be rescued",
            5: "d = 0 is best for three of each label; two and three are left",
            2.745: "this is the limit with four corners, of which three are left",
            0: "one exponential rescues one point; the others share d",
        },
        "rescue one point, then find the best d for the five others",
        within=0.006,
    ),
    "blind linear unit": whole(
        3,
        {
            1: "that is the equation for b; which ones does w bring?",
            2: "these are the equations for w; b brings another",
            4: "the amplitude is zero, and brings no equation beyond those of w and b",
            8: "that every loss slope vanishes is what the exponential needs",
        },
        "one equation for each number that multiplies w_1, w_2 or b",
    ),
    # 08 Minima at infinity
    "escape limit": number(
        0.512,
        {
            1.024: "that is the loss without the neuron; one exponential has one sign, so whom can it help?",
            0: "the neuron rescues the samples of one class, and the other class keeps its loss",
            0.008: "c is the margin; the loss of a sample is (1 - c)^3",
            0.8: "the hinge is cubed",
        },
        "what is the loss of the one sample that nobody rescues, at theta = 0?",
        within=1e-3,
    ),
    "halved learning rate": number(
        8,
        {
            1 / 8: "upside down: a smaller learning rate is stable for longer",
            4: "4 is the factor for the time t = eta k; the question is about the number of steps",
        },
        "which power of eta does the predicted step have?",
        within=0.05,
    ),
    "two learning rates": function(
        "a slope_in_a alpha lam",
        [(0.6, -1.3, 0.02, 0.7), (-0.4, 0.9, 0.1, 0.2)],
        lambda a, g, alpha, lam: lam * a * a - alpha * g * g / 2,
        {
            lambda a, g, alpha, lam: lam * a * a: "right for small steps; what does a finite step add to a^2/2?",
            lambda a, g, alpha, lam: lam * a * a + alpha * g * g / 2: "the term in alpha has the wrong sign",
            lambda a, g, alpha, lam: lam * a * a - alpha * g * g: "the term in alpha is twice too large",
            lambda a, g, alpha, lam: alpha * lam * a * a - alpha * alpha * g * g / 2: "this is (3); b is divided by "
            "beta here, and a^2/2 by alpha",
        },
        "expand (a - alpha g)^2 / (2 alpha), and let the identity say what b / beta does",
    ),
    "ride of one sample": function(
        "eta lam u steps",
        [(0.1, 1.0, 0.5, 5), (0.05, 0.3, 1.0, 4), (0.2, 0.0, 0.005, 3)],
        _ride,
        {
            _rider(at_once=False): "b moved by the slope at the new a: take both slopes before either number moves",
            _rider(penalty=False): "the penalty does not pull on a",
            _rider(hinge=False): "where a e^b is above u, the loss of the sample is zero, and so is its slope",
            _rider(sign=-1): "this climbs: descent goes against the slope",
        },
        "the slopes are -3 r^2 e^b + lam a and -3 r^2 a e^b, with r = max(0, u - a e^b)",
    ),
    "far input": number(
        1 / (60 * 0.05**3 * 0.125),
        {
            10667: "that is the step for x = 0; now w helps b, so the exponent grows faster",
            10667 / 9: "w contributes x^2, and b still contributes 1",
            10667 / 4: "the slope in w is x times that in b, and w counts x times: x twice",
        },
        "how fast does w x + b grow, compared with b alone?",
        within=11,
        also=(1280, 39),  # with the next order, or as measured
    ),
    # 08b Spikes
    "Adam's limit": number(
        6,
        {
            38: "38 is the limit for beta1 = 0.9",
            3: "2 (1 + beta1) is for momentum that adds gradients; Adam averages them, with 1 - beta1",
            2: "2 is the limit without momentum",
        },
        "put beta1 = 0.5 into (2 + 2 beta1) / (1 - beta1)",
    ),
    "preconditioned sharpness": function(
        "hessian rates",
        [
            ([[2.0, 1.0], [1.0, 3.0]], [0.5, 0.125]),
            ([[4.0, 0.5, 0.0], [0.5, 1.0, 2.0], [0.0, 2.0, 9.0]], [0.25, 1.0, 0.0625]),
            ([[1.0, 0.5], [0.5, -6.0]], [0.5, 1.0]),
        ],
        lambda h, r: _largest(_scaled(h, r, 0.5)),
        {
            lambda h, r: _largest(h): "this is the plain sharpness, without the learning rates",
            lambda h, r: _largest(h) * max(r): "each parameter has a learning rate of its own",
            lambda h, r: _largest(_scaled(h, r, 1)): "only the square root of a rate belongs on each side",
            lambda h, r: _largest(
                _scaled(h, r, -0.5)
            ): "a larger learning rate makes a direction less stable: multiply",
            lambda h, r: _largest(
                _scaled(h, r, 0.5), size=True
            ): "iteration finds the eigenvalue of the largest size, which may be negative: shift, and repeat",
            lambda h, r: abs(
                _largest(_scaled(h, r, 0.5), size=True)
            ): "iteration finds the eigenvalue of the largest "
            "size; a negative one is no sharpness: shift, and repeat",
        },
        "multiply row i and column i by the square root of rate i; then the largest eigenvalue",
        within=1e-4,
    ),
    "behind the wall": number(
        -0.01 * math.exp(12),
        {
            0.02 * math.exp(12): "this is its margin before the update",
            0.01 * math.exp(12): "0.02 - 0.03 is negative, and so is the output",
            -0.03 * math.exp(12): "the step starts from a = 0.02",
            (1 + 0.01 * math.exp(12)) ** 3: "this is its loss; the margin is y times the output",
            -0.01: "this is a; the neuron's output is a exp(z)",
        },
        "the output is (0.02 - 0.03) exp(12)",
        within=1.0,
    ),
    "no spikes": number(
        0.16113,
        {
            0: "none in 20 runs does not make it impossible",
            0.15: "3/20 is the rule of three; use Wilson's interval",
            0.16843: "this is the exact interval, of Clopper and Pearson; use Wilson's",
        },
        "use scipy.stats.binomtest(0, 20).proportion_ci(method='wilson')",
        within=0.005,
        share=True,
    ),
    # 08c Other forms
    "pooled labels": number(
        0.75,
        {
            1: "three to one is not four to none: at p = 1 the sample of class B has an infinite loss",
            0.5: "the samples count, not the classes",
            0.25: "that is the probability of B",
            1 / 3: "3 to 1 are the odds; the probability is a share of all four",
            3: "3 to 1 are the odds; the probability is a share of all four samples",
        },
        "where is the minimum of -3 ln p - ln(1 - p)?",
        share=True,
    ),
    "factor loss": function(
        "loss a b lam",
        [(0.5, 0.8, 0.3, 0.1), (2.0, -0.5, 1.2, 1.0), (1.5, 0.0, 0.7, 0.3)],
        lambda loss, a, b, lam: loss * (1 + (a * math.exp(b) - 1) ** 2) + lam * a * a,
        {
            lambda loss, a, b, lam: loss * (1 + (a * math.exp(b) - 1) ** 2) + lam * a * a / 2: (
                "here the penalty is not halved"
            ),
            lambda loss, a, b, lam: loss * (a * math.exp(b) - 1) ** 2 + lam * a * a: (
                "the factor is 1 plus the square; else it could reach 0 without a smaller loss"
            ),
            lambda loss, a, b, lam: loss * (1 + (a * math.exp(b) - 1)) + lam * a * a: "square a e^b - 1",
            lambda loss, a, b, lam: loss * (1 + (a * math.exp(b)) ** 2) + lam * a * a: (
                "the square is that of a e^b - 1, which pulls a e^b to 1"
            ),
            lambda loss, a, b, lam: loss + (a * math.exp(b) - 1) ** 2 + lam * a * a: (
                "the loss is multiplied by the factor"
            ),
            lambda loss, a, b, lam: loss * (1 + (a * math.exp(b) - 1) ** 2): "the penalty lambda a^2 is missing",
        },
        "it is L (1 + (a e^b - 1)^2) + lambda a^2",
    ),
    "factor slope": function(
        "loss a b",
        [(0.5, 0.8, 0.3), (2.0, -0.5, 1.2), (1.5, 0.4, 0.7)],
        lambda loss, a, b: 2 * loss * (a * math.exp(b) - 1) * a * math.exp(b),
        {
            lambda loss, a, b: 2 * loss * (a * math.exp(b) - 1) * math.exp(b): (
                "this is the slope in a, without the penalty; the derivative of a e^b in b is a e^b"
            ),
            lambda loss, a, b: (
                2 * loss * (a * math.exp(b) - 1)
            ): "the chain rule: multiply by the derivative of a e^b",
            lambda loss, a, b: loss * (a * math.exp(b) - 1) * a * math.exp(b): "the square brings a factor of 2",
            lambda loss, a, b: 2 * (a * math.exp(b) - 1) * a * math.exp(b): "the loss multiplies it all",
        },
        "differentiate (a e^b - 1)^2 in b by the chain rule",
    ),
    # 09 Stability
    "fatal length": number(
        math.sqrt(50**2 - 1),
        {
            5: "the noise is a tenth of the mean weight, 0.02, not 0.2",
            2499: "that is |x|^2; take the root",
        },
        lambda x: f"not {show(x)}: there the exponent moves by s = {0.02 * math.sqrt(x * x + 1):.3g}",
        within=0.1,
    ),
    "discordant seeds": whole(
        8,
        {
            7: "7 against 1 give p = 0.0703; only one side of the test is below 0.05",
            6: "6 are enough against none; against 1 they give p = 0.125",
            9: "9 are enough, and so are fewer",
        },
        "toss k + 1 fair coins: how likely is at most one head, or at most one tail?",
    ),
    "McNemar's test": function(
        "b c",
        [(0, 0), (0, 6), (3, 9), (9, 3), (4, 4)],
        lambda b, c: min(1.0, 2 * _tail(b, c)),
        {
            _tail: "the test has two sides",
            lambda b, c: 2 * _tail(b, c): "the two tails overlap if b = c; a p-value is never above 1",
            lambda b, c: min(1.0, 2 * 0.5 ** (b + c)): "count all results that are as far from the middle",
        },
        "b of b + c fair coins, or a result as far from the middle; with no coin to toss it is 1",
        failing={(ValueError, ZeroDivisionError): "if b = c = 0 there is no coin to toss: return 1"},
    ),
    "cosine at a tenth": number(
        math.acos(-0.8) / math.pi,
        {
            0.9: "a straight line is at a tenth there; the cosine has come down further",
            math.acos(0.1) / math.pi: "there the cosine itself is a tenth; the learning rate is (1 + cos) / 2",
            math.acos(0.8) / math.pi: "there it has come down *by* a tenth",
            math.acos(-0.8): "this is the angle, pi t",
        },
        lambda t: (
            f"not {show(t)}: there the learning rate is {(1 + math.cos(math.pi * t)) / 2:.3f} of its start"
            if 0 <= t <= 1
            else f"expected a fraction of training, between 0 and 1, got {show(t)}"
        ),
        within=0.002,
        share=True,
    ),
    # 10 Quality
    "samples of a sum": whole(
        42,
        {
            41: "a right sample costs *less* than 1, so 41 of them cost less than 41.0",
            1: "a right sample costs less than 1; one cannot cost 41",
            0: "samples without a loss add nothing; something adds 41",
        },
        "without errors each sample costs less than 1",
    ),
    "fewest pairs": whole(
        12,
        {
            11: "11 pairs give 13 x 2 / 2^11 = 0.0127",
            8: "8 pairs give 2 / 2^8 = 0.0078, enough for one row; the smallest of 13 counts 13 times",
            13: "13 are enough, and so are fewer",
        },
        "with n pairs in one direction p is 2 / 2^n; multiply by the number of rows",
    ),
    "signed-rank test": function(
        "differences",
        [([1.0, 2.0, 3.0, 4.0, 5.0],), ([-0.5, 3.0, 1.0, 2.0],), ([4.0, -1.0, -7.0, 2.5, 6.0, 3.0],), ([0.3, -0.1],)],
        _signed_rank,
        {
            lambda d: _signed_rank(d, ranked=False): "this is the sign test: a large difference should count more",
            lambda d: _signed_rank(d, sides=1): "the test has two sides",
            lambda d: _signed_rank(d, strict=True): "count the ways that are *as* far from the middle, too",
        },
        "rank the sizes, add the ranks of the positive ones, and compare with all ways to give signs to the ranks",
    ),
    # 11 Speed
    "updates": whole(
        14250,
        {
            150: "150 updates are one epoch",
            1425000: "these are samples seen; an update sees a batch of them",
            95: "that would be full batch, one update an epoch",
        },
        "an epoch sees every sample once, and an update sees 100",
    ),
    "median with NaN": function(
        "times",
        [([20.0, NAN, 30.0, 40.0, NAN],), ([9.0, 7.0, 8.0],), ([12.0, NAN, 10.0],), ([NAN, 12.0, NAN],)],
        lambda times: _median(times, math.inf),
        {
            _median_of_the_rest: "you have dropped the runs that never arrived",
            lambda times: _median(times, 0.0): "the runs that never arrived count as the fastest",
            lambda times: NAN if any(math.isnan(t) for t in times) else _median(times, 0.0): "there is a median:"
            " never is later than any number (np.percentile returns NaN beside infinity, np.median does not)",
        },
        "never is later than any number",
    ),
    "pairs for Holm": whole(
        9,
        {
            8: "8 pairs give 7 x 2 / 2^8 = 0.055",
            6: "6 pairs give 2 / 2^6 = 0.031, enough for one row; the smallest of seven counts seven times",
            10: "10 are enough, and so are fewer",
        },
        "with n pairs in one direction p is 2 / 2^n; multiply by seven",
    ),
    # 11b The best of a grid
    "more tries": number(
        0.8,
        {
            0.5: "a half is right for equal numbers of tries; the arm with more has the best of all 20 more often",
            0.2: "0.2 is the chance of the arm with fewer tries",
            4: "4 are the odds; what is the chance?",
        },
        "pool all 20 trials; how likely is it that the best is one of the 16?",
        within=0.005,
        share=True,
    ),
    "missing the best": number(
        0.75,
        {
            0.25: "0.25 is the chance that they find it",
            (15 / 16) ** 4: "this draws with replacement; nobody tries one setting twice",
            0.75**7: "that is the chance in all seven rows; we ask for one",
            15 / 16: "this is for a single try, and the second arm has four",
        },
        "the fastest is as likely among any four of the sixteen",
        within=1e-3,
        share=True,
    ),
    "best of k": function(
        "trials k",
        [([4.0, 1.0, 7.0], 1), ([4.0, 1.0, 7.0], 2), ([5.0, 0.0, 0.5, 8.0, 2.0], 3), ([6.0, 0.0, 0.0, 9.0], 4)],
        _mean_smallest,
        {
            lambda trials, k: min(trials): "this is the smallest of all, whatever k",
            lambda trials, k: min(trials[:k]): "these are the first k; draw k of them in all ways",
            lambda trials, k: sum(sorted(trials)[:k]) / k: "this is the mean of the k smallest",
        },
        "average the smallest, over all ways to draw k of the trials",
        failing={IndexError: "k may be as large as the number of trials"},
    ),
    # 12 Generalization
    "most errors": whole(
        60,
        {
            0: "0.03 is a mean over 2000 samples, so their sum is larger than an error costs",
        },
        "how large is the sum of the losses, and what is the least that an error costs?",
    ),
    "tail share": function(
        "s q p",
        [(1.0, 0.01, 3.0), (0.5, 0.05, 1.0), (0.0, 0.2, 3.0), (2.0, 0.1, 0.5)],
        lambda s, q, p: _normal_cdf(p * s - QUANTILE[q]),
        {
            lambda s, q, p: _normal_cdf(s - QUANTILE[q]): "the center moves by p s deviations, not by s",
            lambda s, q, p: _normal_cdf(p * s * s - QUANTILE[q]): "p s^2 is how far it moves, and the unit is s",
            lambda s, q, p: _normal_cdf(p * s + QUANTILE[q]): "subtract the quantile, which the points have to pass",
            lambda s, q, p: _normal_cdf(QUANTILE[q] - p * s): "that is the share of all the other points",
        },
        "how far does the weight e^(p z) move the center of the normal density?",
    ),
    "optimism": number(
        0.53,
        {
            -0.53: "the size is right; it looks better than it is by so much, so leave the minus out",
            0: "each trial is right on average, and the best one of them is not",
            1.77: "this is in units of the spread; multiply by 0.3",
            0.3: "0.3 is the spread of one trial; the best of 16 is further out",
            0.075: "0.3/4 is the error of the mean of 16 trials; the question is about the best one",
        },
        "draw 16 normal numbers many times, and average the smallest",
        within=0.03,
    ),
    "seeds for equivalence": whole(
        20,
        {
            14: "14 seeds allow each side to fail in 20 % of the cases; both together may, so each in 10 %",
            4.4: "that is the square root of it",
        },
        "solve 0.2 sqrt(n) / 0.3 - 1.645 = 1.282 for n, and round up",
        also=(21, 1),  # the exact formula asks for one more
    ),
    # 13 Search
    "resumed halving": whole(
        81,
        {
            108: "this is what it costs restarted; a survivor goes on from where it was",
            27: "this is the first rung alone",
            40: "this counts runs; count epochs",
            120: "this is 27 for each rung and more; how many new epochs does a survivor train?",
        },
        "27 settings train 1 epoch, 9 of them 2 more, and so on",
    ),
    "hyperband brackets": function(
        "budget eta",
        [(81, 3), (243, 3), (100, 4), (27, 3), (9, 2)],
        _brackets(_largest_power),
        {
            _brackets(lambda budget, eta: int(math.log(budget) / math.log(eta))): "log(243) / log(3) is a little"
            " below 5 in floating point; count in whole numbers",
            _brackets(_largest_power, up=False): "the number of settings is rounded up",
            _brackets(_largest_power, last=True): "the most eager bracket comes first",
            lambda budget, eta: [
                [eta**s, budget // eta**s] for s in range(_largest_power(budget, eta), -1, -1)
            ]: "all brackets cost about the same: multiply by (s_max + 1) / (s + 1), and round up",
            lambda budget, eta: [pair[::-1] for pair in _brackets(_largest_power)(budget, eta)]: (
                "first the number of settings, then the budget"
            ),
            lambda budget, eta: [
                [pair[0], budget / eta ** (_largest_power(budget, eta) - i)]
                for i, pair in enumerate(_brackets(_largest_power)(budget, eta))
            ]: "budgets are rounded down",
            lambda budget, eta: _brackets(_largest_power)(budget, eta)[
                1:
            ]: "s_max has eta^s_max <= R: 81 = 3^4, so it is 4",
            lambda budget, eta: _brackets(_largest_power)(budget, eta)[:-1]: "s goes down to 0, which halves nothing",
        },
        "s_max is the largest power with eta^s_max <= R; bracket s draws (s_max + 1) eta^s / (s + 1), rounded up",
    ),
    "random hits": whole(
        59,
        {
            58: "58 still miss with a chance of 5.1 %",
            20: "20 is the number at which one hit is expected; they all miss with a chance of 36 %",
            19: "this is 95 / 5; all n miss with the chance 0.95^n",
            14: "they all miss with a chance of 49 %",
            60: "60 are enough, and so are fewer",
        },
        "all n miss with the chance 0.95^n",
    ),
    # 14 Backpropagation by hand
    "exposing setting": array(
        (4, 2), "four pairs, such as [(5, 5), (3, 3), (1, 1), (1, 1)]", backward.exposing_setting
    ),
    "mean pooling backward": function(
        "dy n size stride",
        [([1.0, 2.0, 4.0], 7, 3, 2), ([3.0, 5.0, 1.0], 9, 2, 3), ([2.0, -1.0], 5, 2, 2), ([1.0, 2.0, 5.0], 4, 2, 1)],
        backward.mean_pool_backward(),
        {
            backward.mean_pool_backward(
                add=False
            ): "where windows overlap, an input went into several outputs: add up",
            backward.mean_pool_backward(by="nothing"): "an output is the mean of its inputs, not their sum",
            backward.mean_pool_backward(by="stride"): "the mean is over size inputs, whatever the stride",
            backward.mean_pool_backward(strided=False): "output p begins at input stride p",
        },
        "each output hands dy / size to each of its inputs",
        failing={
            (IndexError, ValueError): "inputs that no window reaches stay zero, and there may be some at the end"
        },
    ),
    "neither grow nor shrink": number(
        1 / 12,
        {
            1 / 144: "this is the variance; the standard deviation is its root",
            1 / 3: "these are the taps; each belongs to 16 channels",
            1 / 4: "these are the channels; each has nine taps",
            1 / 9: "there are nine taps and 16 channels, and what adds up are squares",
            math.sqrt(2) / 12: "this makes up for ReLU, which halves the square; here is none",
            12: "this is how much deviation 1 grows; what undoes it?",
            -1 / 12: "its size is right, and a standard deviation is positive",
        },
        lambda s: f"not {show(s)}: with this the norm is multiplied by about {show(12 * abs(s), 3)} in each layer",
        within=0.0005,
    ),
    # 15 A digit classifier
    "images needed": number(
        14477,
        {
            7386: "1.96 standard errors means 1.96 squared in the numerator, and both networks have errors",
            3769: "this is for one standard error; 1.96 of them take 1.96 squared times as many",
            123.03: "divide by the square of the difference",
        },
        "the standard error of a difference of two shares, 1.96 times, equals 0.0019",
        within=650,
    ),
    "edge with momentum": number(
        3.4 / 4.3,
        {
            2 / 4.3: "this is the edge without momentum",
            3.8 / 4.3: "this is for momentum 0.9",
            2 / (0.3 * 4.3): "momentum lengthens the steps by 1 / (1 - mu) along a slope; its edge is another matter",
            0.6 / 4.3: "momentum moves this edge up: 1 + mu",
        },
        "eta lambda < 2 (1 + mu)",
        within=0.005,
    ),
    "AdaGrad's second step": function(
        "lr g1 g2",
        [(0.1, 3.0, 4.0), (0.5, 1.0, -2.0), (0.25, 0.01, 1.0)],
        lambda lr, g1, g2: lr * g2 / (g1**2 + g2**2) ** 0.5,
        {
            lambda lr, g1, g2: lr * g2 / ((g1**2 + g2**2) / 2) ** 0.5: "AdaGrad adds the squares; it takes no mean",
            lambda lr, g1, g2: lr * g2 / abs(g1): "the second gradient counts already in the second step",
            lambda lr, g1, g2: lr * g2 / (g1**2 + g2**2): "divide by the root of the sum",
            lambda lr, g1, g2: lr * g2 / (abs(g1) + abs(g2)): "it is the squares that are added up",
            lambda lr, g1, g2: lr * g2: "this is plain descent",
            lambda lr, g1, g2: -lr * g2 / (g1**2 + g2**2) ** 0.5: "with the sign of g2, as the exercise asks",
        },
        "lr times g2, over the root of the sum of both squares",
    ),
    # 16 Noise and transfer
    "attack on pixels": function(
        "x g s epsilon",
        [(0.5, 2.0, 0.25, 0.1), (-1.0, -0.3, 0.5, 0.02), (0.2, 5.0, 0.2, 0.1), (1.5, -4.0, 2.0, 0.3)],
        lambda x, g, s, epsilon: x + math.copysign(epsilon / s, g),
        {
            lambda x, g, s, epsilon: x + math.copysign(epsilon, g): "this moves the pixel by epsilon s",
            lambda x, g, s, epsilon: x + math.copysign(epsilon * s, g): "a pixel is s times the input: divide by s",
            lambda x, g, s, epsilon: x - math.copysign(epsilon / s, g): "this is descent; an attack goes uphill",
            lambda x, g, s, epsilon: x + epsilon / s: "the sign of the slope says whether up or down",
            lambda x, g, s, epsilon: x + epsilon * g: "the slope gives the direction alone, its sign",
            lambda x, g, s, epsilon: x + epsilon / s * g: "the slope gives the direction alone, its sign",
        },
        "the sign of the slope, times epsilon in units of the input",
    ),
    "first order off": number(
        0.0025,
        {
            0.0125: "this is where the slope has vanished; a tenth off is sooner",
            0.025: "this is where the second order is as large as the first",
            0.00125: "the second-order term has a factor of one half",
            0.25: "a tenth of the first-order change",
            80: "this is the curvature divided by the slope",
        },
        "epsilon times half the curvature is a tenth of the slope",
        within=0.00005,
    ),
    "limit of a head": number(
        16 / 11,
        {
            8 / 11: "this is eta_opt; the limit is twice as large",
            16 / 9: "the bias is a feature of 1 in each sample",
            4 / 11: "divide the Hessian by n, and p (1 - p) is a quarter",
            2 / 11: "p (1 - p) is a quarter, and the loss is a mean",
            11 / 8: "this is the sharpness",
            16 / 10: "the two samples share the bias: 10 is not an eigenvalue",
        },
        "2 over the sharpness, which is 11 / 8",
        within=0.006,
    ),
    # 17 Function estimation
    "proximal step": function(
        "w g eta lam",
        [
            (1.0, 2.0, 0.1, 0.5),
            (-1.0, 0.5, 0.1, 2.0),
            (0.03, 0.1, 0.1, 1.0),
            (-0.02, 0.3, 0.1, 0.5),
            (0.1, 3.0, 0.1, 1.0),
        ],
        _proximal,
        {
            _subgradient: "this is the lab's step; a weight that would cross zero has to stop there",
            lambda w, g, eta, lam: _shrunk(w - eta * g, lam): "the learning rate scales the penalty as well: eta lam",
            lambda w, g, eta, lam: _shrunk(w, eta * lam) - eta * g: "first the step on the loss, then toward zero",
            lambda w, g, eta, lam: max(w - eta * g - eta * lam, 0.0): "negative weights move up, toward zero",
            _cut_off: "small weights become zero, and the others move by eta lam, too",
            _across: "a weight that is closer to zero than eta lam stops at zero",
            lambda w, g, eta, lam: _shrunk(w + eta * g, eta * lam): "descent goes against the gradient",
        },
        "w - eta g, then its size less eta lam, but not below zero, with its sign",
    ),
    "k folds": Check(_k_folds),
    "clipped rate": number(
        0.4875,
        {
            9.75: "this is without clipping; 20 is above c",
            0.24375: "this is the ratio to the limit, 2 / lambda; in units of 1 / lambda it is twice that",
            0.00375: "this is the clipped learning rate; divide it by eta_opt",
            195: "clipping divides by the norm, and multiplies by c",
        },
        "eta min(1, c / |g|), times the sharpness",
        within=0.005,
    ),
}
