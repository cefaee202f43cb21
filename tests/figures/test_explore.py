import base64
import io
import json
import math
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from bs4 import BeautifulSoup
from PIL import Image

from enlib.figures import BASE, DIVERGED, ClosedForm, Curve, HeatMap, Points, choice, explore, slider
from enlib.figures.page import pack
from enlib.figures.style import css

T = np.linspace(0, 1, 20)
GOOD = {"alt": "A line.", "caption": "Steeper."}
FORM = ClosedForm(lambda p, q: {"a": Curve(T, p * T + q)}, "({p, q}) => ({a: {x: [0, 1], y: [q, p < q ? p : q]}})")


def lines(eta, mu=0.0):
    return {"a": Curve(T, eta * T), "b": Points(torch.tensor([0.5]), [eta]), "note": f"{eta}, {mu}"}


def spec_of(figure):
    return json.loads(BeautifulSoup(figure.to_html(), "html.parser").find(type="application/json").string)


def test_last_control_runs_fastest():
    figure = explore(lambda p, q: {"c": Curve([0, 1], [p, q])}, **GOOD, p=slider(0, 1, 2), q=slider(0, 2, 3))
    frames = [np.array([p, q], dtype=float) for p in (0, 1) for q in (0, 1, 2)]
    assert spec_of(figure)["marks"][0]["y"] == pack(frames)


def test_values_of_a_choice_may_be_anything():
    arrays = [np.zeros(2), np.ones(2)]  # whose == is an array
    explore(lambda k: {"c": Curve([0, 1], k)}, **GOOD, k=choice(arrays))


def test_colors_are_the_palette_s():
    page = explore(lines, **GOOD, eta=slider(1, 2, 3), colors={"b": DIVERGED}).to_html()
    assert css(DIVERGED) in page
    with pytest.raises(ValueError, match="color of the palette .* got 'red'"):
        explore(lines, **GOOD, eta=slider(1, 2, 3), colors={"b": "red"})
    with pytest.raises(ValueError, match="colors by mark to be one of a, b; got 'B': did you mean 'b'"):
        explore(lines, **GOOD, eta=slider(1, 2, 3), colors={"B": BASE})


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"alt": ""}, ValueError, "expected alt text, got '': say what the figure shows"),
        ({"alt": None}, TypeError, "expected alt text, got None"),
        ({"caption": " "}, ValueError, "expected caption text"),
        ({"caption": 3}, TypeError, "expected caption text, got 3"),
        ({"x": None, "eta": slider(1, 2, 3)}, TypeError, "expected x text, got None: pass the label of the axis"),
        ({"y": 1, "eta": slider(1, 2, 3)}, TypeError, "expected y text, got 1"),
        ({}, ValueError, "expected one or two controls, got 0"),
        ({"eta": slider(0, 1), "mu": slider(0, 1), "nu": slider(0, 1)}, ValueError, "one or two controls, got 3"),
        ({"eta": 0.5}, TypeError, r"expected slider\(...\) or choice\(...\) for eta, got 0.5"),
        ({"eta": slider(0, 1), "m u": slider(0, 1)}, ValueError, "name of an argument, got 'm u'"),
        (
            {"eta": slider(0, 1, 226)},
            ValueError,
            "at most 225 frames, got 226: use fewer values, or pass a Closed",
        ),
        ({"eta": slider(0, 1, 16), "mu": slider(0, 1, 16)}, ValueError, "at most 225 frames, got 256"),
        ({"eta": slider(0, 1, 3), "yscale": "log"}, ValueError, "expected positive y for a logarithmic axis"),
        ({"eta": slider(0, 1, 3), "yscale": "lin"}, ValueError, "yscale to be one of linear, log; got 'lin'"),
        ({"eta": slider(0, 1, 3), "xlim": (1, 0)}, ValueError, "expected low < high for xlim, got 1 and 0"),
        ({"eta": slider(0, 1, 3), "xlim": (0, math.nan)}, ValueError, "expected finite ends of xlim, got 1 NaN"),
        ({"eta": slider(1, 2, 3), "xlim": (None, 1)}, TypeError, "expected ends of xlim to be numbers"),
        (
            {"eta": slider(1, 2, 3), "x": r"$\eta$"},
            ValueError,
            r"the label of x without TeX, got '.*': write the symbols",
        ),
        ({"eta": slider(1, 2, 3, label=r"\eta")}, ValueError, "label of eta without TeX"),
        ({"eta": slider(1, 2, 3), "drag": "b"}, TypeError, "list of marks to drag, got 'b': put it in brackets"),
        ({"eta": slider(1, 2, 3), "drag": ["c"]}, ValueError, "a mark to drag to be one of a, b; got 'c'"),
        (
            {"eta": slider(1, 2, 3), "drag": {"b": ("eta", "mu")}},
            ValueError,
            "a slider of b to be one of eta; got 'mu'",
        ),
        ({"eta": slider(1, 2, 3), "play": "mu"}, ValueError, "expected play to be one of eta; got 'mu'"),
        ({"eta": slider(1, 2, 3), "picks": "a"}, ValueError, "expected a mark of one point as picks, got 'a'"),
        ({"eta": slider(1, 2, 3), "colors": [BASE]}, TypeError, "expected colors by mark, got"),
        ({"eta": slider(1, 2, 3), "xlim": 3}, ValueError, "expected two numbers for xlim, got 3"),
        ({"eta": slider(1, 2, 3), "ylim": (0, 1)}, ValueError, "low > 0 for ylim, which is logarithmic, got 0"),
    ],
)
def test_bad_calls(arguments, error, message):
    if arguments.get("ylim"):
        arguments = {**arguments, "yscale": "log"}
    with pytest.raises(error, match=message):
        explore(lines, **{**GOOD, **arguments})


