"""Answers to every exercise that take no more than plain Python, as sources, for the checks in the page."""

import ast
import functools
import math
import re
from pathlib import Path

import exercise_answers
import numpy as np
from exercise_answers import RIGHT, WRONG
from scipy.stats import norm

from enlib.exercises import check
from enlib.exercises.checks import CHECKS

HEAD = (
    "from functools import partial\nfrom itertools import combinations, permutations, product\nfrom math import e\n"
)
# What the page says of an answer that takes arrays, and of syntax that MicroPython does not have.
NEEDS_MORE = "no NumPy in this page|list indices|raised (TypeError|AttributeError)|assignment target"
CAUCHY = (
    "def answer(g, h, radius):\n"
    "    bend = sum(g[i] * h[i][j] * g[j] for i in range(len(g)) for j in range(len(g)))\n"
    "    length = math.hypot(*g)\n"
    "    return [-min(length**2 / bend if bend > 0 else 1e9, radius / length) * x for x in g]"
)
SIGNED_RANK = (
    "def answer(differences):\n"
    "    sizes = sorted(abs(d) for d in differences)\n"
    "    ranks = [sizes.index(abs(d)) + 1 for d in differences]\n"
    "    seen, sums = sum(r for r, d in zip(ranks, differences) if d > 0), [0]\n"
    "    for r in ranks:\n"
    "        sums += [s + r for s in sums]\n"
    "    return sum(abs(2 * s - sum(ranks)) >= abs(2 * seen - sum(ranks)) for s in sums) / len(sums)"
)
PRODUCT = (
    "def answer(gradient, w, v):\n"
    "    h = 1e-5\n"
    "    up = gradient([x + h * y for x, y in zip(w, v)])\n"
    "    down = gradient([x - h * y for x, y in zip(w, v)])\n"
    "    return [(p - q) / (2 * h) for p, q in zip(up, down)]"
)
CHAIN = (
    "def answer(w, b, a):\n"
    "    slope = 1.0\n"
    "    for weight, bias in zip(w, b):\n"
    "        a = 1 / (1 + math.exp(-(weight * a + bias)))\n"
    "        slope *= weight * a * (1 - a)\n"
    "    return slope"
)
# As a reader writes them who has no NumPy, for exercises whose other answers need it: first a right one.
PLAIN = {
    "product by differences": [
        PRODUCT,
        PRODUCT.replace("1e-5", "0.5"),
        PRODUCT.replace("1e-5", "1e-3").replace("x - h * y", "x").replace("(2 * h)", "h"),
        PRODUCT.replace("(2 * h)", "h"),
        PRODUCT.replace("(2 * h)", "(4 * h)"),
        PRODUCT.replace("p - q", "q - p"),
    ],
    "chain gradient": [
        CHAIN,
        CHAIN.replace("weight * a * (1", "a * (1"),
        CHAIN.replace("weight * a + bias", "weight * a"),
        CHAIN.replace(" * (1 - a)", ""),
    ],
    "Cauchy step": [
        CAUCHY,
        CAUCHY.replace("[-min", "[min"),
        CAUCHY.replace(" if bend > 0 else 1e9", ""),
        CAUCHY.replace("radius / length", "radius"),
        "answer = lambda g, h, radius: [-g[0] / h[0][0], -g[1] / h[1][1]]",
        "def answer(g, h, radius):\n    return [-radius * x / math.hypot(*g) for x in g]",
    ],
    "signed-rank test": [
        SIGNED_RANK,
        SIGNED_RANK.replace(">= abs", "> abs"),
        SIGNED_RANK.replace("sizes.index(abs(d)) + 1", "1"),
        SIGNED_RANK.replace("/ len", "/ 2 / len"),
    ],
    "permute hidden units": [
        "def answer(w1, b1, w2, order):\n"
        "    return [w1[k] for k in order], [b1[k] for k in order], [[row[k] for k in order] for row in w2]",
        "answer = lambda w1, b1, w2, o: (w1, [b1[k] for k in o], [[row[k] for k in o] for row in w2])",
        "answer = lambda w1, b1, w2, o: ([w1[k] for k in o], b1, [[row[k] for k in o] for row in w2])",
        "answer = lambda w1, b1, w2, o: ([w1[k] for k in o], [b1[k] for k in o], w2)",
        "answer = lambda w1, b1, w2, o: ([w1[k] for k in o], [b1[k] for k in o], [w2[k] for k in o])",
    ],
    "interval width": [f"answer = lambda w: {wrong} * np.arccosh(np.sqrt(w) / 2)" for wrong in ("2 / w", "4", "2")],
    "read a share": [
        "def answer(d, t):\n    b = (d[1] - t[0] * d[0]) / (t[1] - t[0])\n    return [d[0] - b, b]",
        "def answer(d, t):\n    b = (d[1] - t[0] * d[0]) / (t[1] - t[0])\n    return [b, d[0] - b]",
        "answer = lambda d, t: d",
        "answer = lambda d, t: d[0]",
    ],
    "certified radius": [
        "def answer(gradient, H, K):\n"
        "    (p, q), (_, r) = H\n"
        "    mu = (p + r) / 2 - math.hypot((p - r) / 2, q)\n"
        "    delta = math.hypot(*gradient) / mu\n"
        "    h = K * delta / mu\n"
        "    return 2 * delta / (1 + math.sqrt(1 - 2 * h)) if mu > 0 and h < 0.5 else math.inf",
        "answer = lambda g, H, K: math.hypot(*g)",
        "answer = lambda g, H, K: math.inf",
        "def answer(gradient, H, K):\n    (p, q), (_, r) = H\n"
        "    return math.hypot(*gradient) / ((p + r) / 2 - math.hypot((p - r) / 2, q))",
    ],
    "preconditioned sharpness": [
        "def answer(hessian, rates):\n"
        "    n = len(rates)\n"
        "    m = [[hessian[i][j] * math.sqrt(rates[i] * rates[j]) for j in range(n)] for i in range(n)]\n"
        "    v = [1.0 / (k + 1) for k in range(n)]\n"
        "    for _ in range(5000):\n"
        "        w = [sum(m[i][j] * v[j] for j in range(n)) + 10 * v[i] for i in range(n)]\n"
        "        size = math.sqrt(sum(x * x for x in w))\n"
        "        v = [x / size for x in w]\n"
        "    return size - 10",
        "answer = lambda hessian, rates: max(rates)",
        "answer = lambda hessian, rates: sum(hessian[k][k] * rates[k] for k in range(len(rates)))",
        "answer = lambda hessian, rates: rates",
    ],
    "McNemar's test": [
        "def answer(b, c):\n    n = b + c\n"
        "    return min(1, 2 * sum(math.comb(n, k) for k in range(min(b, c) + 1)) / 2**n)",
    ],
    "best of k": [
        "from itertools import combinations\n\n\ndef answer(trials, k):\n"
        "    smallest = [min(some) for some in combinations(trials, k)]\n"
        "    return sum(smallest) / len(smallest)",
        "answer = lambda trials, k: sum(sorted(trials)[:k]) / k",
    ],
    "median with NaN": [
        "def answer(times):\n"
        "    never = math.inf\n"
        "    return sorted(never if math.isnan(t) else t for t in times)[len(times) // 2]",
        "answer = lambda times: sorted(0 if math.isnan(t) else t for t in times)[len(times) // 2]",
        "answer = lambda times: sorted(50.0 if math.isnan(t) else t for t in times)[len(times) // 2]",
        "def answer(times):\n    rest = sorted(t for t in times if not math.isnan(t))\n"
        "    return (rest[(len(rest) - 1) // 2] + rest[len(rest) // 2]) / 2",
    ],
    "hyperband brackets": [
        "def answer(budget, eta):\n    most = 0\n    while eta ** (most + 1) <= budget:\n        most += 1\n"
        "    return [(-(-(most + 1) * eta**s // (s + 1)), budget // eta**s) for s in range(most, -1, -1)]",
        "def answer(budget, eta):\n    most = int(math.log(budget) / math.log(eta))\n"
        "    return [(-(-(most + 1) * eta**s // (s + 1)), budget // eta**s) for s in range(most, -1, -1)]",
        "def answer(budget, eta):\n    most = 0\n    while eta ** (most + 1) <= budget:\n        most += 1\n"
        "    return [((most + 1) * eta**s // (s + 1), budget // eta**s) for s in range(most, -1, -1)]",
        "answer = lambda budget, eta: [(1, budget)]",
    ],
    "mean pooling backward": [
        "def answer(dy, n, size, stride):\n    dx = [0.0] * n\n    for p in range(len(dy)):\n"
        "        for i in range(size):\n            dx[stride * p + i] += dy[p] / size\n    return dx",
        "def answer(dy, n, size, stride):\n    dx = [0.0] * n\n    for p in range(len(dy)):\n"
        "        for i in range(size):\n            dx[stride * p + i] = dy[p] / size\n    return dx",
        "def answer(dy, n, size, stride):\n    dx = [0.0] * n\n    for p in range(len(dy)):\n"
        "        for i in range(size):\n            dx[p + i] += dy[p] / size\n    return dx",
        "answer = lambda dy, n, size, stride: [d / size for d in dy]",
    ],
}


