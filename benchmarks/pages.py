"""How soon a figure of the book is alive, and how fast it follows the hand.

Opens a page with an explorable figure and a page of plain text in turn, in headless Chromium from a server on this
machine, with a fresh profile each time. Build the book first. Writes ``benchmarks/pages.json``.
"""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import browser  # noqa: E402
from _measure import environment, write  # noqa: E402

ROUNDS = 7
PAGE = "notebooks/07_exponential_neuron.html"
PLAIN = "<!DOCTYPE html><html lang=en><title>Plain</title><p>" + "Plain text. " * 500
LOADED = "() => performance.getEntriesByType('navigation')[0].loadEventEnd"
REDRAWS = """async () => {
  const figure = document.querySelector("figure.en-explore"), input = figure.querySelector("input");
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


def main() -> None:
    site = ROOT / "_build" / "html"
    (site / "_plain.html").write_text(PLAIN, encoding="utf-8")
    ready, loaded, plain, redraws = [], [], [], []
    try:
        with browser.served(site) as address:
            for _ in range(ROUNDS):
                for name in (PAGE, "_plain.html"):
                    with browser.launched() as chromium:
                        page = chromium.new_page(viewport={"width": 1280, "height": 900})
                        page.goto(address + name, wait_until="load")
                        page.wait_for_timeout(200)
                        if name != PAGE:
                            plain.append(page.evaluate(LOADED))
                            continue
                        page.wait_for_function("document.querySelector('figure.en-explore').dataset.ready")
                        ready.append(float(page.locator("figure.en-explore").first.get_attribute("data-ready")))
                        loaded.append(page.evaluate(LOADED))
                        redraws += page.evaluate(REDRAWS)
    finally:
        (site / "_plain.html").unlink()
    result = {
        "page": PAGE,
        "html_kB": round((site / PAGE).stat().st_size / 1000),
        "plain_text_loaded_ms": [round(v) for v in plain],
        "page_loaded_ms": [round(v) for v in loaded],
        "first_figure_ready_ms": [round(v) for v in ready],
        "slider_to_redraw_ms": {
            "median": round(statistics.median(redraws), 1),
            "95 %": round(statistics.quantiles(redraws, n=20)[-1], 1),
        },
        "times": "from navigation",
        "environment": environment(),
    }
    write(__file__, result)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
