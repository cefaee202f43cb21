"""A real browser for the tests that need one. As a program it prints the shares of each page's height."""

import functools
import gzip
import http.server
import io
import os
import shutil
import threading
import time
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import sync_playwright

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find():
    """Return the path of a Chromium or Chrome, or None; ENLIB_BROWSER names another place."""
    mac = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
    return os.environ.get("ENLIB_BROWSER") or next(
        (path for path in (*map(shutil.which, NAMES), mac if Path(mac).exists() else None) if path), None
    )


@contextmanager
def launched():
    """Start a headless browser with a fresh profile, and stop it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def served(folder, *, compressed=False, slowly=False):
    """Serve a folder on 127.0.0.1, on a free port; compressed, as hosts of static pages do, or pages in slices."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

        def send_head(self):
            path = Path(self.translate_path(self.path))
            if not compressed or path.suffix not in (".html", ".css", ".js", ".svg") or not path.is_file():
                return super().send_head()
            contents = packed(path)
            self.send_response(200)
            self.send_header("Content-Type", self.guess_type(str(path)))
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(contents)))
            self.end_headers()
            return io.BytesIO(contents)

        def copyfile(self, source, target):
            contents = source.read()
            size = len(contents) // 30 + 1 if slowly and self.path.endswith(".html") else len(contents) + 1
            for at in range(0, len(contents), size):
                target.write(contents[at : at + size])
                time.sleep(0.05 * slowly)

    packed = functools.cache(lambda path: gzip.compress(path.read_bytes()))  # once, as a host does
    handler = functools.partial(Handler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=10)


# What is cut off, or printed over: tables, formulas and printed lines that are wider than their place. Those that can
# be scrolled, with a shadow that says so, are "scrolled"; blocks without anything in them are "empty". What is
# folded is opened for this, and closed again.
CUT = """async () => {
  const found = {cut: [], scrolled: [], empty: []};
  const folded = [...document.querySelectorAll("article details:not([open])")];
  const settled = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  for (const fold of folded) fold.open = true;
  await settled();
  const seen = (e) => e.checkVisibility({visibilityProperty: true, contentVisibilityAuto: true}) && e.offsetWidth > 1;
  const say = (kind, e) => found[kind].push(`${e.className || e.tagName}: ${e.textContent.trim().slice(0, 60)}`);
  const spare = (place) => (place.matches("span.math") ? 3 : 1); // a subscript ends with a space that has no ink
  for (const e of document.querySelectorAll("article :is(table, .katex, pre, textarea)")) {
    if (!seen(e)) continue;
    let place = e, wide = false;
    for (; place && place.tagName !== "ARTICLE"; place = place.parentElement) {
      const hides = getComputedStyle(place).overflowX;
      if (hides !== "visible" && place.scrollWidth > place.clientWidth + spare(place)) { wide = true; break; }
    }
    const style = wide && getComputedStyle(place);
    const right = (part) => part.getBoundingClientRect().right, page = document.documentElement.clientWidth + 1;
    const opaque = (row) => getComputedStyle(row).backgroundColor.startsWith("rgb("); // hides what is behind it
    const seen_behind = ![...e.querySelectorAll("tr")].some(opaque);
    const cue = wide && style.overflowX === "auto" && style.backgroundImage.includes("gradient") && seen_behind;
    // Docstrings have longer lines than fit, and the data of a heat map more columns.
    const may = cue && (e.closest(".en-data") || (e.matches("pre") && !e.closest(".cell")));
    if (wide && !may) say(cue ? "scrolled" : "cut", e);
    else if (!wide && right(e) > page) say("cut", e);
    // What is beyond the wrong end of its place cannot be scrolled to.
    else if ([...e.querySelectorAll(".base")].some((base) => right(base) > right(e.parentElement) + 1)) say("cut", e);
    if (e.caption && right(e.caption) > page) say("cut", e.caption);
  }
  for (const text of document.querySelectorAll("article figure svg text")) {
    const [drawing, own] = [text.ownerSVGElement, text].map((e) => e.getBoundingClientRect());
    if (own.width && (own.left < drawing.left - 1 || own.right > drawing.right + 1)) say("cut", text);
  }
  const pen = document.createElement("canvas").getContext("2d");
  for (const menu of document.querySelectorAll("article select")) {
    const {font, paddingLeft, paddingRight} = getComputedStyle(menu);
    const room = menu.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight) - 16; // its arrow
    pen.font = font;
    if ([...menu.options].some((option) => pen.measureText(option.text).width > room)) say("cut", menu);
  }
  for (const fold of document.querySelectorAll("article summary")) { // what a finger has to hit
    const {height} = fold.getBoundingClientRect();
    if (height && height < 24) say("cut", fold);
  }
  for (const link of document.querySelectorAll(".prev-next-area a")) {
    if (link.scrollWidth > link.clientWidth + 1) say("cut", link);
  }
  for (const tag of document.querySelectorAll("article .katex-display .tag")) {
    const left = tag.getBoundingClientRect().left;
    const bases = [...tag.parentElement.querySelectorAll(":scope > .base")];
    if (bases.some((b) => b.getBoundingClientRect().right > left)) say("cut", tag);
  }
  const full = ":is(i, img, svg, canvas, input, textarea, select, button, hr, iframe)";
  const blocks = "article :is(p, pre, ul, ol, table, figure, .output, .cell_output, details)";
  for (const e of document.querySelectorAll(blocks)) {
    if (e.matches(".en-note") || !seen(e) || e.offsetHeight < 8) continue;
    if (!e.textContent.trim() && !e.querySelector(full)) say("empty", e);
  }
  for (const fold of folded) fold.open = false;
  await settled();
  return found;
}"""
# Paper cannot be scrolled: what ends beyond its place, or is wider than it.
CUT_ON_PAPER = """() => {
  const all = [...document.querySelectorAll("article :is(table, pre, .katex-display .base, .en-drawing svg)")];
  return all.filter((e) => {
    const edge = (e.closest("details") ?? e.closest("article")).getBoundingClientRect().right + 1;
    return e.getBoundingClientRect().right > edge || (e.matches("pre") && e.scrollWidth > e.clientWidth + 1);
  }).map((e) => e.textContent.trim().slice(0, 60));
}"""
# The parts of a page's height: code in view and editors, figures, printed text and all.
SHARES = """() => {
  const height = (selector) => [...document.querySelectorAll(`article ${selector}`)]
    .filter((e) => e.checkVisibility({contentVisibilityAuto: true}))
    .reduce((sum, e) => sum + e.getBoundingClientRect().height, 0);
  return {
    code: height(":is(.cell_input, form.en-try)"), figures: height("figure.en-figure"),
    printed: height(".cell_output pre"),
    all: document.querySelector("article").getBoundingClientRect().height,
  };
}"""


def shares(browser, site, width=1280):
    """Return for each notebook's page the parts of its height, in pixels."""
    found = {}
    page = browser.new_page(viewport={"width": width, "height": 900})
    for path in sorted((site / "notebooks").glob("*.html")):
        page.goto(path.as_uri())
        page.evaluate("document.fonts.ready")
        found[path.stem] = page.evaluate(SHARES)
    page.close()
    return found


if __name__ == "__main__":
    with launched() as chromium:
        rows = shares(chromium, Path(__file__).parents[1] / "_build" / "html")
    rows["together"] = {part: sum(row[part] for row in rows.values()) for part in next(iter(rows.values()))}
    for name, row in rows.items():
        parts = ", ".join(f"{part} {row[part] / row['all']:4.0%}" for part in ("code", "figures", "printed"))
        print(f"{name:32}{row['all']:8.0f} px: {parts}")
