"""A real browser for the tests that need one."""

import functools
import gzip
import http.server
import io
import os
import shutil
import threading
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
def served(folder, *, compressed=False):
    """Serve a folder on 127.0.0.1, on a free port; compressed, as hosts of static pages do."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

        def send_head(self):
            path = Path(self.translate_path(self.path))
            if not compressed or path.suffix not in (".html", ".css", ".js", ".svg") or not path.is_file():
                return super().send_head()
            contents = gzip.compress(path.read_bytes())
            self.send_response(200)
            self.send_header("Content-Type", self.guess_type(str(path)))
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(contents)))
            self.end_headers()
            return io.BytesIO(contents)

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
