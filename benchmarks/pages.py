"""How soon a figure of the book is seen, and alive, how fast it follows the hand, and what Python in the page takes.

Opens pages with explorable figures and a page of plain text in turn, in headless Chromium from a server on this
machine that compresses as hosts of static pages do, with a fresh profile each time. Build the book first. Writes
``benchmarks/pages.json``.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import browser  # noqa: E402
from _measure import environment, write  # noqa: E402

ROUNDS = 7
PAGES = ("book/intro", "notebooks/02_critical_points", "notebooks/03_learning_rate_regimes")
DRAGGED = "notebooks/03_learning_rate_regimes"
ANSWERED = "notebooks/07_exponential_neuron"
PLAIN = "<!DOCTYPE html><html lang=en><title>Plain</title><p>" + "Plain text. " * 500
LOADED = "() => performance.getEntriesByType('navigation')[0].loadEventEnd"
# The moment when the first frame of the first figure, which needs no script, has been painted.
SEEN = """new MutationObserver((changes, observer) => {
  if (!document.querySelector("figure.en-figure svg")) return;
  observer.disconnect();
  requestAnimationFrame(() => setTimeout(() => { document.documentElement.dataset.seen = performance.now(); }));
}).observe(document, {childList: true, subtree: true});"""
# Times from an event to the frame in which the figure is drawn anew.
REDRAWS = """async () => {
  const figure = document.querySelector("figure.en-explore"), input = figure.querySelector("input[type=range]");
  const times = [];
  for (let k = 0; k < 40; k++) {
    await new Promise((done) => setTimeout(done, 37));
    const before = figure.dataset.drawn, start = performance.now();
    input.value = (+input.value + 1) % (+input.max + 1);
    input.dispatchEvent(new Event("input"));
    while (figure.dataset.drawn === before) await new Promise(requestAnimationFrame);
    times.push(performance.now() - start);
  }
  return times;
}"""
DRAGS = """async () => {
  const times = [];
  for (const figure of document.querySelectorAll("figure.en-explore")) {
    const { drag } = JSON.parse(figure.querySelector('script[type="application/json"]').textContent);
    if (!drag.length) continue;
    figure.scrollIntoView({ block: "center" });
    while (!figure.dataset.ready) await new Promise(requestAnimationFrame);
    const drawing = figure.querySelector(".en-drawing");
    const box = drawing.querySelector(".en-wide .en-ground").getBoundingClientRect();
    const point = (type, x, y) => drawing.dispatchEvent(new PointerEvent(
      type, { clientX: box.left + x * box.width, clientY: box.top + y * box.height, pointerId: 1, bubbles: true }));
    drawing.setPointerCapture = () => {}; // there is no real pointer
    for (let i = 0; i < 2000 && !drawing.matches(".en-hold"); i++) point("pointermove", (i % 50) / 50, i / 2000);
    const [x, y] = [drawing.querySelector(".en-probe").offsetLeft, drawing.querySelector(".en-probe").offsetTop];
    const outer = drawing.getBoundingClientRect();
    point("pointerdown", (outer.left + x - box.left) / box.width, (outer.top + y - box.top) / box.height);
    for (let k = 0; k < 40; k++) {
      await new Promise((done) => setTimeout(done, 37));
      const before = figure.dataset.drawn, start = performance.now();
      point("pointermove", 0.1 + 0.02 * ((k * 7) % 40), 0.1 + 0.02 * ((k * 11) % 40));
      for (let n = 0; n < 3 && figure.dataset.drawn === before; n++) await new Promise(requestAnimationFrame);
      if (figure.dataset.drawn !== before) times.push(performance.now() - start);
    }
    point("pointerup", 0.5, 0.5);
  }
  return times;
}"""

# What a page has loaded, as it was sent; and how long an answer takes from the press of Run to what the page says.
SENT = """() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
  .reduce((sum, entry) => sum + entry.transferSize, 0) / 1000"""
ANSWER = """async (code) => {
  const form = document.querySelector('form[data-exercise="rescue"]'), run = form.querySelector("button");
  form.querySelector("textarea").value = code;
  const start = performance.now();
  run.click();
  do await new Promise((soon) => setTimeout(soon, 5)); while (run.textContent !== "Run");
  if (form.querySelector("output").textContent !== "right!") throw Error(form.querySelector("output").textContent);
  return performance.now() - start;
}"""
RIGHT = "amplitude = 0.203"
STEPS = f"w = 1.0\nfor step in range(1_000_000):\n    w -= 0.1 * w\n{RIGHT}"


def python_in_the_page(address: str) -> dict[str, object]:
    """Return what is loaded before and after the first press of Run, and how long answers take."""
    sent: list[list[float]] = []
    times: dict[str, list[float]] = {"first": [], "next": [], "steps": []}
    for _ in range(ROUNDS):
        with browser.launched() as chromium:
            page = chromium.new_page(viewport={"width": 1280, "height": 900})
            page.goto(f"{address}{ANSWERED}.html", wait_until="load")
            page.wait_for_timeout(500)
            before = page.evaluate(SENT)
            for name, code in (("first", RIGHT), ("next", RIGHT), ("steps", STEPS)):
                times[name].append(page.evaluate(ANSWER, code))
            sent.append([before, page.evaluate(SENT)])
    return {
        "page": ANSWERED,
        "loaded_before_first_run_kB": round(max(before for before, _ in sent)),
        "loaded_after_kB": round(max(after for _, after in sent)),
        "first_answer_ms": _whole(times["first"]),
        "next_answer_ms": _whole(times["next"]),
        "a_million_steps_ms": _whole(times["steps"]),
    }


def main() -> None:
    site = ROOT / "_build" / "html"
    (site / "_plain.html").write_text(PLAIN, encoding="utf-8")
    found: dict[str, dict[str, list[float]]] = {
        name: {"loaded": [], "seen": [], "ready": []} for name in (*PAGES, "_plain")
    }
    redraws: list[float] = []
    drags: list[float] = []
    try:
        with browser.served(site, compressed=True) as address:
            in_the_page = python_in_the_page(address)
            for _ in range(ROUNDS):
                for name, times in found.items():
                    with browser.launched() as chromium:
                        page = chromium.new_page(viewport={"width": 1280, "height": 900})
                        page.add_init_script(SEEN)
                        page.goto(f"{address}{name}.html", wait_until="load")
                        page.wait_for_timeout(200)
                        times["loaded"].append(page.evaluate(LOADED))
                        if name in PAGES:
                            page.wait_for_function("document.querySelector('figure.en-explore').dataset.ready")
                            ready = page.locator("figure.en-explore").first.get_attribute("data-ready")
                            times["ready"].append(float(ready or "nan"))
                            times["seen"].append(page.evaluate("+document.documentElement.dataset.seen"))
                            page.evaluate("for (const e of document.querySelectorAll('.en-answer')) e.open = true")
                            redraws += page.evaluate(REDRAWS)
                        if name == DRAGGED:
                            drags += page.evaluate(DRAGS)
    finally:
        (site / "_plain.html").unlink()
    result = {
        "pages": {
            name: {
                "html_kB": round((site / f"{name}.html").stat().st_size / 1000),
                "loaded_ms": _whole(times["loaded"]),
                "first_figure_seen_ms": _whole(times["seen"]),
                "first_figure_ready_ms": _whole(times["ready"]),
            }
            for name, times in found.items()
            if name in PAGES
        },
        "plain_text_loaded_ms": _whole(found["_plain"]["loaded"]),
        "slider_to_redraw_ms": _middle_and_most(redraws),
        "drag_to_redraw_ms": _middle_and_most(drags),
        "python_in_the_page": in_the_page,
        "times": "from navigation",
        "load average": round(os.getloadavg()[1], 1),
        "environment": environment(),
    }
    write(__file__, result)
    print(json.dumps(result, indent=2))


def _whole(times: Sequence[float]) -> list[int]:
    return [round(time) for time in sorted(times)]


def _middle_and_most(times: Sequence[float]) -> dict[str, float]:
    return {"median": round(statistics.median(times), 1), "95 %": round(statistics.quantiles(times, n=20)[-1], 1)}


if __name__ == "__main__":
    main()
