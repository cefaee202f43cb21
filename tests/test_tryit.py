"""Exercises answered in the published pages: in a real browser, on a server and as files, the network cut off."""

import base64
import html
import json
import re
import sys
from pathlib import Path

import browser
import pytest
from plain_answers import ANSWER_ALL, right_and_wrong

from enlib.exercises.checks import CHECKS

ROOT = Path(__file__).parents[1]
SITE = ROOT / "_build" / "html"
sys.path.insert(0, str(ROOT / "book" / "_ext"))

import tryit  # noqa: E402

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(browser.find() is None, reason="NO BROWSER FOUND: install chromium, or set ENLIB_BROWSER"),
]
NOTEBOOK = "notebooks/07_exponential_neuron.html"
SLOPE = "def slope_in_b(a, slope_in_a, lam):\n    return a * slope_in_a - lam * a**2"
CURVATURE = "def one_minimum(w):\n    return np.sqrt(abs(w))"


@pytest.fixture
def open_page(chromium):
    """Open an address with everything beyond this machine cut off; note what is loaded, and what goes wrong."""
    contexts = []

    def open_(address, **options):
        context = chromium.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.wrong, page.loaded = [], []
        page.on("console", lambda m: page.wrong.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: page.wrong.append(str(error)))
        page.on("request", lambda request: page.loaded.append(request.url))
        page.route(re.compile(r"^(?!http://127\.0\.0\.1)(https?|wss?)://"), lambda route: route.abort())
        page.goto(address)
        return page

    yield open_
    for context in contexts:
        context.close()


def answer(page, exercise, code=None, seconds=60):
    """Write an answer, press Run, and return what the page says to it."""
    form = page.locator(f'form[data-exercise="{exercise}"]')
    if code is not None:
        form.locator("textarea").fill(code)
    form.locator("[type=submit]").click()
    done = "(f) => f.querySelector('button').textContent === 'Run' && f.querySelector('output').textContent"
    page.wait_for_function(done, arg=form.element_handle(), timeout=1000 * seconds)
    return form.locator("output").inner_text()


def pythons(page):
    return [url for url in page.loaded if "tryit_python" in url or "wasm" in url]


def test_every_exercise_can_be_answered_in_its_page():
    pages = [path.read_text(encoding="utf-8") for path in (SITE / "notebooks").glob("*.html")]
    asked = [html.unescape(name) for page in pages for name in re.findall(r'data-exercise="([^"]+)"', page)]
    assert sorted(asked) == sorted(CHECKS)


def test_right_and_wrong_answers_to_every_kind_of_exercise(address, open_page):
    page = open_page(address + NOTEBOOK)
    form, asked = page.locator('form[data-exercise="rescue"]'), page.locator("form.en-try").count()
    assert form.locator("textarea").input_value() == "amplitude = None  # your answer"
    assert page.locator("form.en-try + details.en-code").count() == asked >= 4
    assert not page.locator("form.en-try + details.en-code").first.is_visible()
    assert pythons(page) == []
    assert answer(page, "rescue") == "not answered yet"
    assert len(pythons(page)) == 1
    assert "a e^2" in answer(page, "rescue", "amplitude = 1.5")
    assert answer(page, "rescue", "amplitude = 1.5 * math.exp(-2)") == "right!"
    assert "mind the sign" in answer(page, "slope in b", SLOPE.replace("- lam", "+ lam"))
    assert answer(page, "slope in b", SLOPE) == "right!"
    assert answer(page, "separating direction", "direction = [1, 2]") == "right!"
    assert answer(page, "most zeros", "print('hello')\nzeros = unknown").startswith("line 2: NameError: ")
    assert page.locator('form[data-exercise="most zeros"] pre').inner_text().strip() == "hello"
    said = page.locator(".en-try-bar").inner_text()
    assert said.startswith(f"Right on this page: 3 of {asked}; in all notebooks: 3.")
    assert len(pythons(page)) == 1
    page.goto(address + "notebooks/01_nonconvexity.html")
    assert "it is convex" in answer(page, "one minimum", CURVATURE.replace("np.sqrt(abs(w))", "w * w"))
    assert answer(page, "one minimum", CURVATURE) == "right!"
    assert "in all notebooks: 4." in page.locator(".en-try-bar").inner_text()
    assert page.wrong == []


