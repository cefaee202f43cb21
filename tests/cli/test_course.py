"""`course`: an edition without solutions, and grades of thirty notebooks, some of them hostile."""

import ast
import csv
import json
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from enlib.cli import course, main

ROOT = Path(__file__).parents[2]
MOMENTUM, SLOPE = ('exercises.check("momentum edge", edge)', 'exercises.check("slope in b", slope_in_b)')
RIGHT_SLOPE = "def slope_in_b(a, slope_in_a, lam):\n    return a * slope_in_a - lam * a**2"


def notebook(*cells, **more):
    code = [{"cell_type": "code", "source": c, "outputs": [], "execution_count": None, "metadata": {}} for c in cells]
    return json.dumps({"cells": code, "metadata": {}, "nbformat": 4, "nbformat_minor": 5} | more)


def edge(*cells, answer="380"):
    """A notebook with other cells, and then one exercise answered wrong by them, and one answered right."""
    return notebook("from enlib import exercises", *cells, f"edge = {answer}", MOMENTUM, RIGHT_SLOPE, SLOPE)


# A notebook, the numbers of its line (exercises, answered, right, wrong, broken), and a part of its remark, by name.
HARMLESS = {
    "right": (edge(), 2, 2, 2, 0, 0, ""),
    "right in one cell": (notebook('check("momentum edge", 2 * (1 + 0.9) / 0.01)'), 1, 1, 1, 0, 0, ""),
    "right by way of other cells": (
        notebook("%matplotlib inline\nimport math as m", "box = []", "box.append(m.e)",
                 "!ls\ndef f():\n    return g()", "def g():\n    return 1.5 / box[0] ** 2",
                 'exercises.check("rescue", f())'),
        1, 1, 1, 0, 0, "",
    ),
    "right after an error elsewhere": (edge("1 / 0", "def (:", "raise SystemExit"), 2, 2, 2, 0, 0, ""),
    "wrong": (edge(answer="200"), 2, 2, 1, 1, 0, "momentum edge: not quite: this is the edge without momentum"),
    "wrong type": (edge(answer="'380'"), 2, 2, 1, 1, 0, "expected a number, got the text '380'"),
    "unanswered": (notebook("edge = None", MOMENTUM, RIGHT_SLOPE.replace("a * ", "... #"), SLOPE), 2, 0, 0, 0, 0, ""),
    "no exercises": (notebook("print(1)"), 0, 0, 0, 0, 0, "no exercises"),
    "empty": ("", 0, 0, 0, 0, 0, "not a notebook"),
    "broken json": (edge()[:-9], 0, 0, 0, 0, 0, "not a notebook: JSONDecodeError"),
    "latin-1": (edge("# é").encode().decode("unicode_escape").encode("latin-1"), 0, 0, 0, 0, 0, "not a notebook"),
    "list": ("[1, 2]", 0, 0, 0, 0, 0, "not a notebook"),
    "deep": ("[" * 10**5, 0, 0, 0, 0, 0, "not a notebook"),
    "cells of another kind": (json.dumps({"cells": [1]}), 0, 0, 0, 0, 0, "not a notebook"),
    "no such exercise": (notebook("x = 1", 'exercises.check("=cmd()\x1b[2J", x)'), 1, 1, 0, 0, 1, "no such exercise"),
    "exception": (edge("zero = 0", answer="1 / zero"), 2, 2, 1, 0, 1, "cell 3: ZeroDivisionError"),
    "syntax": (edge(answer="= 380"), 2, 2, 1, 0, 1, "SyntaxError"),
    "function that raises": (edge(answer="380").replace("a * slope", "{}['x'] * slope"), 2, 2, 1, 1, 0, "KeyError"),
}  # fmt: skip


