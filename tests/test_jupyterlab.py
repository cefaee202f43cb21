"""The live figure in a real JupyterLab: started for the test, on this machine alone, and stopped."""

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
from enlib.figures.explore import Curve, explore, slider
explore(lambda eta: {"line": Curve([0, 1], [0, eta]), "note": f"eta is {eta:g}"},
        alt="A line.", caption="Steeper.", eta=slider(1, 3, 3))
"""


@pytest.fixture
def lab(tmp_path):
    """Start JupyterLab in an empty folder with one notebook; yield its address."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    notebook.metadata.kernelspec = {"display_name": "Python 3", "language": "python", "name": "python3"}
    nbformat.write(notebook, tmp_path / "figure.ipynb")
    environment = {key: value for key, value in os.environ.items() if key != "ENLIB_STATIC"}
    environment |= {"JUPYTER_CONFIG_DIR": str(tmp_path / "config"), "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime")}
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


def move_the_slider(chromium, lab):
    """Open the notebook, run its cell, move the slider by keyboard, and see the drawing and the note follow."""
    page = chromium.new_page(viewport={"width": 1400, "height": 1000})
    page.set_default_timeout(60_000)
    page.route(re.compile(r"^https?://(?!127\.0\.0\.1)"), lambda route: route.abort())
    # A slow machine makes JupyterLab ask about kernels; its own suggestion is right.
    page.add_locator_handler(
        page.locator(".jp-Dialog").first, lambda: page.locator(".jp-Dialog .jp-mod-accept").first.click()
    )
    page.goto(f"{lab}lab/tree/figure.ipynb?token=t&reset")
    page.locator(".jp-Notebook .jp-Cell").first.wait_for()
    page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").first.wait_for()
    handle = page.locator(".jp-OutputArea .noUi-handle").first
    for _ in range(5):  # JupyterLab drops a key press while it is still settling
        page.locator(".jp-Notebook .cm-content").first.click()
        page.keyboard.press("Shift+Enter")
        try:
            handle.wait_for(timeout=15_000)
            break
        except TimeoutError:
            continue
    page.locator(".jp-OutputArea .js-plotly-plot .main-svg").first.wait_for()
    read = "() => Array.from(document.querySelector('.js-plotly-plot').data[0].y)"
    assert page.evaluate(read) == [0, 2]
    handle.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.querySelector('.js-plotly-plot').data[0].y[1] === 3")
    page.get_by_text("eta is 3").first.wait_for()
    page.close()


def test_the_same_cell_is_a_live_widget_and_moving_it_redraws(lab):
    with browser.launched() as chromium:
        for attempt in (1, 2, 3):  # of JupyterLab's start, not of our figure: a wrong number fails at once
            try:
                return move_the_slider(chromium, lab)
            except TimeoutError:
                if attempt == 3:
                    raise
