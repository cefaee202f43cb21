"""What the pages know about the notebooks, all of it read from the notebooks themselves.

The first cell says title, time and needs; from it come the strip at the head of each page, and the cards and the map
of the first page (the directive ``course``). Code folds to one pill below what it prints, except in cells tagged
``lesson``.
"""

from __future__ import annotations

import base64
import html
import io
import json
import os
import re
import struct
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import matplotlib
import yaml  # type: ignore[import-untyped]
from docutils import nodes
from docutils.parsers.rst import directives
from launch import BRANCH, check_repository
from PIL import Image, ImageDraw, ImageFont, ImageOps
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.util.docutils import SphinxDirective, SphinxRole

ROOT = Path(__file__).resolve().parents[2]
_TIME = re.compile(r"(\d+) minutes to read, (?:about )?(\d+) seconds to run")
_LINK = re.compile(r"\]\((?:\.\./notebooks/)?(\w+)\.ipynb")


@dataclass(frozen=True)
class Notebook:
    """What the first cell of a notebook says: title, minutes to read, seconds to run, notebooks that it needs."""

    name: str
    title: str
    minutes: int
    seconds: int
    needs: tuple[str, ...]

    @property
    def number(self) -> str:
        """Its number, such as 07b."""
        return self.name.split("_")[0]


@cache
def notebooks(root: Path = ROOT) -> dict[str, Notebook]:
    """Return the notebooks by name, in order; those whose first cell names no time are left out."""
    found = {}
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        first = "".join(json.loads(path.read_text(encoding="utf-8"))["cells"][0]["source"])
        time, title = _TIME.search(" ".join(first.split())), re.search(r"^# (.+)$", first, re.M)
        if time and title:
            needed = first.partition("**You need**")[2].partition("**Time**")[0]
            found[path.stem] = Notebook(
                path.stem, title[1], int(time[1]), int(time[2]), tuple(dict.fromkeys(_LINK.findall(needed)))
            )
    return found


def difficulty(name: str, known: dict[str, Notebook]) -> int:
    """Return how many notebooks deep the needs of one go, itself included."""
    return 1 + max((difficulty(needed, known) for needed in known[name].needs if needed in known), default=0)


def colab(name: str) -> str | None:
    """Return where Colab opens a notebook, if the book knows its repository."""
    repository = os.environ.get("ENLIB_REPOSITORY")
    if not repository:
        return None
    owner = check_repository(repository).removeprefix("https://github.com/")
    return f"https://colab.research.google.com/github/{owner}/blob/{BRANCH}/notebooks/{name}.ipynb"


def thumbnail(path: Path) -> bytes | None:
    """Return the first picture of a notebook, as PNG."""
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        for output in cell.get("outputs", ()):
            picture = output.get("data", {}).get("image/png")
            if picture:
                return base64.b64decode("".join(picture))
    return None


class Strip(SphinxTransform):
    """Moves the time out of a notebook's first paragraphs into a strip below the title, with buttons."""

    default_priority = 290

    def apply(self, **kwargs: Any) -> None:
        """Change the document in place."""
        name = self.env.docname.rpartition("/")[2]
        known = notebooks()
        section = next(iter(self.document.findall(nodes.section)), None)
        if self.env.docname != f"notebooks/{name}" or name not in known or section is None:
            return
        for strong in section.findall(nodes.strong):
            if strong.astext() == "Time":
                paragraph = strong.parent
                at = paragraph.index(strong)
                del paragraph.children[at:]
                if not paragraph.children:
                    paragraph.parent.remove(paragraph)
                break
        this, level = known[name], difficulty(name, known)
        hardest = max(difficulty(other, known) for other in known)
        parts = [
            f"<span><b>{this.minutes} min</b> to read</span><span><b>{this.seconds} s</b> to run</span>",
            f'<span title="What it needs goes {level - 1} notebooks deep.">difficulty '
            f"<b>{level}</b> of {hardest}</span>",
        ]
        if colab(name):
            parts.append(f'<a href="{colab(name)}">Open in Colab</a>')
        parts.append('<button type="button" data-en-print hidden>Print</button>')
        parts.append('<button type="button" data-en-code aria-pressed="false" hidden>Show all code</button>')
        strip = nodes.raw("", f'<div class="en-strip">{"".join(parts)}</div>', format="html")
        section.insert(1, strip)


