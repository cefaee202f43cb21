"""Exercises that are answered in the page, with the checks of the notebooks and without a kernel.

Where a notebook has the stub of an answer and its check, its page gets an editor. MicroPython, compiled to
WebAssembly, runs what the reader writes and then the check; it is loaded when a reader first presses *Run*. Cells
tagged ``try-it``, side by side, become an editor, too, whose code prints and has no check. Without script, the code
of the notebook stays in view.
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
_CHECK = re.compile(r'exercises\.check\("(?P<exercise>[^"]+)", (?P<answer>\w+)\)')
# What makes the engine a module, and what says the same in a plain script; a page that was opened as a file may
# load no module.
_MODULE = {
    "import.meta.url": "location.href",
    "export default _createMicroPythonModule;": "",
    "export async": "async",
}
FORM = """
<form class="en-try" {data} hidden>
<textarea rows="{rows}" wrap="off" spellcheck="false" autocapitalize="off" autocomplete="off"
 aria-label="{label}">{code}</textarea>
<p><button type="submit" title="Ctrl + Enter">Run</button>
<button type="reset" hidden>Reset</button> <output></output></p>
<pre hidden></pre>
</form>
"""


def form(code: str, exercise: str = "", answer: str = "") -> str:
    """Return an editor: of an exercise with the name of its answer, or of code that is tried without a check."""
    if exercise:
        data = f'data-exercise="{html.escape(exercise)}" data-answer="{answer}"'
        label = f"Your answer, in Python: {html.escape(exercise)}"
    else:
        name = code.partition("def ")[2].partition("(")[0]
        data, label = f'data-loop="{name}"', f"Python to change and run: {name}"
    return FORM.format(data=data, label=label, code=html.escape(code), rows=code.count("\n") + 1)


class TryIt(SphinxTransform):
    """Puts an editor before each exercise, and before code that can be tried."""

    default_priority = 280  # before code is folded

    def apply(self, **kwargs: Any) -> None:
        """Change the document in place."""
        cells = [c for c in self.document.findall(nodes.container) if c.get("nb_element") == "cell_code"]
        for stub, check in pairwise(cells):
            found = _CHECK.fullmatch(_code(check))
            if found and stub.parent is check.parent:
                _insert(form(_code(stub), **found.groupdict()), stub)
        for run in runs(cells):
            code = "\n\n\n".join(_code(cell) for cell in run)
            static, parent = nodes.container("", classes=["en-static"]), run[0].parent
            at = parent.index(run[0])
            parent[at : at + len(run)] = [static]
            static += run
            _insert(form(code), static)


def _insert(editor: str, before: nodes.Element) -> None:
    before.parent.insert(before.parent.index(before), nodes.raw("", editor, format="html", editor=True))


def runs(cells: list[nodes.container]) -> list[list[nodes.container]]:
    """Return the cells tagged ``try-it``; those that follow each other directly are together."""
    found: list[list[nodes.container]] = []
    for cell in cells:
        if "tag_try-it" in cell["classes"]:
            if found and cell.parent is found[-1][-1].parent and _previous(cell) is found[-1][-1]:
                found[-1].append(cell)
            else:
                found.append([cell])
    return found


def _previous(cell: nodes.container) -> nodes.Node | None:
    at = cell.parent.index(cell)
    return cell.parent[at - 1] if at else None


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


def notice() -> str:
    """Return what the engine is, and its license, which goes wherever the engine goes."""
    about = (MICROPYTHON / "README.md").read_text(encoding="utf-8").partition(" (see")[0]
    return f"/* {about}\n\n{(MICROPYTHON / 'LICENSE').read_text(encoding='utf-8')}*/\n"


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
    parts = {"engine": engine, "wasm": wasm, "files": files(), "program": program()}
    return f"{notice()}enPython({json.dumps(parts)});\n"


def add_script(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Let pages with editors load the script of the editors, which knows where Python is."""
    if doctree is not None and any("editor" in node for node in doctree.findall(nodes.raw)):
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
