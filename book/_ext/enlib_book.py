"""The Sphinx extension of this book: what Jupyter Book does not do by itself.

It applies the conventions of the notebooks (``conventions.py``), lays out their pages and the first one
(``course.py``), lets readers answer exercises in the page (``tryit.py``), makes Greek letters searchable
(``search_words.py``), keys the execution cache on the package, serves every asset from the site itself (KaTeX,
plotly.js), leaves out what the theme loads in vain, of its styles too (``first_look.py``), and writes the metadata,
the page for addresses that do not exist, and what machines read (``site_files.py``).
"""

from __future__ import annotations

import hashlib
import html
import json
import math
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import conventions
import course
import first_look
import search_words
import site_files
import tryit
from docutils import nodes
from launch import BRANCH, check_repository
from playwright._impl._driver import compute_driver_executable
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ExtensionError

ROOT = Path(__file__).resolve().parents[2]
# Loaded by the theme and never used here: live code cells, a second copy of icons that a font already draws, and, in
# the folders' pages, the whole index of the search, which only the page of the search itself asks.
_IN_VAIN = re.compile(
    r'<(?:script|link)\b[^>]*(?:sphinx-thebe|fontawesome\.js|"\.\./(?:_static/)?(?:searchtools|language_data|searchindex)\.js)'
    r"[^>]*>(?:</script>)?\s*"
)


# Words of code that have no color of their own: names, punctuation and spaces are half of the markup of code.
_PLAIN = re.compile(r'<span class="[npw]">([^<]*)</span>')
# Scripts that would hold up the first look at a page. One stays, for an inline script right after it needs it, until
# ``first_look`` writes it into the page.
_BLOCKING = re.compile(r'<script(?![^>]*\bdefer\b)(?=[^>]*\bsrc="(?![^"]*documentation_options))')
# The fonts of nearly every formula, asked for at once: lines would move when they come.
# (Not by a page that is opened as a file: refused there.)
_KATEX = re.compile(r'<link [^>]*href="(?P<folder>[^"]*katex/)katex\.min\.css')
_FONTS = r"""<script>if (location.protocol !== "file:") for (const font of ["Main-Regular", "Math-Italic"]) {
  const kind = {rel: "preload", as: "font", type: "font/woff2", crossOrigin: ""};
  const href = "\g<folder>fonts/KaTeX_" + font + ".woff2";
  document.head.append(Object.assign(document.createElement("link"), kind, {href}));
}</script>
    \g<0>"""
# Sphinx marks formulas by class and writes them between \\( \\) or \\[ \\].
_FORMULA = re.compile(r"\\(?P<open>[(\[])(?P<tex>(?:(?!\\[()\[\]]).)*?)\\[)\]](?=\s*</(?:span|div)>)", re.DOTALL)
# A formula keeps its comma, its parentheses and its quotation marks: otherwise, a line may begin or end with them.
_INLINE = r'<span class="math[^>]*>\\\((?:(?!\\[()]).)+\\\)</span>'
_WITH_COMMA = re.compile(rf"[(“]+{_INLINE}[,.;:!?)”’]*|{_INLINE}[,.;:!?)”’]+", re.DOTALL)
# What has the width of a letter in a formula, none for accents and sizes, and how many of these a phone's line has.
_NARROW = r"(?:\\(?:tilde|hat|bar|[dt]?frac|[Bb]ig|left|right)\b[\s{]*)?"
_GLYPH, _LINE = re.compile(_NARROW + r"(?:\\[a-zA-Z]+|[^\s{}^_\\])"), 24
# One that is longer than a phone's line breaks in it as text does.
_LONG = re.compile(r'(?<=<span class="math)(?= [^>]*>\\\((?:(?!\\[()]).){46,}\\\)</span>)', re.DOTALL)
_TYPESET = """
const katex = require(process.argv[1]);
const formulas = JSON.parse(require("fs").readFileSync(0, "utf8"));
const set = ([open, tex]) => katex.renderToString(tex, {displayMode: open === "[", strict: "ignore"})
  .replaceAll(' columnspacing=""', "") // of a single column: malformed
  // What no reader of HTML needs, and a tenth of the weight of a formula.
  .replace(' xmlns="http://www.w3.org/1998/Math/MathML"', "").replace(/<annotation[^]*?<\\/annotation>/, "");
process.stdout.write(JSON.stringify(formulas.map((formula) => {
  try { return set(formula); } catch (error) { console.error(error.message); process.exit(1); }
})));
"""
# What enlib.figures.style.bundle writes.
_FIGURE = re.compile(r'"a figure of enlib, as HTML";.*^(?P<html>".*")\);</script>$', re.DOTALL | re.MULTILINE)
# Where the markup of theme and bibliography keeps screen readers from finding their way.
_ACCESSIBLE = {
    ' role="doc-biblioentry"': ' role="listitem"',
    '<dialog id="pst-primary-sidebar-modal"': '<dialog aria-label="Book" id="pst-primary-sidebar-modal"',
    '<div id="pst-primary-sidebar" ': '<div role="navigation" aria-label="Book" id="pst-primary-sidebar" ',
}


