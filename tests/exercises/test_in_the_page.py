"""The checks in MicroPython, as the published pages run them: every sentence is the one that Python says."""

import ast
import json
import math
import re
import subprocess
from pathlib import Path

import exercise_answers
import numpy as np
import pytest
from exercise_answers import FUNCTIONS, RIGHT, WRONG
from playwright._impl._driver import compute_driver_executable
from scipy.stats import norm

from enlib.exercises import answers, check
from enlib.exercises.checks import CHECKS

ROOT = Path(__file__).parents[2]
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
    tryit = pytest.importorskip("tryit")

    def run(cases):
        node, _ = compute_driver_executable()
        parts = [tryit.files(), tryit.program(), cases]
        command = [node, "--input-type=module", "-e", NODE, (tryit.MICROPYTHON / "micropython.mjs").as_uri()]
        ran = subprocess.run(command, input=json.dumps(parts), capture_output=True, text=True, encoding="utf-8")
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)

    return run


def sources():
    """Return the plain numbers, lists and functions of `exercise_answers`: pairs of exercise and source."""
    tree = ast.parse(Path(exercise_answers.__file__).read_text(encoding="utf-8"))
    helpers = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    found = [(name, f"answer = {value!r}") for name in CHECKS for value in _numbers(name)]
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and statement.targets[0].id in ("FUNCTIONS", "WRONG"):
            for key, listed in zip(statement.value.keys, statement.value.values, strict=True):
                given = [one.elts[0] if isinstance(one, ast.Tuple) else one for one in listed.elts]
                needed = [(one, _needed(one, helpers)) for one in given if isinstance(one, ast.Lambda | ast.Name)]
                found += [
                    (key.value, "\n".join([*map(ast.unparse, sorted(before, key=lambda f: f.lineno)), f"answer = {ast.unparse(one)}"]))
                    for one, before in needed
                    if before is not None
                ]
    return found


def _numbers(name):
    given = [*RIGHT.get(name, ()), *(value for value, _ in WRONG[name])]
    return [value for value in given if re.fullmatch(r"[\d.,e+()\[\] -]+", repr(value))]


def _needed(node, helpers, seen=()):
    """Return the helpers that an answer needs; None if it takes more than numbers and lists."""
    names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    if names & {"torch", "landscape", "search", "statistics", "binom", "binomtest", "Fraction", "combinations", "partial"}:
        return None
    needed = {helpers[name] for name in names & set(helpers)} - set(seen)
    for helper in list(needed):
        more = _needed(helper, helpers, (*seen, *needed))
        if more is None:
            return None
        needed |= more
    return needed


def by_python(source, name):
    scope = {"math": math, "np": np, "norm": norm, "e": math.e}
    exec(source, scope)
    return check(name, scope["answer"])