def sources():
    """Return for each exercise its PLAIN answers and the numbers, lists and most functions of `exercise_answers`."""
    tree = ast.parse(Path(exercise_answers.__file__).read_text(encoding="utf-8"))
    helpers = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    imported = {a.asname or a.name for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom) for a in n.names}
    foreign = imported - {"combinations", "math", "norm", "np", "partial", "permutations", "product"}
    found = {name: [f"answer = {value!r}" for value in plain_values(name)] + PLAIN.get(name, []) for name in CHECKS}
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and statement.targets[0].id in ("FUNCTIONS", "WRONG"):
            for key, listed in zip(statement.value.keys, statement.value.values, strict=True):
                for one in listed.elts:
                    given = one.elts[0] if isinstance(one, ast.Tuple) else one
                    needed = helpers_of(given, helpers, foreign) if isinstance(given, ast.Lambda | ast.Name) else None
                    if needed is not None:
                        before = [ast.unparse(helper) for name, helper in helpers.items() if name in needed]
                        found[key.value].append("\n".join([*before, f"answer = {ast.unparse(given)}"]))
    return {name: [HEAD + source for source in listed] for name, listed in found.items()}


def plain_values(name):
    given = [*RIGHT.get(name, ()), *(value for value, _ in WRONG[name])]
    return [value for value in given if re.fullmatch(r"[\d.,e+()\[\] -]+", repr(value))]


