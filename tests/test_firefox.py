"""The published pages in Firefox, driven over WebDriver BiDi: figures, exercises, and no request elsewhere."""

import itertools
import json
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest
import websocket  # a dependency of JupyterLab's server
import yaml
from plain_answers import ANSWER_ALL, right_and_wrong

ROOT = Path(__file__).parents[1]
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
PAGES = [TOC["root"], *(chapter["file"] for part in TOC["parts"] for chapter in part["chapters"])]
PAGES += ["search", "404"]
FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
# The network is cut: whatever is not on this machine goes to a proxy that does not answer.
SETTINGS = {
    "app.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.proxy.type": 1,
    "network.proxy.http": "127.0.0.1",
    "network.proxy.http_port": 9,
    "network.proxy.ssl": "127.0.0.1",
    "network.proxy.ssl_port": 9,
}
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(FIREFOX is None, reason="NO FIREFOX FOUND: install firefox-esr to try the pages there too"),
]


class Tab:
    """A tab of Firefox."""

    def __init__(self, address):
        self.socket = websocket.create_connection(address + "/session", timeout=300, suppress_origin=True)
        self.numbers, self.wrong, self.loaded = itertools.count(), [], []
        self.send("session.new", capabilities={})
        self.send("session.subscribe", events=["log.entryAdded", "network.beforeRequestSent"])
        self.context = self.send("browsingContext.getTree")["contexts"][0]["context"]

    def send(self, method, **params):
        number = next(self.numbers)
        self.socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            message = json.loads(self.socket.recv())
            if message["type"] == "event":
                self.note(message["method"], message["params"])
            elif message["id"] == number:
                assert message["type"] == "success", message
                return message["result"]

    def note(self, event, params):
        if event == "log.entryAdded" and params["level"] in ("error", "warn"):
            # Firefox sets a formula of which it has read a half, and says so; test_book looks at the whole ones.
            if "Incorrect number of children" not in params["text"]:
                self.wrong.append(params["text"])
        elif event == "network.beforeRequestSent" and params["context"] == self.context:
            self.loaded.append(params["request"]["url"])

    def goto(self, address):
        self.wrong, self.loaded = [], []
        self.send("browsingContext.navigate", context=self.context, url=address, wait="complete")

    def run(self, body):
        """Run the body of an asynchronous function in the page and return what it returns."""
        text = f"(async () => JSON.stringify(await (async () => {{{body}}})()))()"
        target = {"context": self.context}
        found = self.send("script.evaluate", expression=text, target=target, awaitPromise=True)
        assert found["type"] == "success", found["exceptionDetails"]["text"]
        return json.loads(found["result"]["value"])


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    profile = tmp_path_factory.mktemp("firefox")
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in SETTINGS.items()]
    (profile / "user.js").write_text("".join(lines), encoding="utf-8")
    told = profile / "WebDriverBiDiServer.json"  # where Firefox writes its address
    command = [FIREFOX, "--headless", "--no-remote", "--remote-debugging-port", "0", "--profile", str(profile)]
    firefox = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 300
        while not told.exists() or not told.read_text(encoding="utf-8").endswith("}"):
            assert firefox.poll() is None, f"expected Firefox to run, but it ended with {firefox.returncode}"
            assert time.monotonic() < end, "expected Firefox to tell its address in 300 s, but it did not"
            time.sleep(0.1)
        where = json.loads(told.read_text(encoding="utf-8"))
        yield Tab(f"ws://{where['ws_host']}:{where['ws_port']}")
    finally:
        firefox.terminate()
        firefox.wait(timeout=30)


# Every figure is brought near the screen and waited for; then its first control is moved, and what is drawn changes.
FIGURES = """
  const soon = () => new Promise((then) => setTimeout(then, 50));
  const found = [];
  for (const figure of document.querySelectorAll("figure.en-explore")) {
    figure.scrollIntoView();
    while (!figure.dataset.ready) await soon();
    const drawn = () => figure.querySelector(".en-drawing svg").innerHTML;
    const [before, control] = [drawn(), figure.querySelector("input[type=range]")];
    if (control) {
      control.value = control.value === control.max ? control.min : control.max;
      control.dispatchEvent(new Event("input", {bubbles: true}));
      for (let n = 0; n < 100 && drawn() === before; n++) await soon();
    }
    const shapes = [...figure.querySelectorAll(".en-drawing svg :is(path, circle, rect, polyline, line)")];
    const seen = shapes.filter((shape) => shape.getBoundingClientRect().height > 0).length;
    found.push([seen, !control || drawn() !== before]);
  }
  return found;
"""
# Brings every figure near the screen and returns how many do not become ready.
WAKE = """
  const figures = [...document.querySelectorAll("figure.en-explore")];
  for (const figure of figures) {
    figure.scrollIntoView();
    for (let n = 0; n < 400 && !figure.dataset.ready; n++) await new Promise((then) => setTimeout(then, 25));
  }
  return figures.filter((figure) => !figure.dataset.ready).length;
"""
NAMES = "return [...document.querySelectorAll('form[data-exercise]')].map((form) => form.dataset.exercise)"
STOP = """
  const form = document.querySelector(`form[data-exercise="rescue"]`);
  const [run, output] = [form.querySelector("[type=submit]"), form.querySelector("output")];
  form.querySelector("textarea").value = "while True:\\n    pass";
  run.click();
  while (output.textContent !== "Running …") await new Promise((then) => setTimeout(then, 20));
  await new Promise((then) => setTimeout(then, 500));
  run.click();
  await new Promise((then) => setTimeout(then, 100));
  return output.textContent;
"""


def elsewhere(tab):
    return [url for url in tab.loaded if not re.match(r"file:|data:|blob:|http://127\.0\.0\.1", url)]


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_no_error_loads_nothing_from_elsewhere_and_checks_every_exercise(tab, address, page):
    tab.goto(f"{address}{page}.html")
    assert tab.run(WAKE) == 0
    asked = [(name, *one) for name in tab.run(NAMES) for one in right_and_wrong()[name]]
    said = tab.run(f"return await ({ANSWER_ALL})({json.dumps([one[:2] for one in asked])})")
    assert said == [one[2] for one in asked]
    assert tab.run("return document.querySelectorAll('.katex-error').length") == 0
    assert tab.wrong == []
    assert elsewhere(tab) == []


def test_a_loop_without_end_is_stopped(tab, address):
    tab.goto(address + "notebooks/07_exponential_neuron.html")
    assert tab.run(STOP) == "Stopped."
    assert tab.wrong == []


def test_figures_move(tab, address):
    tab.goto(address + "notebooks/07_exponential_neuron.html")
    figures = tab.run(FIGURES)
    assert len(figures) >= 2
    assert all(shapes >= 3 and moved for shapes, moved in figures), figures
    assert tab.run("return document.querySelectorAll('.katex').length") > 50
    assert tab.wrong == []
