"""The checks in MicroPython, as the published pages run them: every sentence is the one that Python says."""

import ast
import json
import math
import re
import subprocess
import sys
from collections import Counter
from functools import partial
from pathlib import Path

import exercise_answers
import numpy as np
import pytest
from exercise_answers import RIGHT, WRONG
from playwright._impl._driver import compute_driver_executable
from scipy.stats import norm

from enlib.exercises import answers, check
from enlib.exercises.checks import CHECKS

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "book" / "_ext"))

import tryit  # noqa: E402

# Reads [files, program, [[source, name, answer], ...]] and writes what `run` says to each.
NODE = """
import { readFileSync } from "fs";
const { loadMicroPython } = await import(process.argv[1]);
const [files, program, cases] = JSON.parse(readFileSync(0, "utf8"));
const python = await loadMicroPython({ heapsize: 1 << 23 });
for (const [path, text] of Object.entries(files)) {
  python.FS.mkdirTree(path.replace(/[^/]+$/, ""));
  python.FS.writeFile(path, text);
}
python.runPython(program);
const run = python.globals.get("run");
process.stdout.write(JSON.stringify(cases.map((one) => run(...one))));
"""


@pytest.fixture(scope="module")
def in_the_page():
    """Return what MicroPython says to a list of sources, each with the name of its exercise and of its answer."""

    def run(cases):
        node, _ = compute_driver_executable()
        parts = [tryit.files(), tryit.program(), cases]
        command = [node, "--input-type=module", "-e", NODE, (tryit.MICROPYTHON / "micropython.mjs").as_uri()]
        ran = subprocess.run(command, input=json.dumps(parts), capture_output=True, text=True, encoding="utf-8")
        assert ran.returncode == 0, ran.stderr[-1000:]
        return json.loads(ran.stdout)

    return run


# As a reader writes them who has no NumPy, for exercises whose other answers need it: first a right one.
PLAIN = {
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
    found = {name: [f"answer = {value!r}" for value in plain_values(name)] + PLAIN.get(name, []) for name in CHECKS}
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and statement.targets[0].id in ("FUNCTIONS", "WRONG"):
            for key, listed in zip(statement.value.keys, statement.value.values, strict=True):
                for one in listed.elts:
                    given = one.elts[0] if isinstance(one, ast.Tuple) else one
                    needed = helpers_of(given, helpers) if isinstance(given, ast.Lambda | ast.Name) else None
                    if needed is not None:
                        before = [ast.unparse(helper) for name, helper in helpers.items() if name in needed]
                        found[key.value].append("\n".join([*before, f"answer = {ast.unparse(given)}"]))
    return found


def plain_values(name):
    given = [*RIGHT.get(name, ()), *(value for value, _ in WRONG[name])]
    return [value for value in given if re.fullmatch(r"[\d.,e+()\[\] -]+", repr(value))]


def helpers_of(node, helpers):
    """Return the names of the helpers that an answer needs; None if it needs another library."""
    needed, unseen = set(), [node]
    while unseen:
        names = {name.id for name in ast.walk(unseen.pop()) if isinstance(name, ast.Name)}
        if names & {"torch", "landscape", "search", "statistics", "binom", "binomtest", "Fraction", "combinations"}:
            return None
        unseen += [helpers[name] for name in names & set(helpers) - needed]
        needed |= names & set(helpers)
    return needed


def by_python(source, name):
    scope = {"math": math, "np": np, "norm": norm, "e": math.e, "partial": partial}
    exec(source, scope)
    return check(name, scope["answer"])


def alike(said):
    """Return a sentence without what Python and MicroPython word differently."""
    return re.sub(r"(float |integer )?division by zero|divide by zero", "division by zero", said)


@pytest.mark.slow
def test_every_sentence_is_the_one_that_python_says(in_the_page):
    cases = [(name, source) for name, listed in sources().items() for source in listed]
    said = in_the_page(
        [["from math import e\nfrom functools import partial\n" + source, name, "answer"] for name, source in cases]
    )
    compared, right = Counter(), Counter()
    for (name, source), text in zip(cases, said, strict=True):
        if not re.search(
            "no NumPy in this page|list indices|raised (TypeError|AttributeError)|assignment target", text
        ):
            assert alike(text) == alike(by_python(source, name)), source
            compared[name] += 1
            right[name] += text == answers.RIGHT
    assert compared.total() >= 450
    in_page = set(CHECKS) - tryit.NOTEBOOK_ONLY
    assert {
        name: (right[name], compared[name]) for name in in_page if not 1 <= right[name] <= compared[name] - 3
    } == {}
