"""Lighthouse's marks (desktop) for every page of the built book, served compressed as hosts of static pages do.

Needs npx and Chromium; build the book first. ``lighthouse.py book/verdict.html ...`` marks these pages only. Writes
``benchmarks/lighthouse.json``.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import browser  # noqa: E402
from _measure import write  # noqa: E402


def main() -> None:
    site = ROOT / "_build" / "html"
    program = shutil.which("lighthouse") or shutil.which("npx")
    if program is None or browser.find() is None or not site.is_dir():
        print("expected npx, a browser and the built book, got not all of them: nothing measured")
        return
    command = [program] if program.endswith("lighthouse") else [program, "--yes", "lighthouse@13"]
    pages = sys.argv[1:] or sorted(
        p.relative_to(site).as_posix() for p in site.glob("*/*.html") if p.parent.name in ("book", "notebooks")
    )
    marks = {}
    with browser.served(site, compressed=True) as address, tempfile.TemporaryDirectory() as folder:
        for page in pages:
            output = Path(folder) / "out.json"
            flags = "--headless " + " ".join(browser.FLAGS)
            options = [
                "--preset=desktop",
                "--quiet",
                "--output=json",
                f"--output-path={output}",
                f"--chrome-flags={flags}",
            ]
            environment = os.environ | {"CHROME_PATH": str(browser.find())}
            subprocess.run([*command, address + page, *options], check=True, env=environment, timeout=180)
            report = json.loads(output.read_text(encoding="utf-8"))
            marks[page] = {name: round(100 * found["score"]) for name, found in report["categories"].items()}
            marks[page]["layout shift"] = round(report["audits"]["cumulative-layout-shift"]["numericValue"], 3)
            print(page, marks[page], flush=True)
    result = {"lighthouse": report["lighthouseVersion"], "pages": marks}
    write(__file__, result)


if __name__ == "__main__":
    main()