def hostile(folder, outside, port):
    return {
        "endless loop": (edge(answer="1\nwhile True: pass"), 2, 2, 1, 0, 1, "momentum edge: stopped after 30 s"),
        "memory": (edge(answer="len(bytearray(10**10))"), 2, 2, 1, 0, 1, "MemoryError"),
        "delete here": (edge(answer="__import__('shutil').rmtree('.') or 380"), 2, 2, 1, 0, 1, ""),
        "delete there": (
            edge(answer=f"380\nimport shutil; shutil.rmtree({str(folder)!r}, ignore_errors=True)\n"
                 f"shutil.rmtree({str(outside)!r}, ignore_errors=True)"), 2, 2, 2, 0, 0, "",
        ),
        "fork": (
            edge(answer="380\nimport os, subprocess\nfor _ in range(3): os.fork()\n"
                 "subprocess.Popen(['sleep', '98765.4'], start_new_session=True)"), 2, 2, 2, 0, 0, "",
        ),
        "megabytes": (edge(answer="380\nfor _ in range(50): print('x' * 10**6)"), 2, 2, 2, 0, 0, ""),
        "exit": (edge("class Exit(SystemExit): pass\nExit.__name__ = 'right!'\ndef leave(): raise Exit",
                      answer="1").replace("edge = 1", "edge = leave()"), 2, 2, 1, 0, 1, "right!"),
        "hard exit": (edge(answer="__import__('os')._exit(3)"), 2, 2, 1, 0, 1, "ended its process with 3"),
        "crash": (edge(answer="__import__('ctypes').string_at(0)"), 2, 2, 1, 0, 1, "momentum edge: ended"),
        "replaced check": (
            edge("import enlib.exercises as e, enlib.exercises.checks as c\ne.check = lambda *a: 'right!'\n"
                 "for name in c.CHECKS: c.CHECKS[name] = e.check", answer="e.check() and c and 200"),
            2, 2, 1, 1, 0, "without momentum",
        ),
        "forged": (
            edge(answer="200\nimport os\nfor fd in range(1, 20):\n    try: os.write(fd, b'{\"asked\": []}\\n[]\\n')"
                 "\n    except OSError: pass"), 2, 2, 1, 1, 0, "without momentum",
        ),
        "network": (
            edge(answer=f"380\nimport socket\nsocket.create_connection(('127.0.0.1', {port}))"), 2, 2, 2, 0, 0, "",
        ),
    }  # fmt: skip


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """Grade thirty notebooks; return the folder, what was in it, the lines by name, and what was printed."""
    folder, outside = tmp_path_factory.mktemp("notebooks"), tmp_path_factory.mktemp("outside")
    (outside / "thesis.txt").write_text("years")
    (folder / "list of names.txt").write_text("Ada")
    with socket.create_server(("127.0.0.1", 0)) as server:
        cases = HARMLESS | hostile(folder, outside, server.getsockname()[1])
        assert len(cases) == 30
        for name, (text, *_) in cases.items():
            path = folder / ("hostile" if name not in HARMLESS else ".") / f"{name}.ipynb"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        out = tmp_path_factory.mktemp("out") / "grades.csv"
        command = [sys.executable, "-m", "enlib", "course", "grade", folder, "--out", out, "--seconds", "30"]
        ran = subprocess.run([*map(str, command)], capture_output=True, text=True, encoding="utf-8", timeout=900)
    assert ran.returncode == 0, ran.stderr
    lines = {Path(line["notebook"]).stem: line for line in csv.DictReader(out.open(encoding="utf-8-sig"))}
    return {"cases": cases, "before": before, "lines": lines, "outside": outside, "ran": ran}


@pytest.mark.slow
def test_each_of_thirty_notebooks_has_its_line(graded):
    assert sorted(graded["lines"]) == sorted(graded["cases"])
    wrong = []
    for name, (_, *numbers, remark) in graded["cases"].items():
        line = graded["lines"][name]
        got = [int(line[column]) for column in ("exercises", "answered", "right", "wrong", "broken")]
        may_vary = name in ("delete here", "network") and got[2] + got[4] == 2 and got[2] >= 1
        if (got != numbers and not may_vary) or remark not in line["remarks"]:
            wrong.append((name, got, line["remarks"]))
    assert not wrong
    assert all(float(line["seconds"]) < 100 for line in graded["lines"].values())


@pytest.mark.slow
def test_nothing_is_lost_and_nothing_left_running(graded):
    assert all(path.read_bytes() == data for path, data in graded["before"].items())
    commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not [command for command in commands if b"98765.4" in command]
    assert len(graded["ran"].stdout) < 10_000
    assert "\x1b" not in graded["ran"].stdout + "".join(str(line) for line in graded["lines"].values())


@pytest.mark.slow
def test_with_landlock_nothing_is_deleted_elsewhere_and_no_connection_made(graded):
    if "does not confine" in graded["ran"].stderr:
        pytest.skip("this system has no Landlock")
    assert (graded["outside"] / "thesis.txt").read_text() == "years"
    assert "restored" not in graded["lines"]["delete there"]["remarks"]