@pytest.mark.slow
def test_a_right_and_a_wrong_answer_to_every_exercise(address, open_page):
    given, answered = right_and_wrong(), set()
    for path in sorted((SITE / "notebooks").glob("*.html")):
        page = open_page(f"{address}notebooks/{path.name}")
        forms = page.locator("form[data-exercise]")
        names = forms.evaluate_all("(forms) => forms.map((form) => form.dataset.exercise)")
        asked = [(name, *one) for name in names for one in given[name]]
        assert page.evaluate(ANSWER_ALL, [one[:2] for one in asked]) == [one[2] for one in asked]
        answered.update(names)
        page.context.close()
    assert answered == set(CHECKS)


def test_a_loop_without_end_is_stopped_and_python_starts_again(address, open_page):
    page = open_page(address + NOTEBOOK)
    assert "Does a loop never end?" in answer(page, "rescue", "while True:\n    pass")
    form = page.locator('form[data-exercise="rescue"]')
    form.locator("[type=submit]").click()
    form.get_by_text("Running …").wait_for()
    form.get_by_role("button", name="Stop").click()
    assert form.locator("output").inner_text() == "Stopped."
    form.locator("[type=submit]").click()  # once more, and meanwhile another one
    assert answer(page, "added parameters", "added = 3074") == "right!"
    assert form.locator("output").inner_text() == "Stopped."
    assert page.wrong == []


def test_a_million_steps_take_seconds(address, open_page):
    page = open_page(address + NOTEBOOK)
    answer(page, "rescue")
    steps = "import time\nstart, w = time.time(), 1.0\nfor step in range(1_000_000):\n    w -= 0.1 * w\n"
    assert answer(page, "rescue", steps + "print(time.time() - start)\namplitude = 0.203") == "right!"
    assert float(page.locator('form[data-exercise="rescue"] pre').inner_text()) < 9


def test_answers_are_kept_saved_and_cleared(address, open_page):
    page = open_page(address + NOTEBOOK)
    bar = page.locator(".en-try-bar")
    assert not bar.get_by_role("button").first.is_visible()
    answer(page, "rescue", "amplitude = 0.203")
    page.locator('form[data-exercise="slope in b"] textarea').fill(SLOPE)
    page.reload()
    form = page.locator('form[data-exercise="rescue"]')
    assert form.locator("textarea").input_value() == "amplitude = 0.203"
    assert form.locator("output").inner_text() == "right!"
    assert page.locator('form[data-exercise="slope in b"] textarea').input_value() == SLOPE
    with page.expect_download() as download:
        bar.get_by_role("button", name="Save").click()
    saved = json.loads(download.value.path().read_text(encoding="utf-8"))["answers"]
    assert saved == {
        "rescue": {"answer": "amplitude = 0.203", "said": "right!"},
        "slope in b": {"answer": SLOPE},
    }
    page.on("dialog", lambda dialog: dialog.accept())
    bar.get_by_role("button", name="Clear").click()
    assert form.locator("textarea").input_value() == "amplitude = None  # your answer"
    page.reload()
    assert form.locator("output").inner_text() == ""
    assert bar.inner_text().startswith("Right on this page: 0 of ")
    assert page.wrong == []


def test_enter_keeps_the_indentation_and_the_tabulator_leaves(address, open_page):
    page = open_page(address + NOTEBOOK)
    form = page.locator('form[data-exercise="slope in b"]')
    field = form.locator("textarea")
    field.focus()
    page.keyboard.type("lam")  # in the place of what stands for the answer
    page.keyboard.press("Control+Home")
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    page.keyboard.type("if a:")
    page.keyboard.press("Enter")
    page.keyboard.type("pass")
    written = "def slope_in_b(a, slope_in_a, lam):\n    if a:\n        pass\n    return lam  # your answer"
    assert field.input_value() == written
    page.keyboard.press("Tab")
    assert form.locator("[type=submit]").evaluate("(b) => b === document.activeElement")
    field.focus()
    page.keyboard.press("Control+Enter")
    form.get_by_text("at a = 0.8").wait_for()
    assert field.input_value() == written