class FoldCode(SphinxTransform):
    """Folds the code between two texts into one pill below what it printed; cells tagged ``lesson`` stay open."""

    default_priority = 290

    def apply(self, **kwargs: Any) -> None:
        """Change the document in place."""
        cells = [c for c in self.document.findall(nodes.container) if c.get("nb_element") == "cell_code"]
        seen: set[int] = set()
        for cell in cells:
            if id(cell) not in seen and "tag_lesson" not in cell["classes"]:
                run = _run(cell)
                seen.update(map(id, run))
                self._fold(run)

    def _fold(self, run: list[nodes.container]) -> None:
        parent, code, lines = run[0].parent, list[nodes.Node](), 0
        last = run[-1]
        answer = False
        for cell in run:
            if cell.get("hide_mode") == "input":
                del cell["hide_mode"]
            for part in list(cell.children):
                if part.get("nb_element") == "cell_code_source":
                    cell.remove(part)
                    code.append(part)
                    text = part.astext()
                    lines += len(text.splitlines())
                    answer = answer or "your answer" in text
                elif part.astext().strip(" '\n") == "not answered yet":
                    cell.remove(part)  # nobody has answered yet
        if code:
            what = "Answer in code" if answer else "Code"
            size = f"{lines} line" + "s" * (lines != 1)
            at = parent.index(last) + 1
            opening = f'<details class="en-code{_place(parent[at:])}"><summary>{what} <span>{size}</span></summary>'
            pill = [nodes.raw("", opening, format="html"), *code, nodes.raw("", "</details>", format="html")]
            parent[at:at] = pill
        for cell in run:
            if not cell.children:
                parent.remove(cell)


def _place(following: list[nodes.Node]) -> str:
    """Return the class of folded code by what comes after it: text that flows around it, a heading, or neither."""
    after = next((node for node in following if not isinstance(node, (nodes.Invisible, nodes.target))), None)
    if isinstance(after, (nodes.paragraph, nodes.bullet_list, nodes.enumerated_list)):
        return " en-beside"
    return " en-above" if after is None or isinstance(after, nodes.section) else ""


def _run(cell: nodes.container) -> list[nodes.container]:
    """Return a cell with those that follow it, up to a text or a lesson."""
    parent, run = cell.parent, [cell]
    for after in parent.children[parent.index(cell) + 1 :]:
        if not isinstance(after, nodes.container) or after.get("nb_element") != "cell_code":
            break
        if "tag_lesson" in after["classes"]:
            break
        run.append(after)
    return run


class Minutes(SphinxRole):
    """Says how long some notebooks take to read: ``{minutes}`07_exponential_neuron 08b_spikes```."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the minutes, or hours."""
        known = notebooks()
        total = sum(known[name].minutes for name in self.text.split())
        return [nodes.Text(f"{total} minutes" if total < 90 else f"{round(total / 60, 1):g} hours")], []


class Colab(SphinxRole):
    """Leads to a notebook in Colab, if the book knows its repository, and says nothing otherwise."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the link."""
        address = colab(self.text)
        return [nodes.reference("", "Open in Colab", refuri=address)] if address else [], []