# A table of results; one with many columns takes the margin, too, and the theme hides what stands there.
_TABLE = re.compile(r'(?<=<div class="en-table)".*?</table>', re.DOTALL)
_MANY = 9
# Where no line may end: between a number and its percent sign, and at a times sign. Code and scripts stay as are.
_HELD = re.compile(r"(<(script|style|pre|textarea)\b.*?</\2>|<[^>]*>)|(?<=\d) (?=[%×])|(?<=×) (?=\d)", re.DOTALL)

# What the notebooks import or read besides themselves, and what makes the pages.
_CODE = (("enlib", "*.py"), ("results", "*.csv"), ("results", "*.json"))
_SITE = (("book/_ext", "*.py"), ("book/_assets", "*"), ("enlib/figures/assets", "*"))


def digest(root: Path = ROOT, parts: Sequence[tuple[str, str]] = _CODE) -> str:
    """Return a digest of the files that match some patterns, by name and contents."""
    sha = hashlib.sha256()
    for folder, pattern in parts:
        for path in sorted(p for p in (root / folder).rglob(pattern) if p.is_file()):
            sha.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return sha.hexdigest()[:12]


def verify_vendored(folder: Path) -> None:
    """Compare vendored files with their digests.

    Raises
    ------
    ExtensionError
        If a file is missing or was changed.
    """
    for line in (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines():
        expected, name = line.split(maxsplit=1)
        path = folder / name
        got = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "no file"
        if got != expected:
            raise ExtensionError(
                f"expected {path} with SHA-256 {expected}, got {got}: restore it from the repository"
            )


def configure(app: Sphinx, config: Config) -> None:
    """Choose the execution cache, check the vendored files, and show launch buttons where there is a repository."""
    # The cache itself knows only a notebook's own cells; this keeps apart what depends on other code.
    config.nb_execution_cache_path = str(ROOT / "_build" / ".jupyter_cache" / config.enlib_digest)
    if os.environ.get("ENLIB_EXECUTE") == "pages":
        # The pages that compute are still executed; the notebooks keep the outputs that they have.
        config.nb_execution_excludepatterns = ["notebooks/*"]
    repository = os.environ.get("ENLIB_REPOSITORY")
    if repository:
        config.html_baseurl = config.html_baseurl or os.environ.get("ENLIB_BASEURL", "")
        config.html_theme_options |= {
            "repository_url": check_repository(repository),
            "repository_branch": BRANCH,
            "use_repository_button": True,
            "launch_buttons": {
                "colab_url": "https://colab.research.google.com",
                "binderhub_url": "https://mybinder.org",
                "notebook_interface": "jupyterlab",
            },
        }
    if (ROOT / "book" / "_assets" / "katex").is_dir():
        verify_vendored(ROOT / "book" / "_assets" / "katex")
    verify_vendored(tryit.MICROPYTHON)


def trim_and_describe(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Swap MathJax for KaTeX, drop what is loaded in vain, and add the metadata of the page."""
    # In place: Sphinx starts each page from its own list, and adds to these what is added below.
    context["script_files"][:] = [script for script in context["script_files"] if not _is_unwanted(script)]
    if doctree is not None and any(doctree.findall(_is_math)):
        app.add_css_file("katex/katex.min.css")
    described = _description(doctree)
    title = re.sub(r"<[^>]+>", "", context.get("title", "") or app.config.project)
    image, shown = (
        "social-card.png",
        "A falling line and, in another color, the same line bent up by an exponential neuron.",
    )
    if (notebook := page.removeprefix("notebooks/")) in course.notebooks():
        image, shown = f"thumbs/{notebook}-card.png", f"The first figure of the page: {title}"
    tags = {
        "og:title": title,
        "og:site_name": app.config.html_title or app.config.project,
        "og:type": "article",
        "og:description": described,
        "og:image": (app.config.html_baseurl or "").rstrip("/") + "/_static/" + image,
        "og:image:alt": shown,
    }
    metatags = context.get("metatags", "")
    if 'name="description"' not in metatags:
        metatags += f'\n<meta name="description" content="{html.escape(described)}">'
    metatags += '\n<meta name="twitter:card" content="summary_large_image">'
    context["metatags"] = metatags + "".join(
        f'\n<meta property="{name}" content="{html.escape(value)}">' for name, value in tags.items() if value
    )


def read_figures(app: Sphinx, page: str, source: list[str]) -> None:
    """Give the figures of a committed notebook the type that MyST-NB knows."""
    source[0] = source[0].replace('"text/javascript":', '"application/javascript":')


def inline_figures(app: Sphinx, doctree: Any) -> None:
    """Put the figures themselves in the place of the JavaScript that writes them into a notebook."""
    for node in doctree.findall(nodes.raw):
        if found := _FIGURE.search(node.astext()):
            node.clear()
            node += nodes.Text(json.loads(found["html"]))


def _is_math(node: nodes.Node) -> bool:
    return isinstance(node, nodes.math | nodes.math_block)


def _is_unwanted(script: Any) -> bool:
    name, body = str(getattr(script, "filename", "")), str(getattr(script, "attributes", {}).get("body", ""))
    return any(word in name or word in body for word in ("thebe", "THEBE", "mathjax", "MathJax"))


def _description(doctree: Any) -> str:
    """Return the first paragraph of a page, cut at a word near 155 characters."""
    for paragraph in doctree.findall(nodes.paragraph) if doctree is not None else ():
        text = " ".join(paragraph.astext().split())
        if len(text) > 40 and not any(True for _ in paragraph.findall(nodes.math)):
            return text if len(text) <= 155 else text[:155].rsplit(" ", 1)[0] + " ..."
    return "An interactive course on loss landscapes and step sizes, told through the exponential neuron."


def finish(app: Sphinx, error: Exception | None) -> None:
    """Copy plotly.js, trim the pages, write 404.html; make a build that warned read every page again next time."""
    if error is not None or app._warncount:
        # Sphinx would take the pages that warned from its own cache, print nothing and report success.
        for path in Path(app.doctreedir).glob("environment.pickle"):
            path.unlink()
    if error is not None or app.builder.format != "html":
        return
    import plotly

    site = Path(app.outdir)
    source = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
    target = site / "_static" / "plotly.min.js"
    if not target.exists() or target.stat().st_size != source.stat().st_size:
        shutil.copyfile(source, target)
    course.write_thumbnails(site)
    # Without the theme's templates.
    paths = [path for path in site.rglob("*.html") if "_static" not in path.relative_to(site).parts]
    pages = {path: path.read_text(encoding="utf-8") for path in paths}
    typeset_pages = typeset([_trim(text) for text in pages.values()])
    finished = first_look.hasten(site, dict(zip(pages, typeset_pages, strict=True)))
    for (page, before), after in zip(pages.items(), finished, strict=True):
        if after != before:
            page.write_text(after, encoding="utf-8")
    root = urlsplit(app.config.html_baseurl or "/").path.rstrip("/") + "/"
    title = html.escape(app.config.html_title or app.config.project)
    lost = _NOT_FOUND.format(root=root, title=title, curves=_saddle())
    (site / "404.html").write_text(lost, encoding="utf-8")


def _saddle() -> str:
    """Return level curves of (x / 2)**2 - y**2, in SVG."""
    curves = []
    for level in (15, 30, 45, 60):
        side = [round(math.hypot(level, y), 1) for y in range(-75, 76, 5)]
        for sign in (1, -1):
            down = " ".join(f"{2 * sign * x:g},{y}" for x, y in zip(side, range(-75, 76, 5), strict=True))
            across = " ".join(f"{2 * y},{sign * x:g}" for x, y in zip(side, range(-75, 76, 5), strict=True))
            curves += [f'<path d="M{down}"/>', f'<path d="M{across}"/>']
    return "".join(curves)


def _trim(text: str) -> str:
    text = _IN_VAIN.sub("", text)
    text = _PLAIN.sub(r"\1", text)
    for theirs, ours in _ACCESSIBLE.items():
        text = text.replace(theirs, ours)
    text = _TABLE.sub(_widened, text)
    if 'class="math' in text:
        text = _KATEX.sub(_FONTS, text)
    text = _HELD.sub(lambda found: found[1] or "\N{NO-BREAK SPACE}", text)
    return _BLOCKING.sub("<script defer", text)


def _widened(match: re.Match[str]) -> str:
    wide = " full-width" if match[0].partition("</thead>")[0].count("<th ") > _MANY else ""
    return wide + re.sub(r"(?<=\de)-(?=\d)", "\N{NON-BREAKING HYPHEN}", match[0])  # a line must not end within 2e-06


def typeset(pages: list[str]) -> list[str]:
    """Return pages with their formulas typeset, so that no script is needed to read them and nothing jumps.

    KaTeX runs once, in the Node.js that the playwright package brings along.

    Raises
    ------
    ExtensionError
        If a formula is not valid.
    """
    pages = [_LONG.sub(" en-long", _WITH_COMMA.sub(r'<span class="en-whole">\g<0></span>', text)) for text in pages]
    formulas = sorted({_formula(m) for text in pages for m in _FORMULA.finditer(text)})
    if not formulas:
        return pages
    node, _ = compute_driver_executable()
    ran = subprocess.run(
        [node, "-e", _TYPESET, str(ROOT / "book" / "_assets" / "katex" / "katex.min.js")],
        input=json.dumps(formulas), capture_output=True, text=True, encoding="utf-8",
    )  # fmt: skip
    if ran.returncode:
        raise ExtensionError(f"expected formulas that KaTeX can typeset, got: {ran.stderr.strip()}")
    drawn = dict(zip(formulas, json.loads(ran.stdout), strict=True))
    return [_FORMULA.sub(lambda m: drawn[_formula(m)], text) for text in pages]


def _formula(match: re.Match[str]) -> tuple[str, str]:
    """Return the kind of a formula and its TeX.

    An operator as an index would be malformed in KaTeX's MathML. And where a wide space is, a line may end: there,
    and not at the signs of a part that is as short as a phone's line.
    """
    tex = re.sub(r"_(?:\{\\(max|min)\}|\\(max|min)\b)", r"_{\\mathrm{\1\2}}", html.unescape(match["tex"]))
    parts = re.split(r"\\qquad\b", tex)
    if len(parts) > 1 and all(part.count("{") == part.count("}") for part in parts) and "\\\\" not in tex:
        parts = [_whole(part) for part in parts]
    return match["open"], r"\qquad\allowbreak ".join(parts)


def _whole(part: str) -> str:
    body, tag = re.fullmatch(r"(.*?)(\\tag\{[^}]*\})?", part.strip(), re.DOTALL).groups("")  # type: ignore[union-attr]
    return f"{{{body}}}{tag}" if len(_GLYPH.findall(body)) <= _LINE else part


# Served for any address that does not exist, at any depth: it must not depend on files at relative addresses.
_NOT_FOUND = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Not here: {title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">
<meta name="description" content="This page does not exist.">
<style>
:root {{ color-scheme: light dark }}
a {{ color: inherit }}
body {{ background: Canvas; color: CanvasText; font: 1.1rem/1.6 system-ui, sans-serif;
   max-width: 34rem; margin: 8vh auto; padding: 0 1.5rem }}
path {{ fill: none; stroke: currentColor; stroke-width: 1.5 }}
</style></head>
<body><main><h1>A saddle, not a minimum</h1>
<svg viewBox="-150 -75 300 150" role="img" aria-label="Level curves around a saddle, and a ball at rest on it.">
{curves}<path d="M-150 -75L150 75M-150 75L150 -75" stroke-dasharray="4 5"/><circle r="7" fill="#d55e00"/></svg>
<p>There is no page at this address. Every direction leads somewhere better:</p>
<p><a href="{root}index.html">Start of {title}</a> or <a href="{root}search.html">search</a>.</p></main></body></html>
"""


def keep_initials(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Keep a reference that begins with initials, as "J. L. Hodges", from being read as item J of a list."""
    lines[:] = [re.sub(r"^(\s*[A-Z])\. (?=[A-Z])", r"\1\\. ", line) for line in lines]


def name_factories(
    app: Sphinx, what: str, name: str, obj: object, options: object, signature: str | None, returns: str | None
) -> tuple[str | None, str | None]:
    """Write a default that a dataclass makes afresh as an ellipsis."""
    return signature and signature.replace("<factory>", "..."), returns


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    os.environ["ENLIB_STATIC"] = "book"  # inherited by every kernel that executes a notebook
    app.add_config_value("enlib_digest", digest(), "env")  # "env": a change makes Sphinx read every page again
    app.add_config_value("enlib_conventions_digest", digest(parts=[("book/_ext", "[ct]*.py")]), "env")
    app.add_config_value("enlib_site_digest", digest(parts=_SITE), "html")  # "html": ... write every page again
    conventions.setup(app)
    course.setup(app)
    search_words.setup(app)
    tryit.setup(app)
    app.connect("config-inited", configure)
    app.connect("source-read", read_figures)
    app.setup_extension("sphinx.ext.autodoc")  # of the next event
    app.connect("autodoc-process-docstring", keep_initials)
    app.connect("autodoc-process-signature", name_factories)
    app.connect("doctree-read", inline_figures)
    app.connect("html-page-context", trim_and_describe, priority=900)
    # After the theme, which writes its colors of code when all else is done.
    app.connect("build-finished", finish, priority=900)
    app.connect("build-finished", site_files.write_site_files, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