def test_a_loop_of_a_notebook_is_changed_and_run(address, open_page):
    page = open_page(address + "notebooks/03_learning_rate_regimes.html")
    form = page.locator('form[data-loop="gradient_descent"]')
    field, printed, said = (form.locator(part) for part in ("textarea", "pre", "output"))
    assert not page.locator("form[data-loop] + .en-static").first.is_visible()
    assert not printed.is_visible()
    form.locator("[type=submit]").click()
    form.get_by_text("Done.").wait_for()
    assert printed.inner_text().splitlines()[2] == "eta 2: 1.00 -1.00 1.00 -1.00 1.00 -1.00"
    field.fill(field.input_value().replace("w - eta", "w + eta").replace("(0.6, 1, 2, 2.1)", "[1]"))
    form.locator("[type=submit]").click()
    form.get_by_text("Done.").wait_for()
    assert printed.inner_text().strip() == "eta 1: 1.00 2.00 4.00 8.00 16.00 32.00"
    field.fill("while True:\n    pass")
    form.locator("[type=submit]").click()
    form.get_by_text("Running …").wait_for()
    form.get_by_role("button", name="Stop").click()
    assert said.inner_text() == "Stopped."
    field.fill("w = 1\nw / 0")
    form.locator("[type=submit]").click()
    form.get_by_text("line 2: ZeroDivisionError").wait_for()
    page.reload()
    assert field.input_value() == "w = 1\nw / 0"
    form.get_by_role("button", name="Reset").click()
    assert "w = w - eta * slope(w)" in field.input_value()
    assert page.locator(".en-try-bar").inner_text().startswith("Right on this page: 0 of 3;")
    assert page.wrong == []


def test_without_script_the_code_of_the_notebook_is_there(address, open_page):
    page = open_page(address + NOTEBOOK, java_script_enabled=False)
    assert not page.locator("form.en-try").first.is_visible()
    assert page.locator("form.en-try + details.en-code").first.is_visible()
    page = open_page(address + "notebooks/03_learning_rate_regimes.html", java_script_enabled=False)
    assert page.locator("form.en-try + .en-static pre").first.is_visible()


def test_only_pages_with_exercises_load_any_of_it(address, open_page):
    page = open_page(address + "book/notation.html")
    assert page.locator(".en-try, .en-try-bar").count() == 0
    assert not any("tryit" in url for url in page.loaded)


@pytest.mark.parametrize("policy, said", [("blob:", "right!"), ("'self'", "Python does not run in this browser")])
def test_no_text_is_evaluated_so_that_a_policy_may_forbid_it(tmp_path, open_page, policy, said):
    """A policy has to allow WebAssembly, and workers from the page itself."""
    for name in ("tryit.js", "style.css"):
        (tmp_path / name).write_bytes((ROOT / "book" / "_assets" / name).read_bytes())
    (tmp_path / "tryit_python.js").write_text(tryit.script(), encoding="utf-8")
    form = tryit.form("amplitude = 0.203", "rescue", "amplitude")
    (tmp_path / "index.html").write_text(
        '<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>t</title><link rel="icon" href="data:,">'
        f"<meta http-equiv=\"Content-Security-Policy\" content=\"script-src 'self' 'wasm-unsafe-eval'; "
        f'worker-src {policy}"><script src="tryit.js" data-python="tryit_python.js" defer></script>'
        f"<main>{form}</main></html>",
        encoding="utf-8",
    )
    with browser.served(tmp_path) as served:
        page = open_page(served)
        assert answer(page, "rescue").startswith(said)


def test_python_that_cannot_be_loaded_is_tried_again(address, open_page):
    page = open_page(address + NOTEBOOK)
    page.route("**/tryit_python.js*", lambda route: route.abort())
    assert "could not be loaded" in answer(page, "rescue")
    page.unroute("**/tryit_python.js*")
    assert answer(page, "rescue", "amplitude = 0.203") == "right!"


def test_the_engine_is_what_its_digests_say():
    """The build compares them, too; here, that the script holds the engine unchanged but for its being a module."""
    listed = {line.split()[1] for line in (tryit.MICROPYTHON / "SHA256SUMS").read_text().splitlines()}
    assert {path.name for path in tryit.MICROPYTHON.iterdir()} - listed == {"README.md", "SHA256SUMS"}
    script = tryit.script()
    license = (tryit.MICROPYTHON / "LICENSE").read_text(encoding="utf-8")
    assert script.startswith(f"/* MicroPython 1.27.0, Python in WebAssembly, MIT license\n\n{license}*/\n")
    parts = json.loads(script.partition("*/\nenPython(")[2].removesuffix(");\n"))
    assert base64.b64decode(parts["wasm"]) == (tryit.MICROPYTHON / "micropython.wasm").read_bytes()
    assert "import.meta" not in parts["engine"]
    assert not re.search(r"^export |;export |}export ", parts["engine"])
    assert len(script) < 1_000_000
