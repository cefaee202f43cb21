"""Exercises that are answered in the page, with the checks of the notebooks and without a kernel.

Where a notebook has the stub of an answer and its check, its page gets an editor. MicroPython, compiled to
WebAssembly, runs what the reader writes and then the check; it is loaded when a reader first presses *Run*. Without
script, the code of the notebook stays in view.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.transforms import SphinxTransform

ROOT = Path(__file__).resolve().parents[2]
MICROPYTHON = Path(__file__).parent / "micropython"
# Their checks hand NumPy's arrays to the reader's function.
NOTEBOOK_ONLY = {"product by differences"}
_CHECK = re.compile(r'exercises\.check\("(?P<exercise>[^"]+)", (?P<answer>\w+)\)')
# What makes the engine a module, and what says the same in a plain script; a page that was opened as a file may
# load no module.
_MODULE = {
    "import.meta.url": "location.href",
    "export default _createMicroPythonModule;": "",
    "export async": "async",
}
FORM = """
<form class="en-try" data-exercise="{exercise}" data-answer="{answer}" hidden>
<textarea rows="{rows}" wrap="off" spellcheck="false" autocapitalize="off" autocomplete="off"
 aria-label="Your answer, in Python: {exercise}">{stub}</textarea>
<p><button type="submit" title="Ctrl + Enter">Run</button>
<button type="reset" hidden>Reset</button> <output></output></p>
<pre hidden></pre>
</form>
"""


class TryIt(SphinxTransform):
    """Puts an editor before the stub of each exercise that can be answered in the page."""

    default_priority = 280  # before code is folded

    def apply(self, **kwargs: Any) -> None:
        """Change the document in place."""
        cells = [c for c in self.document.findall(nodes.container) if c.get("nb_element") == "cell_code"]
        for stub, check in pairwise(cells):
            found = _CHECK.fullmatch(_code(check))
            if found and found["exercise"] not in NOTEBOOK_ONLY and stub.parent is check.parent:
                text = _code(stub)
                said = {name: html.escape(value) for name, value in {**found.groupdict(), "stub": text}.items()}
                form = FORM.format(rows=text.count("\n") + 1, **said)
                stub.parent.insert(
                    stub.parent.index(stub), nodes.raw("", form, format="html", exercise=found["exercise"])
                )


def _code(cell: nodes.container) -> str:
    source = next((part for part in cell.children if part.get("nb_element") == "cell_code_source"), None)
    return source.astext().strip() if source else ""


def files() -> dict[str, str]:
    """Return the sources of the checks, by the path from which MicroPython imports them."""
    room = sorted((ROOT / "enlib" / "exercises").glob("*.py"))
    texts = {f"/enlib/exercises/{path.name}": path.read_text(encoding="utf-8") for path in room}
    return {"/enlib/__init__.py": "", **texts}


def program() -> str:
    """Return what MicroPython runs first."""
    return (ROOT / "book" / "_assets" / "tryit_worker.py").read_text(encoding="utf-8")


@cache
def script() -> str:
    """Return the script that a page loads when a reader first presses *Run*.

    One classic script, because a page that was opened as a file may neither import a module nor fetch anything.

    Raises
    ------
    ExtensionError
        If the engine is not of the form that is known here.
    """
    engine = (MICROPYTHON / "micropython.mjs").read_text(encoding="utf-8")
    for module, plain in _MODULE.items():
        if module not in engine:
            raise ExtensionError(f"expected {module!r} in micropython.mjs, got none: adapt book/_ext/tryit.py")
        engine = engine.replace(module, plain)
    wasm = base64.b64encode((MICROPYTHON / "micropython.wasm").read_bytes()).decode()
    return f"enPython({json.dumps({'engine': engine, 'wasm': wasm, 'files': files(), 'program': program()})});\n"


def add_script(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Let pages with exercises load the script of the editors, which knows where Python is."""
    if doctree is not None and any("exercise" in node for node in doctree.findall(nodes.raw)):
        version = hashlib.sha256(script().encode()).hexdigest()[:8]
        attributes: dict[str, Any] = {"data-python": f"tryit_python.js?v={version}"}
        app.add_js_file("tryit.js", loading_method="defer", **attributes)


def write_script(app: Sphinx, error: Exception | None) -> None:
    """Write the script with Python beside that of the editors."""
    editors = Path(app.outdir) / "_static" / "tryit.js"
    if error is None and app.builder.format == "html" and editors.is_file():
        editors.with_name("tryit_python.js").write_text(script(), encoding="utf-8")


def setup(app: Sphinx) -> None:
    """Register the editors."""
    app.add_transform(TryIt)
    app.connect("html-page-context", add_script)
    app.connect("build-finished", write_script)
