"""The figure in a real JupyterLab: started for the test, on this machine alone, and stopped."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress

import browser
import nbformat
import pytest
from playwright.sync_api import TimeoutError

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(browser.find() is None, reason="NO BROWSER FOUND: install chromium, or set ENLIB_BROWSER"),
]

CELL = """
from enlib.figures import ClosedForm, Curve, explore, slider
explore(lambda eta: {"line": Curve([0, 1], [0, eta]), "note": f"eta is {eta:g}"},
        alt="A line.", caption="Steeper.", x="λ", eta=slider(1, 3, 3, start=1))
"""
FORM = """
explore(ClosedForm(lambda eta: {"line": Curve([0, 1], [0, eta])}, "({eta}) => ({line: {x: [0, 1], y: [0, eta]}})"),
        alt="A closed form.", caption="Steeper.", eta=slider(1, 3, 3, start=1))
"""


@pytest.fixture
def lab(tmp_path):
    """Start JupyterLab in an empty folder with one notebook; yield its address."""
    cells = [nbformat.v4.new_code_cell(source) for source in (CELL, FORM)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata.kernelspec = {"display_name": "Python 3", "language": "python", "name": "python3"}
    nbformat.write(notebook, tmp_path / "figure.ipynb")
    environment = {key: value for key, value in os.environ.items() if key != "ENLIB_STATIC"}
    for name in ("config", "runtime", "data"):
        environment[f"JUPYTER_{name.upper()}_DIR"] = str(tmp_path / name)
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", "--port=0", "--allow-root"]
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(
            [*command, "--IdentityProvider.token=t", f"--ServerApp.root_dir={tmp_path}", "--expose-app-in-browser"],
            env=environment, stdout=log, stderr=log, cwd=tmp_path,
        )  # fmt: skip
        try:
            yield _address(server, tmp_path)
        finally:
            server.terminate()
            try:
                server.wait(timeout=20)
            except subprocess.TimeoutExpired:
                server.kill()


def _address(server, folder):
    for _ in range(120):
        for info in (folder / "runtime").glob("jpserver-*.json"):
            url = json.loads(info.read_text())["url"]
            with suppress(OSError), urllib.request.urlopen(f"{url}api?token=t", timeout=10):  # not yet listening
                return url
        assert server.poll() is None, (folder / "log").read_text()
        time.sleep(0.5)
    raise AssertionError("JupyterLab did not start: " + (folder / "log").read_text())


def open_notebook(chromium, lab):
    page = chromium.new_page(viewport={"width": 1400, "height": 1600})
    page.set_default_timeout(60_000)
    page.wrong = []
    page.on("pageerror", lambda error: page.wrong.append(str(error)))
    page.route(re.compile(r"^https?://(?!127\.0\.0\.1)"), lambda route: route.abort())
    # A slow machine makes JupyterLab ask about kernels; its own suggestion is right.
    page.add_locator_handler(
        page.locator(".jp-Dialog").first, lambda: page.locator(".jp-Dialog .jp-mod-accept").first.click()
    )
    page.goto(f"{lab}lab/tree/figure.ipynb?token=t&reset")
    page.locator(".jp-Notebook .jp-Cell").first.wait_for()
    page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").first.wait_for()
    return page


def move_the_sliders(page):
    """Move each slider by keyboard, and see the drawing, the note and what is read out follow."""
    figures = page.locator(".jp-OutputArea figure.en-explore[data-ready]")
    figures.nth(1).wait_for()
    for figure in figures.all():
        assert figure.locator(".en-wide > use").is_visible()
        slider = figure.locator("input[type=range]")
        slider.focus()
        for key, drawn in (("ArrowRight", 2), ("ArrowUp", 3), ("ArrowDown", 2), ("ArrowLeft", 1)):
            page.keyboard.press(key)
            figure.and_(page.locator(f"[data-drawn='{drawn - 1}']")).wait_for()
            assert slider.get_attribute("aria-valuetext") == str(drawn)
            shape = figure.locator(".en-mark path").evaluate("(path) => path.getAttribute('d')")
            # The axis runs from 0 to 3 and 4 % beyond, and from 10000 to 0 in the units of the shape.
            assert int(shape.split()[-1]) == pytest.approx(10000 * (1 - (drawn + 0.12) / 3.24), abs=2)
    assert figures.first.locator(".en-note").inner_text() == "η is 1"
    assert figures.first.get_by_role("button", name="Zoom").count() == 0
    assert "#" not in page.url
    assert page.wrong == []


def run_save_and_open_again(chromium, lab):
    page = open_notebook(chromium, lab)
    for _ in range(5):  # JupyterLab drops a key press while it is still settling
        page.locator(".jp-Notebook .cm-content").first.click()
        page.keyboard.press("Shift+Enter")
        page.keyboard.press("Shift+Enter")
        try:
            page.locator(".jp-OutputArea figure.en-explore[data-ready]").nth(1).wait_for(timeout=15_000)
            break
        except TimeoutError:
            continue
    move_the_sliders(page)
    if picture := os.environ.get("ENLIB_TEST_PICTURE"):
        page.screenshot(path=picture)
    page.locator(".jp-Notebook .cm-content").first.click()
    page.keyboard.press("Control+s")
    page.locator(".lm-TabBar-tab.lm-mod-current:not(.jp-mod-dirty)", has_text="figure.ipynb").wait_for()
    page.close()
    again = open_notebook(chromium, lab)
    move_the_sliders(again)  # from the saved output: no cell was run
    again.close()


def open_what_somebody_else_saved(chromium, lab, path):
    """Change the file, so that JupyterLab no longer trusts it, and see a picture in the place of each figure."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_markdown_cell("Not mine."))
    nbformat.write(notebook, path)
    page = open_notebook(chromium, lab)
    pictures = page.locator(".jp-OutputArea-output img")
    pictures.nth(1).wait_for()
    for picture in pictures.all():
        assert picture.evaluate("(image) => image.complete && image.naturalWidth") == 780
        assert picture.bounding_box()["width"] == pytest.approx(520, abs=2)
    assert page.locator(".jp-OutputArea figure").count() == 0
    assert "".join(page.locator(".jp-OutputArea-output").all_inner_texts()).strip() == ""
    if folder := os.environ.get("ENLIB_TEST_PICTURE"):
        page.screenshot(path=f"{folder}.untrusted.png")
    assert page.wrong == []


def test_the_figure_of_the_book_moves_in_jupyterlab_and_is_a_picture_where_it_is_not_trusted(lab, tmp_path):
    with browser.launched() as chromium:
        for attempt in (1, 2, 3):  # of JupyterLab's start, not of our figure: a wrong number fails at once
            try:
                run_save_and_open_again(chromium, lab)
                return open_what_somebody_else_saved(chromium, lab, tmp_path / "figure.ipynb")
            except TimeoutError:
                if attempt == 3:
                    raise
