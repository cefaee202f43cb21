"""The conventions of the notebooks, which are plain Markdown, and what this book makes of them.

A quotation that begins with a known name in bold (``> **Predict.** What happens ...``) becomes a box, ``<details>`` a
dropdown, a link to a paper a citation, and ``glossary.md#wilson-interval`` leads to the term. Everywhere else, as in
JupyterLab or on GitHub, they are what Markdown says that they are. A numbered list in a **Predict** box holds the
answers to choose from; the fold after it begins with the number of the right one in bold.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from docutils import nodes
from myst_parser.mdit_to_docutils.base import default_slugify
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms import SphinxTransform
from sphinx.util import logging
from sphinx.util.nodes import make_refnode
from sphinx_design.shared import create_component

# The names that make a quotation a box, and the look of each.
BOXES = {"Predict": "predict", "Theorem": "admonition-theorem", "Proposition": "admonition-proposition"}
# Where a link leads to a paper, which belongs among the references.
_PAPER = re.compile(r"(?:.+\.)?(?:(?:arxiv|doi|jmlr|jstor)\.org|mlr\.press|n(?:eur)?ips\.cc|openreview\.net)/")
_FOLD = re.compile(r"<details>\s*<summary>(?P<title>[^<>]+)</summary>\s*")
_COLUMNS = re.compile(r"^.*\S {2,}\S", re.MULTILINE)  # a line of them
# Signs as typed, and as printed.
_SIGNS = (
    (re.compile(r"(?<![\w.)])-(?=\d|inf\b)|(?<=\w )-(?= \w)"), "\N{MINUS SIGN}"),
    (re.compile(r"(?<=\d)( ?)x( ?)(?=\d)"), r"\1×\2"),
    (re.compile(r"(?<=\de)-(?=\d)"), "\N{NON-BREAKING HYPHEN}"),  # of 5e-4
)
_VERBATIM = (nodes.literal, nodes.FixedTextElement, nodes.math, nodes.raw, addnodes.desc_signature)
_CITATION = "paper"  # the type of a reference that `resolve_citation` resolves

logger = logging.getLogger(__name__)


class Boxes(SphinxTransform):
    """Turns a quotation that begins with a known name in bold into an admonition of that name."""

    default_priority = 300

    def apply(self, **kwargs: Any) -> None:
        """Change the document in place."""
        for quote in list(self.document.findall(nodes.block_quote)):
            bold = next(iter(quote.findall(nodes.strong)), None)
            if bold is None or not quote.astext().startswith(bold.astext()):
                continue
            name = bold.astext().removesuffix(".")
            if name in BOXES:
                _remove_with_space(bold)
                box = nodes.admonition("", nodes.title("", name), *quote.children, classes=[BOXES[name]])
                box.source, box.line = quote.source, quote.line
                for answers in quote.children if name == "Predict" else ():
                    if isinstance(answers, nodes.enumerated_list):
                        answers["classes"].append("en-answers")
                quote.replace_self(box)


def _remove_with_space(bold: nodes.strong) -> None:
    paragraph = bold.parent
    after = paragraph.index(bold) + 1
    if after < len(paragraph) and isinstance(paragraph[after], nodes.Text):
        paragraph[after] = nodes.Text(paragraph[after].lstrip())
    paragraph.remove(bold)


class Folds(SphinxTransform):
    """Turns ``<details>``, with the Markdown up to ``</details>``, into a dropdown."""

    default_priority = 300

    def apply(self, **kwargs: Any) -> None:
        """Change the document in place."""
        for start in list(self.document.findall(nodes.raw)):
            fold = _FOLD.fullmatch(start.astext())
            if not fold:
                continue
            parent, first = start.parent, start.parent.index(start)
            last = next((i for i in range(first, len(parent)) if _closes(parent[i])), None)
            if last is None:
                logger.warning(
                    "expected </details> after <details><summary>%s</summary>, got none: "
                    "close it in the same cell, between empty lines",
                    fold["title"], location=start, type="enlib", subtype="fold",
                )  # fmt: skip
                continue
            dropdown = create_component(
                "dropdown", type="dropdown", opened=False, has_title=True, icon=None, chevron=None,
                container_classes=["sd-mb-3", *(["en-answer"] if "predict" in parent.get("classes", ()) else [])],
                title_classes=[], body_classes=[],
            )  # fmt: skip
            dropdown += [nodes.rubric("", html.unescape(fold["title"])), *parent[first + 1 : last]]
            parent[first : last + 1] = [dropdown]


def _closes(node: nodes.Node) -> bool:
    return isinstance(node, nodes.raw) and node.astext().strip() == "</details>"


class Citations(SphinxTransform):
    """Turns a link to a paper into a reference to its entry among the references, with the text of the link."""

    default_priority = 300

    def apply(self, **kwargs: Any) -> None:
        """Change the document in place; warn of papers that the references do not have."""
        if "cite" not in self.env.domains:
            return  # a book without references
        bibliography: Any = self.env.domains["cite"]
        papers = keys_by_address(bibliography.bibdata.data.entries)
        for link in list(self.document.findall(nodes.reference)):
            address = canonical(link.get("refuri", ""))
            if address in papers:
                citation = addnodes.pending_xref(
                    "", nodes.inline("", "", *link.children), refdomain="", reftype=_CITATION,
                    reftarget=papers[address], refdoc=self.env.docname, refexplicit=True, refwarn=True,
                )  # fmt: skip
                citation.source, citation.line = link.source, link.line
                link.replace_self(citation)
                for file in self.config.bibtex_bibfiles:
                    self.env.note_dependency(file)
            elif _PAPER.match(address):
                logger.warning(
                    "expected a link to a paper of %s, got %s: add the paper there",
                    ", ".join(self.config.bibtex_bibfiles), link["refuri"],
                    location=link, type="enlib", subtype="citation",
                )  # fmt: skip


def keys_by_address(entries: Mapping[str, Any]) -> dict[str, str]:
    """Return the key of each entry of a bibliography by its canonical addresses."""
    return {canonical(address): key for key, entry in entries.items() for address in _addresses(entry)}


def _addresses(entry: Any) -> Iterator[str]:
    for field, prefix in (("url", ""), ("doi", "https://doi.org/"), ("eprint", "https://arxiv.org/abs/")):
        if field in entry.fields:
            yield prefix + entry.fields[field]


def canonical(address: str) -> str:
    """Return the one form of an address that all links to the same paper share.

    Examples
    --------
    >>> canonical("http://www.arxiv.org/pdf/1805.08671v2.pdf")
    'arxiv.org/abs/1805.08671'
    >>> canonical("https://dx.doi.org/10.1016/0893-6080%2889%2990014-2")
    'doi.org/10.1016/0893-6080(89)90014-2'
    """
    parts = urlsplit(address)
    host = re.sub(r"^(www|dx)\.", "", parts.netloc.lower())
    path = unquote(parts.path).rstrip("/").lower()
    if host == "arxiv.org":
        path = re.sub(r"^/pdf/", "/abs/", re.sub(r"(v\d+)?(\.pdf)?$", "", path))
    return host + path + ("?" + parts.query if parts.query else "")


def resolve_citation(
    app: Sphinx, env: BuildEnvironment, node: addnodes.pending_xref, text: nodes.TextElement
) -> nodes.reference | None:
    """Return the link from a citation to its entry; under the pointer it shows the whole reference."""
    if node["reftype"] != _CITATION:
        return None
    bibliography: Any = env.domains["cite"]
    cited = {entry.key: entry for entry in bibliography.citations}.get(node["reftarget"])
    if cited is None:
        return None
    page, whole = cited.bibliography_key.docname, cited.formatted_entry.text.render_as("text")
    return make_refnode(app.builder, node["refdoc"], page, cited.citation_id, text, whole)


class Rows(SphinxTransform):
    """Marks tables that hold sentences, which become a card for each row where the page is narrow.

    Printed columns, which would be broken there, are marked too: they scroll.
    """

    default_priority = 300

    def apply(self, **kwargs: Any) -> None:
        """Change the document in place."""
        for table in self.document.findall(nodes.table):
            rows = [[entry.astext() for entry in row.findall(nodes.entry)] for row in table.findall(nodes.row)]
            plan = rows[0][:2] == ["45", "90"]  # minutes into a lecture
            if plan or (len(rows[0]) <= 4 and max(len(entry) for row in rows[1:] for entry in row) > 60):
                see = rows[0][-1].lower() == "see"
                table["classes"] += ["en-rows", *["en-plan"] * plan, *["en-see"] * see]
        for printed in self.document.findall(nodes.literal_block):
            if "stream" in printed["classes"] and len(_COLUMNS.findall(printed.astext())) > 1:
                printed["classes"].append("en-columns")


class Terms(SphinxTransform):
    """Lets links lead to the terms of a glossary as if they were headings."""

    default_priority = 300

    def apply(self, **kwargs: Any) -> None:
        """Add the terms to the anchors of the document."""
        anchors = self.env.metadata[self.env.docname].setdefault("myst_slugs", {})
        for glossary in self.document.findall(addnodes.glossary):
            for term in glossary.findall(nodes.term):
                anchors.setdefault(default_slugify(term.astext()), (term.line, term["ids"][0], term.astext()))


class Signs(SphinxTransform):
    """Gives the numbers in sentences a minus and a times sign."""

    default_priority = 300

    def apply(self, **kwargs: Any) -> None:
        """Change the document in place."""
        for text in list(self.document.findall(nodes.Text)):
            if not any(isinstance(node, _VERBATIM) for node in _ancestors(text)):
                text.parent.replace(text, nodes.Text(printed(str(text))))


def printed(text: str) -> str:
    """Return a sentence with its signs as they are printed.

    Examples
    --------
    >>> printed("labels -1 or +1, of 8x8 pixels, n - 1 in all, or 100-d ones: a p-value of 5e-4")
    'labels −1 or +1, of 8×8 pixels, n − 1 in all, or 100-d ones: a p-value of 5e‑4'
    """
    for typed, sign in _SIGNS:
        text = typed.sub(sign, text)
    return text


def _ancestors(node: nodes.Node) -> Iterator[nodes.Node]:
    while node.parent is not None:
        node = node.parent
        yield node


def setup(app: Sphinx) -> None:
    """Register the conventions."""
    for transform in (Boxes, Folds, Citations, Rows, Terms, Signs):
        app.add_transform(transform)
    app.connect("missing-reference", resolve_citation)