def helpers_of(node, helpers, foreign):
    """Return the names of the helpers that an answer needs; None if it needs another library."""
    needed, unseen = set(), [node]
    while unseen:
        names = {name.id for name in ast.walk(unseen.pop()) if isinstance(name, ast.Name)}
        if names & foreign:
            return None
        unseen += [helpers[name] for name in names & set(helpers) - needed]
        needed |= names & set(helpers)
    return needed


# Answers one exercise of a page after the other, and returns what the page says.
ANSWER_ALL = """async (given) => {
  const said = [];
  for (const [exercise, code] of given) {
    const form = [...document.forms].find((form) => form.dataset.exercise === exercise);
    const [run, output] = [form.querySelector("button"), form.querySelector("output")];
    form.querySelector("textarea").value = `${code}\\n${form.dataset.answer} = answer`;
    run.click();
    do await new Promise((soon) => setTimeout(soon, 20)); while (run.textContent !== "Run");
    said.push(output.textContent);
  }
  return said;
}"""


@functools.cache
def right_and_wrong():
    """Return for each exercise a right and a wrong answer, each with what Python says to it."""
    chosen = {}
    for name, listed in sources().items():
        said = {source: by_python(source, name) for source in listed if "np." not in source}
        right = next(source for source, text in said.items() if text == "right!")
        wrong = next(s for s, text in said.items() if text != "right!" and not re.search(NEEDS_MORE, text))
        chosen[name] = [(source, said[source]) for source in (right, wrong)]
    return chosen


def by_python(source, name):
    """Return what the check says to a source in Python."""
    scope = {"math": math, "np": np, "norm": norm}
    exec(source, scope)
    return check(name, scope["answer"])