def test_a_pick_that_nobody_kept_is_not_drawn():
    page = BeautifulSoup(explore(lines, **GOOD, eta=slider(1, 2, 3), picks="b").to_html(), "html.parser")
    line, dot = (mark.path["d"] for mark in page.symbol.select(".en-mark"))
    assert (bool(line), dot, page.select_one(".en-note").text) == (True, "", "")


def test_alt_cannot_be_left_out():
    with pytest.raises(TypeError, match="alt"):
        explore(lines, caption="c", eta=slider(0, 1))


def test_limits_of_any_kind_of_pair():
    for lim in ((0, 1), [0, 1], np.array([0, 1]), torch.tensor([0, 1])):
        assert spec_of(explore(lines, **GOOD, eta=slider(1, 2, 3), xlim=lim))["x"]["lim"] == [0, 1]


def test_what_is_not_a_function_is_refused():
    with pytest.raises(TypeError, match=r"expected a function or a ClosedForm, got \{\}"):
        explore({}, **GOOD, eta=slider(0, 1))


def test_heat_map_on_a_logarithmic_axis_is_refused():
    """Its cells would be drawn where they are not."""
    with pytest.raises(ValueError, match="expected a linear x axis for a heat map"):
        explore(lambda k: {"z": HeatMap(T + 1, T + 1, np.eye(20))}, **GOOD, xscale="log", k=slider(0, 1, 2))


@pytest.mark.parametrize(
    "fn, message",
    [
        (
            lambda p: {"c": Curve(range(2 + (p > 0)), range(2 + (p > 0)))},
            "curve of 2 .*, got .*curve of 3 .* at p=1",
        ),
        (
            lambda p: {"c" if p == 0 else "d": Curve([0, 1], [0, 1])},
            "same marks in every frame, .*c.*, got .*d.* at p=1",
        ),
        (
            lambda p: {"c": Curve([0, 1], [0, 1 / (p - 1) if p < 1 else np.nan])},
            "at p=1: expected finite y of a",
        ),
        (lambda p: Curve([0, 1], [0, 1]), "marks by name.* got Curve at p=0"),
        (lambda p: {1: Curve([0, 1], [0, 1])}, "marks by name.* got {1: 'Curve'} at p=0"),
        (lambda p: {}, "marks by name.* got {} at p=0"),
        (lambda p: {"c": Curve([0, 1], [0, 1]), "n": 3}, "got .*'n': 'int'.* at p=0: return"),
    ],
)
def test_bad_frames_name_the_values(fn, message):
    with pytest.raises(ValueError, match=message):
        explore(fn, **GOOD, p=slider(0, 1, 2))


def test_closed_form_has_no_frames_and_no_limit():
    figure = explore(FORM, **GOOD, p=slider(0, 1, 101), q=slider(0, 1, 101, start=0.42))
    assert len(figure.to_html()) < 40_000
    assert spec_of(figure)["controls"][1]["start"] == 42
    assert f"= {FORM.javascript};</script>" in figure.to_html()


@pytest.mark.parametrize(
    "python, javascript, error, message",
    [
        (None, "() => 1", TypeError, "expected a function as python, got None"),
        (lines, None, TypeError, "expected javascript text, got None"),
        (lines, " ", ValueError, "expected javascript text, got ' '"),
        (lines, "() => '</SCRIPT>'", ValueError, "expected JavaScript without </script"),
    ],
)
def test_bad_closed_forms(python, javascript, error, message):
    with pytest.raises(error, match=message):
        ClosedForm(python, javascript)