class Course(SphinxDirective):
    """The course on one page: a map of what needs what, and a card for each notebook and page.

    The option ``main`` names the notebooks of the main line, by number.
    """

    option_spec: ClassVar[dict[str, Any]] = {"main": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        """Return the map, and for each part of the course its cards."""
        self.env.note_dependency(str(ROOT / "_toc.yml"))
        for path in (ROOT / "notebooks").glob("*.ipynb"):
            self.env.note_dependency(str(path))
        known, main = notebooks(), self.options["main"].split()
        toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
        up = "../" * self.env.docname.count("/")
        parts = [
            (part["caption"], [chapter["file"] for chapter in part["chapters"]])
            for part in toc["parts"]
            if any(chapter["file"].startswith("notebooks/") for chapter in part["chapters"])
        ]
        body = [draw_map([[f.rpartition("/")[2] for f in files] for _, files in parts], known, main, up)]
        for i, (caption, files) in enumerate(parts):
            # Those with a picture first: a short card beside them would be mostly empty.
            files = sorted(files, key=lambda file: file.rpartition("/")[2] not in known)
            cards = "".join(_card(file, known, main, up) for file in files)
            body.append(
                f'<h3 class="en-part en-part-{i}">{html.escape(caption)}</h3><div class="en-cards">{cards}</div>'
            )
        return [nodes.raw("", "".join(body), format="html")]


def _card(file: str, known: dict[str, Notebook], main: list[str], up: str) -> str:
    name = file.rpartition("/")[2]
    link = f'class="en-card" href="{up}{file}.html"'
    if name not in known:
        title = re.search(r"^# (.+)$", (ROOT / f"{file}.md").read_text(encoding="utf-8"), re.M)
        return f"<a {link}><span><b>{html.escape(title[1] if title else name)}</b></span></a>"
    this, level = known[name], difficulty(name, known)
    png = thumbnail(ROOT / "notebooks" / f"{name}.ipynb")
    picture = ""
    if png:
        width, height = struct.unpack(">2I", png[16:24])
        picture = f'<img src="{up}_static/thumbs/{name}.png" alt="" loading="lazy" width="{width}" height="{height}">'
    on_main = " en-main" if this.number in main else ""
    return (
        f"<a {link}>{picture}<span><b><i class='en-number{on_main}'>{this.number}</i> "
        f"{html.escape(this.title)}</b><small>{this.minutes} min · difficulty {level}</small></span></a>"
    )


def draw_map(parts: list[list[str]], known: dict[str, Notebook], main: list[str], up: str) -> str:
    """Return a drawing of the course: a row of numbered circles for each part, and a line from each need."""
    place = {
        name: (34 + 58 * column, 34 + 84 * row)
        for row, names in enumerate(parts)
        for column, name in enumerate(n for n in names if n in known)
    }
    lines, circles, top = [], [], 0.0
    for name, (x, y) in place.items():
        this = known[name]
        strong = this.number in main
        for needed in this.needs:
            if needed not in place:
                continue
            x0, y0 = place[needed]
            bold = ' class="en-main"' if strong and known[needed].number in main else ""
            if y0 == y:  # an arc above the row, over those between
                rise = 10 + 20 * (abs(x - x0) // 58)  # of the control point, twice as high as the arc
                top = min(top, y - rise / 2 - 2)
                lines.append(f'<path{bold} d="M{x0} {y}Q{(x0 + x) / 2} {y - rise} {x} {y}"/>')
            else:
                lines.append(f'<path{bold} d="M{x0} {y0}C{x0} {y0 + 42} {x} {y - 42} {x} {y}"/>')
        row = next(i for i, names in enumerate(parts) if name in names)
        circles.append(
            f'<a href="{up}notebooks/{name}.html" class="en-part-{row}{" en-main" if strong else ""}">'
            f"<title>{html.escape(this.title)}</title>"
            f'<circle cx="{x}" cy="{y}" r="17"/><text x="{x}" y="{y + 5}">{this.number}</text></a>'
        )
    width = max(x for x, _ in place.values()) + 34
    height = max(y for _, y in place.values()) + 34
    told = "; ".join(
        f"{n.number} needs {', '.join(known[m].number for m in n.needs if m in known)}"
        for n in known.values()
        if n.needs
    )
    return (
        f'<svg class="en-map" viewBox="0 {top:g} {width} {height - top:g}" role="group" '
        f'aria-label="Map of the course. {told}.">'
        f"{''.join(lines)}{''.join(circles)}</svg>"
    )


def write_thumbnails(site: Path) -> None:
    """Write the first picture of each notebook to the built site, and a card that shows it beside a link."""
    folder = site / "_static" / "thumbs"
    folder.mkdir(parents=True, exist_ok=True)
    for name, notebook in notebooks().items():
        picture = thumbnail(ROOT / "notebooks" / f"{name}.ipynb")
        if picture:
            (folder / f"{name}.png").write_bytes(picture)
            draw_card(notebook.title, picture).save(folder / f"{name}-card.png", optimize=True)


def draw_card(title: str, picture: bytes) -> Image.Image:
    """Return a card of the usual size, 1200 by 630: the title over the picture, which keeps its shape."""
    shown = ImageOps.contain(Image.open(io.BytesIO(picture)).convert("RGB"), (1120, 470))
    card = Image.new("RGB", (1200, 630), shown.getpixel((0, 0)))
    card.paste(shown, ((1200 - shown.width) // 2, 140))
    font = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans-Bold.ttf"
    size = next(size for size in range(56, 8, -2) if ImageFont.truetype(font, size).getlength(title) <= 1120)
    ImageDraw.Draw(card).text((40, 76), title, "black", ImageFont.truetype(font, size), anchor="lm")
    return card.quantize(64, dither=Image.Dither.NONE)


def setup(app: Sphinx) -> None:
    """Register the strip, the folding and the directive ``course``."""
    app.add_transform(Strip)
    app.add_transform(FoldCode)
    app.add_directive("course", Course)
    app.add_role("minutes", Minutes())
    app.add_role("colab", Colab())