def test_what_is_deleted_or_changed_is_put_back(tmp_path):
    paths = [tmp_path / "a" / f"{k}.ipynb" for k in range(6)]
    paths[0].parent.mkdir()
    for path in paths:
        path.write_bytes(b"answers")
    kept = [course._Kept(path) for path in paths]
    assert not any(each.restore() for each in kept)
    time.sleep(0.01)
    paths[0].write_bytes(b"nothing")
    paths[1].unlink()
    paths[2].unlink()
    (paths[2] / "folder").mkdir(parents=True)
    paths[3].unlink()
    paths[3].symlink_to(paths[4])
    paths[5].touch()
    assert [each.restore() for each in kept] == [True, True, True, True, False, False]
    paths[0].parent.rename(tmp_path / "b")
    assert all(each.restore() for each in kept)
    assert not any(each.restore() for each in kept)
    assert all(path.read_bytes() == b"answers" and not path.is_symlink() for path in paths)


@pytest.mark.parametrize(
    "cells, answer, needed",
    [
        (["import numpy as np", "p = slow()", "def f(p):\n    return np.exp(p)"], "f", [0, 2]),
        (["x = 1", "x = 2", "x += 1", "y = x", "x = 5"], "y", [1, 2, 3]),
        (["def f():\n    return g()", "def g():\n    return 1", "g = 2"], "f", [0, 2]),
        (["box = []", "box.append(1)", "print(box)", "box[0] = 2", "other.append(box)"], "box", [0, 1, 3]),
        (["step = slow()", "for step in range(3):\n    done = step"], "done", [1]),
        (["from math import *", "x = e"], "x", [0, 1]),
        (["import numpy as np", "np.random.seed(0)", "[k for k in slow()]", "k = np.pi"], "k", [0, 3]),
        (["x = 1", "def (:", "y = 1 + unknown"], "x + y", [0, 2]),
    ],
)
def test_only_the_cells_that_an_answer_needs_are_run(cells, answer, needed):
    trees = [course._parsed(cell, "cell")[0] for cell in cells]
    assert course._needed(trees, ast.parse(answer, mode="eval").body) == needed


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x"])
def test_no_cell_of_the_table_is_a_formula(text):
    assert course._plain(text) == "'" + text
    assert course._plain("a\x1b[2J\nb\ud800") == "a [2J b "


def test_the_edition_for_students_has_no_solutions_and_no_outputs(tmp_path, capsys):
    assert main(["course", "student", str(tmp_path / "new"), "--notebooks", str(ROOT / "notebooks")]) == 0
    assert main(["course", "student", str(tmp_path / "new"), "--notebooks", str(ROOT / "notebooks")]) == 1
    assert "expected a new or an empty folder" in capsys.readouterr().err
    originals = sorted((ROOT / "notebooks").glob("*.ipynb"))
    written = sorted((tmp_path / "new" / "notebooks").glob("*.ipynb"))
    assert [path.name for path in written] == [path.name for path in originals]
    for path, original in zip(written, originals, strict=True):
        text, whole = path.read_text(encoding="utf-8"), original.read_text(encoding="utf-8")
        cells = json.loads(text)["cells"]
        assert "<summary>Solution" not in text
        assert "<summary>Answer" in text or "<summary>Answer" not in whole
        assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)
        asked = re.compile(r"exercises\.check\(|> \*\*Predict\.\*\*|\(Open\.\)")
        assert len(asked.findall(text)) == len(asked.findall(whole))
        assert text.count("<details>") == text.count("</details>")


def test_answers_to_predictions_can_be_left_out(tmp_path):
    command = ["course", "student", str(tmp_path / "new"), "--notebooks", str(ROOT / "notebooks"), "--no-answers"]
    assert main(command) == 0
    for path in (tmp_path / "new" / "notebooks").iterdir():
        text = path.read_text(encoding="utf-8")
        assert "<summary>Answer" not in text
        assert text.count("<details>") == text.count("</details>")


@pytest.mark.parametrize("action", ["student", "grade"])
def test_a_folder_without_notebooks_is_said_to_be_one(tmp_path, capsys, action):
    given = [str(tmp_path / "new"), "--notebooks", str(tmp_path)] if action == "student" else [str(tmp_path)]
    assert main(["course", action, *given]) == 1
    assert "error: expected notebooks in" in capsys.readouterr().err