def test_a_notebook_gets_the_script_and_the_committed_outputs_do_not(monkeypatch):
    figure = explore(lines, **GOOD, eta=slider(1, 2, 3))
    committed, _ = figure._repr_mimebundle_()
    monkeypatch.delenv("ENLIB_STATIC")
    live, _ = figure._repr_mimebundle_()
    for bundle, kind in ((committed, "text/javascript"), (live, "application/javascript")):
        assert sorted(bundle) == sorted([kind, "image/png", "text/plain"])
        assert bundle["text/plain"] == GOOD["alt"]
        assert figure.to_html() in json.loads(bundle[kind].splitlines()[-1].removesuffix(");"))
        assert "</" not in bundle[kind]  # which would end a script that holds it
    script = (Path(__file__).parents[2] / "enlib/figures/assets/explore.js").read_text(encoding="utf-8")
    assert script in live["application/javascript"]
    assert len(committed["text/javascript"]) < len(figure.to_html()) + 8000


def test_the_picture_is_small_the_same_twice_and_tells_no_versions():
    pictures = [explore(wild, **GOOD, k=slider(1, 2, 2))._repr_mimebundle_()[0]["image/png"] for _ in range(2)]
    assert pictures[0] == pictures[1]
    picture = base64.b64decode(pictures[0])
    assert len(picture) < 40_000
    with Image.open(io.BytesIO(picture)) as image:
        assert (image.width, image.info) == (780, {})


@pytest.mark.slow
@pytest.mark.parametrize("exporter, options", [("HTMLExporter", {"sanitize_html": True}), ("LatexExporter", {})])
def test_where_scripts_may_not_run_there_is_the_picture_and_no_scattered_words(exporter, options):
    import nbconvert
    import nbformat

    bundle, metadata = explore(lines, **GOOD, x="AXIS", eta=slider(1, 2, 3))._repr_mimebundle_()
    output = nbformat.v4.new_output("display_data", data=bundle, metadata=metadata)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("figure", outputs=[output])])
    text, resources = getattr(nbconvert, exporter)(**options).from_notebook_node(notebook)
    assert "AXIS" not in text
    if exporter == "HTMLExporter":
        assert f"data:image/png;base64,{bundle['image/png'][:200]}" in text.replace("\n", "")
    else:
        assert list(resources["outputs"].values()) == [base64.b64decode(bundle["image/png"])]
        assert all(name in text for name in resources["outputs"])


def wild(k):
    grid = np.linspace(-2, 2, 40)
    return {"z": HeatMap(grid, grid, np.sin(k * grid) * np.cos(grid[:, None])), "path": Curve(grid, np.sin(grid))}


def test_the_script_is_part_of_an_installed_package(tmp_path):
    """And so are the styles, though setuptools packs nothing but Python by itself."""
    root = Path(__file__).parents[2]
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(root / name, tmp_path)
    shutil.copytree(root / "enlib", tmp_path / "enlib", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "results").mkdir()  # which becomes a part of the package, too
    program = "from setuptools import setup; setup()"
    subprocess.run(
        [sys.executable, "-c", program, "-q", "build", "--build-lib", "built"], cwd=tmp_path, check=True,
        capture_output=True,
    )  # fmt: skip
    packed = sorted(path.name for path in (tmp_path / "built" / "enlib" / "figures" / "assets").iterdir())
    assert packed == ["ball.js", "explore.css", "explore.js"]


@pytest.mark.slow
def test_no_widget_library_is_needed():
    program = "import sys, enlib.figures; print({'plotly', 'ipywidgets', 'anywidget', 'IPython'} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "set()\n"


def test_closed_forms_that_look_alike_are_told_apart():
    """They are found by the id of their figure."""
    pages = [explore(ClosedForm(lines, f"() => {k}"), **GOOD, eta=slider(0, 1)).to_html() for k in (1, 2)]
    first, second = (BeautifulSoup(page, "html.parser").figure["id"] for page in pages)
    assert first != second


def test_the_script_evaluates_no_text():
    """Content security policies forbid it: `new Function` needs 'unsafe-eval'."""
    script = (Path(__file__).parents[2] / "enlib/figures/assets/explore.js").read_text()
    for word in ("eval(", "new Function", "innerHTML", "document.write", "insertAdjacentHTML"):
        assert word not in script
